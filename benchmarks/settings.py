"""Every method from every baseline on every scale: what a baseline and a scale do, alone and together.

Two texts at a time are kept under --cache, as those of benchmarks.faithfulness are: stop at any time, and go on later.
"""

import time
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.blocks import Found
from benchmarks.cells import (
    BASELINES,
    DEFAULT,
    REMOVALS,
    SCALES,
    USUAL,
    every_setting,
    known,
    own,
    settings_of,
)
from benchmarks.faithfulness import measure_until
from benchmarks.labelled import data_sets
from benchmarks.plots import Grid, draw_grid
from benchmarks.process import prepare
from benchmarks.report import Report, Row, options
from benchmarks.summary import faithful, gather, summed_up
from setfit_explain.evaluation import estimate

READING = f"""The classifiers of [faithfulness](faithfulness.md), what is measured there, and its first texts. Every method explains each of
them from every baseline it takes, on every scale, so all rows are of the same texts. **auto** is the library's choice: the average word;
for the two methods that draw baselines that, mask, pad and unk in turns; for gradient times input zero. Metrics see the probability, by removals
{" and ".join(REMOVALS)}, whatever scale is explained.
Effects are differences of faithfulness, text by text, averaged over what else can be set, then over texts; intervals are 95 %
bootstrap intervals over texts. One setting out of hundreds that is ahead on so few texts is ahead by luck as well as by merit."""


def main() -> None:
    """Measure what is not in the cache; write ``settings.md`` and ``settings.png``."""
    arguments = options(__doc__, texts=(10, 2), minutes=(600, 10))
    prepare()
    folder = arguments.cache / "faithfulness"
    sets = [data.first(arguments.texts) for data in data_sets(arguments.data, folder / "models")]
    stage = every_setting(arguments.texts)
    measure_until(time.monotonic() + 60 * arguments.minutes, {USUAL: sets}, [stage], folder / "settings")
    report = Report("settings", "Every method, baseline and scale")
    report.say(READING)
    found = [gather(data, [stage], folder / "settings") for data in sets]
    summarise(report, found, arguments.out)
    report.write(arguments.out)


def summarise(report: Report, found: Sequence[Found], out: Path) -> None:
    """Show what settings do, alone and together, and then every one."""
    values = np.concatenate([settings(each) for each in found], axis=-1)
    texts = int((~np.isnan(values).all((0, 1, 2))).sum())
    by_baseline, by_scale = values - values[:, :1], values - values[:, :, :1]
    together = by_baseline - by_baseline[:, :, :1]
    report.say(f"## From another baseline\n\nOver auto, averaged over the scales; {texts} texts.")
    report.table("baselines", _by_method(_mean(by_baseline, 2), BASELINES))
    report.say(f"## On another scale\n\nOver probability, averaged over the baselines; {texts} texts.")
    report.table("scales", _by_method(_mean(by_scale, 1), SCALES))
    report.say(
        "## Both at once\n\nWhat both do beyond the sum of what each does alone, averaged over the methods: "
        f"where that is 0 they can be chosen one at a time; {texts} texts."
    )
    rows = zip(BASELINES[1:], _mean(together, 0)[1:], strict=True)
    report.table("both", [{"baseline": baseline} | _row(row, SCALES) for baseline, row in rows])
    draw_grid(_grid(values), out / f"{report.name}.png")
    report.picture("Faithfulness over the default's of every setting, in thousandths")
    _say_all(report, found)


def settings(found: Found) -> Any:
    """Faithfulness of every setting, ``(methods, baselines, scales, texts)``; NaN where there is none."""
    every = product(known(), BASELINES, SCALES)
    values = np.array([faithful(found, own(*setting).name) for setting in every])
    return values.reshape(len(known()), len(BASELINES), len(SCALES), found.texts)


def _by_method(effects: Any, names: Sequence[str]) -> list[Row]:
    """Show effects ``(methods, settings, texts)``, the first of which is 0, of the methods that have others."""
    named = [*zip(known(), effects, strict=True), ("all of them", _mean(effects, 0))]
    return [{"method": name} | _row(row, names) for name, row in named if not np.isnan(row[1:]).all()]


def _row(effects: Any, names: Sequence[str]) -> Row:
    """Show effects ``(settings, texts)`` but the first, which is 0."""
    return {name: estimate(values) for name, values in zip(names[1:], effects[1:], strict=True)}


def _mean(values: Any, axis: int) -> Any:
    """Average what is not NaN; NaN where nothing is."""
    return np.ma.masked_invalid(values).mean(axis).filled(np.nan)


def _grid(values: Any) -> Grid:
    """Draw the mean over the default of every setting."""
    default = values[known().index(DEFAULT), 0, 0]
    title = f"Faithfulness over {DEFAULT}'s (probability)"
    return Grid(title, known(), BASELINES, SCALES, _mean(values - default, 3), limit=0.05)


def _say_all(report: Report, found: Sequence[Found]) -> None:
    """Show everything that is known of every setting, and why some are not possible."""
    report.say("## Every setting")
    names = [cell.name for cell in every_setting(0).cells]
    rows = [{key: value for key, value in row.items() if key != "time"} for row in summed_up(names, found)]
    report.table("all", rows)
    refused = {cell: reason for each in found for cell, reason in each.refused.items()}
    impossible = []
    for method in known():
        reasons = [refused[cell.name] for cell in settings_of(method) if cell.name in refused]
        if reasons:
            impossible.append(f"- {method} in {len(reasons)} of its settings: {reasons[0]}")
    report.say("\n".join(impossible))


if __name__ == "__main__":
    main()
