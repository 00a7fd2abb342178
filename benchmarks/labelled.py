"""Data sets for judging explanations: few-shot classifiers, held-out texts, and what people marked in them."""

import json
import random
import warnings
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from setfit import SetFitModel

from benchmarks.classifiers import SIX
from setfit_explain import Explainer
from setfit_explain.classifier.text_classifier import TextClassifier
from setfit_explain.demo.data import load_test, load_train
from setfit_explain.demo.weights import load_body
from setfit_explain.errors import InputError
from setfit_explain.evaluation import (
    Artefact,
    PlantedShortcut,
    few_shot_trainer,
    plant_shortcut,
    planted_suffix,
    planted_word,
)

SHOTS = 16
WORDS, MANY_WORDS = 16, 60
FEWER, SHARPER = 3, 4
MORE_SEEDS = (2, 3, 4)
ARTEFACT, OTHER_ARTEFACT = planted_suffix(",,,"), planted_word("blorp")


@dataclass(frozen=True)
class Labelled:
    """A text, its class, and the characters that people marked as the reason, with their votes."""

    text: str
    label: str
    rationale: tuple[tuple[int, int, float], ...] | None = None


@dataclass(frozen=True, eq=False)
class Subject:
    """A classifier to explain, verified once."""

    model: SetFitModel
    texts: tuple[str, ...]
    """Texts that the model was trained on."""
    made: dict[str, Any] = field(default_factory=dict)
    """What was made for it, by name, so that it is made once."""
    refusals: dict[str, str | None] = field(default_factory=dict)
    """Why it cannot be explained so, by name, None where it can, so that it is asked once."""

    @cached_property
    def classifier(self) -> TextClassifier:
        """Verified, for `Explainer`."""
        return Explainer(self.model).classifier


@dataclass(frozen=True)
class DataSet:
    """Texts to train on and others to explain.

    Parameters
    ----------
    name
        In words.
    train, held_out, long
        `SHOTS` texts of each class, and others in random but fixed order: those of at most `WORDS` words, and longer ones
        of at most `MANY_WORDS`.
    cache
        Where its trained classifiers are kept.
    seed
        Of the training.
    layers
        How many of MiniLM's six layers the body has; fewer make another body.
    body
        Another sentence encoder than MiniLM, a folder or hub id, with all its layers.
    sharpness
        What the head's coefficients and intercept are multiplied with: the same classes, more probable.
    artefact
        What is planted.
    """

    name: str
    train: tuple[Labelled, ...]
    held_out: tuple[Labelled, ...]
    long: tuple[Labelled, ...]
    cache: Path
    seed: int = 0
    layers: int = 6
    body: str | None = None
    sharpness: int = 1
    artefact: Artefact = ARTEFACT

    def variants(self) -> "list[DataSet]":
        """Give the same texts to another training and to another body, and longer texts to the same."""
        return [
            replace(self, name=f"{self.name}, seed 1", seed=1),
            replace(self, name=f"{self.name}, {FEWER} layers", layers=FEWER),
            replace(self, name=f"{self.name}, long texts", held_out=self.long),
        ]

    def of_seeds(self) -> "list[DataSet]":
        """Give the same texts to further trainings."""
        return [replace(self, name=f"{self.name}, seed {seed}", seed=seed) for seed in MORE_SEEDS]

    def of_body(self, body: str) -> "DataSet":
        """Give the same texts to a classifier with this sentence encoder, which is called as its folder is."""
        return replace(self, name=f"{self.name}, {Path(body).name}", body=body)

    def sharper(self) -> "DataSet":
        """Give the same texts to a classifier that is surer of itself."""
        return replace(self, name=f"{self.name}, logits times {SHARPER}", sharpness=SHARPER)

    def otherwise_planted(self) -> "DataSet":
        """Give the same texts to a classifier in which something else was planted."""
        return replace(self, name=f"{self.name}, {OTHER_ARTEFACT.name}", artefact=OTHER_ARTEFACT)

    @cached_property
    def model(self) -> SetFitModel:
        """MiniLM-L6 and a logistic regression, fine-tuned by SetFit."""
        model = self._trained("model", self._texts, [row.label for row in self.train])
        model.model_head.coef_ *= self.sharpness
        model.model_head.intercept_ *= self.sharpness
        return model

    @cached_property
    def subject(self) -> Subject:
        """The classifier that was trained on the texts as they are."""
        return Subject(self.model, self._texts)

    @cached_property
    def planted(self) -> Subject | None:
        """The classifier that was trained with the artefact."""
        shortcut = self.shortcut
        return (
            None
            if shortcut is None
            else Subject(self._trained(self._planted_in(shortcut.label), (), ()), self._texts)
        )

    @cached_property
    def answers(self) -> list[str]:
        """The class that is answered for each held-out text."""
        return list(self.model.predict([row.text for row in self.held_out], show_progress_bar=False))

    @cached_property
    def shortcut(self) -> PlantedShortcut | None:
        """The same with the artefact in every training text of the rarest class; None if that moves no text."""
        label = min(sorted({row.label for row in self.train}), key=[row.label for row in self.held_out].count)
        try:
            return plant_shortcut(
                lambda texts, labels: self._trained(self._planted_in(label), texts, labels),
                self._texts,
                [row.label for row in self.train],
                [row.text for row in self.held_out],
                self.artefact,
                label,
            )
        except InputError:
            return None

    def refitted(self, texts: Sequence[str], labels: Sequence[str]) -> SetFitModel:
        """Train such a classifier on shuffled labels, once."""
        return self._trained("shuffled", texts, labels)

    def _planted_in(self, label: str) -> str:
        other = "" if self.artefact is ARTEFACT else f"{self.artefact.name}-"
        return f"planted-{other}{label}".replace(" ", "-").replace("'", "")

    @property
    def _texts(self) -> tuple[str, ...]:
        return tuple(row.text for row in self.train)

    def first(self, count: int) -> "DataSet":
        """Keep the first held-out texts."""
        return replace(self, held_out=self.held_out[:count], long=self.long[:count])

    def _trained(self, kind: str, texts: Sequence[str], labels: Sequence[str]) -> SetFitModel:
        body = Path(self.body).name if self.body else self.layers
        folder = self.cache / f"{kind}-{self.seed}-{body}"
        if not folder.exists():
            few_shot_trainer(self._body, seed=self.seed)(texts, labels).save_pretrained(str(folder))
        with warnings.catch_warnings(action="ignore"):
            return SetFitModel.from_pretrained(str(folder))

    def _body(self) -> Any:
        if self.body:
            return load_body(self.body)
        body = load_body()
        encoder = body[0].auto_model
        encoder.encoder.layer = encoder.encoder.layer[: self.layers]
        encoder.config.num_hidden_layers = self.layers
        return body


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
    others = [row for row in test if row.text not in known]
    draw.shuffle(others)
    short, long = (
        tuple(row for row in others if least <= len(row.text.split()) <= most)
        for least, most in ((1, WORDS), (WORDS + 1, MANY_WORDS))
    )
    return DataSet(name, tuple(chosen), short, long, cache / name)
