"""Which method, from which baseline, on which scale: faithful, plausible, and finding what was planted.

Every cell is kept under --cache as soon as it is measured: stop at any time, and the next run goes on. --minutes
begins no further cell after that; the page then holds what there is.
"""

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.cells import (
    FAITHFULNESS,
    METRICS,
    REMOVALS,
    SCALES,
    Cell,
    Found,
    cells,
    is_measured,
    measured,
)
from benchmarks.labelled import ARTEFACT, SHOTS, DataSet, data_sets
from benchmarks.plots import Dots, draw_dots
from benchmarks.process import prepare
from benchmarks.report import Report, Row, options
from setfit_explain.evaluation import Estimate, estimate

QUICK = 3
"""Cells of each data set in a small run."""

_READING = f"""MiniLM-L6 fine-tuned by SetFit on {SHOTS} texts of each class; explained is the predicted class of held-out texts.
Metrics see its probability, whatever scale is explained. **Faithfulness** is comprehensiveness minus sufficiency (AOPC over
ERASER's bins), averaged over the removals {" and ".join(REMOVALS)}: how much more the score needs the top words than the others.
**Random** and **reversed** are the same attributions in random order and with opposite sign; **over random** and **over default** are
paired text by text, the default being integrated gradients as the library has it. **Plausibility** is average precision
against what people marked, for the class that they gave. **Planted** is how often the artefact {ARTEFACT.name}, planted in the
training texts of one class, is the first word where it alone moves a held-out text to that class; **share** is its part of the
positive attribution. **Seconds** are processor time of an explanation of all classes, one thread, at each method's default budget.
Intervals are 95 % bootstrap intervals over texts."""

DEFAULT = ("integrated_gradients", "auto", SCALES[0])


def main() -> None:
    """Measure what is not in the cache; write ``faithfulness.md`` and ``faithfulness.png``."""
    arguments = options(__doc__, texts=(200, 4), planted=(50, 2), minutes=(600, 10))
    prepare()
    end = time.monotonic() + 60 * arguments.minutes
    report = Report("faithfulness", "Which method, which baseline, which scale")
    report.say(_READING)
    folder = arguments.cache / "faithfulness"
    panels = []
    for data in data_sets(arguments.data, folder / "models"):
        chosen = data.first(arguments.texts)
        wanted = cells(chosen)[: QUICK if arguments.quick else None]
        found = _measured_until(end, chosen, wanted, arguments.planted, folder / "cells")
        report.say(f"## {data.name}")
        report.say(_told(chosen, wanted, found))
        fine = [each for each in found if not each.error]
        if not fine:
            continue
        report.table(data.name, table(fine))
        refused = [f"- {each.cell.name}: {each.error}" for each in found if each.error]
        if refused:
            report.say("Not measured:\n\n" + "\n".join(refused))
        panels.append(_panel(data.name, fine))
    if panels:
        draw_dots(panels, arguments.out / "faithfulness.png")
        report.picture(
            "Faithfulness of each method with its 95 % interval; the best baseline and scale of each."
        )
    report.write(arguments.out)


def _measured_until(
    end: float, data: DataSet, wanted: Sequence[Cell], planted: int, folder: Path
) -> list[Found]:
    """Measure cells until the time is over; those in the cache take none."""
    found = []
    for cell in wanted:
        if time.monotonic() > end and not is_measured(data, cell, planted, folder):
            continue
        found.append(measured(data, cell, planted, folder))
    return found


def _told(data: DataSet, wanted: Sequence[Cell], found: Sequence[Found]) -> str:
    right = np.mean([answer == row.label for answer, row in zip(_answers(data), data.held_out, strict=True)])
    shortcut = data.shortcut
    moved = (
        "no text."
        if shortcut is None
        else f"{len(shortcut.moved)} of {shortcut.tried} texts to {shortcut.label!r}."
    )
    return (
        f"{len(data.held_out)} texts, {right:.0%} answered rightly; the artefact moves {moved} {len(found)} of "
        f"{len(wanted)} cells."
    )


def _answers(data: DataSet) -> list[str]:
    return list(data.model.predict([row.text for row in data.held_out], show_progress_bar=False))


def table(found: Sequence[Found]) -> list[Row]:
    """One row for each cell, the most faithful first."""
    default = next((each for each in found if _is_default(each.cell)), None)
    return [_row(each, default) for each in sorted(found, key=lambda each: -_faithful(each).mean)]


def _row(found: Found, default: Found | None) -> Row:
    values, random = found.array(FAITHFULNESS), found.array(FAITHFULNESS, "random")
    over_default = "-" if default is None else estimate(values - default.array(FAITHFULNESS))
    return {
        "method": found.cell.name,
        FAITHFULNESS: _faithful(found),
        "over random": estimate(values - random),
        "over default": over_default,
        "random": estimate(random).mean,
        "reversed": estimate(found.array(FAITHFULNESS, "reversed")).mean,
        **{
            f"{METRICS[2]} ({removal})": estimate(found.array(f"{METRICS[2]} ({removal})")).mean
            for removal in REMOVALS
        },
        "plausibility": estimate(found.array("average_precision")),
        "planted": estimate(found.array("planted pointing_game")),
        "share": estimate(found.array("planted marked_share")),
        "seconds": found.seconds,
        "texts": _faithful(found).n,
    }


def _faithful(found: Found) -> Estimate:
    return estimate(found.array(FAITHFULNESS))


def _is_default(cell: Cell) -> bool:
    return (cell.method, cell.baseline, cell.scale) == DEFAULT


def _panel(name: str, found: Sequence[Found]) -> Dots:
    """Take the best cell of each method, and the controls of the default or of the best one."""
    best: dict[str, Found] = {}
    for each in found:
        if each.cell.method not in best or _faithful(each).mean > _faithful(best[each.cell.method]).mean:
            best[each.cell.method] = each
    ranked = sorted(best.values(), key=lambda each: _faithful(each).mean)
    estimates = {each.cell.name: _faithful(each) for each in ranked}
    controls = {
        which: estimate(ranked[-1].array(FAITHFULNESS, which)).mean for which in ("random", "reversed")
    }
    return Dots(
        name,
        "faithfulness (probability)",
        {label: (found.mean, found.low, found.high) for label, found in estimates.items()},
        controls,
    )


if __name__ == "__main__":
    main()
