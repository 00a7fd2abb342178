"""A text as the body reads it: token ids, and where each token lies in the user's own text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from setfit_explain.classifier.tokenizing import Tokens, find_offsets, strings_of, tokenize, word_ids
from setfit_explain.errors import TextError, UnsupportedBodyError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

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
    rendered, offset, kept, whole = _align(body, text, _attended_ids(features))
    offsets = find_offsets(body.tokenizer, rendered, whole)
    shown = text
    if offsets is None:
        if body.prompt:
            raise UnsupportedBodyError(
                f"The body's tokenizer {type(body.tokenizer).__name__} does not say which characters a token came "
                "from, so the prompt cannot be told from the text. Set the body's default_prompt_name to None."
            )
        rendered, offsets = join_tokens(body.tokenizer, whole)
        shown = rendered
    left = getattr(body.tokenizer, "truncation_side", "right") == "left"
    spans = np.zeros((features["input_ids"].numel(), 2), dtype=np.int64)
    kinds: list[Kind] = ["special"] * len(spans)
    for index, (start, end) in enumerate(_kept_offsets(kept, whole, offsets, left=left)):
        if not kept.special[index]:
            kinds[index] = "prompt" if _begins_before(rendered, start, end, offset) else "text"
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


def _begins_before(rendered: str, start: int, end: int, offset: int) -> bool:
    """Whether a token begins in the prompt, which ends at ``offset``: white space belongs to what follows."""
    visible = start + len(rendered[start:end]) - len(rendered[start:end].lstrip())
    return offset > 0 and min(visible, end - 1) < offset


def _attended_ids(features: Features) -> list[int]:
    """Ids that the body reads: WordEmbeddings give a text without any known word one id that is masked."""
    ids: Tensor = features["input_ids"].flatten()
    mask = features.get("attention_mask")
    if mask is not None and not mask.any():
        return []
    return [int(token_id) for token_id in ids.tolist()]


def _align(body: Body, text: str, ids: list[int]) -> tuple[str, int, Tokens, Tokens]:
    """Find the string that was tokenised: it, the place of the text in it, its kept and all its tokens."""
    for rendered, offset in _renderings(body, text):
        whole = tokenize(body.tokenizer, rendered)
        kept = whole
        if len(whole.ids) > len(ids):
            kept = tokenize(body.tokenizer, rendered, len(ids))
        if kept.ids == ids:
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
