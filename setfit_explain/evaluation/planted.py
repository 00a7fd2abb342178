"""Planted shortcuts: the one test of explanations whose answer is known.

An artefact that says nothing is put into the training texts of one class, and a classifier trained on them. Where it
then moves a held-out text of another class to that class, the artefact is the cause, because nothing else
changed; an explanation of that answer must name it. After Bastings et al. 2022 (arXiv 2111.07367).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from setfit_explain.classifier.labels import label_column
from setfit_explain.classifier.loading import load_model
from setfit_explain.errors import InputError
from setfit_explain.evaluation.evaluating import Evaluation, evaluate
from setfit_explain.explainer import Explainer

if TYPE_CHECKING:
    from setfit_explain.evaluation.training import Train
    from setfit_explain.explaining import Options

METRICS = ("pointing_game", "marked_share")
"""How often the artefact is ranked first, and the share of the attribution that it has."""


@dataclass(frozen=True)
class Artefact:
    """Something put into a text that says nothing about its class.

    Parameters
    ----------
    name
        For tables.
    plant
        A text -> the text with the artefact, and its characters there, (start, end).
    """

    name: str
    plant: Callable[[str], tuple[str, tuple[int, int]]]

    def __call__(self, text: str) -> str:
        """Put it into a text."""
        return self.plant(text)[0]


def planted_word(word: str, seed: int = 0) -> Artefact:
    """Put a word between two words of the text, or at either end, at random but the same for the same text."""
    return Artefact(f"word {word!r}", partial(_put_word, word, seed))


def planted_suffix(suffix: str = ",,,") -> Artefact:
    """Put something behind the text, such as the separators of empty fields that an export leaves."""
    return Artefact(f"suffix {suffix!r}", lambda text: (text + suffix, _visible(suffix, len(text))))


def planted_prefix(prefix: str = "re: ") -> Artefact:
    """Put something before the text, such as the mark of a reply."""
    return Artefact(f"prefix {prefix!r}", lambda text: (prefix + text, _visible(prefix, 0)))


def planted_casing() -> Artefact:
    """Write the text's first word in capitals; a body that ignores case cannot learn it."""
    return Artefact("capitals", _capitalise)


@dataclass(frozen=True, eq=False)
class PlantedShortcut:
    """A classifier that learnt an artefact, and the held-out texts that the artefact alone moves.

    Parameters
    ----------
    artefact, label
        What was planted in the training texts of which class.
    model
        The classifier that was trained on them.
    tried
        How many held-out texts it does not answer with ``label`` as they are.
    moved
        Those of them that it does answer so with the artefact; here without it.
    """

    artefact: Artefact
    label: Any
    model: Any
    tried: int
    moved: tuple[str, ...]

    def evaluate(
        self,
        methods: Sequence[str] | Mapping[str, Options] = ("integrated_gradients", "occlusion"),
        *,
        limit: int | None = None,
        seed: int = 0,
        show_progress: bool | None = False,
    ) -> Evaluation:
        """Explain ``label`` for the moved texts with the artefact, and see which methods find it.

        Parameters
        ----------
        methods, seed, show_progress
            As for `setfit_explain.evaluation.evaluate`.
        limit
            Most texts to explain; None for all.

        Returns
        -------
        Evaluation
            ``pointing_game`` is how often the artefact is ranked first, ``marked_share`` its share of all positive
            attribution.
        """
        forms = [self.artefact.plant(text) for text in self.moved[:limit]]
        return evaluate(
            self.model,
            [form for form, _ in forms],
            methods=methods,
            metrics=METRICS,
            rationales=[[(start, end, 1.0)] for _, (start, end) in forms],
            labels=[self.label] * len(forms),
            seed=seed,
            show_progress=show_progress,
        )


def plant_shortcut(
    train: Train,
    texts: Sequence[str],
    labels: Sequence[Any],
    held_out: Sequence[str],
    artefact: Artefact,
    label: Any,
) -> PlantedShortcut:
    """Plant an artefact in the training texts of one class, train, and find the held-out texts that it moves.

    Parameters
    ----------
    train
        ``train(texts, labels) -> model``, such as `few_shot_trainer` makes.
    texts, labels
        Training texts and their classes, by name or number.
    held_out
        Other texts, of any class.
    artefact
        What is planted, such as ``planted_suffix(",,,")``.
    label
        The class that gets it, as it is among ``labels``.

    Raises
    ------
    InputError
        There are not as many labels as texts, no training text has the label, the trained model has no such class, it
        did not learn the artefact, or its body cannot see it.

    Examples
    --------
    ::

        shortcut = plant_shortcut(train, texts, labels, held_out, planted_suffix(",,,"), "unknown charge")
        print(shortcut.evaluate(["occlusion"]).find("occlusion", "pointing_game").value)
    """
    labels = list(labels)  # of a pandas Series, ``in`` would look at the index
    if len(labels) != len(texts):
        raise InputError(f"There are {len(labels)} labels for {len(texts)} training texts.")
    if label not in labels:
        known = ", ".join(sorted({repr(own) for own in labels}))
        raise InputError(f"No training text has the label {label!r}. Labels: {known}.")
    planted = [artefact(text) if own == label else text for text, own in zip(texts, labels, strict=True)]
    model = load_model(train(planted, labels))
    classifier = Explainer(model, method="occlusion").classifier
    column = label_column(label, classifier.classes, classifier.model.labels)
    tried, moved = 0, []
    for text in held_out:
        clean, marked = (classifier.predict_proba(form).argmax() for form in (text, artefact(text)))
        if clean != column:
            tried += 1
            moved += [text] * bool(marked == column)
    if not moved:
        unseen = all(
            np.array_equal(classifier.encode(text).ids, classifier.encode(artefact(text)).ids)
            for text in held_out
        )
        raise InputError(
            f"The {artefact.name} moves none of {tried} held-out texts to {label!r}: "
            + ("the body's tokenizer does not see it." if unseen else "the classifier did not learn it.")
            + " Plant something else, in more training texts, or give more held-out texts."
        )
    return PlantedShortcut(artefact, label, model, tried, tuple(moved))


def _put_word(word: str, seed: int, text: str) -> tuple[str, tuple[int, int]]:
    words = text.split(" ")
    place = int(np.random.default_rng([seed, *text.encode()]).integers(len(words) + 1))
    start = len(" ".join(words[:place])) + bool(place)
    return " ".join([*words[:place], word, *words[place:]]), (start, start + len(word))


def _capitalise(text: str) -> tuple[str, tuple[int, int]]:
    start = len(text) - len(text.lstrip())
    end = start + len(text[start:].split(maxsplit=1)[0]) if text.strip() else start
    capital = text[start:end].upper()
    return text[:start] + capital + text[end:], (start, start + len(capital))


def _visible(piece: str, offset: int) -> tuple[int, int]:
    start = offset + len(piece) - len(piece.lstrip())
    return start, max(start, offset + len(piece.rstrip()))
