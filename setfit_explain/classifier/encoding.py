"""A text as the body reads it: token ids, and where each token lies in the user's own text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from transformers import PreTrainedTokenizerFast

from setfit_explain.classifier.rendering import Rendering, renderings
from setfit_explain.errors import TextError, UnsupportedBodyError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from tokenizers import Encoding
    from torch import Tensor

    from setfit_explain.classifier.body import Body, Features

_NO_WORD = re.compile(r"\[unused\d+\]|<unused\d+>|<0x[0-9A-F]{2}>")  # spare rows; bytes of rare characters

Kind = Literal["text", "special", "prompt"]
_Token = tuple[int, tuple[int, int], int]  # its id, its characters, whether the tokenizer added it


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
    rendering, tokens, truncated = _align(body, text, features["input_ids"].flatten().tolist())
    string, offset = rendering.string, rendering.offset
    spans = np.zeros((len(tokens), 2), dtype=np.int64)
    kinds: list[Kind] = []
    for index, (_, (start, end), special) in enumerate(tokens):
        # A token that starts in the white space between prompt and text belongs to the text.
        visible = start + len(string[start:end]) - len(string[start:end].lstrip())
        if special:
            kinds.append("special")
        elif 0 < rendering.start > min(visible, end - 1) or rendering.end <= start < len(string):
            kinds.append("prompt")
        else:
            kinds.append("text")
            spans[index] = np.clip([start - offset, end - offset], 0, len(text))
    cut = _cut(text, spans, kinds, body.tokenizer.truncation_side) if truncated else None
    return EncodedText(text, features, spans, tuple(kinds), cut)


def word_ids(tokenizer: Any) -> list[int]:
    """Ids of the vocabulary's ordinary tokens in rising order: none special, added or unused."""
    specials = {*tokenizer.all_special_ids, *tokenizer.added_tokens_decoder}
    return sorted(
        token_id
        for token, token_id in tokenizer.get_vocab().items()
        if token_id not in specials and not _NO_WORD.fullmatch(token)
    )


def _align(body: Body, text: str, ids: list[int]) -> tuple[Rendering, list[_Token], bool]:
    """Find the string that was tokenised, the tokens of it that the body reads, and whether others were cut."""
    tokenizer = body.tokenizer
    if not isinstance(tokenizer, PreTrainedTokenizerFast):
        raise UnsupportedBodyError(
            f"The body's tokenizer {type(tokenizer).__name__} does not say which characters a token came from. "
            "A fast tokenizer (PreTrainedTokenizerFast) is needed."
        )
    for rendering in renderings(body, text):
        # The backend cuts as the body's preprocessing has just set it: to set it here would disturb other threads.
        encoding = tokenizer.backend_tokenizer.encode(
            rendering.string, add_special_tokens=rendering.special_tokens
        )
        whole = [token for part in (encoding, *encoding.overflowing) for token in _tokens(part)]
        for kept in (whole[: len(encoding.ids)], _shortened(rendering, whole, len(ids))):
            if [token[0] for token in kept] == ids:
                return rendering, kept, len(whole) > len(ids)
    raise UnsupportedBodyError(
        "The body's preprocessing gives other token ids than its tokenizer does for the text, so tokens cannot "
        "be traced to characters (a chat template that rewrites the text, or a custom first module)."
    )


def _tokens(encoding: Encoding) -> list[_Token]:
    return list(zip(encoding.ids, encoding.offsets, encoding.special_tokens_mask, strict=True))


def _shortened(rendering: Rendering, tokens: list[_Token], length: int) -> list[_Token]:
    """Cut the text's tokens, but not what a chat template puts after it: sentence-transformers writes that back."""
    ending = [token for token in tokens if rendering.end <= token[1][0] < len(rendering.string)]
    return tokens[: length - len(ending)] + ending


def _cut(
    text: str, spans: NDArray[np.int64], kinds: list[Kind], truncation_side: str
) -> tuple[int, int] | None:
    """Part of the text that truncation removed."""
    covered = spans[[kind == "text" for kind in kinds]]
    if truncation_side == "left":
        cut = (0, int(covered[:, 0].min(initial=len(text))))
    else:
        cut = (int(covered[:, 1].max(initial=0)), len(text))
    return cut if text[slice(*cut)].strip() else None
