"""Which method, from which baseline, on which scale: faithful, plausible, and finding what was planted.

Each block of texts is kept under --cache as soon as it is measured: stop at any time, and the next run goes on.
--minutes begins no further block after that; the page then holds what there is.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path

from benchmarks.blocks import file_of, measure
from benchmarks.cells import ANOTHER_BODY, PLANTED_OTHERWISE, SEEDS, SHARPER, USUAL, VARIANTS, Stage, stages
from benchmarks.labelled import DataSet, data_sets
from benchmarks.peers import PEERS, run_among_peers
from benchmarks.process import prepare
from benchmarks.report import Report, options
from benchmarks.summary import summarise

QUICK = 2
"""Texts of a small run, which has the first stage alone."""

Block = tuple[DataSet, Stage, tuple[int, int]]


def main() -> None:
    """Measure what is not in the cache; write ``faithfulness.md`` and ``faithfulness.png``."""
    arguments = options(
        __doc__, {"body": "another sentence encoder, too"}, texts=(200, QUICK), minutes=(600, 10)
    )
    planned = stages()[:1] if arguments.quick else stages()
    if not arguments.quick:
        run_among_peers(arguments.cache)
    prepare()
    folder = arguments.cache / "faithfulness"
    sets = [data.first(arguments.texts) for data in data_sets(arguments.data, folder / "models")]
    subjects = {
        USUAL: sets,
        VARIANTS: [variant for data in sets for variant in data.variants()],
        SEEDS: [again for data in sets for again in data.of_seeds()],
        ANOTHER_BODY: [data.of_body(arguments.body) for data in sets if arguments.body],
        SHARPER: [data.sharper() for data in sets],
        PLANTED_OTHERWISE: [data.otherwise_planted() for data in sets],
    }
    measure_until(time.monotonic() + 60 * arguments.minutes, subjects, planned, folder / "blocks")
    report = Report(
        "faithfulness", "Which method, which baseline, which scale", () if arguments.quick else PEERS
    )
    summarise(report, subjects, planned, folder / "blocks", arguments.out)
    report.write(arguments.out)


def measure_until(
    end: float, subjects: Mapping[str, Sequence[DataSet]], planned: Sequence[Stage], folder: Path
) -> None:
    """Measure blocks until the time is over; those in the cache take none."""
    for data, stage, block in blocks(subjects, planned):
        file = file_of(data, stage, block, folder)
        if file.exists():
            continue
        if time.monotonic() > end:
            return
        started = time.monotonic()
        measure(data, stage, block, file)
        print(f"{data.name}, {stage.name}, {block}: {time.monotonic() - started:.0f} s", flush=True)


def blocks(subjects: Mapping[str, Sequence[DataSet]], planned: Sequence[Stage]) -> Iterator[Block]:
    """Take the stages one after another, and in each the data sets in turns."""
    for stage in planned:
        columns = [
            [(data, stage, block) for block in stage.blocks(len(data.held_out))]
            for data in subjects[stage.subjects]
        ]
        for row in zip_longest(*columns):
            yield from (found for found in row if found is not None)


if __name__ == "__main__":
    main()
