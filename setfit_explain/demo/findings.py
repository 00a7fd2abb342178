"""What the demonstration finds out about a classifier: numbers and texts, no sentences.

Everything here is computed from predictions and attributions; nothing knows what the answer will be.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from setfit_explain.demo.data import EXPORT_CLASS, Example, as_exported, export_one_class
from setfit_explain.explanation.explanation_set import ExplanationSet

if TYPE_CHECKING:
    from setfit import SetFitModel

MIN_COUNT: Final = 3
"""A unit that occurs less often is not compared: it says more about its texts than about the class."""

FLIP_MAX_WORDS: Final = 20
"""A longer text is hard to read in a terminal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """How often a classifier is right on held-out texts.

    Parameters
    ----------
    like_training
        Share of right answers, from 0 to 1, where the texts of the exported class come from the export too.
    clean
        Share of right answers where all texts are clean.
    drawn
        Share of the other classes' texts that are answered with the exported class once they look exported.
    texts
        How many held-out texts there are.
    """

    like_training: float
    clean: float
    drawn: float
    texts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RankedUnit:
    """One unit's pull towards a class, over the texts that were answered with that class.

    Parameters
    ----------
    unit
        Its text, case folded.
    mean
        Mean attribution, signed, in probability.
    count
        Number of occurrences.
    share
        Its part of all positive attributions in these texts, from 0 to 1.
    rank
        Its place by mean, 1 for the strongest, among the units that occur `MIN_COUNT` times or more.
    """

    unit: str
    mean: float
    count: int
    share: float
    rank: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassEvidence:
    """What made the classifier answer one class.

    Parameters
    ----------
    label
        The class.
    texts
        How many of the explained texts were answered with it.
    units
        The units that occur `MIN_COUNT` times or more, by falling mean; empty where there is none.
    """

    label: str
    texts: int
    units: tuple[RankedUnit, ...]

    def find(self, unit: str) -> RankedUnit | None:
        """Return what is known of ``unit``, or None if it is not compared here."""
        return next((ranked for ranked in self.units if ranked.unit == unit), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a unit occurs in the training texts.

    Parameters
    ----------
    unit, label
        The unit, and the class it is looked up for.
    with_unit, texts
        How many of the class's training texts hold the unit, and how many there are.
    others_with_unit, others
        The same for the training texts of all other classes.
    """

    unit: str
    label: str
    with_unit: int
    texts: int
    others_with_unit: int
    others: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Flip:
    """A held-out text whose answer the export's commas change.

    Parameters
    ----------
    clean, exported
        The text without and with the export's empty fields.
    true_label
        Its class.
    answer_clean, answer_exported
        What the classifier answers.
    probability_clean, probability_exported
        Probability of ``answer_exported`` for either form.
    """

    clean: str
    exported: str
    true_label: str
    answer_clean: str
    answer_exported: str
    probability_clean: float
    probability_exported: float


def measure(model: "SetFitModel", examples: Sequence[Example]) -> Accuracy:
    """Measure ``model`` on the clean held-out ``examples`` and on their exported forms."""
    others = [example for example in examples if example.label != EXPORT_CLASS]
    drawn = _answers(model, [as_exported(example.text) for example in others])
    return Accuracy(
        like_training=_accuracy(model, export_one_class(examples)),
        clean=_accuracy(model, examples),
        drawn=drawn.count(EXPORT_CLASS) / len(others),
        texts=len(examples),
    )


def gather_evidence(explanations: ExplanationSet, labels: Sequence[str]) -> tuple[ClassEvidence, ...]:
    """Rank, for each class, the units of the texts that were answered with it.

    Parameters
    ----------
    explanations
        Each of the predicted class, or of all classes.
    labels
        The classes to report on, in this order.
    """
    return tuple(_class_evidence(explanations, label) for label in labels)


def find_suspect(evidence: Sequence[ClassEvidence]) -> ClassEvidence:
    """Give the class for which a single unit makes up the largest share of all that spoke for it."""
    return max(evidence, key=lambda found: found.units[0].share if found.units else 0.0)


def find_origin(unit: str, label: str, examples: Sequence[Example]) -> Origin:
    """Count the training ``examples`` of class ``label``, and the others, that hold ``unit``."""
    own = [unit in example.text.casefold() for example in examples if example.label == label]
    others = [unit in example.text.casefold() for example in examples if example.label != label]
    return Origin(
        unit=unit,
        label=label,
        with_unit=sum(own),
        texts=len(own),
        others_with_unit=sum(others),
        others=len(others),
    )


def find_flip(model: "SetFitModel", examples: Sequence[Example]) -> Flip | None:
    """Find the short text of another class that the export's look moves most towards `EXPORT_CLASS`.

    Returns
    -------
    Flip or None
        None where no rightly answered text changes its answer.
    """
    candidates = [e for e in examples if e.label != EXPORT_CLASS and len(e.text.split()) <= FLIP_MAX_WORDS]
    clean = [example.text for example in candidates]
    exported = [as_exported(text) for text in clean]
    column = list(model.labels).index(EXPORT_CLASS)
    before = model.predict_proba(clean, as_numpy=True, show_progress_bar=False)[:, column]
    after = model.predict_proba(exported, as_numpy=True, show_progress_bar=False)[:, column]
    flips = [
        Flip(
            clean=example.text,
            exported=text,
            true_label=example.label,
            answer_clean=answer_clean,
            answer_exported=answer_exported,
            probability_clean=float(p_clean),
            probability_exported=float(p_exported),
        )
        for example, text, answer_clean, answer_exported, p_clean, p_exported in zip(
            candidates,
            exported,
            _answers(model, clean),
            _answers(model, exported),
            before,
            after,
            strict=True,
        )
        if answer_clean == example.label and answer_exported == EXPORT_CLASS
    ]
    return max(flips, key=lambda flip: flip.probability_exported - flip.probability_clean, default=None)


def _class_evidence(explanations: ExplanationSet, label: str) -> ClassEvidence:
    answered = ExplanationSet(e for e in explanations.explanations if e.predicted == (label,))
    pull = sum(
        float(value)
        for explanation in answered.explanations
        for value in explanation.attributions[explanation.target_index(label)]
        if value > 0
    )
    every_unit = answered.strongest_units(label, n=sum(len(e.units) for e in answered.explanations))
    frequent = [strength for strength in every_unit if strength.count >= MIN_COUNT]
    return ClassEvidence(
        label=label,
        texts=len(answered),
        units=tuple(
            RankedUnit(unit=s.unit, mean=s.mean, count=s.count, share=max(s.total, 0.0) / pull, rank=rank)
            for rank, s in enumerate(frequent, start=1)
        ),
    )


def _accuracy(model: "SetFitModel", examples: Sequence[Example]) -> float:
    answers = _answers(model, [example.text for example in examples])
    return sum(a == e.label for a, e in zip(answers, examples, strict=True)) / len(examples)


def _answers(model: "SetFitModel", texts: Sequence[str]) -> list[str]:
    return [str(answer) for answer in model.predict(list(texts), show_progress_bar=False)]
