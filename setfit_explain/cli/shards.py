"""Shards: what a long run has done so far, so that it can be killed at any moment and gone on with.

Beside ``out.jsonl`` stands ``out.jsonl.shards``, a folder of saved sets of a fixed number of texts each, named in
input order. A shard has its name only when all of it is written, and its header says which run it is of: the model's
files, every setting, the texts, the versions. When all are there, the output is written from them within the folder and
takes its place, and the folder goes: what a killed run leaves half-written is in there, too, never beside the output.
"""

import hashlib
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from setfit_explain.cli.writing import Destination
from setfit_explain.errors import OptionError, SchemaError
from setfit_explain.explanation.serialization import replacing
from setfit_explain.explanation.streams import json_lines, read_header, read_json_lines

if TYPE_CHECKING:
    from setfit_explain.explanation.streams import Item

_CHUNK = 1 << 20


@dataclass(frozen=True)
class Shards:
    """The shards of one run.

    Parameters
    ----------
    output
        The file that they become; they are in the folder beside it.
    run
        What the run is of, in plain values; equal for the same model, settings, texts and versions.
    size
        Texts in each, but for the last.
    count
        Texts in all.
    each
        Explanations of each text.
    """

    output: Path
    run: Mapping[str, Any]
    size: int
    count: int
    each: int = 1

    @property
    def folder(self) -> Path:
        """Where they are; made when the first is written."""
        return self.output.with_name(f"{self.output.name}.shards")

    @property
    def number(self) -> int:
        """How many shards there are when all is done."""
        return -(-self.count // self.size)

    def check(self) -> None:
        """Refuse to go on with another run.

        Raises
        ------
        OptionError
            A shard is there of another model, setting, text or version.
        """
        for path in sorted(self.folder.glob("shard-*.jsonl")):
            found = _run_of(path)
            changed = () if found is None else _differences(found, self.run)
            if changed:
                raise OptionError(
                    f"The shards in {str(self.folder)!r} are of another run: {'; '.join(changed)}. Go on with the "
                    "same model, settings and texts, or remove the folder to begin anew."
                )

    def has(self, number: int) -> bool:
        """Whether a shard is there, whole."""
        path = self._path(number)
        if not path.is_file() or _run_of(path) is None:
            return False
        with path.open("rb") as file:
            lines = sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(_CHUNK), b""))
        return lines == self._due(number) + 1

    def write(self, number: int, items: "Iterable[Item]") -> None:
        """Write a shard, all or nothing."""
        self.folder.mkdir(exist_ok=True)
        with (
            replacing(self._path(number)) as temporary,
            temporary.open("x", encoding="utf-8", newline="\n") as file,
        ):
            file.writelines(json_lines(items, self._due(number), more={"run": self.run}))

    def items(self) -> "Iterator[Item]":
        """Yield what all shards hold, in the order of the texts."""
        for number in range(self.number):
            yield from read_json_lines(self._path(number))

    def finish(self, destination: Destination, items: "Iterable[Item]", count: int | None) -> None:
        """Write the output as the destination does, and remove the folder."""
        self.folder.mkdir(exist_ok=True)
        written = self.folder / self.output.name
        replace(destination, path=written).write(items, count)
        written.replace(self.output)
        self.remove()

    def remove(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _due(self, number: int) -> int:
        return self.each * min(self.size, self.count - number * self.size)

    def _path(self, number: int) -> Path:
        return self.folder / f"shard-{number:06}.jsonl"


def model_digest(folder: Path) -> str:
    """SHA-256 over the files of a model's folder and their names, but for its notes (hidden files and ``.md``)."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if any(part.startswith(".") for part in name.parts) or path.suffix == ".md" or not path.is_file():
            continue
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        digest.update(f"{name.as_posix()} {content}\n".encode())
    return digest.hexdigest()


def _run_of(path: Path) -> dict[str, Any] | None:
    """Return what a shard says of its run; None where it is not whole."""
    try:
        run = read_header(path).get("run")
    except SchemaError:
        return None
    return run if isinstance(run, dict) else None


def _differences(found: Mapping[str, Any], run: Mapping[str, Any], within: str = "") -> list[str]:
    changed = []
    for name in sorted({*found, *run}):
        old, new = found.get(name), run.get(name)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            changed += _differences(old, new, f"{within}{name} ")
        elif old != new:
            digests = all(isinstance(value, str) and len(value) == 64 for value in (old, new))
            changed.append(
                f"the {within}{name} changed" if digests else f"{within}{name} was {old!r} and is {new!r}"
            )
    return changed
