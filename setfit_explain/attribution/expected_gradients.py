"""Expected gradients (Erion et al. 2021, arXiv 1906.10670): integrated gradients, averaged over many baselines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch

from setfit_explain.attribution.distributions import Stretches, make_distribution
from setfit_explain.attribution.gradient_shap import SampledPaths, Sampling
from setfit_explain.attribution.integrated_gradients import IntegratedGradients
from setfit_explain.attribution.jacobian import ForwardMode
from setfit_explain.attribution.method import Attributions, Attributor
from setfit_explain.attribution.random_paths import check_sampling
from setfit_explain.attribution.real_numbers import check_real_number

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from setfit_explain.classifier.encoding import EncodedText
    from setfit_explain.classifier.outputs import ScoreFunction
    from setfit_explain.classifier.text_classifier import TextClassifier


@dataclass(frozen=True, eq=False, kw_only=True)
class ExpectedGradients:
    """Mean of the integrated gradients from many baselines: a list of them, or stretches of reference texts.

    From a list, each is integrated to the tolerance and all count alike: the error estimate is the mean of
    theirs, which bounds that of the mean, and the result has converged where all of them have. From reference
    texts, each sample has a baseline and a place on the way of its own, one in each n-th part of the way: the
    error estimate is the largest standard error of any unit's mean.

    Parameters
    ----------
    baseline
        A list of what `IntegratedGradients` takes, such as ``["mean", "mask", "pad", "unk"]``, or one of that.
        ``"sampled"``: texts as long as the one explained, out of the running words of ``reference_texts``.
        ``"auto"``: sampled where there are reference texts, else mean, mask, pad and unk.
    reference_texts
        Texts to draw from, such as the training texts; beside a list, they weight its ``"mean"``.
    special_tokens
        ``"keep"``: special and prompt tokens have their own embedding in every baseline, so they get no
        attribution. ``"replace"``: they are replaced like words.
    tolerance
        Of each baseline in a list, as in `IntegratedGradients`; None for its default. Of sampled baselines the
        largest accepted delta and error estimate, relative to the largest attribution of the target: all
        samples are taken, and where they do not meet it the explanation is marked as not converged. None: they
        are taken, whatever the error.
    n_samples
        How many gradients are sampled between reference texts and the text, at least 2.
    seed
        Of those samples, which each text gets anew.

    Raises
    ------
    OptionError
        A setting is unknown or out of range.
    """

    baseline: Any = "auto"
    reference_texts: Sequence[str] | None = None
    special_tokens: str = "keep"
    tolerance: float | None = None
    n_samples: int = 64
    seed: int = 0

    name: ClassVar[str] = "expected_gradients"
    needs_gradient: ClassVar[bool] = True
    additive: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_sampling(self.n_samples, self.seed)
        check_real_number("tolerance", self._of_each)

    @property
    def _of_each(self) -> float:
        return IntegratedGradients.tolerance if self.tolerance is None else self.tolerance

    def prepare(self, classifier: TextClassifier, internal_batch_size: int | None) -> Attributor:
        """Look the baselines up once; what is returned explains one text after another."""
        found = make_distribution(classifier, self.baseline, self.special_tokens, self.reference_texts)
        if isinstance(found, Stretches):
            sampling = Sampling(self.n_samples, self.seed, stratified=True, tolerance=self.tolerance)
            return SampledPaths(ForwardMode(classifier), found, sampling, internal_batch_size)
        return _Average(
            tuple(
                IntegratedGradients(
                    baseline=member.rows, special_tokens=self.special_tokens, tolerance=self._of_each
                ).prepare(classifier, internal_batch_size)
                for member in found.members
            ),
            tuple(member.name for member in found.members),
        )


@dataclass(frozen=True, eq=False)
class _Average:
    """Integrated gradients from several baselines, for one classifier."""

    members: tuple[Attributor, ...]
    names: tuple[str, ...]

    def baseline(self, encoded: EncodedText) -> Tensor:
        """Mean of the baselines, ``(tokens, dim)``."""
        return torch.stack([member.baseline(encoded) for member in self.members]).mean(0)

    def __call__(
        self, encoded: EncodedText, membership: NDArray[np.intp], score: ScoreFunction
    ) -> Attributions:
        """Attribute the scores of one text to its units."""
        found = [member(encoded, membership, score) for member in self.members]

        def mean(name: str) -> NDArray[np.float64]:
            averaged: NDArray[np.float64] = np.mean([getattr(each, name) for each in found], axis=0)
            return averaged

        nodes = sum(int(each.settings["nodes"] or 0) for each in found)
        return Attributions(
            values=mean("values"),
            probabilities=found[0].probabilities,
            score=found[0].score,
            baseline_score=mean("baseline_score"),
            delta=mean("delta"),
            error_estimate=mean("error_estimate"),
            converged=np.all([each.converged for each in found], axis=0),
            settings={**found[0].settings, "baseline": ", ".join(self.names), "nodes": nodes},
            notes=tuple(dict.fromkeys(self._notes(found))),
        )

    def _notes(self, found: list[Attributions]) -> Iterator[str]:
        """Say of a note that is not on all baselines which one it is on."""
        for name, each in zip(self.names, found, strict=True):
            for note in each.notes:
                yield note if all(note in other.notes for other in found) else f"{name}: {note}"
