"""Cells of the faithfulness table: one data set, method, baseline and scale, each kept in a file of its own."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.labelled import DataSet
from benchmarks.timing import seconds
from setfit_explain import Explainer, __version__
from setfit_explain.arguments import METHODS
from setfit_explain.errors import SetFitExplainError
from setfit_explain.evaluation import Evaluation, evaluate
from setfit_explain.evaluation.measuring import Measurement

BASELINES = ("auto", "mask", "pad", "unk", "zero", "delete")
SCALES = ("probability", "log_probability", "log_odds", "logit")
REMOVALS = ("mask", "delete")
METRICS = ("comprehensiveness", "sufficiency", "leave_one_out_correlation")
PLAUSIBLE = ("average_precision", "pointing_game")
TIMED = 8
"""Texts whose explanation is timed."""


@dataclass(frozen=True)
class Cell:
    """What is explained how; ``baseline`` is None for a method without one."""

    data: str
    method: str
    baseline: str | None
    scale: str

    @property
    def name(self) -> str:
        """Method and what of it is not the default."""
        start = "" if self.baseline in (None, "auto") else f" from {self.baseline}"
        return self.method + start + ("" if self.scale == SCALES[0] else f", {self.scale}")

    @property
    def options(self) -> dict[str, Any]:
        """Keyword arguments of `Explainer`."""
        baseline = {} if self.baseline in (None, "auto") else {"baseline": self.baseline}
        return {"method": self.method, "output": self.scale, **baseline}

    @property
    def departures(self) -> int:
        """How much of it is not the default."""
        return (self.baseline not in (None, "auto")) + (self.scale != SCALES[0])


def cells(data: DataSet) -> list[Cell]:
    """Every combination, the defaults first."""
    every = []
    for method, kind in METHODS.items():
        takes = "baseline" in {field.name for field in fields(kind)}  # type: ignore[arg-type]  # they are dataclasses
        for baseline, scale in product(BASELINES if takes else (None,), SCALES):
            every.append(Cell(data.name, method, baseline, scale))
    return sorted(every, key=lambda cell: cell.departures)


@dataclass(frozen=True)
class Found:
    """What a cell came to: values by metric and text, or why there are none.

    Parameters
    ----------
    cell
        What was measured.
    seconds
        Processor seconds of an explanation, median.
    values, random, reversed
        By the metric's name: one a text, None where undefined.
    error
        Empty, or what was raised.
    """

    cell: Cell
    seconds: float | None
    values: dict[str, list[float | None]]
    random: dict[str, list[float | None]]
    reversed: dict[str, list[float | None]]
    error: str = ""

    def array(self, metric: str, which: str = "values") -> Any:
        """Values of a metric ``(texts,)``, NaN where undefined; of ``"faithfulness"`` as `faithfulness` says."""
        table = getattr(self, which)
        if metric == FAITHFULNESS:
            return faithfulness({name: _array(row) for name, row in table.items()})
        return _array(table.get(metric, []))


FAITHFULNESS = "faithfulness"


def faithfulness(values: dict[str, Any]) -> Any:
    """Comprehensiveness minus sufficiency, averaged over the removals, ``(texts,)``."""
    differences = [
        values[f"comprehensiveness ({removal})"] - values[f"sufficiency ({removal})"] for removal in REMOVALS
    ]
    return np.mean(differences, axis=0)


def is_measured(data: DataSet, cell: Cell, planted: int, folder: Path) -> bool:
    """Whether a cell's file is there."""
    return _file(data, cell, planted, folder).exists()


def measured(data: DataSet, cell: Cell, planted: int, folder: Path) -> Found:
    """Read a cell's file, or measure it and write that."""
    file = _file(data, cell, planted, folder)
    if file.exists():
        record = json.loads(file.read_text("utf-8"))
        return Found(Cell(**record.pop("cell")), **record)
    found = _measure(data, cell, planted)
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_suffix(".part")
    unfinished.write_text(json.dumps(asdict(found), allow_nan=False), "utf-8")
    unfinished.replace(file)
    return found


def _measure(data: DataSet, cell: Cell, planted: int) -> Found:
    rows = data.held_out
    texts = [row.text for row in rows]
    methods: Any = {cell.name: cell.options}
    try:
        faithful = evaluate(data.model, texts, methods=methods, metrics=METRICS, removals=REMOVALS)
        found = [*_named(faithful)]
        if data.marked:
            plausible = evaluate(
                data.model,
                texts,
                methods=methods,
                metrics=PLAUSIBLE,
                rationales=[row.rationale for row in rows],
                labels=[row.label for row in rows],
            )
            found += _named(plausible)
        if data.shortcut is not None:
            found += _named(data.shortcut.evaluate(methods, limit=planted), "planted ")
        median = _median_seconds(data, cell)
    except SetFitExplainError as error:
        return Found(cell, None, {}, {}, {}, f"{type(error).__name__}: {error}")
    if faithful.failures and len(faithful.failures) == len(texts):
        failure = faithful.failures[0]
        return Found(cell, None, {}, {}, {}, f"{failure.error}: {failure.message}")
    tables = [
        {name: _plain(getattr(measurement, which)) for name, measurement in found}
        for which in ("values", "random", "reversed")
    ]
    return Found(cell, median, *tables)


def _named(evaluation: Evaluation, prefix: str = "") -> Iterator[tuple[str, Measurement]]:
    for measurement in evaluation.measurements:
        if measurement.random is not None:
            yield prefix + measurement.name, measurement


def _median_seconds(data: DataSet, cell: Cell) -> float:
    explainer = Explainer(data.model, targets="all", show_progress=False, on_error="record", **cell.options)
    texts = [row.text for row in data.held_out[:TIMED]]
    explainer(texts[0])
    return float(np.median([seconds(lambda text=text: explainer(text)) for text in texts]))  # type: ignore[misc]  # bound now


def _plain(values: Any) -> list[float | None]:
    return [None if np.isnan(value) else float(value) for value in values]


def _array(values: Sequence[float | None]) -> Any:
    return np.array([np.nan if value is None else value for value in values])


def _file(data: DataSet, cell: Cell, planted: int, folder: Path) -> Path:
    """Name a file by all that its content depends on, the version too."""
    settings = [*asdict(cell).values(), [row.text for row in data.held_out], planted, METRICS, __version__]
    digest = hashlib.sha256(json.dumps(settings).encode()).hexdigest()[:12]
    return folder / f"{cell.data}-{cell.method}-{cell.baseline}-{cell.scale}-{digest}.json"
