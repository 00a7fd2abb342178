"""Texts that come tokenised: rows of a BatchEncoding, and the text that their token ids are shown as."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from setfit_explain.classifier.encoding import PROBE_TEXT, EncodedText, join_tokens
from setfit_explain.classifier.tokenizing import Tokens, bare_string, find_offsets, tokenize
from setfit_explain.errors import TextError

if TYPE_CHECKING:
    from setfit_explain.classifier.body import Body, Features
    from setfit_explain.classifier.encoding import Kind
    from setfit_explain.classifier.tokenizing import Span

_INPUTS = ("input_ids", "attention_mask", "token_type_ids")
_OFFSETS, _SPECIAL = "offset_mapping", "special_tokens_mask"
_UNKNOWN = "\ufffd"  # stands for a character that the ids do not tell


@dataclass(frozen=True)
class TokenizedText:
    """Token ids of one text without padding.

    Parameters
    ----------
    inputs
        What the body is given, one number a token: ``input_ids``, and ``attention_mask`` and
        ``token_type_ids`` where there are any.
    offsets
        Characters of each token in the text that it came from, or None.
    special
        For each token whether the tokenizer added it, or None.
    """

    inputs: Mapping[str, list[int]]
    offsets: list[Span] | None
    special: list[bool] | None

    @property
    def ids(self) -> list[int]:
        """The token ids."""
        return self.inputs["input_ids"]


Text = str | Mapping[str, Any] | TokenizedText
"""One text: a string, or the token ids that the body's own tokenizer made of one."""


def is_tokenized(texts: Any) -> bool:
    """Whether this is what a tokenizer of transformers returns."""
    return isinstance(texts, Mapping) and "input_ids" in texts


def read_tokenized(encoding: Mapping[str, Any]) -> TokenizedText | list[TokenizedText]:
    """Read a BatchEncoding: one text where its ids are a flat list, else one a row.

    Parameters
    ----------
    encoding
        Lists, arrays or tensors, padded or not.

    Raises
    ------
    TextError
        The ids are not whole numbers of shape (tokens,) or (texts, tokens), or another entry does not fit.
    """
    names = (*_INPUTS, _OFFSETS, _SPECIAL)
    columns = {name: _plain(encoding[name]) for name in names if encoding.get(name) is not None}
    backends = getattr(encoding, "encodings", None) or ()
    flat = not any(isinstance(member, list) for member in columns["input_ids"])
    if flat:
        columns = {name: [values] for name, values in columns.items()}
    count = len(columns["input_ids"])
    if any(len(values) != count for values in columns.values()):
        raise _misshapen(columns)
    rows = [
        _read_row(
            {name: values[row] for name, values in columns.items()},
            backends[row] if row < len(backends) else None,
        )
        for row in range(count)
    ]
    return rows[0] if flat else rows


def read_text(text: Any, name: str = "The text") -> str | TokenizedText:
    """Read one text; raises `TextError` unless it is a string or the flat token ids of one text."""
    read = read_tokenized(text) if isinstance(text, Mapping) and is_tokenized(text) else text
    if not isinstance(read, str | TokenizedText):
        raise TextError(
            f"{name} is {reprlib.repr(text)} ({type(text).__name__}); a string is needed, or the token ids of one "
            "text."
        )
    return read


def _plain(values: Any) -> Any:
    """Turn arrays, tensors and tuples into lists."""
    if hasattr(values, "tolist"):
        return values.tolist()
    return [
        _plain(value) if isinstance(value, list | tuple) or hasattr(value, "tolist") else value
        for value in values
    ]


def _read_row(row: dict[str, list[Any]], backend: Any) -> TokenizedText:
    ids = row["input_ids"]
    whole = all(isinstance(token, int) for token in ids)
    if not whole or any(not isinstance(values, list) or len(values) != len(ids) for values in row.values()):
        raise _misshapen(row)
    if backend is not None and backend.ids == ids:  # a fast tokenizer's own record, which was not cut since
        row = {_OFFSETS: backend.offsets, _SPECIAL: backend.special_tokens_mask} | row
    attended = np.flatnonzero(row.get("attention_mask", [1] * len(ids)))
    if not attended.size:
        raise TextError("The tokenised text holds no token that its attention_mask lets the body read.")
    row = {name: values[attended[0] : attended[-1] + 1] for name, values in row.items()}
    return TokenizedText(
        inputs={name: row[name] for name in _INPUTS if name in row},
        offsets=[(start, end) for start, end in row[_OFFSETS]] if _OFFSETS in row else None,
        special=[bool(mark) for mark in row[_SPECIAL]] if _SPECIAL in row else None,
    )


def _misshapen(columns: Mapping[str, Any]) -> TextError:
    shapes = ", ".join(f"{name} {len(values)}" for name, values in columns.items())
    return TextError(
        f"The tokenised texts do not fit together (lengths: {shapes}). Accepted: what the body's own tokenizer "
        "returns for a text or a list of texts, with whole numbers of shape (tokens,) or (texts, tokens)."
    )


def encode_tokenized(body: Body, given: TokenizedText, vocabulary_size: int | None) -> EncodedText:
    """Make what the body is given of token ids, and a text that shows them.

    The text is what the tokenizer decodes, if it tokenises to the same ids. With offsets each token is put
    where its offsets say, so that units lie where they are in the original text; a character that the
    ids do not tell (of an unknown word) is U+FFFD. Without either it is the tokens, joined by spaces.

    Raises
    ------
    TextError
        An id has no embedding, or there are more ids than the body reads.
    """
    limit = body.module.max_seq_length
    if limit is not None and len(given.ids) > limit:
        raise TextError(
            f"The tokenised text has {len(given.ids)} tokens, and the body reads {limit}. Tokenise it with "
            f"truncation=True, max_length={limit}."
        )
    foreign = [token for token in given.ids if not 0 <= token < (vocabulary_size or np.inf)]
    if foreign:
        raise TextError(
            f"Token id {foreign[0]} has no word embedding; the body has {vocabulary_size}. Tokenise the text with "
            "the body's own tokenizer."
        )
    tokens = Tokens(given.ids, _special(body.tokenizer, given), given.offsets)
    text, spans, spelled = _show(body.tokenizer, tokens)
    kinds: list[Kind] = ["special" if special else "text" for special in tokens.special]
    return EncodedText(
        text,
        _features(body, given),
        np.array(spans, dtype=np.int64),
        tuple(kinds),
        None,
        None,
        spelled=spelled,
    )


def _features(body: Body, given: TokenizedText) -> Features:
    """Lay the inputs out as the body's own preprocessing does."""
    own = body.features(PROBE_TEXT)
    count = len(given.ids)
    rows = {name: torch.tensor([values]) for name, values in given.inputs.items()}
    rows.setdefault("attention_mask", torch.ones(1, count, dtype=torch.long))
    if own["input_ids"].dim() == 1:  # a bag of embeddings
        rows = {"input_ids": rows["input_ids"][0], "offsets": torch.tensor([0])}
    if "sentence_lengths" in own:
        rows["sentence_lengths"] = torch.tensor([count])
    settings = {
        name: value
        for name, value in own.items()
        if not isinstance(value, torch.Tensor) and name != "prompt_length"
    }
    return settings | {name: value.to(body.device) for name, value in rows.items()}


def _special(tokenizer: Any, given: TokenizedText) -> list[bool]:
    """Tokens that the tokenizer added: as it says, else by their ids."""
    if given.special is not None:
        return given.special
    words = {getattr(tokenizer, "unk_token_id", None), getattr(tokenizer, "mask_token_id", None)}
    added = {*getattr(tokenizer, "all_special_ids", ())} - words
    return [token in added for token in given.ids]


def _show(tokenizer: Any, tokens: Tokens) -> tuple[str, list[Span], bool]:
    """Build a text that shows the tokens, their spans in it, and whether it has their own characters."""
    decoded = _decode(tokenizer, tokens)
    if _in_reading_order(tokens):
        return *_lay_out(tokenizer, tokens, decoded), True
    if decoded is None:
        return *join_tokens(tokenizer, tokens), False
    return *decoded, True


def _decode(tokenizer: Any, tokens: Tokens) -> tuple[str, list[Span]] | None:
    """Find a text that tokenises to the same ids, and the tokens' spans in it."""
    if not hasattr(tokenizer, "decode"):
        return None
    words = tokens.words
    for settings in ({}, {"clean_up_tokenization_spaces": False}):
        text = tokenizer.decode(words, **settings)
        _, again = tokenize(tokenizer, text)
        offsets = find_offsets(tokenizer, text, again) if again.words == words else None
        if offsets is not None:
            own = (span for span, special in zip(offsets, again.special, strict=True) if not special)
            return text, [(0, 0) if special else next(own) for special in tokens.special]
    return None


def _in_reading_order(tokens: Tokens) -> bool:
    """Whether there are offsets of one text; a pair's second text begins at 0 again."""
    if tokens.offsets is None:
        return False
    spans = [span for span, special in zip(tokens.offsets, tokens.special, strict=True) if not special]
    starts = [0, *(start for start, _ in spans)]
    ordered = all(before <= after for before, after in pairwise(starts))
    return ordered and all(start <= end for start, end in spans) and any(start < end for start, end in spans)


def _lay_out(
    tokenizer: Any, tokens: Tokens, decoded: tuple[str, list[Span]] | None
) -> tuple[str, list[Span]]:
    """Put every token where its offsets say, with spaces between."""
    offsets = tokens.offsets or []
    characters = [" "] * max(end for _, end in offsets)
    for index, (start, end) in enumerate(offsets):
        if tokens.special[index]:
            continue
        if decoded is None:
            alone = tokenizer.decode([tokens.ids[index]])
            spellings = [alone, bare_string(alone.strip())]
        else:
            spellings = [decoded[0][slice(*decoded[1][index])]]
        fitting = (spelling for spelling in spellings if len(spelling) == end - start)
        characters[start:end] = next(fitting, _UNKNOWN * (end - start))
    return "".join(characters), offsets
