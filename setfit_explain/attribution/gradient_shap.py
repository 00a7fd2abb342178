"""Gradient SHAP (Lundberg, Lee 2017, arXiv 1705.07874): gradients at random places on the way from random baselines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch

from setfit_explain.attribution.baselines import baseline_notes
from setfit_explain.attribution.distributions import Distribution, make_distribution
from setfit_explain.attribution.jacobian import ForwardMode
from setfit_explain.attribution.method import Attributions, Attributor
from setfit_explain.attribution.random_paths import (
    check_sampling,
    generator,
    noise,
    sampled_paths,
    standard_error,
)
from setfit_explain.attribution.real_numbers import check_real_number
from setfit_explain.classifier.precision import rounding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from setfit_explain.classifier.encoding import EncodedText
    from setfit_explain.classifier.outputs import ScoreFunction
    from setfit_explain.classifier.text_classifier import TextClassifier

    Floats = NDArray[np.float64]

NOTE = (
    "These are means over random samples: delta and error estimate say how far they may be from what more "
    "samples give."
)


@dataclass(frozen=True, eq=False, kw_only=True)
class GradientShap:
    """Mean over samples of the gradient at a random place on the way from a random baseline, times that way.

    In expectation the attributions add up to ``F(text)`` minus the mean of ``F(baseline)``; delta is what is
    missed with the baselines drawn. The error estimate is the largest standard error of any unit's mean.

    Parameters
    ----------
    baseline
        ``"sampled"``: stretches of ``reference_texts``, as long as the text. A list of names or tensors, each as
        likely; or one. ``"auto"``: sampled where there are reference texts, else mean, mask, pad and unk.
    reference_texts
        Texts to draw from, such as the training texts; beside a list, they weight its ``"mean"``.
    special_tokens
        ``"keep"``: special and prompt tokens have their own embedding in every baseline. ``"replace"``: they
        are replaced like words.
    noise_level
        Standard deviation of noise on the text's word embeddings in each sample, as in `SmoothGrad`; 0 for none.
    n_samples
        How many, at least 2; as many forward passes, and backward passes a class.
    tolerance
        Largest accepted delta and error estimate, relative to the largest attribution of the target: all samples
        are taken, and where they do not meet it the explanation is marked as not converged. None: they are taken,
        whatever the error.
    seed
        Of baselines, places and noise, which each text gets anew.

    Raises
    ------
    OptionError
        A setting is unknown or out of range.
    """

    baseline: Any = "auto"
    reference_texts: Sequence[str] | None = None
    special_tokens: str = "keep"
    noise_level: float = 0.0
    n_samples: int = 50
    tolerance: float | None = None
    seed: int = 0

    name: ClassVar[str] = "gradient_shap"
    needs_gradient: ClassVar[bool] = True
    additive: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_sampling(self.n_samples, self.seed)
        check_real_number("noise_level", self.noise_level, zero=True)
        if self.tolerance is not None:
            check_real_number("tolerance", self.tolerance)

    def prepare(self, classifier: TextClassifier, internal_batch_size: int | None) -> Attributor:
        """Look the baselines up once; what is returned explains one text after another."""
        drawn_from = make_distribution(classifier, self.baseline, self.special_tokens, self.reference_texts)
        sampling = Sampling(self.n_samples, self.seed, noise_level=self.noise_level, tolerance=self.tolerance)
        return SampledPaths(ForwardMode(classifier), drawn_from, sampling, internal_batch_size)


@dataclass(frozen=True)
class Sampling:
    """How places on the ways from random baselines are drawn.

    Parameters
    ----------
    n_samples, seed, noise_level
        As in `GradientShap`.
    stratified
        Whether each sample has its own n-th part of the way to be drawn from, instead of all of it.
    tolerance
        Largest accepted delta and error estimate, relative to the largest attribution of the target; None
        accepts any.
    """

    n_samples: int
    seed: int
    noise_level: float = 0.0
    stratified: bool = False
    tolerance: float | None = None

    def places(self, random: torch.Generator) -> Floats:
        """Draw places, 0 for the baseline and 1 for the text, ``(n_samples,)``."""
        places: Floats = torch.rand(self.n_samples, generator=random, dtype=torch.float64).numpy()
        return (np.arange(self.n_samples) + places) / self.n_samples if self.stratified else places

    def standard_error(self, samples: Floats) -> Floats:
        """Estimate the standard error of the mean over the first axis.

        Of neighbouring strata it is found in their differences, which hold the integrand's change from one to
        the next too: in expectation it is not too small.
        """
        if not self.stratified:
            return standard_error(samples)
        squares = np.diff(samples, axis=0) ** 2
        error: Floats = np.sqrt(squares.mean(0) / 2 / len(samples))
        return error

    def accepts(self, values: Floats, delta: Floats, error: Floats, noise: Floats) -> NDArray[np.bool_]:
        """Whether each target's delta and error are small enough, ``(targets,)``, beside its scores' rounding."""
        if self.tolerance is None:
            return np.ones(len(values), dtype=bool)
        accepted = self.tolerance * np.abs(values).max(1, initial=0.0)
        within: NDArray[np.bool_] = (np.abs(delta) <= accepted + 2 * noise) & (error <= accepted + noise)
        return within


@dataclass(frozen=True, eq=False)
class SampledPaths:
    """Mean of the gradients at sampled places, times the ways they lie on, for one classifier."""

    forward_mode: ForwardMode
    drawn_from: Distribution
    sampling: Sampling
    internal_batch_size: int | None

    def baseline(self, encoded: EncodedText) -> Tensor:
        """Mean of the baselines that are drawn for one text, ``(tokens, dim)``."""
        words = self.forward_mode.classifier.word_embeddings(encoded)
        return self._draw(encoded, words, generator(self.sampling.seed)).mean(0)

    def _draw(self, encoded: EncodedText, words: Tensor, random: torch.Generator) -> Tensor:
        return self.drawn_from.draw(encoded, words, self.sampling.n_samples, random)

    def __call__(
        self, encoded: EncodedText, membership: NDArray[np.intp], score: ScoreFunction
    ) -> Attributions:
        """Attribute the scores of one text to its units."""
        classifier, size, sampling = self.forward_mode.classifier, self.internal_batch_size, self.sampling
        random = generator(sampling.seed)
        words = classifier.word_embeddings(encoded)
        baselines = self._draw(encoded, words, random)
        places = sampling.places(random)
        ways = words - baselines
        if sampling.noise_level:
            ways = ways + noise(words, sampling.n_samples, sampling.noise_level, random)
        slopes, at_baselines = [], []
        for rows, path in sampled_paths(self.forward_mode, encoded, membership, score, baselines, ways, size):
            slopes.append(path.differentiate(places[rows])[0])
            at_baselines.append(path.decide(np.zeros(len(path.start))))
        samples = np.concatenate(slopes)
        values = samples.mean(0)
        with classifier.body.session(), torch.no_grad():
            decision = classifier.decide(encoded, words.unsqueeze(0))
        start = torch.cat(at_baselines)
        own_score, baseline_score = (score(each).mean(0).cpu().numpy() for each in (decision, start))
        answer, baseline_answer = (
            classifier.head.answer(each).mean(0).cpu().numpy() for each in (decision, start)
        )
        settings: dict[str, str | int | float] = {
            "baseline": self.drawn_from.name,
            "special_tokens": self.drawn_from.special_tokens,
            "n_samples": sampling.n_samples,
            "seed": sampling.seed,
        }
        if sampling.noise_level:
            settings["noise_level"] = sampling.noise_level
        if sampling.tolerance is not None:
            settings["tolerance"] = sampling.tolerance
        delta = values.sum(1) - (own_score - baseline_score)
        error = sampling.standard_error(samples).max(1, initial=0.0)
        sizes = np.max([np.abs(own_score), np.abs(baseline_score), score.magnitude], axis=0)
        return Attributions(
            values=values,
            probabilities=answer,
            score=own_score,
            baseline_score=baseline_score,
            delta=delta,
            error_estimate=error,
            converged=sampling.accepts(values, delta, error, rounding(classifier.dtype) * sizes),
            settings=settings,
            notes=(NOTE, *baseline_notes(classifier, baseline_answer)),
        )
