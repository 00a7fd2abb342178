"""The demonstration's course: train, look at the accuracy, explain, find the artefact, retrain, compare."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.rule import Rule
from rich.text import Text

from setfit_explain.demo import findings, sentences
from setfit_explain.demo.data import (
    EXPORT_CLASS,
    Example,
    export_one_class,
    load_test,
    load_train,
    without_empty_fields,
)
from setfit_explain.demo.findings import Accuracy, ClassEvidence, Flip, Origin
from setfit_explain.demo.training import train
from setfit_explain.demo.weights import load_body
from setfit_explain.errors import OptionError
from setfit_explain.explanation.explanation_set import ExplanationSet
from setfit_explain.explanation.panels import text_panel
from setfit_explain.explanation.serialization import write_atomically
from setfit_explain.views.html import Section, render_report
from setfit_explain.views.progress import progress_bar

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

TITLE: Final = f"Why did the classifier say {EXPORT_CLASS!r}?"
EXPORT_STORY: Final = (
    f"The training texts of class {EXPORT_CLASS!r} came from an export that joins its fields with commas "
    "and leaves the empty ones in."
)
TEXTS_A_CLASS: Final = 8
"""Held-out texts a class that are explained; all of them would take minutes on two cores."""


@dataclass(frozen=True, kw_only=True)
class Round:
    """One training and what was found out about its classifier.

    Parameters
    ----------
    accuracy
        On held-out texts.
    evidence
        For each class, in alphabetical order, the units that made the classifier answer it.
    suspect
        The class that hangs most on a single unit.
    origin
        Where that unit occurs in the training texts; None where no unit can be compared.
    flip
        The text that the export's look moves most; None where it moves none.
    shown
        The explanations that terminal and report draw, of all classes.
    """

    accuracy: Accuracy
    evidence: tuple[ClassEvidence, ...]
    suspect: ClassEvidence
    origin: Origin | None
    flip: Flip | None
    shown: ExplanationSet

    def evidence_for(self, label: str) -> ClassEvidence:
        """Return what made the classifier answer ``label``."""
        return next(evidence for evidence in self.evidence if evidence.label == label)


@dataclass(frozen=True, kw_only=True)
class DemoResult:
    """What the demonstration found.

    Parameters
    ----------
    before, after
        Trained on the texts as exported, and on the cleaned ones.
    report
        The HTML file that was written.
    seconds
        Wall-clock time of the whole.
    """

    before: Round
    after: Round
    report: Path
    seconds: float


def run_demo(
    model: str | None, out: Path, seed: int, console: Console, *, keep: Path | None = None
) -> DemoResult:
    """Tell the whole story on ``console`` and write the report to ``out``. Progress goes to stderr.

    Parameters
    ----------
    model
        Folder or hub id of the body to train; None for the packaged all-MiniLM-L6-v2.
    out
        The report, overwritten if it exists.
    seed
        Of both trainings.
    console
        Where the story is printed.
    keep
        Folder to save the mended classifier to; None to forget it.

    Raises
    ------
    OptionError
        The folder of ``out`` does not exist, or ``keep`` is there already.
    ModelError
        The body cannot be had, or is not what it should be.
    """
    if not out.absolute().parent.is_dir():
        raise OptionError(f"The folder of the report {str(out)!r} does not exist.")
    if keep is not None and keep.exists():
        raise OptionError(
            f"{str(keep)!r} is there already; name a folder that can be made for the classifier."
        )
    started = time.monotonic()
    exported = export_one_class(load_train())
    cleaned = [Example(without_empty_fields(e.text), e.label) for e in exported]

    _heading(console, "1. Train on 16 texts a class")
    before = _round(load_body(model), exported, seed=seed, told="training on the texts as they came")
    _tell_before(console, before)
    _heading(console, "4. Clean the training texts and train again")
    shown = [Example(e.text, str(e.true_label)) for e in before.shown.explanations]
    after = _round(
        load_body(model), cleaned, seed=seed, told="training on cleaned texts", shown=shown, keep=keep
    )
    _tell_after(console, before, after)
    report = write_atomically(out, render_report(report_sections(before, after), TITLE))
    result = DemoResult(before=before, after=after, report=report, seconds=time.monotonic() - started)
    _say(console, f"Report: {report} ({result.seconds:.0f} s in all)")
    return result


def report_sections(before: Round, after: Round) -> list[Section]:
    """Build the report: the classifier before, with the artefact, and after, without."""
    return [
        Section(
            title="Before: trained on the texts as they came",
            paragraphs=(
                sentences.accuracy_like_training(before.accuracy),
                *(sentences.strongest_unit(evidence) for evidence in before.evidence),
                *_suspicions(before),
                sentences.flip(before.flip),
                sentences.accuracy_clean(before.accuracy),
            ),
            panels=tuple(text_panel(explanation) for explanation in before.shown.explanations),
        ),
        Section(
            title="After: trained on cleaned texts",
            paragraphs=(
                sentences.mended(before.suspect, after.evidence_for(before.suspect.label)),
                *(sentences.strongest_unit(evidence) for evidence in after.evidence),
                sentences.flip(after.flip),
                sentences.accuracy_change(before.accuracy, after.accuracy),
            ),
            panels=tuple(text_panel(explanation) for explanation in after.shown.explanations),
        ),
    ]


def _round(
    body: "SentenceTransformer",
    examples: Sequence[Example],
    *,
    seed: int,
    told: str,
    shown: Sequence[Example] = (),
    keep: Path | None = None,
) -> Round:
    """Train, measure and explain; ``shown`` are the texts to draw, chosen here if there are none."""
    from setfit_explain.explainer import Explainer

    with progress_bar(told) as on_step:
        model = train(body, examples, seed=seed, on_step=on_step)
    if keep is not None:
        model.save_pretrained(keep)
    test = load_test()
    flip = findings.find_flip(model, test)
    shown = shown or _texts_to_show(test, flip)
    sample = export_one_class(_sample(test))
    explainer = Explainer(model)
    explained = explainer(
        [example.text for example in sample],
        targets="predicted",
        true_labels=[example.label for example in sample],
    )
    evidence = findings.gather_evidence(explained, explainer.classifier.classes)
    suspect = findings.find_suspect(evidence)
    units = suspect.units
    return Round(
        accuracy=findings.measure(model, test),
        evidence=evidence,
        suspect=suspect,
        origin=findings.find_origin(units[0].unit, suspect.label, examples) if units else None,
        flip=flip,
        shown=explainer(
            [example.text for example in shown], true_labels=[example.label for example in shown]
        ),
    )


def _sample(test: Sequence[Example]) -> list[Example]:
    """Give the first texts of each class."""
    by_class = groupby(sorted(test, key=_label), key=_label)
    return [example for _, group in by_class for example in islice(group, TEXTS_A_CLASS)]


def _texts_to_show(test: Sequence[Example], flip: Flip | None) -> list[Example]:
    """Give an exported text of the class, then the text that the export's look moves, in both forms."""
    own = next(example for example in export_one_class(test) if example.label == EXPORT_CLASS)
    if flip is None:
        return [own]
    return [own, Example(flip.clean, flip.true_label), Example(flip.exported, flip.true_label)]


def _label(example: Example) -> str:
    return example.label


def _tell_before(console: Console, found: Round) -> None:
    _say(console, sentences.accuracy_like_training(found.accuracy))
    _heading(console, "2. Explain held-out texts")
    for evidence in found.evidence:
        _say(console, sentences.strongest_unit(evidence))
    for sentence in _suspicions(found):
        _say(console, sentence)
    _heading(console, "3. Look at single texts")
    _say(console, sentences.flip(found.flip))
    console.print(found.shown)
    _say(console, sentences.accuracy_clean(found.accuracy))


def _tell_after(console: Console, before: Round, after: Round) -> None:
    _say(console, sentences.mended(before.suspect, after.evidence_for(before.suspect.label)))
    for evidence in after.evidence:
        _say(console, sentences.strongest_unit(evidence))
    _say(console, sentences.flip(after.flip))
    console.print(after.shown)
    _say(console, sentences.accuracy_change(before.accuracy, after.accuracy))


def _suspicions(found: Round) -> list[str]:
    origin = [] if found.origin is None else [sentences.origin(found.origin), EXPORT_STORY]
    return [sentences.suspicion(found.suspect), *origin]


def _heading(console: Console, text: str) -> None:
    console.print(Rule(Text(text, style="bold"), align="left"))


def _say(console: Console, sentence: str) -> None:
    console.print(Text(sentence))
