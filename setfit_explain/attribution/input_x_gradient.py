"""Input times gradient (Shrikumar et al. 2016, arXiv 1605.01713): a step from the baseline at the slope found at the text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from setfit_explain.attribution.baselines import Baseline, baseline_notes, make_baseline
from setfit_explain.attribution.jacobian import ForwardMode, Path
from setfit_explain.attribution.method import Attributions, Attributor
from setfit_explain.heads.torch_head import to_float64

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from setfit_explain.classifier.encoding import EncodedText
    from setfit_explain.classifier.outputs import ScoreFunction
    from setfit_explain.classifier.text_classifier import TextClassifier

NOTE = (
    "Input times gradient takes the slope at the text for the slope of the whole way from the baseline. The "
    "numbers need not add up: delta is what that leaves out."
)


@dataclass(frozen=True, eq=False, kw_only=True)
class InputXGradient:
    """The gradient at the text, times the word embeddings minus the baseline's, summed over a unit.

    The first step of a Taylor series of ``F(text) - F(baseline)``, from the text: exact where the score is
    linear. One forward pass, and at most one backward pass a class.

    Parameters
    ----------
    baseline
        ``"zero"``, which is the method's name and Captum's; or another of ``"auto"``, ``"mean"``, ``"mask"``,
        ``"pad"``, ``"unk"``, or a tensor ``(dim,)`` or ``(tokens, dim)``.
    reference_texts
        Texts whose token frequencies weight the ``"mean"`` baseline; None for an estimate.
    special_tokens
        ``"keep"``: special and prompt tokens are their own baseline, so they get nothing. ``"replace"``: they
        are treated like words, as Captum does.
    """

    baseline: str | Tensor | NDArray[Any] = "zero"
    reference_texts: Sequence[str] | None = None
    special_tokens: str = "keep"

    name: ClassVar[str] = "input_x_gradient"
    needs_gradient: ClassVar[bool] = True
    additive: ClassVar[bool] = False

    def prepare(self, classifier: TextClassifier, internal_batch_size: int | None) -> Attributor:
        """Look the baseline up once; what is returned explains one text after another."""
        baseline = make_baseline(classifier, self.baseline, self.special_tokens, self.reference_texts)
        return _Prepared(ForwardMode(classifier), baseline, internal_batch_size)


@dataclass(frozen=True, eq=False)
class _Prepared:
    """Input times gradient for one classifier."""

    forward_mode: ForwardMode
    reference: Baseline
    internal_batch_size: int | None

    def baseline(self, encoded: EncodedText) -> Tensor:
        """Baseline embeddings ``(tokens, dim)`` of one text."""
        return self.reference.for_text(encoded, self.forward_mode.classifier.word_embeddings(encoded))

    def __call__(
        self, encoded: EncodedText, membership: NDArray[np.intp], score: ScoreFunction
    ) -> Attributions:
        """Attribute the scores of one text to its units."""
        classifier, size = self.forward_mode.classifier, self.internal_batch_size
        words = classifier.word_embeddings(encoded)
        start = to_float64(self.reference.for_text(encoded, words))
        step = to_float64(words) - start
        path = Path(classifier, encoded, start, step, membership, score, size, self.forward_mode)
        (values,), _ = path.differentiate(np.ones(1))
        decisions = path.decide(np.array([0.0, 1.0]))
        baseline_score, own_score = score(decisions).cpu().numpy()
        baseline_answer, answer = classifier.head.answer(decisions).cpu().numpy()
        none = np.zeros(len(score.targets))
        return Attributions(
            values=values,
            probabilities=answer,
            score=own_score,
            baseline_score=baseline_score,
            delta=values.sum(1) - (own_score - baseline_score),
            error_estimate=none,
            converged=none == 0,
            settings={"baseline": self.reference.name, "special_tokens": self.reference.special_tokens},
            notes=(NOTE, *baseline_notes(classifier, baseline_answer)),
        )
