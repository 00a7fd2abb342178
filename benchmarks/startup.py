"""How long importing the package and asking the command line for help take."""

import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence

from benchmarks.report import Report, options

COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "import setfit_explain": ["-c", "import setfit_explain"],
    "setfit-explain --help": ["-c", "from setfit_explain.cli import main; main()", "--help"],
}
HEAVY = ("torch", "transformers", "sklearn", "setfit")


def main() -> None:
    """Run and write ``startup.md``."""
    arguments = options(__doc__, rounds=(15, 3))
    report = Report("startup", "Start-up")
    report.say("A new process each time; seconds of processor time and on the wall, medians taken in turns.")
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in COMMANDS}
    for _ in range(arguments.rounds + 1):
        for name, command in COMMANDS.items():
            times[name].append(_process(command))
    rows = []
    for name, command in COMMANDS.items():
        processor, wall = zip(*times[name][1:], strict=True)  # the first reads files that are not cached yet
        rows.append(
            {
                "command": name,
                "processor, s": statistics.median(processor),
                "wall, s": statistics.median(wall),
                "wall, smallest and largest": f"{min(wall):.3g} to {max(wall):.3g}",
                "imports": ", ".join(_imported(command)) or "no torch",
            }
        )
    report.table("times", rows)
    report.write(arguments.out)


def _process(command: Sequence[str]) -> tuple[float, float]:
    before, start = _children(), time.perf_counter()
    subprocess.run([sys.executable, *command], check=True, stdout=subprocess.DEVNULL)
    return _children() - before, time.perf_counter() - start


def _children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _imported(command: Sequence[str]) -> list[str]:
    """Which heavy packages the command imports, by Python's own record."""
    run = subprocess.run(
        [sys.executable, "-X", "importtime", *command], check=True, capture_output=True, text=True
    )
    modules = {line.rsplit("|", 1)[-1].strip() for line in run.stderr.splitlines()}
    return [name for name in HEAVY if name in modules]


if __name__ == "__main__":
    main()
