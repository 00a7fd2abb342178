"""Runs: from rows through a model to a destination, with progress, a tally, and shards where wanted."""

import hashlib
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice, tee
from typing import TYPE_CHECKING, Any

from setfit_explain._version import versions
from setfit_explain.classifier.labels import read_label
from setfit_explain.cli.messages import message, progress, quiet_libraries
from setfit_explain.cli.shards import Shards, model_digest
from setfit_explain.cli.writing import Destination, OutputFormat
from setfit_explain.errors import OptionError
from setfit_explain.explanation.failure import Failure

if TYPE_CHECKING:
    from setfit_explain.cli.messages import Tell
    from setfit_explain.cli.reading import Row
    from setfit_explain.cli.selecting import Selection
    from setfit_explain.explainer import Explainer
    from setfit_explain.explanation.streams import Item

_FAILURES_TOLD = 20
_TOLD = "explaining"
_CHANGE_NOTHING = ("trust_pickle", "internal_batch_size")


@dataclass
class Tally:
    """What became of the explanations that went by.

    Parameters
    ----------
    items, failed, unsure
        How many there were, could not be explained, and did not converge.
    """

    items: int = 0
    failed: int = 0
    unsure: int = 0

    def watch(self, items: "Iterable[Item]") -> "Iterator[Item]":
        """Count items as they pass, and say of the first failures what they were."""
        for item in items:
            self.items += 1
            if isinstance(item, Failure):
                self.failed += 1
                if self.failed <= _FAILURES_TOLD:
                    message(f"Text {item.index}: {item.error}: {item.message}")
            else:
                self.unsure += not item.converged.all()
            yield item

    def tell(self) -> None:
        """Say what the reader has to know of the whole."""
        if self.failed:
            message(f"{self.failed} of {self.items} explanations failed; the output says why.")
        if self.unsure:
            message(
                f"{self.unsure} of {self.items} explanations did not converge to the tolerance; they are marked so. "
                "Another --baseline or a larger --tolerance may help."
            )


def load_explainer(model: str, settings: Mapping[str, Any]) -> "Explainer":
    """Load and verify a model, quietly; a text that cannot be explained will be recorded."""
    quiet_libraries()
    from setfit_explain.explainer import Explainer

    return Explainer(model, on_error="record", show_progress=False, **settings)


def explained(
    explainer: "Explainer", selection: "Selection", *, told: str = _TOLD, shown: bool | None = None
) -> "Iterator[Item]":
    """Yield what is found of each row, drawing progress until the last one."""
    with progress(told, shown=shown) as tell:
        of = _due(explainer, selection)
        tell(0, of)
        found = _stream(explainer, selection.rows(), live=selection.count is None)
        yield from _counted(found, tell, 0, of)


def run(explainer: "Explainer", selection: "Selection", destination: Destination) -> Tally:
    """Explain the rows, and write what is found as it comes."""
    tally = Tally()
    at_once = destination.format in (OutputFormat.JSONL, OutputFormat.CSV) and destination.path is None
    items = explained(explainer, selection, shown=False if at_once and sys.stdout.isatty() else None)
    destination.write(tally.watch(items), _due(explainer, selection))
    return tally


def run_in_shards(
    explainer: "Explainer",
    selection: "Selection",
    destination: Destination,
    *,
    model: str,
    settings: Mapping[str, Any],
    size: int,
) -> Tally:
    """Explain the rows that an earlier run has not, and write the destination when all are there.

    Raises
    ------
    OptionError
        The destination is no file, or the shards that are there are of another run.
    """
    shards = _shards(explainer, selection, destination, model=model, settings=settings, size=size)
    shards.check()
    try:
        _fill(shards, explainer, selection)
    except KeyboardInterrupt:
        message(f"Interrupted. What is done is kept in {shards.folder}: the same command goes on from it.")
        raise
    tally = Tally()
    shards.finish(destination, tally.watch(shards.items()), _due(explainer, selection))
    return tally


def _shards(
    explainer: "Explainer",
    selection: "Selection",
    destination: Destination,
    *,
    model: str,
    settings: Mapping[str, Any],
    size: int,
) -> Shards:
    if destination.path is None or selection.count is None:
        raise OptionError("--resume needs a file to write; name it with --to.")
    from setfit_explain.classifier.loading import find_folder

    named = {name: value for name, value in settings.items() if name not in _CHANGE_NOTHING}
    if "reference_texts" in named:
        content = json.dumps(named["reference_texts"], default=repr).encode()
        named["reference_texts"] = hashlib.sha256(content).hexdigest()
    what = {
        "model": model_digest(find_folder(model)),
        "texts": selection.digest,
        "setting": named,
        "--shard-size": size,
        "version of": versions(),
    }
    return Shards(destination.path, what, size, selection.count, each=len(explainer.methods))


def _fill(shards: Shards, explainer: "Explainer", selection: "Selection") -> None:
    rows = selection.rows()
    each, of = len(explainer.methods), _due(explainer, selection)
    with progress(_TOLD) as tell:
        for number in range(shards.number):
            group, first = list(islice(rows, shards.size)), number * shards.size
            if shards.has(number):
                continue
            tell(first * each, of)
            found = _stream(explainer, group, first=first)
            shards.write(number, _counted(found, tell, first * each, of))


def _due(explainer: "Explainer", selection: "Selection") -> int | None:
    """Count what will be found: a list of methods explains each text by each."""
    return None if selection.count is None else selection.count * len(explainer.methods)


def _stream(
    explainer: "Explainer", rows: "Iterable[Row]", *, first: int = 0, live: bool = False
) -> "Iterator[Item]":
    texts, labels = tee(rows)
    classes = explainer.classifier.classes
    found = explainer.stream(
        (row.text for row in texts),
        true_labels=(read_label(row.label, classes) for row in labels),
        **({"read_ahead": 1} if live else {}),
    )
    for item in found:
        yield replace(item, index=first + item.index) if isinstance(item, Failure) else item


def _counted(items: "Iterable[Item]", tell: "Tell", done: int, of: int | None) -> "Iterator[Item]":
    for item in items:
        done += 1
        tell(done, of)
        yield item
