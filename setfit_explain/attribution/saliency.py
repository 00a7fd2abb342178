"""Saliency (Simonyan, Vedaldi, Zisserman 2014, arXiv 1312.6034), and its averages over noise.

How fast a score changes with the word embeddings of a unit, at the text itself (`Saliency`), or at texts with
noise on their word embeddings (`SmoothGrad`, `SquareGrad`, `VarGrad`). Not what a unit added to the score.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from setfit_explain.attribution.jacobian import ForwardMode, Path
from setfit_explain.attribution.method import Attributions, Attributor, no_baseline
from setfit_explain.attribution.random_paths import (
    check_sampling,
    generator,
    noise,
    sampled_paths,
    standard_error,
)
from setfit_explain.attribution.real_numbers import check_real_number
from setfit_explain.errors import OptionError
from setfit_explain.heads.torch_head import to_float64

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray
    from torch import Tensor

    from setfit_explain.classifier.encoding import EncodedText
    from setfit_explain.classifier.outputs import ScoreFunction
    from setfit_explain.classifier.text_classifier import TextClassifier

    Floats = NDArray[np.float64]
    PerUnit = Callable[[Tensor], Floats]  # (targets, tokens, dim) -> sums (targets, units)
    Settings = dict[str, str | int | float | bool]
    Summary = tuple[Floats, Floats]  # values and their errors, (targets, units) each

REDUCTIONS = ("norm", "sum")

NOTE = (
    "These are slopes: how fast the score changes with each unit's embeddings, not what the unit added to it. "
    "They do not add up to the score."
)
VANISHED = (
    "The slopes of a unit's embeddings sum to less than a thousandth of their norm, as where a LayerNorm follows "
    "the embeddings, which takes the sum away: these numbers are rounding. Take reduction='norm'."
)
UNSIGNED = "Nor do they have a sign: what speaks for a class and what speaks against it look alike."


@dataclass(frozen=True, eq=False, kw_only=True)
class Saliency:
    """Gradient of the score by a unit's word embeddings: its norm, or its sum.

    One forward pass, and at most one backward pass a class. Special tokens have a gradient as words have.

    Parameters
    ----------
    reduction
        ``"norm"``: the Euclidean norm over all numbers of the unit's embeddings, without a sign.
        ``"sum"``: their sum, with the gradient's sign. Either in the score's unit per unit of embedding. Where a
        LayerNorm follows the embeddings, as in BERT, the sum is 0 but for rounding, which the notes then say.

    Raises
    ------
    OptionError
        An unknown reduction.
    """

    reduction: str = "norm"

    name: ClassVar[str] = "saliency"
    needs_gradient: ClassVar[bool] = True
    additive: ClassVar[bool] = False

    def __post_init__(self) -> None:
        _check_reduction(self.reduction)

    def prepare(self, classifier: TextClassifier, internal_batch_size: int | None) -> Attributor:
        """Make the method ready for one classifier."""
        return _Prepared(self, ForwardMode(classifier), internal_batch_size)

    @property
    def _settings(self) -> Settings:
        return {"reduction": self.reduction, "signed": self.reduction == "sum"}

    def _noise(self, words: Tensor) -> Tensor:
        return words.new_zeros(1, *words.shape)

    def _summary(self, gradients: Iterator[Tensor], per_unit: PerUnit) -> Summary:
        (gradient,) = gradients
        values = per_unit(gradient) if self.reduction == "sum" else np.sqrt(per_unit(gradient**2))
        return values, np.zeros_like(values)


@dataclass(frozen=True, eq=False, kw_only=True)
class _Noisy(ABC):
    """What the averages over noise share: settings, and the noise."""

    noise_level: float = 0.5
    n_samples: int = 50
    seed: int = 0

    name: ClassVar[str]
    needs_gradient: ClassVar[bool] = True
    additive: ClassVar[bool] = False

    def __post_init__(self) -> None:
        check_sampling(self.n_samples, self.seed, least=4)
        check_real_number("noise_level", self.noise_level)

    @property
    def _settings(self) -> Settings:
        return {
            "noise_level": self.noise_level,
            "n_samples": self.n_samples,
            "seed": self.seed,
            "signed": False,
        }

    def prepare(self, classifier: TextClassifier, internal_batch_size: int | None) -> Attributor:
        """Make the method ready for one classifier."""
        return _Prepared(self, ForwardMode(classifier), internal_batch_size)

    @abstractmethod
    def _summary(self, gradients: Iterator[Tensor], per_unit: PerUnit) -> Summary:
        """Sum the samples' gradients ``(targets, tokens, dim)`` up."""

    def _noise(self, words: Tensor) -> Tensor:
        return noise(words, self.n_samples, self.noise_level, generator(self.seed))


@dataclass(frozen=True, eq=False, kw_only=True)
class SmoothGrad(_Noisy):
    """Mean of the gradient over noise on the word embeddings (Smilkov et al. 2017, arXiv 1706.03825).

    The error estimate is of sampling: of a sum the standard error, of a norm the root mean square distance of
    the sampled mean gradient from its expectation, which bounds what sampling does to the norm.

    Parameters
    ----------
    noise_level
        Standard deviation of the noise, relative to that of all numbers in the text's word embeddings, special
        tokens included. (The paper takes 0.1 to 0.2 of an image's range, about half of its standard deviation.
        The range of embeddings is that of a few outlying dimensions: in MiniLM 25 standard deviations.)
    n_samples
        How many noisy texts, at least 4; as many forward passes, and backward passes a class.
    seed
        Of the noise, which each text gets anew.
    reduction
        As in `Saliency`, of the mean gradient.

    Raises
    ------
    OptionError
        A setting is unknown or out of range.
    """

    reduction: str = "norm"

    name: ClassVar[str] = "smoothgrad"

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_reduction(self.reduction)

    @property
    def _settings(self) -> Settings:
        return super()._settings | {"reduction": self.reduction, "signed": self.reduction == "sum"}

    def _summary(self, gradients: Iterator[Tensor], per_unit: PerUnit) -> Summary:
        if self.reduction == "sum":
            return _mean(np.stack([per_unit(gradient) for gradient in gradients]))
        squared_norm, variance = _moments(gradients, per_unit)
        return np.sqrt(squared_norm), np.sqrt(variance / self.n_samples)


class SquareGrad(_Noisy):
    """Mean of the squared gradient over noise, summed over a unit's embeddings (Hooker et al. 2019, arXiv 1806.10758).

    In the square of the unit of `Saliency`. The error estimate is the standard error of sampling. Parameters
    as in `SmoothGrad`.
    """

    name: ClassVar[str] = "squaregrad"

    def _summary(self, gradients: Iterator[Tensor], per_unit: PerUnit) -> Summary:
        return _mean(np.stack([per_unit(gradient**2) for gradient in gradients]))


class VarGrad(_Noisy):
    """Variance of the gradient over noise, summed over a unit's embeddings (Adebayo et al. 2018, arXiv 1810.03307).

    In the square of the unit of `Saliency`; unbiased. The error estimate is the standard error of the mean over
    disjoint pairs of samples, which is never below that of the variance over all. Parameters as in `SmoothGrad`.
    """

    name: ClassVar[str] = "vargrad"

    def _summary(self, gradients: Iterator[Tensor], per_unit: PerUnit) -> Summary:
        pairs = []

        def watched() -> Iterator[Tensor]:
            previous = None
            for gradient in gradients:
                yield gradient
                if previous is None:
                    previous = gradient
                else:
                    pairs.append(per_unit((gradient - previous) ** 2) / 2)
                    previous = None

        _, variance = _moments(watched(), per_unit)
        _, error = _mean(np.stack(pairs))
        return variance, error


@dataclass(frozen=True, eq=False)
class _Prepared:
    """Saliency, or an average of it, for one classifier."""

    method: Saliency | _Noisy
    forward_mode: ForwardMode
    internal_batch_size: int | None

    def baseline(self, encoded: EncodedText) -> Tensor:  # noqa: ARG002 - the protocol's
        """Raise `OptionError`: there is none."""
        raise no_baseline(self.method.name)

    def __call__(
        self, encoded: EncodedText, membership: NDArray[np.intp], score: ScoreFunction
    ) -> Attributions:
        """Attribute the scores of one text to its units."""
        classifier, size = self.forward_mode.classifier, self.internal_batch_size
        words = to_float64(classifier.word_embeddings(encoded))
        path = Path(classifier, encoded, words, words * 0, membership, score, size, self.forward_mode)

        def per_unit(of_tokens: Tensor) -> Floats:
            summed: Floats = (of_tokens.sum(-1) @ path.units).cpu().numpy()
            return summed

        settings = self.method._settings
        steepest = 0.0

        def gradients() -> Iterator[Tensor]:
            nonlocal steepest
            added = self.method._noise(words)
            for _, near in sampled_paths(self.forward_mode, encoded, membership, score, words, added, size):
                for gradient in to_float64(near.gradients(np.ones(len(near.start)))[0]):
                    if settings["signed"]:
                        steepest = max(steepest, float(np.sqrt(per_unit(gradient**2)).max(initial=0.0)))
                    yield gradient

        values, error = self.method._summary(gradients(), per_unit)
        decision = path.decide(np.zeros(1))
        unknown = np.full(len(score.targets), np.nan)
        notes: tuple[str, ...] = (NOTE,) if settings["signed"] else (f"{NOTE} {UNSIGNED}",)
        if settings["signed"] and np.abs(values).max(initial=0.0) < 1e-3 * steepest:
            notes += (VANISHED,)
        return Attributions(
            values=values,
            probabilities=classifier.head.answer(decision)[0].cpu().numpy(),
            score=score(decision)[0].cpu().numpy(),
            baseline_score=unknown,
            delta=unknown,
            error_estimate=error.max(1, initial=0.0),
            converged=np.isnan(unknown),
            settings=settings,
            notes=notes,
        )


def _check_reduction(reduction: str) -> None:
    if reduction not in REDUCTIONS:
        raise OptionError(f"reduction={reduction!r} is not known. Accepted: {', '.join(REDUCTIONS)}.")


def _mean(samples: Floats) -> Summary:
    return samples.mean(0), standard_error(samples)


def _moments(gradients: Iterator[Tensor], per_unit: PerUnit) -> Summary:
    """Squared norm of the mean gradient, and the gradient's variance, both summed over each unit."""
    first = next(gradients)
    total, squares = first.clone(), [per_unit(first**2)]
    for gradient in gradients:
        total += gradient
        squares.append(per_unit(gradient**2))
    samples = len(squares)
    squared_norm = per_unit((total / samples) ** 2)
    variance = (np.mean(squares, axis=0) - squared_norm) * samples / (samples - 1)
    return squared_norm, np.maximum(variance, 0.0)
