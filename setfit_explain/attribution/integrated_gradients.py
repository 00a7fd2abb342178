"""Integrated gradients (Sundararajan, Taly, Yan 2017, arXiv 1703.01365) over word embeddings.

Equation 1 of the paper, summed over the embedding's dimensions so that each token has one number.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from setfit_explain.attribution.baselines import Baseline, baseline_notes, make_baseline
from setfit_explain.attribution.jacobian import ForwardMode, Path
from setfit_explain.attribution.lockstep import Asking, Question, answer_alone
from setfit_explain.attribution.method import Attributions, Attributor
from setfit_explain.attribution.quadrature import (
    CLENSHAW_CURTIS,
    FIRST_NODES,
    GAUSS_LEGENDRE,
    Estimate,
    adaptive,
    fixed_rule,
)
from setfit_explain.attribution.real_numbers import check_real_number
from setfit_explain.attribution.whole_numbers import check_whole_number
from setfit_explain.classifier.precision import ROUNDING, name, rounding
from setfit_explain.heads.torch_head import to_float64

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from setfit_explain.classifier.encoding import EncodedText
    from setfit_explain.classifier.outputs import ScoreFunction
    from setfit_explain.classifier.text_classifier import TextClassifier


PRECISION_PROBE = 0.25
"""Where on the path two precisions are compared: scores change fastest about there (MiniLM, every baseline)."""

WITNESSES, VOUCHED = 5, 3
"""So many targets that agree with their scores vouch for a third of the error that two nested rules estimate."""


@dataclass(frozen=True, eq=False, kw_only=True)
class IntegratedGradients:
    """Integrated gradients with a known numerical error.

    Parameters
    ----------
    baseline
        Where the path starts: ``"auto"``, ``"mean"``, ``"mask"``, ``"pad"``, ``"unk"``, ``"zero"``, or a
        tensor ``(dim,)`` or ``(tokens, dim)``.
    reference_texts
        Texts whose token frequencies weight the ``"mean"`` baseline; None for an estimate.
    special_tokens
        ``"keep"``: special and prompt tokens have their own embedding in the baseline, so they get no
        attribution. ``"replace"``: they are replaced like words.
    tolerance
        Largest accepted delta and error estimate, relative to the largest attribution of the target.
    n_steps
        None: Clenshaw-Curtis rules of 21 and 41 nodes, then more where they are needed, until the
        tolerance is met.
        A number: that many nodes of ``quadrature``, whatever the error.
    quadrature
        Captum's name of the rule for ``n_steps``: ``"gausslegendre"``, ``"riemann_trapezoid"``, ...
    max_nodes
        Where the adaptive rule gives up and the result is marked as not converged.

    Raises
    ------
    OptionError
        A setting is unknown or out of range.
    """

    baseline: str | Tensor | NDArray[Any] = "auto"
    reference_texts: Sequence[str] | None = None
    special_tokens: str = "keep"
    tolerance: float = 1e-2
    n_steps: int | None = None
    quadrature: str = GAUSS_LEGENDRE
    max_nodes: int = 321

    name = "integrated_gradients"
    needs_gradient = True
    additive = True

    def __post_init__(self) -> None:
        check_real_number("tolerance", self.tolerance)
        check_whole_number("max_nodes", self.max_nodes, FIRST_NODES)
        fixed_rule(self.quadrature, 2 if self.n_steps is None else self.n_steps)

    def prepare(self, classifier: TextClassifier, internal_batch_size: int | None) -> Attributor:
        """Look the baseline up once; what is returned explains one text after another."""
        baseline = make_baseline(classifier, self.baseline, self.special_tokens, self.reference_texts)
        return _Prepared(self, classifier, baseline, internal_batch_size, ForwardMode(classifier))

    def _integrate(self, path: Path) -> Asking[_Integral]:
        if not bool(path.displacement.any()):
            return _nothing_to_attribute(path)
        if self.n_steps is not None:
            return self._fixed(path, self.n_steps)
        return (yield from self._adaptive(path))

    def _fixed(self, path: Path, n_steps: int) -> _Integral:
        rule = fixed_rule(self.quadrature, n_steps)
        (values, coarse), _ = path.integrate(rule.nodes, np.stack([rule.weights, rule.coarse_weights]))
        error = np.abs(values - coarse).max(1, initial=0.0)
        estimate = Estimate(self.quadrature, values, error, n_steps)
        return _integral(path, estimate, path.decide(np.array([0.0, 1.0])))

    def _adaptive(self, path: Path) -> Asking[_Integral]:
        rounds, ends = adaptive(self.tolerance, self.max_nodes), None
        current = next(rounds)
        while current.wanted is not None:
            derivatives, decisions = yield Question(path, current.wanted)
            ends = decisions[[0, -1]] if ends is None else ends  # the first nodes begin at 0 and end at 1
            current = rounds.send(derivatives)
            found = _integral(path, current.estimate, ends)
            found = replace(found, error=_error(found, path))
            if self._within_tolerance(found, path).all():
                break
        return found

    def _within_tolerance(self, found: _Integral, path: Path) -> NDArray[np.bool_]:
        """Whether each target's delta and error estimate are small enough, ``(targets,)``.

        Beside the tolerance stands what rounding does: to delta in proportion to the scores, both of whose rounding
        it holds, and to the attributions in proportion to themselves.
        """
        largest, scores = np.abs(found.values).max(1, initial=0.0), _magnitude(found, path)
        noise = rounding(path.classifier.dtype)
        least = rounding(torch.float32) * scores
        within: NDArray[np.bool_] = (np.abs(found.delta) <= self.tolerance * largest + 2 * noise * scores) & (
            found.error <= (self.tolerance + noise) * largest + least
        )
        return within


@dataclass(frozen=True, eq=False)
class _Integral(Estimate):
    """Attributions, both ends' scores ``(targets,)`` and their decision values ``(2, decisions)``."""

    score: NDArray[np.float64]
    baseline_score: NDArray[np.float64]
    ends: Tensor

    @property
    def delta(self) -> NDArray[np.float64]:
        delta: NDArray[np.float64] = self.values.sum(1) - (self.score - self.baseline_score)
        return delta

    def end_answers(self, path: Path) -> NDArray[np.float64]:
        """Probabilities at the baseline and at the text, else decision values, ``(2, classes)``."""
        answers: NDArray[np.float64] = path.classifier.head.answer(self.ends).cpu().numpy()
        return answers


def _integral(path: Path, estimate: Estimate, ends: Tensor) -> _Integral:
    baseline_score, score = path.score(ends).cpu().numpy()
    return _Integral(**vars(estimate), score=score, baseline_score=baseline_score, ends=ends)


def _error(found: _Integral, path: Path) -> NDArray[np.float64]:
    """Correct the quadrature's error estimate by delta, ``(targets,)``.

    Beyond the rounding of both ends, delta is the sum of the units' errors: one of them may well be larger, so twice
    delta is the least. And it is evidence that the quadrature has not: where the sums of many targets all agree
    with their scores, the integrals are better than two nested rules can tell.
    """
    excess = np.abs(found.delta) - 2 * rounding(path.classifier.dtype) * _magnitude(found, path)
    error = found.error
    if found.rule == CLENSHAW_CURTIS and len(set(path.score.targets)) >= WITNESSES:
        largest = np.abs(found.values).max(1, initial=np.finfo(float).tiny)
        vouched = np.maximum(error / VOUCHED, 2 * (excess / largest).max() * largest)
        error = np.minimum(error, vouched)
    return np.asarray(np.maximum(error, 2 * excess))


def _magnitude(found: _Integral, path: Path) -> NDArray[np.float64]:
    """Of what size the scores are that were computed, which their rounding is in proportion to, ``(targets,)``."""
    ends = np.maximum(np.abs(found.score), np.abs(found.baseline_score))
    return np.maximum(ends, path.score.magnitude)


def _nothing_to_attribute(path: Path) -> _Integral:
    """Answer for a text that is its own baseline: no words, or only the baseline's own token."""
    ends = path.decide(np.ones(1)).expand(2, -1)
    zeros = np.zeros((len(path.score.targets), path.units.shape[1]))
    return _integral(path, Estimate("none", zeros, np.zeros(len(zeros)), 0), ends)


@dataclass(frozen=True, eq=False)
class _Prepared:
    """Integrated gradients for one classifier."""

    method: IntegratedGradients
    classifier: TextClassifier
    reference: Baseline
    internal_batch_size: int | None
    forward_mode: ForwardMode

    def baseline(self, encoded: EncodedText) -> Tensor:
        """Baseline embeddings ``(tokens, dim)`` of one text."""
        return self.reference.for_text(encoded, self.classifier.word_embeddings(encoded))

    def __call__(
        self, encoded: EncodedText, membership: NDArray[np.intp], score: ScoreFunction
    ) -> Attributions:
        """Attribute the scores of one text to its units."""
        return answer_alone(self.ask(encoded, membership, score))

    def ask(
        self, encoded: EncodedText, membership: NDArray[np.intp], score: ScoreFunction
    ) -> Asking[Attributions]:
        """Attribute the scores of one text to its units, asking for derivatives instead of computing them."""
        path = self._path(self.forward_mode, encoded, membership, score)
        known: list[_Known] = []
        asking = self.method._integrate(path)
        found = yield from (asking if self._original is None else _noting(asking, known))
        baseline_answer, answer = found.end_answers(path)
        return Attributions(
            values=found.values,
            probabilities=answer,
            score=found.score,
            baseline_score=found.baseline_score,
            delta=found.delta,
            error_estimate=found.error,
            converged=self.method._within_tolerance(found, path),
            settings={
                "baseline": self.reference.name,
                "special_tokens": self.reference.special_tokens,
                "tolerance": self.method.tolerance,
                "quadrature": found.rule,
                "nodes": found.nodes,
                **(yield from self._precision(path, found, known)),
            },
            notes=_precision_notes(self.classifier) + baseline_notes(self.classifier, baseline_answer),
        )

    def _path(
        self,
        forward_mode: ForwardMode,
        encoded: EncodedText,
        membership: NDArray[np.intp],
        score: ScoreFunction,
    ) -> Path:
        classifier = forward_mode.classifier
        words = classifier.word_embeddings(encoded)
        start = to_float64(self.reference.for_text(encoded, words))
        displacement = to_float64(words) - start
        size = self.internal_batch_size
        return Path(classifier, encoded, start, displacement, membership, score, size, forward_mode)

    @cached_property
    def _original(self) -> ForwardMode | None:
        """Differentiates the user's own model, where a copy in another precision is explained."""
        original = self.classifier.original
        return None if original is None else ForwardMode(original)

    def _precision(self, path: Path, found: _Integral, known: Sequence[_Known]) -> Asking[dict[str, float]]:
        """Compare a copy's derivatives with the model's own at one place.

        Those of the copy are known there; the model's are asked for the target with the largest attribution.
        """
        if self._original is None:
            return {}
        nodes, derivatives = known[0] if known else (np.array([PRECISION_PROBE]), None)
        place = int(np.abs(nodes - PRECISION_PROBE).argmin())
        if derivatives is None:
            derivatives, _ = yield Question(path, nodes)
        target = int(np.abs(found.values).max(1, initial=0.0).argmax())
        score = replace(path.score, targets=path.score.targets[target : target + 1])
        own = self._path(self._original, path.encoded, path.membership, score)
        (expected,), _ = yield Question(own, nodes[[place]])
        largest = np.abs(expected).max(initial=np.finfo(float).tiny)
        error = float(np.abs(derivatives[place, [target]] - expected).max(initial=0.0) / largest)
        return {"precision_error": float(f"{error:.2g}")}


_Known = tuple["NDArray[np.float64]", "NDArray[np.float64]"]
"""Places on a path ``(nodes,)`` and the derivatives there ``(nodes, targets, units)``."""


def _noting(asking: Asking[_Integral], known: list[_Known]) -> Asking[_Integral]:
    """Ask on behalf of a computation, and keep its first answer."""
    answer = None
    while True:
        try:
            question = next(asking) if answer is None else asking.send(answer)
        except StopIteration as end:
            found: _Integral = end.value
            return found
        answer = yield question
        if not known:
            known.append((question.nodes, answer[0]))


def _precision_notes(classifier: TextClassifier) -> tuple[str, ...]:
    """Say it where the body's own rounding is larger than the tolerances that are usual."""
    if classifier.dtype not in ROUNDING:
        return ()
    return (
        f"The body computes in {name(classifier.dtype)}, whose rounding alone moves each score by up to "
        f"{ROUNDING[classifier.dtype]:.1%}; as much at both ends counts as converged.",
    )
