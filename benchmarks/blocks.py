"""Blocks of the faithfulness benchmark: cells measured together on a few texts, each block kept in a file."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.cells import ANOTHER_BODY, PLANTED_OTHERWISE, REMOVALS, USUAL, Cell, Stage
from benchmarks.labelled import DataSet, Subject
from benchmarks.sharing import answers_shared
from benchmarks.timing import seconds
from setfit_explain import __version__
from setfit_explain.errors import SetFitExplainError
from setfit_explain.evaluation import Evaluation, evaluate
from setfit_explain.evaluation.case import Cases
from setfit_explain.evaluation.contestants import Contestant, contestant

METRICS = ("comprehensiveness", "sufficiency", "leave_one_out_correlation")
PLAUSIBLE = ("average_precision", "pointing_game")
PLANTED = "planted "
PLANTED_TEXTS = 40
TIMED = 4
"""Texts whose explanation is timed, of the first block."""
CONTROLS = ("values", "random", "reversed")

Table = dict[str, dict[str, dict[str, list[float | None]]]]
"""Cell, metric, one of `CONTROLS` -> a value a text."""


@dataclass
class Found:
    """What is known of a data set.

    Parameters
    ----------
    texts
        How many there are.
    values
        By cell, metric and control: one a text, NaN where not measured; ``(texts,)``.
    seconds
        By cell.
    refused
        By cell, why it could not explain.
    failed
        By cell, how many texts it could not explain though it could others, and the last reason.
    """

    texts: int
    values: dict[tuple[str, str, str], Any] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    failed: dict[str, tuple[int, str]] = field(default_factory=dict)

    def add(self, start: int, record: dict[str, Any]) -> None:
        """Put a block's record to the others."""
        for cell, metrics in record["table"].items():
            for metric, controls in metrics.items():
                for control, values in controls.items():
                    every = self.values.setdefault((cell, metric, control), np.full(self.texts, np.nan))
                    every[start : start + len(values)] = [
                        np.nan if value is None else value for value in values
                    ]
        self.seconds |= record["seconds"]
        self.refused |= record["refused"]
        for cell, (count, reason) in record.get("failed", {}).items():
            self.failed[cell] = (count + self.failed.get(cell, (0, ""))[0], reason)

    @property
    def cells(self) -> list[str]:
        """Names of what was measured, in order."""
        return list(dict.fromkeys(cell for cell, _, _ in self.values if cell not in self.refused))

    def array(self, cell: str, metric: str, control: str = "values") -> Any:
        """Values ``(texts,)``, NaN where not measured or undefined."""
        return self.values.get((cell, metric, control), np.full(self.texts, np.nan))


def file_of(data: DataSet, stage: Stage, block: tuple[int, int], folder: Path) -> Path:
    """Name a block's file by all that its content depends on, the version too."""
    texts = [row.text for row in data.held_out[slice(*block)]]
    cells = [(cell.name, repr(cell.options)) for cell in stage.cells]
    settings = [data.name, cells, stage.removals, texts, METRICS, __version__]
    digest = hashlib.sha256(json.dumps(settings).encode()).hexdigest()[:12]
    return folder / f"{data.name}-{stage.name}-{block[0]}-{digest}.json".replace(" ", "-")


def measure(data: DataSet, stage: Stage, block: tuple[int, int], file: Path) -> None:
    """Measure a block and write its file, whole or not at all."""
    record = measured(data, stage, block)
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_suffix(".part")
    unfinished.write_text(json.dumps(record, allow_nan=False), "utf-8")
    unfinished.replace(file)


def read(file: Path) -> dict[str, Any]:
    """Read a block's file."""
    record: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return record


def measured(data: DataSet, stage: Stage, block: tuple[int, int]) -> dict[str, Any]:
    """Measure cells on the texts of a block; where nothing is unusual on as many with the artefact, and the time."""
    refused = _refused(data, stage.cells)
    cells = [cell for cell in stage.cells if cell.name not in refused]
    table: Table = defaultdict(dict)
    record = {"table": table, "seconds": {}, "refused": refused, "failed": {}}
    usual = stage.subjects == USUAL and stage.removals == REMOVALS
    with answers_shared():
        if stage.subjects != PLANTED_OTHERWISE:
            found = _judged(data, stage, block, cells)
            _put(table, found)
            record["failed"] = _failed(cells, found)
        if (usual or stage.subjects == PLANTED_OTHERWISE) and block[0] < PLANTED_TEXTS:
            _put(table, *_judged_where_planted(data, block, cells), prefix=PLANTED)
    if stage.timed and (usual or stage.subjects == ANOTHER_BODY) and not block[0]:
        record["seconds"] = {cell.name: _seconds(data, cell) for cell in cells}
    return record


def _judged(data: DataSet, stage: Stage, block: tuple[int, int], cells: Sequence[Cell]) -> Evaluation:
    rows = data.held_out[slice(*block)]
    answers = data.answers[slice(*block)]
    # Reasons are people's for the class they gave, so they are asked for only where that is the answer.
    rationales = [
        row.rationale if row.label == answer else None for row, answer in zip(rows, answers, strict=True)
    ]
    marked = any(rationales)
    return evaluate(
        data.subject.classifier,
        [row.text for row in rows],
        methods=_methods(data.subject, cells),
        metrics=METRICS + PLAUSIBLE * marked,
        removals=stage.removals,
        rationales=rationales if marked else None,
    )


def _judged_where_planted(
    data: DataSet, block: tuple[int, int], cells: Sequence[Cell]
) -> Iterator[Evaluation]:
    if data.shortcut is not None and data.planted is not None:
        moved = data.shortcut.moved[slice(*block)]
        if moved:
            shortcut = replace(data.shortcut, model=data.planted.classifier, moved=moved)
            yield shortcut.evaluate(_methods(data.planted, cells))


def _refused(data: DataSet, cells: Sequence[Cell]) -> dict[str, str]:
    """Explain one text, and say of the cells that cannot why not."""
    case = Cases(data.subject.classifier).of(data.held_out[0].text)
    known = data.subject.refusals
    for cell in cells:
        if cell.name not in known:
            try:
                _explaining(data, cell)(case)
                known[cell.name] = None
            except SetFitExplainError as error:
                known[cell.name] = f"{type(error).__name__}: {error}"
    return {cell.name: reason for cell in cells if (reason := known[cell.name]) is not None}


def _failed(cells: Sequence[Cell], evaluation: Evaluation) -> dict[str, tuple[int, str]]:
    """Count the texts that a cell could not explain, which the message names."""
    failed = {}
    for cell in cells:
        reasons = [each.message for each in evaluation.failures if each.message.startswith(f"{cell.name}: ")]
        if reasons:
            failed[cell.name] = (len(reasons), reasons[-1])
    return failed


def _explaining(data: DataSet, cell: Cell) -> Contestant:
    return contestant(cell.name, data.subject.classifier, cell.method(data.subject), "word")[0]  # type: ignore[arg-type]  # a mapping of options


def _methods(subject: Subject, cells: Sequence[Cell]) -> dict[str, Any]:
    return {cell.name: cell.method(subject) for cell in cells}


def _put(table: Table, *evaluations: Evaluation, prefix: str = "") -> None:
    for measurement in (each for evaluation in evaluations for each in evaluation.measurements):
        if measurement.random is not None:
            table[measurement.method][prefix + measurement.name] = {
                control: [
                    None if np.isnan(value) else float(value) for value in getattr(measurement, control)
                ]
                for control in CONTROLS
            }


def _seconds(data: DataSet, cell: Cell) -> float:
    """Median processor seconds of an explanation of the answer's class, over the texts that can be explained."""
    explain = _explaining(data, cell)
    cases = Cases(data.subject.classifier)
    some = [cases.of(row.text) for row in data.held_out[:TIMED]]
    explain(some[0])
    times = []
    for case in some:
        with suppress(SetFitExplainError):
            times.append(seconds(partial(explain, case)))
    return float(np.median(times))
