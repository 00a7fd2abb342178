"""Perturbation: one text whose units can be taken out, and what the classifier then answers.

A unit is taken out on the text's own tokens, which are never tokenised again: other word embeddings stand in
its place, or its tokens are cut out. No gradient is used, so that every head can be asked.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np
import torch
from torch import Tensor

from setfit_explain.attribution.baselines import (
    NAMES,
    Baseline,
    is_several,
    make_baseline,
    names_of,
    token_id,
)
from setfit_explain.attribution.batches import row_slices
from setfit_explain.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from setfit_explain.classifier.body import Features
    from setfit_explain.classifier.encoding import EncodedText
    from setfit_explain.classifier.text_classifier import TextClassifier

DELETE = "delete"
"""Name of the removal that cuts tokens out instead of putting a baseline in their place."""


class Removal(Protocol):
    """How units are taken out of any text: `Replacement` or `Deletion`."""

    @property
    def name(self) -> str:
        """What is put in a unit's place, for the explanation's settings."""

    @property
    def special_tokens(self) -> str:
        """Whether special and prompt tokens stay: ``"keep"`` or ``"replace"``."""

    def of(self, classifier: TextClassifier, encoded: EncodedText) -> Remainders:
        """Apply it to one text."""

    def embeddings(self, classifier: TextClassifier, encoded: EncodedText) -> Tensor:
        """Word embeddings ``(tokens, dim)`` of a text without its units; raises `OptionError` where it has none."""


class Remainders(Protocol):
    """What is left of one text when tokens are taken out."""

    @property
    def removable(self) -> NDArray[np.bool_]:
        """For each token whether taking it out changes anything, ``(tokens,)``."""

    def lengths(self, kept: NDArray[np.bool_]) -> NDArray[np.intp]:
        """How many tokens the body reads of each row, ``(rows,)``."""

    def decide(self, kept: NDArray[np.bool_]) -> Tensor:
        """Decision values ``(rows, decisions)`` for tokens kept, ``(rows, tokens)``, of rows of one length."""


def make_removal(
    classifier: TextClassifier, removal: Any, special_tokens: str, reference_texts: Sequence[str] | None
) -> Removal:
    """Make a removal for one classifier.

    Parameters
    ----------
    classifier
        Whose texts are perturbed.
    removal
        A baseline, as `make_baseline` takes it, or ``"delete"``.
    special_tokens, reference_texts
        As `make_baseline` takes them; ``"delete"`` keeps special and prompt tokens, and reads no texts.

    Raises
    ------
    OptionError
        An unknown name, or a setting that would be ignored.
    """
    if not isinstance(removal, str) or removal in NAMES:
        return Replacement(make_baseline(classifier, removal, special_tokens, reference_texts))
    if removal != DELETE:
        raise OptionError(
            f"Baseline {removal!r} is not known. Accepted: {', '.join((*NAMES, DELETE))}, or a tensor."
        )
    if special_tokens != "keep" or reference_texts is not None:
        raise OptionError(
            "baseline='delete' cuts words out and keeps special tokens: special_tokens='keep' is the one that is "
            "accepted with it, and reference_texts, which weight baseline='mean', are not."
        )
    return Deletion()


def make_removals(
    classifier: TextClassifier, baseline: Any, special_tokens: str, reference_texts: Sequence[str] | None
) -> tuple[Removal, ...]:
    """Make each removal of a list with names, or the one that is given; raises `OptionError` as `make_removal` does."""
    if not is_several(baseline):
        return (make_removal(classifier, baseline, special_tokens, reference_texts),)
    names = names_of(baseline)
    weighted = [name in ("auto", "mean") for name in names]
    if reference_texts is not None and not any(weighted):
        raise OptionError(f"reference_texts are used by baseline='mean' (or 'auto') only, not by {names!r}.")
    return tuple(
        make_removal(classifier, each, special_tokens, reference_texts if takes_texts else None)
        for each, takes_texts in zip(baseline, weighted, strict=True)
    )


@dataclass(frozen=True, eq=False)
class Replacement:
    """A baseline's word embeddings in the place of a unit's: every other token keeps its position."""

    baseline: Baseline

    @property
    def name(self) -> str:
        """The baseline's name."""
        return self.baseline.name

    @property
    def special_tokens(self) -> str:
        """The baseline's setting."""
        return self.baseline.special_tokens

    def of(self, classifier: TextClassifier, encoded: EncodedText) -> Remainders:
        """Look up both embeddings of each token."""
        words = classifier.word_embeddings(encoded)
        return _Replaced(classifier, encoded, words, self.baseline.for_text(encoded, words))

    def embeddings(self, classifier: TextClassifier, encoded: EncodedText) -> Tensor:
        """Baseline embeddings of one text."""
        return self.baseline.for_text(encoded, classifier.word_embeddings(encoded))


@dataclass(frozen=True, eq=False)
class _Replaced:
    classifier: TextClassifier
    encoded: EncodedText
    words: Tensor
    start: Tensor

    @property
    def removable(self) -> NDArray[np.bool_]:
        return (self.words != self.start).any(-1).cpu().numpy()

    def lengths(self, kept: NDArray[np.bool_]) -> NDArray[np.intp]:
        return np.full(len(kept), len(self.words))

    def decide(self, kept: NDArray[np.bool_]) -> Tensor:
        mask = torch.as_tensor(kept, device=self.words.device).unsqueeze(-1)
        return self.classifier.decide(self.encoded, torch.where(mask, self.words, self.start))


@dataclass(frozen=True, eq=False)
class Deletion:
    """The unit's tokens are cut out of the ids, so that what follows moves up: the body reads a shorter text.

    Special and prompt tokens stay. Where nothing would be left, the body is asked about an empty text as it
    prepares one itself, and where that is nothing too, about one pad token if it cannot read nothing.
    """

    name: ClassVar[str] = DELETE
    special_tokens: ClassVar[str] = "keep"

    def of(self, classifier: TextClassifier, encoded: EncodedText) -> Remainders:
        """Make the text's features ready to be cut."""
        return _Cut(classifier, encoded)

    def embeddings(self, classifier: TextClassifier, encoded: EncodedText) -> Tensor:  # noqa: ARG002 - the protocol's
        """Raise: a text that is cut has another length."""
        raise OptionError(
            "With baseline='delete' words are cut out, so there are no baseline embeddings of the text's length. "
            "Name a baseline that takes a word's place, such as baseline='mask'."
        )


@dataclass(frozen=True, eq=False)
class _Cut:
    classifier: TextClassifier
    encoded: EncodedText

    @property
    def removable(self) -> NDArray[np.bool_]:
        return self.encoded.is_text

    def lengths(self, kept: NDArray[np.bool_]) -> NDArray[np.intp]:
        lengths: NDArray[np.intp] = kept.sum(1)
        return lengths

    def decide(self, kept: NDArray[np.bool_]) -> Tensor:
        features = self._features(torch.as_tensor(kept)) if kept.any() else self._nothing()
        return self.classifier.head.decide(self.classifier.body.embed((features, 1)))

    def _features(self, kept: Tensor) -> Features:
        """Features of the rows ``(rows, tokens)``, which keep equally many tokens."""
        rows, tokens = kept.shape
        length = int(kept[0].sum())
        cut: dict[str, Any] = dict(self.encoded.features)
        is_bag = "offsets" in cut  # of a bag of embeddings, whose rows stand one after another
        for name, value in cut.items():
            if not isinstance(value, Tensor) or not value.dim():
                continue
            mask = kept.to(value.device)
            if name == "sentence_lengths":
                cut[name] = value.new_full((rows,), length)
            elif name == "offsets":
                cut[name] = torch.arange(rows, device=value.device) * length
            elif is_bag:
                cut[name] = value.expand(rows, -1)[mask]
            elif value.shape[:2] == (1, tokens):
                cut[name] = value.expand(rows, *value.shape[1:])[mask].view(rows, length, *value.shape[2:])
        return cut

    def _nothing(self) -> Features:
        own = self.classifier.body.features("")
        if own["input_ids"].numel() or "offsets" in own:
            return own
        pad = self.encoded.ids.new_tensor([[token_id(self.classifier, "pad")]])
        return {**own, "input_ids": pad, "attention_mask": torch.ones_like(pad)}


@dataclass(frozen=True, eq=False)
class Perturbation:
    """One text whose units can be taken out.

    Parameters
    ----------
    classifier
        Whom to ask.
    encoded
        The text.
    membership
        The unit of each token, ``(tokens,)``.
    removal
        How units are taken out.
    internal_batch_size
        Most rows in one forward pass; None for as many as fit a budget of tokens. Memory is bounded by it,
        whatever the number of rows asked about.

    Examples
    --------
    ::

        removal = make_removal(classifier, "mask", "keep", None)
        perturbation = Perturbation(classifier, encoded, grouping.membership, removal)
        without_each_unit = perturbation.decide(~np.eye(perturbation.units, dtype=bool))
    """

    classifier: TextClassifier
    encoded: EncodedText
    membership: NDArray[np.intp]
    removal: Removal
    internal_batch_size: int | None = None
    _remainders: Remainders = field(init=False, repr=False)
    _known: dict[bytes, Tensor] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_remainders", self.removal.of(self.classifier, self.encoded))

    @property
    def units(self) -> int:
        """How many units there are."""
        return int(self.membership.max(initial=-1)) + 1

    @property
    def removable(self) -> NDArray[np.bool_]:
        """For each unit whether taking it out changes anything, ``(units,)``: special tokens may stay."""
        return np.bincount(self.membership, self._remainders.removable, self.units) > 0

    @property
    def evaluations(self) -> int:
        """How many rows the classifier was asked about so far."""
        return len(self._known)

    def decide(self, kept: NDArray[np.bool_]) -> Tensor:
        """Ask the classifier about the text with some units only.

        Parameters
        ----------
        kept
            For each row which units stay, ``(rows, units)``.

        Returns
        -------
        Tensor
            Decision values ``(rows, decisions)``. A row that was asked about before is not computed again.
        """
        if not len(kept):
            return self.decide(np.ones((1, self.units), dtype=bool))[:0]
        tokens = kept[:, self.membership] | ~self._remainders.removable
        keys = [row.tobytes() for row in np.packbits(tokens, axis=1)]
        new = {key: row for row, key in enumerate(keys) if key not in self._known}
        if new:
            with self.classifier.body.session(), torch.no_grad():
                self._ask(list(new), tokens[list(new.values())])
        return torch.stack([self._known[key] for key in keys])

    def _ask(self, keys: list[bytes], tokens: NDArray[np.bool_]) -> None:
        lengths = self._remainders.lengths(tokens)
        for length in np.unique(lengths):
            rows = np.flatnonzero(lengths == length)
            for batch in row_slices(len(rows), int(length), self.internal_batch_size):
                decisions = self._remainders.decide(tokens[rows[batch]])
                self._known.update((keys[row], own) for row, own in zip(rows[batch], decisions, strict=True))
