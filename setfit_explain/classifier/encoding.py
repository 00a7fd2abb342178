"""A text as the body reads it: token ids, and where each token lies in the user's own text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from transformers import PreTrainedTokenizerFast

from setfit_explain.errors import TextError, UnsupportedBodyError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from setfit_explain.classifier.body import Body, Features

_NO_WORD = re.compile(r"\[unused\d+\]|<unused\d+>|<0x[0-9A-F]{2}>")  # spare rows; bytes of rare characters

Kind = Literal["text", "special", "prompt"]


@dataclass(frozen=True, eq=False)
class EncodedText:
    """One text after the body's own preprocessing.

    Parameters
    ----------
    text
        The user's text, untouched.
    features
        What the body's forward takes, one row.
    spans
        Characters of ``text`` that each token stands for, shape ``(tokens, 2)``; as wide as the
        tokenizer says, so they may overlap, be empty or include white space. ``(0, 0)`` outside the text.
    kinds
        For each token whether it is text, added by the tokenizer, or part of the prompt.
    truncated_span
        The part of ``text`` that ``max_seq_length`` cut away, or None.
    """

    text: str
    features: Features
    spans: NDArray[np.int64]
    kinds: tuple[Kind, ...]
    truncated_span: tuple[int, int] | None

    @property
    def ids(self) -> Tensor:
        """Token ids, shape ``(tokens,)``."""
        ids: Tensor = self.features["input_ids"].flatten()
        return ids

    @property
    def is_text(self) -> NDArray[np.bool_]:
        """For each token whether it is part of the user's text, shape ``(tokens,)``."""
        return np.array([kind == "text" for kind in self.kinds], dtype=bool)


def encode_text(body: Body, text: str) -> EncodedText:
    """Encode one text and align its tokens with its characters.

    Raises
    ------
    TextError
        The text holds a character that no tokenizer can read (a lone surrogate).
    UnsupportedBodyError
        The tokenizer gives no character offsets, or other ids than the body's own preprocessing.
    """
    for position, character in enumerate(text):
        if "\ud800" <= character <= "\udfff":
            raise TextError(
                f"Character {position} of the text is a lone surrogate (U+{ord(character):04X}), which is not "
                "a character. Mend the text with text.encode('utf-16', 'surrogatepass').decode('utf-16', 'replace')."
            )
    features = body.features(text)
    rendered, offset, encoding, whole = _align(body, text, features["input_ids"].flatten().tolist())
    specials = encoding["special_tokens_mask"]
    spans = np.zeros((len(specials), 2), dtype=np.int64)
    kinds: list[Kind] = []
    for index, (start, end) in enumerate(encoding["offset_mapping"]):
        # A token that starts in the white space between prompt and text belongs to the text.
        visible = start + len(rendered[start:end]) - len(rendered[start:end].lstrip())
        if specials[index]:
            kinds.append("special")
        elif offset > 0 and min(visible, end - 1) < offset:
            kinds.append("prompt")
        else:
            kinds.append("text")
            spans[index] = np.clip([start - offset, end - offset], 0, len(text))
    return EncodedText(text, features, spans, tuple(kinds), _cut(text, spans, kinds, encoding, whole, body))


def word_ids(tokenizer: Any) -> list[int]:
    """Ids of the vocabulary's ordinary tokens in rising order: none special, added or unused."""
    specials = {*tokenizer.all_special_ids, *tokenizer.added_tokens_decoder}
    return sorted(
        token_id
        for token, token_id in tokenizer.get_vocab().items()
        if token_id not in specials and not _NO_WORD.fullmatch(token)
    )


def _align(body: Body, text: str, ids: list[int]) -> tuple[str, int, Any, Any]:
    """Find the string that was tokenised: it, the place of the text in it, its kept and whole encoding."""
    tokenizer = body.tokenizer
    if not isinstance(tokenizer, PreTrainedTokenizerFast):
        raise UnsupportedBodyError(
            f"The body's tokenizer {type(tokenizer).__name__} does not say which characters a token came from. "
            "A fast tokenizer (PreTrainedTokenizerFast) is needed."
        )
    options = {"return_offsets_mapping": True, "return_special_tokens_mask": True, "verbose": False}
    for rendered, offset in _renderings(body, text):
        whole = tokenizer(rendered, **options)
        kept = whole
        if len(whole["input_ids"]) > len(ids):
            kept = tokenizer(rendered, truncation="longest_first", max_length=len(ids), **options)
        if kept["input_ids"] == ids:
            return rendered, offset, kept, whole
    raise UnsupportedBodyError(
        "The body's preprocessing gives other token ids than its tokenizer does for the text, so tokens cannot "
        "be traced to characters (a chat template, or a custom first module)."
    )


def _renderings(body: Body, text: str) -> Iterator[tuple[str, int]]:
    """Strings that versions of sentence-transformers make of a prompt and a text, likeliest first."""
    prompt = body.prompt
    lead = len(prompt + text) - len((prompt + text).lstrip())
    candidates = [(prompt + text, len(prompt)), ((prompt + text).strip(), len(prompt) - lead)]
    yield from candidates
    for rendered, offset in candidates:  # do_lower_case of sentence-transformers' own Transformer module
        if len(rendered.lower()) == len(rendered):
            yield rendered.lower(), offset


def _cut(
    text: str, spans: NDArray[np.int64], kinds: list[Kind], kept: Any, whole: Any, body: Body
) -> tuple[int, int] | None:
    """Part of the text that truncation removed."""
    if len(whole["input_ids"]) == len(kept["input_ids"]):
        return None
    covered = spans[[kind == "text" for kind in kinds]]
    if body.tokenizer.truncation_side == "left":
        cut = (0, int(covered[:, 0].min(initial=len(text))))
    else:
        cut = (int(covered[:, 1].max(initial=0)), len(text))
    return cut if text[slice(*cut)].strip() else None
