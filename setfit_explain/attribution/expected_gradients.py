"""Expected gradients (Erion et al. 2021, arXiv 1906.10670): integrated gradients, averaged over many baselines."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch

from setfit_explain.attribution.distributions import Stretches, is_sampled, make_distribution
from setfit_explain.attribution.gradient_shap import SampledPaths, Sampling
from setfit_explain.attribution.integrated_gradients import IntegratedGradients
from setfit_explain.attribution.jacobian import ForwardMode
from setfit_explain.attribution.method import Attributions, Attributor
from setfit_explain.attribution.random_paths import check_sampling
from setfit_explain.attribution.real_numbers import check_real_number
from setfit_explain.attribution.whole_numbers import check_whole_number
from setfit_explain.errors import OptionError

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

    From a list, each is integrated, to the tolerance or with ``n_steps`` nodes, and all count alike: the error estimate is the mean of
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
    n_steps
        Nodes for each baseline in a list, as in `IntegratedGradients`; sampled baselines take none.
    n_samples
        How many gradients are sampled between reference texts and the text, at least 2; None for 64. A list takes
        none.
    seed
        Of those samples, which each text gets anew; None for 0. A list takes none.

    Raises
    ------
    OptionError
        A setting is unknown or out of range, or would be ignored.
    """

    baseline: Any = "auto"
    reference_texts: Sequence[str] | None = None
    special_tokens: str = "keep"
    tolerance: float | None = None
    n_steps: int | None = None
    n_samples: int | None = None
    seed: int | None = None

    name: ClassVar[str] = "expected_gradients"
    needs_gradient: ClassVar[bool] = True
    additive: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.tolerance is not None:
            check_real_number("tolerance", self.tolerance)
        if self.n_steps is not None:
            check_whole_number("n_steps", self.n_steps, 2)
        check_sampling(self._sampling.n_samples, self._sampling.seed)
        sampled = is_sampled(self.baseline, self.reference_texts)
        if sampled and self.n_steps is not None:
            raise OptionError(
                "n_steps is of a list of baselines, each of which is integrated. Sampled baselines have one gradient "
                "each: give n_samples instead."
            )
        if not sampled and (self.n_samples, self.seed) != (None, None):
            raise OptionError(
                "n_samples and seed are of sampled baselines, and these are not sampled: each is integrated, nothing "
                "is drawn. Leave them out, give n_steps for the nodes of each, or draw from reference_texts=[...] "
                "with baseline='sampled'."
            )

    @property
    def _sampling(self) -> Sampling:
        samples = 64 if self.n_samples is None else self.n_samples
        seed = 0 if self.seed is None else self.seed
        return Sampling(samples, seed, stratified=True, tolerance=self.tolerance)

    def prepare(self, classifier: TextClassifier, internal_batch_size: int | None) -> Attributor:
        """Look the baselines up once; what is returned explains one text after another."""
        found = make_distribution(classifier, self.baseline, self.special_tokens, self.reference_texts)
        if isinstance(found, Stretches):
            return SampledPaths(ForwardMode(classifier), found, self._sampling, internal_batch_size)
        tolerance = IntegratedGradients.tolerance if self.tolerance is None else self.tolerance
        of_each = IntegratedGradients(
            special_tokens=self.special_tokens, tolerance=tolerance, n_steps=self.n_steps
        )
        return _Average(
            tuple(
                replace(of_each, baseline=member.rows).prepare(classifier, internal_batch_size)
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
