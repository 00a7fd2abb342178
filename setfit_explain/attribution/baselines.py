"""Baselines: the word embeddings at which a path starts."""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from setfit_explain.classifier.listing import is_list_like
from setfit_explain.classifier.tokenizing import strings_of
from setfit_explain.errors import OptionError
from setfit_explain.heads.torch_head import to_float64

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from setfit_explain.classifier.encoding import EncodedText
    from setfit_explain.classifier.text_classifier import TextClassifier

NAMES = ("auto", "mean", "mask", "pad", "unk", "zero")
TOKENS = ("mask", "pad", "unk")
"""Those of `NAMES` that are tokens, which not every tokenizer has."""

SPECIAL_TOKENS = ("keep", "replace")

_CHUNK = 8192  # rows of the vocabulary looked up at once


@dataclass(frozen=True, eq=False)
class Baseline:
    """One vector, or one a token, that stands for "no word here".

    Parameters
    ----------
    name
        How it was made, for the explanation's settings.
    rows
        Shape ``(dim,)``, or ``(tokens, dim)`` for texts of that many tokens.
    replace_special_tokens
        Whether special and prompt tokens are replaced as well, instead of keeping their own embedding.
    """

    name: str
    rows: Tensor
    replace_special_tokens: bool

    @property
    def special_tokens(self) -> str:
        """The setting of that name."""
        return "replace" if self.replace_special_tokens else "keep"

    def for_text(self, encoded: EncodedText, word_embeddings: Tensor) -> Tensor:
        """Baseline embeddings ``(tokens, dim)`` of one text.

        Raises
        ------
        OptionError
            The baseline is a tensor of another shape than the text's word embeddings.
        """
        if self.rows.shape[-1] != word_embeddings.shape[-1] or (
            self.rows.dim() == 2 and self.rows.shape != word_embeddings.shape
        ):
            raise OptionError(
                f"The baseline has shape {tuple(self.rows.shape)}; this text needs ({word_embeddings.shape[-1]},) "
                f"or {tuple(word_embeddings.shape)} (tokens, dim)."
            )
        rows = self.rows.to(word_embeddings.dtype).to(word_embeddings.device).expand_as(word_embeddings)
        if self.replace_special_tokens:
            return rows
        is_text = torch.as_tensor(encoded.is_text, device=rows.device).unsqueeze(-1)
        return torch.where(is_text, rows, word_embeddings)


def make_baseline(
    classifier: TextClassifier, baseline: Any, special_tokens: str, reference_texts: Sequence[str] | None
) -> Baseline:
    """Make a baseline for one classifier.

    Parameters
    ----------
    classifier
        Whose embeddings are looked up.
    baseline
        One of `NAMES`, or a tensor ``(dim,)`` or ``(tokens, dim)``. ``"auto"`` is ``"mean"``.
    special_tokens
        ``"keep"`` or ``"replace"``.
    reference_texts
        Texts whose token frequencies weight ``"mean"``, such as the training texts. Without them the
        vocabulary is weighted by an estimated frequency.

    Raises
    ------
    OptionError
        An unknown name, a token that the tokenizer lacks, or ``reference_texts`` that would be ignored.
    """
    check_special_tokens(special_tokens)
    replace = special_tokens == "replace"
    named = baseline if isinstance(baseline, str) else "tensor"
    if is_several(baseline):
        raise OptionError(
            f"One baseline is needed here, got the list {names_of(baseline)!r}; method='expected_gradients' averages "
            "over it."
        )
    if reference_texts is not None and named not in ("auto", "mean"):
        raise OptionError(f"reference_texts are used by baseline='mean' (or 'auto') only, not by {named!r}.")
    with classifier.body.session():
        if not isinstance(baseline, str):
            return Baseline("tensor", _rows(baseline), replace)
        if named in ("auto", "mean"):
            if reference_texts is not None:
                return Baseline(
                    "mean of reference texts", _reference_mean(classifier, reference_texts), replace
                )
            return Baseline("mean of vocabulary", _vocabulary_mean(classifier), replace)
        if named == "zero":
            return Baseline(named, torch.zeros_like(_look_up(classifier, [0])[0]), replace)
        if named in NAMES:
            return Baseline(named, _look_up(classifier, [token_id(classifier, named)])[0], replace)
    raise OptionError(f"Baseline {baseline!r} is not known. Accepted: {', '.join(NAMES)}, or a tensor.")


def _rows(baseline: Any) -> Tensor:
    """Read a tensor, an array or numbers as ``(dim,)`` or ``(tokens, dim)``; one row before these is taken off."""
    try:
        rows = torch.as_tensor(baseline).detach()
    except (TypeError, ValueError, RuntimeError) as error:
        raise OptionError(
            f"baseline is a {type(baseline).__name__}. Accepted: {', '.join(NAMES)}, or a tensor ({error})."
        ) from error
    rows = rows.squeeze(0) if rows.dim() == 3 else rows
    if rows.dim() not in (1, 2):
        raise OptionError(
            f"The baseline has shape {tuple(rows.shape)}. Accepted: (dim,), or (tokens, dim) for texts of that many tokens."
        )
    return rows


def is_several(baseline: Any) -> bool:
    """Whether it is a list of baselines, of names, tensors or arrays, and not the numbers of one.

    Raises
    ------
    OptionError
        The list is empty.
    """
    if not isinstance(baseline, list | tuple):
        return False
    if not baseline:
        raise OptionError("The list of baselines is empty; name at least one.")
    return any(
        isinstance(each, str) or (isinstance(each, Tensor | np.ndarray) and each.ndim > 0)
        for each in baseline
    )


def names_of(baselines: Sequence[Any]) -> list[str]:
    """Names of a list of baselines, for messages: of numbers ``"tensor"``."""
    return [each if isinstance(each, str) else "tensor" for each in baselines]


def check_special_tokens(special_tokens: str) -> None:
    """Raise `OptionError` for a value that is not known."""
    if special_tokens not in SPECIAL_TOKENS:
        raise OptionError(
            f"special_tokens={special_tokens!r} is not known. Accepted: {', '.join(SPECIAL_TOKENS)}."
        )


def baseline_notes(
    classifier: TextClassifier, baseline_probabilities: NDArray[np.float64]
) -> tuple[str, ...]:
    """Say it where the baseline itself already leans to a class: above half-way from chance to certainty."""
    if not classifier.head.has_probabilities:
        return ()
    chance = 0.5 if classifier.multi_label else 1 / len(classifier.classes)
    return tuple(
        f"The baseline itself already leans to {classifier.classes[column]!r} (probability "
        f"{baseline_probabilities[column]:.2f}): attributions explain the difference to that."
        for column in np.flatnonzero(baseline_probabilities > (1 + chance) / 2)
    )


def tokens_of(classifier: TextClassifier) -> tuple[str, ...]:
    """Name those of `TOKENS` that the body's tokenizer has."""
    tokenizer = classifier.body.tokenizer
    return tuple(name for name in TOKENS if getattr(tokenizer, f"{name}_token_id", None) is not None)


def token_id(classifier: TextClassifier, name: str) -> int:
    """Id of the body's token of that name, one of `TOKENS`; raises `OptionError` where it has none."""
    if name not in tokens_of(classifier):
        raise OptionError(f"The tokenizer of this body has no {name} token. Use baseline='mean' or 'zero'.")
    return int(getattr(classifier.body.tokenizer, f"{name}_token_id"))


def _look_up(classifier: TextClassifier, ids: Sequence[int]) -> Tensor:
    return classifier.tap.look_up(torch.as_tensor(ids, device=classifier.body.device))


def _mean(classifier: TextClassifier, weights: dict[int, float]) -> Tensor:
    """Weighted mean embedding ``(dim,)``, summed in float64."""
    ids = sorted(weights)
    total = sum(weights[token] for token in ids)
    mean: Tensor | int = 0
    for start in range(0, len(ids), _CHUNK):
        chunk = ids[start : start + _CHUNK]
        rows = to_float64(_look_up(classifier, chunk))
        shares = torch.tensor(
            [weights[token] / total for token in chunk], dtype=torch.float64, device=rows.device
        )
        mean = mean + shares @ rows
    return torch.as_tensor(mean)


def reference_ids(classifier: TextClassifier, texts: Sequence[str]) -> list[int]:
    """Token ids of the texts' words, one text after the other; raises `OptionError` where there are none."""
    if not is_list_like(texts):
        raise OptionError(
            "reference_texts must be a list of texts, or a column of a table, such as the training texts; got "
            f"{type(texts).__name__}."
        )
    ids: list[int] = []
    for text in texts:
        encoded = classifier.encode(text)
        ids += encoded.ids[torch.as_tensor(encoded.is_text)].tolist()
    if not ids:
        raise OptionError("reference_texts hold no words, so no baseline can be made of them.")
    return ids


def _reference_mean(classifier: TextClassifier, texts: Sequence[str]) -> Tensor:
    counts = Counter(reference_ids(classifier, texts))
    return _mean(classifier, {token: float(count) for token, count in counts.items()})


def _vocabulary_mean(classifier: TextClassifier) -> Tensor:
    """Mean over the vocabulary, weighted by estimated frequency.

    Unigram vocabularies carry each piece's log-probability; 0 marks a piece that is no word. WordPiece and
    BPE vocabularies are in about the order of frequency, so that 1 / (rank + 2.7) stands in for the counts
    (Mandelbrot 1953). Left out are continuation pieces, and the alphabet: it comes first whatever its
    frequency, so that rank would make the mean word a comma or an exclamation mark.
    """
    tokenizer = classifier.body.tokenizer
    ids = classifier.word_ids
    backend = getattr(tokenizer, "backend_tokenizer", None)
    model: dict[str, Any] = {"type": None} if backend is None else json.loads(backend.to_str())["model"]
    if model["type"] == "Unigram":
        scores = [score for _, score in model["vocab"]]
        weights = {token: math.exp(scores[token]) for token in ids if scores[token] < 0}
        return _mean(classifier, weights or dict.fromkeys(ids, 1.0))
    pieces = zip(ids, strings_of(tokenizer, ids), strict=True)
    words = [token for token, piece in pieces if len(piece.lstrip("Ġ▁")) > 1 and not piece.startswith("##")]
    return _mean(classifier, {token: 1 / (rank + 2.7) for rank, token in enumerate(words or ids, start=1)})
