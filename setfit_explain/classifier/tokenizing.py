"""Tokens of a string and their characters, also of tokenizers that do not say where a token came from.

Such a tokenizer is asked again for one white-space-delimited chunk after the other. Where the chunks' ids
are together those of the whole string, each token belongs to its chunk, and where the tokens' own strings
spell the chunk, to its letters. Nothing is guessed: where the ids differ, there are no characters.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from tokenizers import Encoding
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from setfit_explain.errors import UnsupportedBodyError

Span = tuple[int, int]

_NO_WORD = re.compile(r"\[unused\d+\]|<unused\d+>|<0x[0-9A-F]{2}>|PADDING_TOKEN")  # spare rows; single bytes
_CHUNKS = (re.compile(r"\s*\S+|\s+\Z"), re.compile(r"\S+"))  # with the white space before, and without
_MARKERS = re.compile(r"\A(?:##|[▁Ġ])|(?:@@|</w>)\Z")  # say where a word begins, ends or goes on


@dataclass(frozen=True)
class Tokens:
    """What a tokenizer makes of a string.

    Parameters
    ----------
    ids
        One a token.
    special
        For each token whether the tokenizer added it.
    offsets
        Characters of each token as the tokenizer gives them, or None where it does not.
    """

    ids: list[int]
    special: list[bool]
    offsets: list[Span] | None

    def only(self, indices: Iterable[int]) -> Tokens:
        """Return some of the tokens."""
        chosen = list(indices)
        offsets = None if self.offsets is None else [self.offsets[index] for index in chosen]
        return Tokens(
            [self.ids[index] for index in chosen], [self.special[index] for index in chosen], offsets
        )

    @property
    def words(self) -> list[int]:
        """Ids of the tokens that are not special."""
        return [token for token, special in zip(self.ids, self.special, strict=True) if not special]


def tokenize(
    tokenizer: Any, text: str, max_length: int | None = None, *, special_tokens: bool = True
) -> tuple[Tokens, Tokens]:
    """Tokenise a string: the tokens that are kept, and all of them.

    A fast tokenizer cuts as its last call set it to, and `max_length` is for others: to set that here would
    disturb other threads that use the tokenizer.

    Raises
    ------
    UnsupportedBodyError
        The tokenizer is neither of transformers nor a WordTokenizer of sentence-transformers.
    """
    if isinstance(tokenizer, PreTrainedTokenizerFast):
        encoding = tokenizer.backend_tokenizer.encode(text, add_special_tokens=special_tokens)
        return _joined([encoding]), _joined([encoding, *encoding.overflowing])
    if not isinstance(tokenizer, PreTrainedTokenizerBase):
        whole = Tokens(ids := _ids(tokenizer, text), [False] * len(ids), None)
        return whole.only(range(len(ids[:max_length]))), whole
    cut = {} if max_length is None else {"truncation": "longest_first", "max_length": max_length}
    kept, whole = (
        tokenizer(text, return_special_tokens_mask=True, verbose=False, **options) for options in (cut, {})
    )
    return _plain(kept), _plain(whole)


def _joined(parts: Sequence[Encoding]) -> Tokens:
    return Tokens(
        [token for part in parts for token in part.ids],
        [bool(mark) for part in parts for mark in part.special_tokens_mask],
        [span for part in parts for span in part.offsets],
    )


def _plain(encoding: Any) -> Tokens:
    special = [bool(mark) for mark in encoding["special_tokens_mask"]]
    return Tokens(list(encoding["input_ids"]), special, None)


def find_offsets(tokenizer: Any, text: str, tokens: Tokens) -> list[Span] | None:
    """Characters of each token, ``(0, 0)`` for special ones; None where they cannot be found."""
    if tokens.offsets is not None:
        return tokens.offsets
    for pattern in _CHUNKS:
        chunks = [match.span() for match in pattern.finditer(text)]
        made = [_ids(tokenizer, text[start:end]) for start, end in chunks]
        if list(chain.from_iterable(made)) == tokens.words:
            spans = chain.from_iterable(
                _within(tokenizer, text, chunk, ids) for chunk, ids in zip(chunks, made, strict=True)
            )
            return [(0, 0) if special else next(spans) for special in tokens.special]
    return None


def strings_of(tokenizer: Any, ids: Sequence[int]) -> list[str]:
    """Strings of tokens as the vocabulary has them."""
    if isinstance(tokenizer, PreTrainedTokenizerBase):
        return [str(token) for token in tokenizer.convert_ids_to_tokens(list(ids))]
    strings = {token_id: token for token, token_id in _vocabulary(tokenizer).items()}
    return [strings[token_id] for token_id in ids]


def bare_string(token: str) -> str:
    """Characters of a token's string, without the marks of where words begin and end."""
    return _MARKERS.sub("", token)


def word_ids(tokenizer: Any) -> list[int]:
    """Ids of the vocabulary's ordinary tokens in rising order: none special, added, unused or left out."""
    specials = {*getattr(tokenizer, "all_special_ids", ()), *getattr(tokenizer, "added_tokens_decoder", ())}
    left_out = getattr(tokenizer, "stop_words", ())  # which a WordTokenizer drops from every text
    return sorted(
        token_id
        for token, token_id in _vocabulary(tokenizer).items()
        if token_id not in specials and token not in left_out and not _NO_WORD.fullmatch(token)
    )


def _vocabulary(tokenizer: Any) -> Mapping[str, int]:
    words: Mapping[str, int] | None = getattr(tokenizer, "word2idx", None)  # get_vocab() is a list there
    return tokenizer.get_vocab() if words is None else words


def _ids(tokenizer: Any, text: str) -> list[int]:
    """Ids of a string without special tokens."""
    if isinstance(tokenizer, PreTrainedTokenizerBase):
        plain: Any = tokenizer
        return list(plain.convert_tokens_to_ids(plain.tokenize(text)))
    ids = list(tokenizer.tokenize(text)) if hasattr(tokenizer, "tokenize") else None
    if ids is None or not all(isinstance(token, int) for token in ids):
        raise UnsupportedBodyError(
            f"The body's tokenizer {type(tokenizer).__name__} gives no token ids. A tokenizer of transformers or a "
            "WordTokenizer of sentence-transformers is needed."
        )
    return ids


def _within(tokenizer: Any, text: str, chunk: Span, ids: list[int]) -> list[Span]:
    """Characters of the tokens of one chunk: letter by letter where they spell it, else all of it."""
    places = [place for place in range(*chunk) if not text[place].isspace()]
    if not places:
        return [chunk] * len(ids)
    pieces = [bare_string(piece) for piece in strings_of(tokenizer, ids)]
    for spelling in ([text[place] for place in places], [text[place].lower() for place in places]):
        if "".join(pieces) == "".join(spelling):  # a letter may be longer in lower case
            return _spelled(pieces, [p for p, letters in zip(places, spelling, strict=True) for _ in letters])
    start, end = places[0], places[-1] + 1
    bare = text[start:end].strip(string.punctuation)
    if bare and _ids(tokenizer, bare) == ids:
        start = text.index(bare, start)
        end = start + len(bare)
    return [(start, end)] * len(ids)


def _spelled(pieces: list[str], owners: list[int]) -> list[Span]:
    """Give each piece the places of its letters, an empty one none."""
    spans: list[Span] = []
    taken = 0
    for piece in pieces:
        first, taken = taken, taken + len(piece)
        before = owners[min(first, len(owners) - 1)]
        spans.append((owners[first], owners[taken - 1] + 1) if piece else (before, before))
    return spans
