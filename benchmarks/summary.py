"""Tables and figure of the faithfulness benchmark, out of its blocks."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.blocks import PLANTED, Found, file_of, read
from benchmarks.cells import (
    ANOTHER_BODY,
    DEFAULT,
    LEADING,
    OTHER_REMOVALS,
    PLANTED_OTHERWISE,
    REMOVALS,
    SEEDS,
    SHARPER,
    USUAL,
    VARIANTS,
    Stage,
)
from benchmarks.labelled import ARTEFACT, OTHER_ARTEFACT, SHOTS, WORDS, DataSet
from benchmarks.plots import Dots, draw_dots
from benchmarks.report import Report, Row
from setfit_explain.evaluation import Estimate, estimate

READING = f"""MiniLM-L6 fine-tuned by SetFit on {SHOTS} texts of each class; explained is the predicted class of held-out texts of at
most {WORDS} words. Metrics see its probability, whatever scale is explained. **Faithfulness** is comprehensiveness minus
sufficiency (AOPC over ERASER's bins), averaged over the removals {" and ".join(REMOVALS)}: how much more the score needs the top words than the others. **Over the default**
is the difference to `{DEFAULT}` as the library has it, paired text by text; **sets** are the data sets in which the interval of that
lies above 0, and below. **Random** and **reversed** are the same attributions in random order and with opposite sign.
**Plausibility** is average precision against what people marked, where their class is the answer. **Planted** is how often the
artefact {ARTEFACT.name}, planted in the training texts of the rarest class, is the first word where it alone moves a held-out text to that
class; **share** is its part of the positive attribution. **Time** is processor time of an explanation of the predicted class alone,
beside the default's. Intervals are 95 % bootstrap intervals over texts; rows differ in how many texts they were measured on, so
compare their differences to the default, not their faithfulness. Other tools run at their own defaults, but for LIME, which draws 1,000
instead of 5,000 samples."""

TITLES = {
    "defaults": "## Methods at their defaults",
    "peers": "## Other tools",
    "candidates": "## Ideas for a better method",
    "settings": "## Baselines and scales",
    "budgets": "## More evaluations, and fewer",
}
SAME_TABLE = {
    "costly": "defaults",
    "mixtures": "candidates",
    "paths": "candidates",
    "leading settings": "settings",
    "others": "settings",
}
MORE_TEXTS = ("leads", "many", "claimed")
"""Stages whose cells are in the tables of others."""
FAITHFULNESS = "faithfulness"


def summarise(
    report: Report,
    subjects: Mapping[str, Sequence[DataSet]],
    planned: Sequence[Stage],
    folder: Path,
    out: Path,
) -> None:
    """Say and draw what is known of all data sets."""
    report.say(READING)
    found = {data.name: gather(data, planned, folder) for every in subjects.values() for data in every}
    sets = subjects[USUAL]
    usual = [found[data.name] for data in sets]
    report.say("\n".join(map(_told, sets)))
    tables = _tables(planned)
    panels = {}
    for name, cells in tables.items():
        rows = _say_table(report, name, cells, sets, usual)
        if rows:
            panels[name] = _panel(name, rows)
    draw_dots(
        [panels[name] for name in ("defaults", "peers", "candidates") if name in panels],
        out / "faithfulness.png",
    )
    report.picture("Faithfulness over the default's, with its 95 % interval")
    for data in sets:
        if found[data.name].cells:
            report.say(f"## {data.name}")
            names = [*tables["defaults"], *tables.get("peers", ()), *tables.get("candidates", ())]
            report.table(data.name, summed_up(names, [found[data.name]]))
    shown = [*tables["defaults"], *tables.get("candidates", ())]
    columns = {"usual": usual}
    for variant in (*subjects[VARIANTS], *subjects[SEEDS], *subjects[ANOTHER_BODY]):
        columns.setdefault(variant.name.split(", ")[-1], []).append(found[variant.name])
    everything = [*shown, *tables.get("settings", ())]
    _say_columns(report, "variants", "Another training, other bodies, longer texts", everything, columns)
    columns = {"usual": usual, "logits times 4": [found[data.name] for data in subjects[SHARPER]]}
    _say_columns(
        report, "scales", "Classifiers that are sure", [*LEADING, *tables.get("settings", ())], columns
    )
    _say_removals(report, shown, usual)
    _say_planted(report, subjects[PLANTED_OTHERWISE], [*shown, *tables.get("peers", ())], found)


def _tables(planned: Sequence[Stage]) -> dict[str, list[str]]:
    """Names of the cells of each table."""
    tables: dict[str, list[str]] = {}
    for stage in planned:
        if stage.subjects != SHARPER and stage.removals == REMOVALS and stage.name not in MORE_TEXTS:
            names = tables.setdefault(SAME_TABLE.get(stage.name, stage.name), [])
            names += [cell.name for cell in stage.cells if cell.name not in names]
    return tables


def _say_table(
    report: Report, name: str, cells: Sequence[str], sets: Sequence[DataSet], found: Sequence[Found]
) -> list[Row]:
    """Show a table, what could not explain a classifier, and how many texts something could not."""
    rows = summed_up(cells, found)
    refused = {cell: each.refused[cell] for each in found for cell in cells if cell in each.refused}
    missing = [f"- {cell}: {reason}" for cell, reason in refused.items()]
    for data, each in zip(sets, found, strict=True):
        failed = [each.failed[cell] for cell in cells if cell in each.failed]
        missing += [f"- {count} texts of {data.name} have no value: {reason}" for count, reason in failed]
    if rows or missing:
        report.say(TITLES[name])
    if rows:
        report.table(name.replace(" ", "-"), rows)
    if missing:
        report.say("\n".join(missing))
    return rows


def gather(data: DataSet, planned: Sequence[Stage], folder: Path) -> Found:
    """Read all blocks of a data set that there are."""
    found = Found(len(data.held_out))
    for stage in planned:
        for block in stage.blocks(len(data.held_out)):
            file = file_of(data, stage, block, folder)
            if file.exists():
                found.add(block[0], read(file))
    return found


def faithful(found: Found, cell: str, control: str = "values", removals: Sequence[str] = REMOVALS) -> Any:
    """Comprehensiveness minus sufficiency, averaged over the removals, ``(texts,)``."""
    return np.mean(
        [
            found.array(cell, f"comprehensiveness ({removal})", control)
            - found.array(cell, f"sufficiency ({removal})", control)
            for removal in removals
        ],
        axis=0,
    )


def over_default(found: Sequence[Found], cell: str, values: Callable[[Found, str], Any]) -> Estimate:
    """Difference to the default on the texts that have both."""
    return estimate(np.concatenate([values(each, cell) - values(each, DEFAULT) for each in found]))


def summed_up(cells: Sequence[str], found: Sequence[Found]) -> list[Row]:
    """One row for each cell that was measured, the most faithful first."""
    known = [cell for cell in cells if any(cell in each.cells for each in found)]
    rows = {cell: _row(cell, found) for cell in known}
    return [rows[cell] for cell in sorted(known, key=lambda cell: -_gain(rows[cell]).mean)]


def _row(cell: str, found: Sequence[Found]) -> Row:
    def pooled(metric: str, control: str = "values") -> Estimate:
        return estimate(np.concatenate([each.array(cell, metric, control) for each in found]))

    def faithfulness(control: str) -> Estimate:
        return estimate(np.concatenate([faithful(each, cell, control) for each in found]))

    gains = [over_default([each], cell, faithful) for each in found]
    gain = over_default(found, cell, faithful)
    return {
        "method": cell,
        "over the default": gain,
        "sets": f"{sum(one.low > 0 for one in gains)} above, {sum(one.high < 0 for one in gains)} below",
        FAITHFULNESS: faithfulness("values"),
        "random": faithfulness("random").mean,
        "reversed": faithfulness("reversed").mean,
        "comprehensiveness over the default": over_default(found, cell, _comprehensive),
        "rank correlation with leave-one-out (mask)": pooled("leave_one_out_correlation (mask)").mean,
        "plausibility over the default": over_default(found, cell, _plausible),
        "planted": pooled(PLANTED + "pointing_game"),
        "planted over the default": over_default(found, cell, _planted),
        "share": pooled(PLANTED + "marked_share").mean,
        "time": _time(cell, found),
        "texts": gain.n,
        "marked texts": over_default(found, cell, _plausible).n,
        "planted texts": pooled(PLANTED + "pointing_game").n,
    }


def _time(cell: str, found: Sequence[Found]) -> float | str:
    """Time beside the default's, the median over the classifiers."""
    times = [
        each.seconds[cell] / each.seconds[DEFAULT]
        for each in found
        if cell in each.seconds and DEFAULT in each.seconds
    ]
    return float(np.median(times)) if times else "-"


def _comprehensive(found: Found, cell: str) -> Any:
    return np.mean([found.array(cell, f"comprehensiveness ({removal})") for removal in REMOVALS], axis=0)


def _plausible(found: Found, cell: str) -> Any:
    return found.array(cell, "average_precision")


def _planted(found: Found, cell: str) -> Any:
    return found.array(cell, PLANTED + "pointing_game")


def _gain(row: Row) -> Estimate:
    gain = row["over the default"]
    assert isinstance(gain, Estimate)
    return gain


def _told(data: DataSet) -> str:
    right = np.mean([answer == row.label for answer, row in zip(data.answers, data.held_out, strict=True)])
    return f"- {data.name}: {len(data.held_out)} texts, {right:.0%} answered rightly; the artefact moves {_moved(data)}."


def _moved(data: DataSet) -> str:
    shortcut = data.shortcut
    if shortcut is None:
        return "none"
    return f"{len(shortcut.moved)} of {shortcut.tried} texts to {shortcut.label!r}"


def _panel(name: str, rows: Sequence[Row]) -> Dots:
    gains = {str(row["method"]): _gain(row) for row in reversed(rows)}
    return Dots(
        TITLES[name].removeprefix("## "),
        f"faithfulness over {DEFAULT}'s (probability)",
        {cell: (gain.mean, gain.low, gain.high) for cell, gain in gains.items()},
    )


def _say_columns(
    report: Report, name: str, title: str, cells: Sequence[str], columns: Mapping[str, Sequence[Found]]
) -> None:
    """Show the faithfulness over the default's on several kinds of classifiers or texts, where there are several."""
    columns = {kind: every for kind, every in columns.items() if any(each.cells for each in every)}
    others = [each for kind, every in columns.items() if kind != "usual" for each in every]
    timed = [
        kind for kind, every in columns.items() if kind != "usual" and any(each.seconds for each in every)
    ]
    rows: list[Row] = [
        {
            "method": cell,
            **{kind: _with_n(over_default(every, cell, faithful)) for kind, every in columns.items()},
            **{f"time, {kind}": _time(cell, columns[kind]) for kind in timed},
        }
        for cell in cells
        if any(cell in each.cells for each in others)
    ]
    if rows:
        report.say(f"## {title}\n\nFaithfulness over the default's; n is the number of texts.")
        report.table(name, rows)


def _with_n(found: Estimate) -> str:
    return f"{found}, n = {found.n}" if found.n else "-"


def _say_planted(
    report: Report, sets: Sequence[DataSet], cells: Sequence[str], known: Mapping[str, Found]
) -> None:
    """Show how often another artefact is found where it alone decides."""
    found = [known[data.name] for data in sets]
    rows: list[Row] = [
        {
            "method": cell,
            "planted": estimate(np.concatenate([_planted(each, cell) for each in found])),
            "planted over the default": over_default(found, cell, _planted),
            "texts": over_default(found, cell, _planted).n,
        }
        for cell in cells
        if any(cell in each.cells for each in found)
    ]
    if rows:
        told = "\n".join(f"- {data.name}: it moves {_moved(data)}." for data in sets)
        report.say(f"## Another artefact: {OTHER_ARTEFACT.name}\n\n{told}")
        report.table("planted", rows)


def _say_removals(report: Report, cells: Sequence[str], usual: Sequence[Found]) -> None:
    """Show the faithfulness over the default's by the usual removals and by others, on the texts that have both."""
    elsewhere = partial(faithful, removals=OTHER_REMOVALS)

    def usually(each: Found, cell: str) -> Any:
        return np.where(np.isnan(elsewhere(each, cell)), np.nan, faithful(each, cell))

    rows: list[Row] = [
        {
            "method": cell,
            " and ".join(REMOVALS): over_default(usual, cell, usually),
            " and ".join(OTHER_REMOVALS): _with_n(over_default(usual, cell, elsewhere)),
        }
        for cell in cells
        if any(not np.isnan(elsewhere(each, cell)).all() for each in usual)
    ]
    if rows:
        report.say(
            "## Other removals\n\nFaithfulness over the default's by removals of which no method here is made, "
            "on the texts that have both: what takes words out as the metrics do is at an advantage there."
        )
        report.table("removals", rows)
