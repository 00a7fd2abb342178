"""The string that a body's preprocessing makes of a text: a prompt before it, or a chat template around it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from os.path import commonprefix
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from setfit_explain.classifier.body import Body

# Of what sentence-transformers files under "chat_template", what the template itself is not given.
_NOT_THE_TEMPLATES = {"padding", "truncation", "max_length", "return_tensors", "restore_suffix"}


@dataclass(frozen=True)
class Rendering:
    """A string that may be what was tokenised.

    Parameters
    ----------
    string
        The string.
    offset
        Where the user's text begins in it, or would where white space before the text was stripped.
    start
        Where the first character of the user's text is in it.
    end
        Where the user's text ends in it.
    special_tokens
        Whether the tokenizer adds special tokens; a chat template has written its own.
    """

    string: str
    offset: int
    start: int
    end: int
    special_tokens: bool = True


def renderings(body: Body, text: str) -> Iterator[Rendering]:
    """Strings that versions of sentence-transformers make of a prompt and a text, likeliest first."""
    if "message" in getattr(body.first_module, "modality_config", ()):
        yield from _chat(body, text)
        return
    prompt = body.prompt
    lead = len(prompt + text) - len((prompt + text).lstrip())
    candidates = [(prompt + text, len(prompt)), ((prompt + text).strip(), len(prompt) - lead)]
    for string, offset in candidates:
        yield Rendering(string, offset, max(0, offset), len(string))
    for string, offset in candidates:  # do_lower_case of sentence-transformers' own Transformer module
        if len(string.lower()) == len(string):
            yield Rendering(string.lower(), offset, max(0, offset), len(string))


def _chat(body: Body, text: str) -> Iterator[Rendering]:
    """Render the chat template as sentence-transformers 6 does; nothing where it rewrites the text."""
    string = _render(body, text)
    # What is the same around two other texts is the template's own.
    others = [_render(body, other) for other in ("0", "1")]
    before = len(commonprefix(others))  # noqa: RUF071 - characters are meant
    after = len(commonprefix([other[::-1] for other in others]))  # noqa: RUF071 - as above
    end = len(string) - after
    content = string[before:end]
    if string.startswith(others[0][:before]) and string[end:] == others[0][len(others[0]) - after :]:
        place = text.find(content)  # later than 0 where the template strips white space
        if place >= 0:
            yield Rendering(string, before - place, before, end, special_tokens=False)


def _render(body: Body, text: str) -> str:
    """Render one conversation: the prompt as the system's message, the text as the user's."""
    first: Any = body.first_module
    _, inputs = first.input_formatter.batch_to_message("text", {"text": [text]})
    messages = inputs["message"]
    if body.prompt:
        messages = first.input_formatter.prepend_prompt_to_messages(messages, body.prompt)
    options = {
        name: value
        for name, value in first.processing_kwargs.get("chat_template", {}).items()
        if name not in _NOT_THE_TEMPLATES
    }
    string: str = first.processor.apply_chat_template(messages[0], tokenize=False, **options)
    return string
