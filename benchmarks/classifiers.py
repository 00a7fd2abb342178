"""The classifiers and held-out texts that the benchmarks explain.

With ``--data`` they are trained on real data sets; without, on the texts that the demo ships.
"""

import json
import random
import warnings
from argparse import Namespace
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from setfit import SetFitModel
from sklearn.linear_model import LogisticRegression

from setfit_explain.demo.data import Example, load_test, load_train
from setfit_explain.demo.training import train
from setfit_explain.demo.weights import load_body

SHOTS = 8
SIX = (
    "card_arrival",
    "declined_card_payment",
    "exchange_rate",
    "lost_or_stolen_card",
    "pin_blocked",
    "top_up_failed",
)


@dataclass(frozen=True, eq=False)
class Trained:
    """A classifier and texts that it has not seen.

    Parameters
    ----------
    name
        Data set and number of classes.
    model
        MiniLM-L6 with a logistic regression.
    texts
        In random but fixed order.
    """

    name: str
    model: SetFitModel
    texts: tuple[str, ...]

    @property
    def classes(self) -> int:
        """Number of classes."""
        return len(self.model.labels)

    def of_length(self, tokens: int) -> str:
        """Give a text of ``tokens`` tokens at most, the special ones included, out of many texts' words."""
        tokenizer = self.model.model_body.tokenizer
        ids = tokenizer(" ".join(self.texts[:200] * tokens)[: 20 * tokens], add_special_tokens=False)
        return str(tokenizer.decode(ids["input_ids"][: tokens - 2]))

    def some(self, count: int) -> list[str]:
        """Give the first ``count`` texts."""
        return list(self.texts[:count])


def trained(options: Namespace, classes: Sequence[int]) -> list[Trained]:
    """Train, or read from the cache, one classifier for each number of classes that there is data for."""
    makers = {maker.classes: maker for maker in (_real(options.data) if options.data else _shipped())}
    return [makers[count].make(options.cache) for count in classes if count in makers]


def growing(options: Namespace, classes: Sequence[int]) -> list[Trained]:
    """Give one body heads of more and more classes, as far as there are classes."""
    if options.data:
        return [_of_data(options.data, "clinc150", count).make(options.cache) for count in classes]
    return [_each_its_own(count).make(options.cache) for count in classes if count <= len(load_train())]


@dataclass(frozen=True)
class _Maker:
    name: str
    classes: int
    train: Callable[[], list[Example]]
    test: Callable[[], list[Example]]
    fine_tuned: bool = False

    def make(self, cache: Path) -> Trained:
        name = f"{self.name}, K = {self.classes}"
        folder = cache / f"{self.name}-{self.classes}"
        if not folder.exists():
            model = (_fine_tuned if self.fine_tuned else _frozen)(self.train())
            model.save_pretrained(str(folder))
        with warnings.catch_warnings(action="ignore"):
            model = SetFitModel.from_pretrained(str(folder))
        known = set(model.labels)
        texts = [example.text for example in self.test() if example.label in known]
        random.Random(0).shuffle(texts)
        return Trained(name, model, tuple(texts))


def _fine_tuned(examples: list[Example]) -> SetFitModel:
    return train(load_body(), examples, seed=0)


def _frozen(examples: list[Example]) -> SetFitModel:
    body = load_body()
    labels = sorted({example.label for example in examples})
    embeddings = body.encode([example.text for example in examples], show_progress_bar=False)
    head = LogisticRegression(C=10, max_iter=500).fit(
        embeddings, [labels.index(example.label) for example in examples]
    )
    return SetFitModel(model_body=body, model_head=head, labels=labels)


def _of_data(
    data: Path, name: str, classes: int, chosen: Sequence[str] | None = None, *, fine_tuned: bool = False
) -> _Maker:
    return _Maker(
        name,
        classes,
        lambda: _few_shot(_read(data / name / "train.jsonl"), classes, chosen),
        lambda: _read(data / name / "test.jsonl"),
        fine_tuned,
    )


def _real(data: Path) -> tuple[_Maker, ...]:
    return (
        _of_data(data, "sms_spam", 2, fine_tuned=True),
        _of_data(data, "banking77", 6, SIX, fine_tuned=True),
        _of_data(data, "banking77", 20),
        _of_data(data, "banking77", 77),
        _of_data(data, "clinc150", 150),
    )


def _read(path: Path) -> list[Example]:
    rows = map(json.loads, path.read_text("utf-8").splitlines())
    return [Example(row["text"], row["label"]) for row in rows]


def _few_shot(examples: list[Example], classes: int, chosen: Sequence[str] | None) -> list[Example]:
    """Draw `SHOTS` texts of each chosen class, or of the first classes by name."""
    by_label = defaultdict(list)
    for example in examples:
        by_label[example.label].append(example)
    draw = random.Random(0)
    return [
        example
        for label in chosen or sorted(by_label)[:classes]
        for example in draw.sample(by_label[label], min(SHOTS, len(by_label[label])))
    ]


def _each_its_own(count: int) -> _Maker:
    """Make each of the demo's first training texts a class of its own."""
    return _Maker(
        "demo-texts",
        count,
        lambda: [Example(example.text, f"text {i:02}") for i, example in enumerate(load_train()[:count])],
        lambda: [Example(example.text, "text 00") for example in load_test()],
    )


def _two_of_demo() -> list[Example]:
    labels = sorted({example.label for example in load_train()})[:2]
    return [example for example in load_train() if example.label in labels]


def _shipped() -> tuple[_Maker, ...]:
    two = _Maker("demo", 2, _two_of_demo, lambda: list(load_test()), fine_tuned=True)
    return (two, _each_its_own(20), _each_its_own(64))
