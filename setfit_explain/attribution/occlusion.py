"""Occlusion (Zeiler, Fergus 2014, arXiv 1311.2901; by words: Li, Monroe, Jurafsky 2016, arXiv 1612.08220).

What the score loses when one unit alone is taken out. It only asks the classifier, so it serves every head.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from setfit_explain.attribution.baselines import baseline_notes
from setfit_explain.attribution.method import Attributions, Attributor
from setfit_explain.attribution.perturbation import Perturbation, Removal, make_removal
from setfit_explain.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from setfit_explain.classifier.encoding import EncodedText
    from setfit_explain.classifier.outputs import ScoreFunction
    from setfit_explain.classifier.text_classifier import TextClassifier

NOTE = (
    "Occlusion says what the score loses when one unit alone is replaced. These effects need not add up: "
    "delta is what words do together."
)


@dataclass(frozen=True, eq=False, kw_only=True)
class Occlusion:
    """The score's drop when one unit is replaced by the baseline: ``F(text) - F(text without the unit)``.

    Units + 2 forward passes give all classes at once. The word embeddings of a unit are replaced, so that
    every other word keeps its tokens and position. No gradient is used: any head with ``predict_proba``
    or ``decision_function`` will do. The numbers carry no error besides rounding; they need not add up.

    Parameters
    ----------
    baseline
        What takes the place of a unit: ``"auto"``, ``"mean"``, ``"mask"``, ``"pad"``, ``"unk"``, ``"zero"``,
        or a tensor ``(dim,)`` or ``(tokens, dim)``.
    reference_texts
        Texts whose token frequencies weight the ``"mean"`` baseline; None for an estimate.
    special_tokens
        ``"keep"``: special and prompt tokens are never replaced. ``"replace"``: they are replaced like words.
    """

    baseline: str | Tensor | NDArray[Any] = "auto"
    reference_texts: Sequence[str] | None = None
    special_tokens: str = "keep"

    name = "occlusion"
    needs_gradient = False
    additive = False

    def prepare(self, classifier: TextClassifier, internal_batch_size: int | None) -> Attributor:
        """Look the baseline up once; what is returned explains one text after another."""
        removal = make_removal(classifier, self.baseline, self.special_tokens, self.reference_texts)
        return _Prepared(classifier, removal, internal_batch_size)


@dataclass(frozen=True, eq=False)
class _Prepared:
    """Occlusion for one classifier."""

    classifier: TextClassifier
    removal: Removal
    internal_batch_size: int | None

    def baseline(self, encoded: EncodedText) -> Tensor:
        """Baseline embeddings ``(tokens, dim)`` of one text."""
        return self.removal.embeddings(self.classifier, encoded)

    def __call__(
        self, encoded: EncodedText, membership: NDArray[np.intp], score: ScoreFunction
    ) -> Attributions:
        """Attribute the scores of one text to its units."""
        perturbation = Perturbation(
            self.classifier, encoded, membership, self.removal, self.internal_batch_size
        )
        units = perturbation.units
        # Rows: the text, the baseline, then the text without each unit.
        rows = [np.ones((1, units), dtype=bool), np.zeros((1, units), dtype=bool), ~np.eye(units, dtype=bool)]
        decisions = perturbation.decide(np.vstack(rows))
        scores = score(decisions).cpu().numpy()
        _check_finite(scores, score)
        values = (scores[0] - scores[2:]).T
        answers = self.classifier.head.answer(decisions[:2]).cpu().numpy()
        none = np.zeros(len(score.targets))
        return Attributions(
            values=values,
            probabilities=answers[0],
            score=scores[0],
            baseline_score=scores[1],
            delta=values.sum(1) - (scores[0] - scores[1]),
            error_estimate=none,
            converged=none == 0,
            settings={"baseline": self.removal.name, "special_tokens": self.removal.special_tokens},
            notes=(NOTE, *baseline_notes(self.classifier, answers[1])),
        )


def _check_finite(scores: NDArray[np.float64], score: ScoreFunction) -> None:
    if not np.isfinite(scores).all():
        raise OptionError(
            f"The head answers a probability of exactly 0 or 1, so output={score.output.value!r} is infinite. "
            "Explain output='probability'."
        )
