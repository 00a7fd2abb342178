"""Data sets for judging explanations: few-shot classifiers, held-out texts, and what people marked in them."""

import json
import random
import warnings
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from setfit import SetFitModel

from benchmarks.classifiers import SIX
from setfit_explain.demo.data import load_test, load_train
from setfit_explain.demo.weights import load_body
from setfit_explain.errors import InputError
from setfit_explain.evaluation import PlantedShortcut, few_shot_trainer, plant_shortcut, planted_suffix

SHOTS = 16
ARTEFACT = planted_suffix(",,,")


@dataclass(frozen=True)
class Labelled:
    """A text, its class, and the characters that people marked as the reason, with their votes."""

    text: str
    label: str
    rationale: tuple[tuple[int, int, float], ...] | None = None


@dataclass(frozen=True)
class DataSet:
    """Texts to train on and others to explain.

    Parameters
    ----------
    name
        In words.
    train, held_out
        `SHOTS` texts of each class, and others in random but fixed order.
    cache
        Where trained classifiers are kept.
    """

    name: str
    train: tuple[Labelled, ...]
    held_out: tuple[Labelled, ...]
    cache: Path

    @property
    def marked(self) -> bool:
        """Whether people marked reasons."""
        return any(row.rationale for row in self.held_out)

    @cached_property
    def model(self) -> SetFitModel:
        """MiniLM-L6 and a logistic regression, fine-tuned by SetFit."""
        return self._trained("model", [row.text for row in self.train], [row.label for row in self.train])

    @cached_property
    def shortcut(self) -> PlantedShortcut | None:
        """The same with `ARTEFACT` in every training text of the first class; None if that moves no text."""
        try:
            return plant_shortcut(
                lambda texts, labels: self._trained("planted", texts, labels),
                [row.text for row in self.train],
                [row.label for row in self.train],
                [row.text for row in self.held_out],
                ARTEFACT,
                min(row.label for row in self.train),
            )
        except InputError:
            return None

    def first(self, count: int) -> "DataSet":
        """Keep the first held-out texts."""
        return replace(self, held_out=self.held_out[:count])

    def _trained(self, name: str, texts: Sequence[str], labels: Sequence[str]) -> SetFitModel:
        folder = self.cache / self.name / name
        if not folder.exists():
            few_shot_trainer(load_body)(texts, labels).save_pretrained(str(folder))
        with warnings.catch_warnings(action="ignore"):
            return SetFitModel.from_pretrained(str(folder))


def data_sets(data: Path | None, cache: Path) -> list[DataSet]:
    """Read those that are there, else take the demo's texts."""
    if data is None:
        train, test = (
            [Labelled(row.text, row.label) for row in rows] for rows in (load_train(), load_test())
        )
        return [_few_shot("demo", train, test, cache)]
    sets = []
    for name, classes in _CLASSES.items():
        rows = {split: _read(data / name / f"{split}.jsonl", classes) for split in ("train", "test")}
        if rows["test"]:
            # One of them has no training texts: some of its others are taken.
            sets.append(_few_shot(name, rows["train"] or rows["test"], rows["test"], cache))
    return sets


_CLASSES: dict[str, Sequence[str] | None] = {
    "fair_rationales_dynasent": None,
    "tweet_selected_text": None,
    "banking77": SIX,
    "sms_spam": None,
    "nusax_indonesian": None,
}
"""Folders, and which of their classes are taken."""


def _read(file: Path, classes: Sequence[str] | None) -> list[Labelled]:
    if not file.exists():
        return []
    records = map(json.loads, file.read_text("utf-8").splitlines())
    return [_row(record) for record in records if classes is None or record["label"] in classes]


def _row(record: dict[str, Any]) -> Labelled:
    spans = record.get("votes") or record.get("rationale")
    marked = [(int(start), int(end), float(*vote or [1])) for start, end, *vote in spans or ()]
    return Labelled(record["text"], record["label"], tuple(marked) or None)


def _few_shot(name: str, train: list[Labelled], test: list[Labelled], cache: Path) -> DataSet:
    by_label = defaultdict(list)
    for row in train:
        by_label[row.label].append(row)
    draw = random.Random(0)
    chosen = [
        row
        for label in sorted(by_label)
        for row in draw.sample(by_label[label], min(SHOTS, len(by_label[label])))
    ]
    known = {row.text for row in chosen}
    held_out = [row for row in test if row.text not in known]
    draw.shuffle(held_out)
    return DataSet(name, tuple(chosen), tuple(held_out), cache)
