"""A text as the body reads it: token ids, and where each token lies in the user's own text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from torch import Tensor

from setfit_explain.classifier.rendering import Rendering, renderings
from setfit_explain.classifier.tokenizing import Tokens, find_offsets, strings_of, tokenize, word_ids
from setfit_explain.errors import TextError, UnsupportedBodyError

if TYPE_CHECKING:
    from collections.abc import Hashable

    from numpy.typing import NDArray

    from setfit_explain.classifier.body import Body, Features
    from setfit_explain.classifier.tokenizing import Span

PROBE_TEXT = "The quick brown fox, aged 7, jumps over 13 lazy dogs; why not?"

Kind = Literal["text", "special", "prompt"]


@dataclass(frozen=True, eq=False)
class EncodedText:
    """One text after the body's own preprocessing.

    Parameters
    ----------
    text
        The user's text, untouched; where tokens cannot be traced to its characters, the tokens instead.
    features
        What the body's forward takes, one row.
    spans
        Characters of ``text`` that each token stands for, shape ``(tokens, 2)``; as wide as the
        tokenizer says, so they may overlap, be empty or include white space. ``(0, 0)`` outside the text.
    kinds
        For each token whether it is text, added by the tokenizer, or part of the prompt.
    truncated_span
        The part of ``text`` that ``max_seq_length`` cut away, or None.
    source
        The string that the model is asked about; None where the user gave token ids.
    spelled
        Whether ``text`` has the characters that the tokens came from; False where it is the tokens, joined
        by spaces.
    """

    text: str
    features: Features
    spans: NDArray[np.int64]
    kinds: tuple[Kind, ...]
    truncated_span: tuple[int, int] | None
    source: str | None
    spelled: bool = True

    @property
    def ids(self) -> Tensor:
        """Token ids, shape ``(tokens,)``."""
        ids: Tensor = self.features["input_ids"].flatten()
        return ids

    @property
    def batch_key(self) -> Hashable:
        """What texts must have in common to be rows of one batch, without padding."""
        shapes = []
        for name, value in sorted(self.features.items()):
            if not isinstance(value, Tensor):
                shapes.append((name, repr(value)))
            elif value.dim() == 2 and value.shape[0] == 1:
                shapes.append((name, f"{value.dtype} {value.shape[1]}"))
            else:  # not a row for each text
                return id(self)
        return tuple(shapes)

    @property
    def is_text(self) -> NDArray[np.bool_]:
        """For each token whether it is part of the user's text, shape ``(tokens,)``."""
        return np.array([kind == "text" for kind in self.kinds], dtype=bool)

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences about the text shown that every view must show."""
        notes = []
        if self.source is None:
            notes.append(
                "The model was asked about token ids as they were given, so no prompt was added; the text shown "
                "was rebuilt from them (U+FFFD stands for a character that they do not tell)."
            )
        if not self.spelled:
            notes.append(
                "The tokens are shown, because the tokenizer does not tell which characters they are."
            )
        return tuple(notes)


def encode_text(body: Body, text: str) -> EncodedText:
    """Encode one text and align its tokens with its characters.

    Raises
    ------
    TextError
        The text holds a character that no tokenizer can read (a lone surrogate).
    UnsupportedBodyError
        The tokenizer gives other ids than the body's own preprocessing.
    """
    _check_characters(text)
    features = body.features(text)
    rendering, kept, whole = _align(body, text, _attended_ids(features))
    offsets = find_offsets(body.tokenizer, rendering.string, whole)
    shown, offset = text, rendering.offset
    if offsets is None:
        if body.prompt:
            raise UnsupportedBodyError(
                f"The body's tokenizer {type(body.tokenizer).__name__} does not say which characters a token came "
                "from, so the prompt cannot be told from the text. Set the body's default_prompt_name to None."
            )
        shown, offsets = join_tokens(body.tokenizer, whole)
        offset = 0
    left = getattr(body.tokenizer, "truncation_side", "right") == "left"
    spans = np.zeros((features["input_ids"].numel(), 2), dtype=np.int64)
    kinds: list[Kind] = ["special"] * len(spans)
    for index, (start, end) in enumerate(_kept_offsets(kept, whole, offsets, left=left)):
        if not kept.special[index]:
            kinds[index] = "prompt" if shown is text and _is_prompt(rendering, start, end) else "text"
        if kinds[index] == "text":
            spans[index] = np.clip([start - offset, end - offset], 0, len(shown))
    cut = None
    if len(kept.ids) < len(whole.ids):
        cut = _cut(shown, spans[[kind == "text" for kind in kinds]], left=left)
    return EncodedText(shown, features, spans, tuple(kinds), cut, text, spelled=shown is text)


def encode_probe(body: Body) -> EncodedText:
    """Encode a sentence to try the body on, of words that its tokenizer knows."""
    probe = encode_text(body, PROBE_TEXT)
    if probe.is_text.sum() < 2:  # a WordTokenizer drops words that it does not know
        known = word_ids(body.tokenizer)[:16]
        probe = encode_text(body, " ".join(strings_of(body.tokenizer, known)))
    return probe


def join_tokens(tokenizer: Any, tokens: Tokens) -> tuple[str, list[Span]]:
    """Join the tokens that are not special by spaces: the string, and each token's place in it."""
    joined, offsets = "", []
    for piece, special in zip(strings_of(tokenizer, tokens.ids), tokens.special, strict=True):
        if special:
            offsets.append((0, 0))
            continue
        joined += " " * bool(joined)
        offsets.append((len(joined), len(joined) + len(piece)))
        joined += piece
    return joined, offsets


def _check_characters(text: str) -> None:
    for position, character in enumerate(text):
        if "\ud800" <= character <= "\udfff":
            raise TextError(
                f"Character {position} of the text is a lone surrogate (U+{ord(character):04X}), which is not "
                "a character. Mend the text with text.encode('utf-16', 'surrogatepass').decode('utf-16', 'replace')."
            )


def _is_prompt(rendering: Rendering, start: int, end: int) -> bool:
    """Whether a token is not of the text: white space between the prompt and the text is the text's."""
    string = rendering.string
    visible = start + len(string[start:end]) - len(string[start:end].lstrip())
    return 0 < rendering.start > min(visible, end - 1) or rendering.end <= start < len(string)


def _attended_ids(features: Features) -> list[int]:
    """Ids that the body reads: WordEmbeddings give a text without any known word one id that is masked."""
    ids: Tensor = features["input_ids"].flatten()
    mask = features.get("attention_mask")
    if mask is not None and not mask.any():
        return []
    return [int(token_id) for token_id in ids.tolist()]


def _align(body: Body, text: str, ids: list[int]) -> tuple[Rendering, Tokens, Tokens]:
    """Find the string that was tokenised, the tokens of it that the body reads, and all its tokens."""
    for rendering in renderings(body, text):
        cut, whole = tokenize(
            body.tokenizer, rendering.string, len(ids), special_tokens=rendering.special_tokens
        )
        for kept in (cut, _shortened(rendering, whole, len(ids))):
            if kept.ids == ids:
                return rendering, kept, whole
    raise UnsupportedBodyError(
        "The body's preprocessing gives other token ids than its tokenizer does for the text, so tokens cannot "
        "be traced to characters (a chat template that rewrites the text, or a custom first module)."
    )


def _shortened(rendering: Rendering, whole: Tokens, length: int) -> Tokens:
    """Cut the text's tokens, but not what a chat template puts after it: sentence-transformers writes that back."""
    if whole.offsets is None:
        return whole.only(range(min(length, len(whole.ids))))
    ending = [
        index
        for index, (start, _) in enumerate(whole.offsets)
        if rendering.end <= start < len(rendering.string)
    ]
    return whole.only(
        [*range(length - len(ending)), *ending] if len(whole.ids) > length else range(len(whole.ids))
    )


def _kept_offsets(kept: Tokens, whole: Tokens, offsets: list[Span], *, left: bool) -> list[Span]:
    """Offsets of the tokens that truncation kept: special ones are added to it, not cut by it."""
    if kept.offsets is not None:
        return kept.offsets
    own = [span for span, special in zip(offsets, whole.special, strict=True) if not special]
    count = kept.special.count(False)
    rest = iter(own[len(own) - count :] if left else own[:count])
    return [(0, 0) if special else next(rest) for special in kept.special]


def _cut(text: str, kept: NDArray[np.int64], *, left: bool) -> tuple[int, int] | None:
    """Part of the text that truncation removed beside the spans that it kept."""
    cut = (0, int(kept[:, 0].min(initial=len(text)))) if left else (int(kept[:, 1].max(initial=0)), len(text))
    return cut if text[slice(*cut)].strip() else None
