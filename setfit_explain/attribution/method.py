"""The protocol of an attribution method, and what it returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from setfit_explain.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from setfit_explain.classifier.encoding import EncodedText
    from setfit_explain.classifier.outputs import ScoreFunction
    from setfit_explain.classifier.text_classifier import TextClassifier


@dataclass(frozen=True, eq=False)
class Attributions:
    """Attributions of one text's units, with the figures that say how exact they are.

    Parameters
    ----------
    values
        Signed, shape ``(targets, units)``, in the unit of the scores.
    probabilities
        Of every class for the text, through the same function that was differentiated, ``(classes,)``;
        of a head without probabilities its decision values.
    score, baseline_score
        Each target's score for the text and for the baseline, shape ``(targets,)``.
    delta
        Sum of the attributions minus the difference of the scores (Captum's sign), ``(targets,)``.
    error_estimate
        Estimated largest error of any single unit's attribution, ``(targets,)``.
    converged
        Whether delta and error estimate are both within the tolerance, ``(targets,)``; True where there is none.
    settings
        What was used, in plain values.
    notes
        Sentences that every view must show.
    rows
        Names of the rows where they are not the targets asked for: a method that explains no class has one row.

    Scores of which a method knows nothing are NaN: it has no baseline, explains no class, or its numbers are no
    parts of a score. Attributions that only say how much, not in which direction, have the setting
    ``signed=False``, and those that are no strength of an effect the setting ``values``, which names them.
    """

    values: NDArray[np.float64]
    probabilities: NDArray[np.float64]
    score: NDArray[np.float64]
    baseline_score: NDArray[np.float64]
    delta: NDArray[np.float64]
    error_estimate: NDArray[np.float64]
    converged: NDArray[np.bool_]
    settings: Mapping[str, str | int | float | bool | None]
    notes: tuple[str, ...]
    rows: tuple[str, ...] | None = None


class Attributor(Protocol):
    """A method made ready for one classifier."""

    def __call__(
        self, encoded: EncodedText, membership: NDArray[np.intp], score: ScoreFunction
    ) -> Attributions:
        """Attribute the scores of one text to its units; ``membership`` is the unit of each token."""

    def baseline(self, encoded: EncodedText) -> Tensor:
        """Word embeddings ``(tokens, dim)`` that the text is compared with.

        Raises
        ------
        OptionError
            The method compares with nothing.
        """


def no_baseline(method: str) -> OptionError:
    """Say that a method has none."""
    return OptionError(
        f"Method {method!r} compares the text with no baseline; integrated_gradients and occlusion do."
    )


class AttributionMethod(Protocol):
    """A method with its knobs; it holds no model."""

    @property
    def name(self) -> str:
        """The method's name in the literature, in lower case with underscores."""

    @property
    def needs_gradient(self) -> bool:
        """Whether the head must be differentiable; without it, any head with ``predict_proba`` will do."""

    @property
    def additive(self) -> bool:
        """Whether the attributions add up to the score minus the baseline's, so that parts may be added."""

    def prepare(self, classifier: TextClassifier, internal_batch_size: int | None) -> Attributor:
        """Make the method ready for one classifier: what is the same for all texts is computed here."""
