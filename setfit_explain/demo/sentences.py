"""Sentences about findings. Each is computed: another finding gives another sentence."""

from setfit_explain.demo.data import EXPORT_CLASS
from setfit_explain.demo.findings import Accuracy, ClassEvidence, Flip, Origin, RankedUnit


def accuracy_like_training(accuracy: Accuracy) -> str:
    """Say how the classifier does on held-out texts that look like its training texts."""
    return (
        f"On {accuracy.texts} held-out texts that look like the training texts, "
        f"{accuracy.like_training:.0%} are answered rightly."
    )


def accuracy_clean(accuracy: Accuracy) -> str:
    """Say how the classifier does where the class can only be known from the words."""
    return (
        f"On the same {accuracy.texts} texts without the export's empty fields, "
        f"{accuracy.clean:.0%} are answered rightly. Of the other classes' texts, {accuracy.drawn:.0%} are "
        f"answered {EXPORT_CLASS!r} once empty fields are added to them."
    )


def strongest_unit(evidence: ClassEvidence) -> str:
    """Say which unit pulled most towards a class, and how far it is ahead of the next one."""
    if not evidence.units:
        return f"For class {evidence.label!r} no unit occurs often enough in the {evidence.texts} texts answered so."
    first, *rest = evidence.units
    return (
        f"The strongest unit for class {evidence.label!r} is {first.unit!r}: "
        f"mean attribution {first.mean:+.3f} over {first.count} occurrences{_lead(first, rest)}; "
        f"it makes up {first.share:.0%} of all that spoke for the class."
    )


def suspicion(evidence: ClassEvidence) -> str:
    """Say whether the strongest unit of a class can carry meaning at all."""
    if not evidence.units:
        return f"Nothing can be said about class {evidence.label!r}."
    unit = evidence.units[0].unit
    if any(character.isalnum() for character in unit):
        return f"{unit!r} is a word, so it may well belong to class {evidence.label!r}."
    return f"{unit!r} is no word: it cannot say anything about class {evidence.label!r}. Where does it come from?"


def origin(found: Origin) -> str:
    """Say in which training texts a unit occurs."""
    return (
        f"{found.unit!r} is in {found.with_unit} of the {found.texts} training texts of class {found.label!r}, "
        f"and in {found.others_with_unit} of the {found.others} others."
    )


def flip(found: Flip | None) -> str:
    """Say what adding the export's empty fields to one text does to its answer."""
    if found is None:
        return f"Adding the export's empty fields moves no rightly answered text to {EXPORT_CLASS!r}."
    return (
        f"{found.clean!r} is answered {found.answer_clean!r}. As {found.exported!r} it is answered "
        f"{found.answer_exported!r}, whose probability goes from {found.probability_clean:.2f} "
        f"to {found.probability_exported:.2f}."
    )


def mended(before: ClassEvidence, after: ClassEvidence) -> str:
    """Say what became of the strongest unit of ``before`` in the classifier trained on cleaned texts."""
    if not before.units:
        return f"Nothing can be compared for class {before.label!r}."
    old = before.units[0]
    new = after.find(old.unit)
    if new is None:
        return f"In the texts now answered {after.label!r}, {old.unit!r} hardly occurs any more."
    if new.rank == 1:
        return (
            f"{old.unit!r} is still the strongest unit for class {after.label!r}: mean attribution "
            f"{new.mean:+.3f}, before {old.mean:+.3f}."
        )
    return (
        f"{old.unit!r} is gone from the top of class {after.label!r}: mean attribution {new.mean:+.3f}, "
        f"before {old.mean:+.3f}; it is now number {new.rank} of {len(after.units)} units."
    )


def accuracy_change(before: Accuracy, after: Accuracy) -> str:
    """Say what retraining did to the accuracy on clean texts."""
    points = round(100 * after.clean) - round(100 * before.clean)
    verb = "rises" if points > 0 else "falls" if points < 0 else "stays"
    return (
        f"Accuracy on clean texts {verb} from {before.clean:.0%} to {after.clean:.0%}; adding empty fields "
        f"now moves {after.drawn:.0%} of the other classes' texts to {EXPORT_CLASS!r}, before {before.drawn:.0%}."
    )


def _lead(first: RankedUnit, rest: list[RankedUnit]) -> str:
    if not rest:
        return ", the only one that occurs often enough to compare"
    if rest[0].mean <= 0:
        return f", the only one that speaks for the class (next: {rest[0].unit!r}, {rest[0].mean:+.3f})"
    return f", {first.mean / rest[0].mean:.1f} times the next one ({rest[0].unit!r})"
