"""Results as a Markdown page and CSV tables, with the command, the versions and the machine."""

import csv
import os
import platform
import re
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType

from setfit_explain import __version__

RESULTS = Path(__file__).parent / "results"
PACKAGES = ("torch", "transformers", "sentence-transformers", "setfit", "scikit-learn", "captum", "numpy")

Row = Mapping[str, object]


def options(
    description: str | None, others: Mapping[str, str] = MappingProxyType({}), **numbers: tuple[int, int]
) -> Namespace:
    """Parse the options of a benchmark.

    Parameters
    ----------
    description
        The benchmark's docstring.
    others
        Further options, and what they mean.
    **numbers
        Options that are a number: its default, and its default with ``--quick``.
    """
    parser = ArgumentParser(description=description)
    parser.add_argument(
        "--data", type=Path, help="folder of NAME/train.jsonl, test.jsonl; else the demo's texts"
    )
    parser.add_argument(
        "--cache", type=Path, default=Path("build/benchmarks"), help="keeps trained classifiers"
    )
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the results")
    parser.add_argument("--quick", action="store_true", help="a small run, to see that it works")
    for name, meaning in others.items():
        parser.add_argument(f"--{name}", help=meaning)
    for name, (full, _) in numbers.items():
        parser.add_argument(f"--{name}", type=int, help=f"default: {full}")
    parsed = parser.parse_args()
    for name, (full, quick) in numbers.items():
        if getattr(parsed, name) is None:
            setattr(parsed, name, quick if parsed.quick else full)
    return parsed


@dataclass
class Report:
    """One page of results, printed as it grows.

    Parameters
    ----------
    name
        Of the files: ``name.md``, ``name-table.csv``.
    title
        Of the page.
    packages
        Whose versions matter besides the usual.
    """

    name: str
    title: str
    packages: Sequence[str] = ()
    _parts: list[str] = field(default_factory=list)
    _tables: dict[str, Sequence[Row]] = field(default_factory=dict)

    def say(self, text: str) -> None:
        """Add a paragraph."""
        self._parts.append(text)
        print(text + "\n", flush=True)

    def table(self, name: str, rows: Sequence[Row]) -> None:
        """Add a table; all rows have the same keys."""
        self._tables[name] = rows
        lines = [list(rows[0]), ["---"] * len(rows[0]), *(map(_cell, row.values()) for row in rows)]
        self.say("\n".join("| " + " | ".join(line) + " |" for line in lines))

    def picture(self, caption: str) -> None:
        """Refer to ``name.png``."""
        self.say(f"![{caption}]({self.name}.png)")

    def write(self, folder: Path) -> None:
        """Write the page and a CSV file a table."""
        folder.mkdir(parents=True, exist_ok=True)
        page = "\n\n".join([f"# {self.title}", _provenance(self.packages), *self._parts])
        (folder / f"{self.name}.md").write_text(page + "\n", "utf-8")
        for name, rows in self._tables.items():
            with (folder / f"{self.name}-{name}.csv").open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
                writer.writeheader()
                writer.writerows({key: _cell(value) for key, value in row.items()} for row in rows)


def _cell(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _provenance(packages: Sequence[str]) -> str:
    """Tell how to run it again; of paths only the last part, which is not the machine's, and of options those that matter."""
    module = Path(sys.argv[0]).stem
    given = " ".join(["", *(Path(part).name if os.sep in part else part for part in sys.argv[1:])])
    arguments = re.sub(r" --(out|cache|minutes)[ =]\S+", "", given)
    versions = ", ".join(f"{name} {version(name)}" for name in (*PACKAGES, *packages))
    return (
        f"`OMP_NUM_THREADS=1 python -m benchmarks.{module}{arguments}`\n\n"
        f"setfit_explain {__version__}, Python {platform.python_version()}, {versions}; "
        f"{_processor()}, one thread."
    )


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    names = [line.split(":", 1)[1].strip() for line in lines.splitlines() if line.startswith("model name")]
    return names[0] if names else platform.machine()
