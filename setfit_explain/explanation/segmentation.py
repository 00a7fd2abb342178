"""Segmentation: where the words or sentences of a text begin and end.

Works on the user's untouched text, not on what a tokenizer made of it, so that the same text has the
same words under every model. It is not a linguistic analyser: scripts without spaces are cut by
character, as Unicode UAX #29 does where no dictionary is at hand.
"""

import difflib
import operator
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Literal

import regex

from setfit_explain.errors import OptionError

Span = tuple[int, int]
Segmenter = Callable[[str], Iterable[Span]]
Granularity = Literal["token", "word", "sentence"] | Segmenter

_NAMES = ("token", "word", "sentence")

_IDEOGRAPH = r"[\p{Han}\p{Hiragana}\p{Katakana}\u30FC\uFF70]"
_UNSPACED = r"[[\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]--[\p{M}\p{Nd}]]"
_START = rf"[[\p{{L}}\p{{N}}_]--{_IDEOGRAPH}--{_UNSPACED}]"
_NEXT = rf"[[\p{{L}}\p{{N}}\p{{M}}_\u00AD\u200C\u200D\u2060]--{_IDEOGRAPH}--{_UNSPACED}]"
_INNER = r"(?<=[\p{L}\p{M}])['’](?=\p{L})|(?<=\p{Nd})[.,](?=\p{Nd})"
# \X joins what a reader sees as one sign: a flag, an emoji family, a letter and its marks.
# Inside a run of word characters an inner sign is tried only where no word character is.
_WORD = regex.compile(rf"{_START}(?:{_NEXT}|(?:{_INNER})(?={_NEXT}))*+|\X", regex.VERSION1)
_SENTENCE_STOP = regex.compile(
    r"""(?P<stop>[.!?…。！？]++)["'”’»›」』）)\]]*+(?P<space>\s|\Z)?|[\n\r\x0b\x0c\x85\u2028\u2029]++""",
    regex.VERSION1,
)


def word_spans(text: str) -> list[Span]:
    """Cut ``text`` into words; every punctuation mark, symbol and emoji is a unit of its own.

    Apostrophes between letters and ``.`` or ``,`` between digits stay inside the word. Each Han, Hiragana
    or Katakana character is a unit, and scripts that write no spaces (Thai, Lao, Khmer, Myanmar) are cut
    into grapheme clusters. White space belongs to no unit.

    Returns
    -------
    list of (start, end)
        Character offsets, sorted, disjoint, none empty.

    Examples
    --------
    >>> text = "It's 3.14, 東京!"
    >>> [text[start:end] for start, end in word_spans(text)]
    ["It's", '3.14', ',', '東', '京', '!']
    """
    trimmed = (trim(text, *match.span()) for match in _WORD.finditer(text))
    return [(start, end) for start, end in trimmed if start < end]


def sentence_spans(text: str) -> list[Span]:
    """Cut ``text`` into sentences: at ``. ! ? …`` before white space, at ``。！？`` and at new lines.

    Returns
    -------
    list of (start, end)
        Character offsets without surrounding white space, sorted, disjoint, none empty.

    Examples
    --------
    >>> text = "It cost 3.50. Why? No idea"
    >>> [text[start:end] for start, end in sentence_spans(text)]
    ['It cost 3.50.', 'Why?', 'No idea']
    """
    cuts = [0]
    for match in _SENTENCE_STOP.finditer(text):
        stop = match["stop"]
        if stop is None or match["space"] is not None or not set(stop).isdisjoint("。！？"):
            cuts.append(match.end())
    cuts.append(len(text))
    trimmed = (trim(text, start, end) for start, end in pairwise(cuts))
    return [(start, end) for start, end in trimmed if start < end]


def segment(text: str, granularity: Granularity) -> list[Span]:
    """Return the spans of ``granularity`` in ``text``; none for ``"token"``, which the tokens define.

    Parameters
    ----------
    text
        The user's text.
    granularity
        ``"token"``, ``"word"``, ``"sentence"``, or a function from a text to its spans.

    Raises
    ------
    OptionError
        If the name is unknown, or the function's spans are not sorted, disjoint, non-empty and inside
        the text.
    """
    check_granularity(granularity)
    if callable(granularity):
        return _checked(text, granularity)
    if granularity == "token":
        return []
    return word_spans(text) if granularity == "word" else sentence_spans(text)


def check_granularity(granularity: object) -> None:
    """Raise `OptionError` unless ``granularity`` is a function or a known name."""
    if callable(granularity) or granularity in _NAMES:
        return
    close = difflib.get_close_matches(str(granularity), _NAMES, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise OptionError(
        f"Granularity {granularity!r} is unknown. Accepted: 'token', 'word', 'sentence', "
        f"or a function from a text to (start, end) spans.{hint}"
    )


def granularity_name(granularity: Granularity) -> str:
    """Return the name under which an explanation records ``granularity``: a function's own name."""
    if callable(granularity):
        return str(getattr(granularity, "__name__", type(granularity).__name__))
    return str(granularity)


def trim(text: str, start: int, end: int) -> Span:
    """Return the span without the white space at its two sides; empty where there is nothing else."""
    piece = text[start:end]
    left = len(piece) - len(piece.lstrip())
    return start + left, max(start + left, start + len(piece.rstrip()))


def _checked(text: str, segmenter: Segmenter) -> list[Span]:
    spans: list[Span] = []
    name = granularity_name(segmenter)
    previous_end = 0
    for item in segmenter(text):
        try:
            first, second = item
            start, end = operator.index(first), operator.index(second)
        except (TypeError, ValueError) as error:
            raise OptionError(
                f"Granularity function {name!r} gave {item!r}. Accepted: (start, end) pairs of whole numbers."
            ) from error
        if not previous_end <= start < end <= len(text):
            raise OptionError(
                f"Granularity function {name!r} gave the span ({start}, {end}) after one that ends at "
                f"{previous_end}, in a text of {len(text)} characters. Accepted: spans that are sorted, "
                "do not overlap, are not empty, and lie inside the text."
            )
        spans.append((start, end))
        previous_end = end
    return spans
