"""Units: from a tokenizer's spans to spans of the user's own text.

Tokenizers cut words, glue them together, overlap, repeat and skip. Here every token is given to exactly
one unit, and every unit is a slice of the text as the user wrote it.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import regex
from numpy.typing import NDArray

from setfit_explain.errors import InputError
from setfit_explain.explanation.segmentation import Granularity, Span, segment, trim

Kind = Literal["text", "special", "prompt", "separator"]
Bucket = Literal["special", "prompt", "separator"]

BUCKET_TEXTS: dict[Bucket, str] = {
    "special": "[special tokens]",
    "prompt": "[prompt]",
    "separator": "[separator]",
}
# Stand for a bucket as the unit of a token, until it is known which buckets exist.
_PLACEHOLDERS: dict[Bucket, int] = {bucket: -number for number, bucket in enumerate(BUCKET_TEXTS, start=1)}
_MARKS = regex.compile(r"[\p{M}\u200C\u200D]+")


@dataclass(frozen=True, slots=True)
class Unit:
    """A span of the user's text that has one attribution, or a bucket for tokens outside the text.

    Parameters
    ----------
    text
        The user's characters, ``source[start:end]``; for a bucket its name in brackets.
    start, end
        Character offsets in the user's text; 0 and 0 for a bucket.
    special
        ``"special"`` for the bucket of special tokens, ``"prompt"`` for that of the prompt's tokens,
        ``"separator"`` for what a model puts between a span and its sentence, ``None`` for a span of the
        text.
    """

    text: str
    start: int
    end: int
    special: Bucket | None = None


@dataclass(frozen=True)
class Grouping:
    """Units, and the unit of each token.

    Parameters
    ----------
    units
        Spans in reading order, then the buckets that hold any token.
    membership
        Index into ``units``, of shape ``(tokens,)``.
    """

    units: tuple[Unit, ...]
    membership: NDArray[np.intp]


def group_tokens(
    text: str,
    token_spans: NDArray[Any],
    token_kinds: Sequence[Kind],
    granularity: Granularity = "word",
) -> Grouping:
    """Give every token to one unit of ``text``.

    A token belongs to the unit it overlaps; units that one token straddles become one. A visible token
    outside all units (what a user's function left out) is a unit of its own. A token of white space
    announces the word after it: it joins the unit of the next text token, else of the one before; a text
    of nothing but white space keeps it as a unit. A token without characters joins the unit of the text
    token before it, else of the one after it, else the special tokens. Units without a token, such as
    those cut by ``max_seq_length``, are left out.

    Parameters
    ----------
    text
        The user's text.
    token_spans
        Character offsets of each token in ``text``, of shape ``(tokens, 2)``. They may overlap, repeat,
        be empty and carry white space. Read for tokens of kind ``"text"`` only.
    token_kinds
        ``"text"``, or the bucket's name, for each token.
    granularity
        ``"token"``, ``"word"``, ``"sentence"``, or a function from a text to its (start, end) spans.

    Raises
    ------
    OptionError
        If ``granularity`` is unknown or its function's spans are unusable.
    InputError
        If the two token arguments differ in length, a kind is unknown, or a span is outside the text.

    Examples
    --------
    >>> spans = np.array([[0, 0], [0, 2], [2, 4], [4, 5]])
    >>> grouping = group_tokens("good!", spans, ["special", "text", "text", "text"])
    >>> [unit.text for unit in grouping.units], grouping.membership.tolist()
    (['good', '!', '[special tokens]'], [2, 0, 0, 1])
    """
    spans = _checked_spans(text, token_spans, token_kinds)
    claims = _without_blanks(text, _claims(text, spans, token_kinds, segment(text, granularity)))
    merged = _merge(sorted({claim for claim in claims if claim is not None}))
    starts = [start for start, _ in merged]
    membership = np.full(len(claims), _PLACEHOLDERS["special"], dtype=np.intp)
    for index, claim in enumerate(claims):
        if claim is not None:
            membership[index] = bisect_right(starts, claim[0]) - 1
    _place_invisible_tokens(membership, spans, token_kinds)
    units = [Unit(text[start:end], start, end) for start, end in merged]
    for bucket, placeholder in _PLACEHOLDERS.items():
        if np.any(membership == placeholder):
            membership[membership == placeholder] = len(units)
            units.append(Unit(BUCKET_TEXTS[bucket], 0, 0, bucket))
    return Grouping(tuple(units), membership)


def _checked_spans(text: str, token_spans: NDArray[Any], token_kinds: Sequence[Kind]) -> list[Span]:
    array = np.asarray(token_spans)
    if array.size == 0:
        array = array.reshape(0, 2)
    if array.shape != (len(token_kinds), 2):
        raise InputError(
            f"Token spans have the shape {array.shape} for {len(token_kinds)} token kinds. "
            f"Accepted: ({len(token_kinds)}, 2)."
        )
    spans = [(int(start), int(end)) for start, end in array.tolist()]
    for (start, end), kind in zip(spans, token_kinds, strict=True):
        if kind not in ("text", *_PLACEHOLDERS):
            raise InputError(
                f"Token kind {kind!r} is unknown. Accepted: 'text', {', '.join(map(repr, _PLACEHOLDERS))}."
            )
        if kind == "text" and not 0 <= start <= end <= len(text):
            raise InputError(f"Token span ({start}, {end}) is not inside a text of {len(text)} characters.")
    return spans


def _claims(
    text: str, spans: list[Span], token_kinds: Sequence[Kind], candidates: list[Span]
) -> list[Span | None]:
    """Return the span of text that each token needs to lie in one unit; none where it has no text."""
    marks = [match.span() for match in _MARKS.finditer(text)]
    candidate_starts = [start for start, _ in candidates]
    candidate_ends = [end for _, end in candidates]
    claims: list[Span | None] = []
    for (start, end), kind in zip(spans, token_kinds, strict=True):
        if kind != "text" or start == end:
            claims.append(None)
            continue
        own = _visible(text, (start, end), marks)
        first = bisect_right(candidate_ends, own[0])
        last = bisect_left(candidate_starts, own[1]) - 1
        claims.append((candidate_starts[first], candidate_ends[last]) if first <= last else own)
    return claims


def _without_blanks(text: str, claims: list[Span | None]) -> list[Span | None]:
    """Drop the claims on white space, unless nothing else is claimed."""
    visible = [None if claim is None or text[slice(*claim)].isspace() else claim for claim in claims]
    return claims if visible.count(None) == len(visible) else visible


def _visible(text: str, span: Span, marks: list[Span]) -> Span:
    """Trim white space, and reach over the combining marks that follow; keep a blank span whole."""
    start, end = trim(text, *span)
    if start == end:
        return span
    run = bisect_right(marks, (end, len(text))) - 1
    if run >= 0 and end < marks[run][1]:
        end = marks[run][1]
    return start, end


def _merge(claims: list[Span]) -> list[Span]:
    merged: list[Span] = []
    for start, end in claims:
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _place_invisible_tokens(
    membership: NDArray[np.intp], spans: list[Span], token_kinds: Sequence[Kind]
) -> None:
    placed = np.flatnonzero(membership >= 0)
    for index, kind in enumerate(token_kinds):
        if kind != "text":
            membership[index] = _PLACEHOLDERS[kind]
        elif membership[index] < 0 and placed.size:
            start, end = spans[index]
            after = int(np.searchsorted(placed, index))
            neighbour = after if start < end else after - 1
            membership[index] = membership[placed[np.clip(neighbour, 0, placed.size - 1)]]
