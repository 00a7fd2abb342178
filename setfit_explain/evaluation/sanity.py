"""Sanity checks: whether an explanation changes when the model that it explains no longer is the same.

Adebayo et al. 2018, "Sanity Checks for Saliency Maps" (arXiv 1810.03292): parts of the model are randomised, and the
attributions for the same class compared before and after. The user's model is never changed: copies are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import nn

from setfit_explain.arguments import check_texts
from setfit_explain.classifier.labels import label_column
from setfit_explain.classifier.loading import load_model, with_parts
from setfit_explain.classifier.text_classifier import verified_classifier
from setfit_explain.errors import InputError, TargetError, UnsupportedHeadError
from setfit_explain.evaluation.case import Cases, attributions, explainer_of_one
from setfit_explain.evaluation.measuring import Direction, Measurement
from setfit_explain.evaluation.ranking import kendall_tau, permuted
from setfit_explain.heads.black_box import is_wrapped

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from setfit_explain.classifier.loading import Model
    from setfit_explain.classifier.text_classifier import TextClassifier
    from setfit_explain.evaluation.training import Train
    from setfit_explain.explaining import Options

    Floats = NDArray[np.float64]

CAVEAT = (
    "A method that multiplies by the input (input x gradient, integrated gradients) keeps part of its ranking under any "
    "randomisation, because the input stays (arXiv 2106.07475): a high value is no proof against it, nor a low one "
    "for it."
)

RANDOM_DRAWS = 4


def head_randomisation(
    model: Any, texts: Sequence[str], options: Options, *, method: str = "method", seed: int = 0
) -> Measurement:
    """Compare attributions before and after the head's weights are shuffled.

    Parameters
    ----------
    model
        As for `Explainer`.
    texts
        What is explained, for the class that the model answers before.
    options
        Keyword arguments of `Explainer`.
    method
        The name in the table.
    seed
        Of the shuffle.

    Returns
    -------
    Measurement
        See `similarity`.

    Raises
    ------
    UnsupportedHeadError
        The head has no weights as a torch module, as a forest; see `label_shuffled_refit`.
    """
    classifier = verified_classifier(model, differentiable=False)
    loaded, head = classifier.model, deepcopy(classifier.head)
    if is_wrapped(head):
        raise UnsupportedHeadError(
            f"{type(loaded.head).__name__} has no weights to randomise. label_shuffled_refit trains it anew."
        )
    _shuffle([head], seed)
    return similarity(
        loaded, [("head", with_parts(loaded, head=head))], texts, options, method=method, seed=seed
    )[0]


def body_randomisation(
    model: Any, texts: Sequence[str], options: Options, *, method: str = "method", seed: int = 0
) -> list[Measurement]:
    """Compare attributions before and after the body is randomised from its top layer down (cascading).

    Parameters
    ----------
    model, texts, options, method, seed
        As for `head_randomisation`.

    Returns
    -------
    list of Measurement
        One for each stage: the top layer alone, the two top layers, and so on; at last the whole body.
    """
    loaded = load_model(model)
    return similarity(loaded, _cascade(loaded, seed), texts, options, method=method, seed=seed)


def label_shuffled_refit(
    model: Any,
    texts: Sequence[str],
    options: Options,
    train: Train,
    train_texts: Sequence[str],
    train_labels: Sequence[Any],
    *,
    method: str = "method",
    seed: int = 0,
) -> Measurement:
    """Compare attributions with those of a model trained on shuffled labels (the data randomisation test).

    Parameters
    ----------
    model, texts, options, method, seed
        As for `head_randomisation`.
    train
        Trains a new model like the first: ``train(texts, labels) -> model``; see `few_shot_trainer`.
    train_texts, train_labels
        What the model was trained on; a class by its name, or the number that `explain` reads as its name.

    Raises
    ------
    InputError
        There are not as many labels as texts, or they or the refitted model have other classes than the model.
    """
    if len(train_labels) != len(train_texts):
        raise InputError(f"There are {len(train_labels)} labels for {len(train_texts)} training texts.")
    classifier = verified_classifier(model, differentiable=False)
    if not classifier.multi_label:
        _columns(classifier, train_labels, "The training labels")

    def refit() -> Iterator[tuple[str, Any]]:
        shuffled = np.random.default_rng(seed).permutation(np.asarray(train_labels, dtype=object)).tolist()
        yield "label_shuffled_refit", load_model(train(list(train_texts), shuffled))

    # Trained only after the model at hand was explained: what is wrong with texts and options shows before.
    return similarity(classifier, refit(), texts, options, method=method, seed=seed)[0]


def similarity(
    model: Any,
    others: Iterable[tuple[str, Any]],
    texts: Sequence[str],
    options: Options,
    *,
    method: str = "method",
    seed: int = 0,
) -> list[Measurement]:
    """Compare a model's attributions with those of other models, for the class that the first one answers.

    Parameters
    ----------
    model
        As for `Explainer`.
    others
        Names and models, of the same classes, in any order, and tokens; one is held at a time.
    texts
        What is explained.
    options
        Keyword arguments of `Explainer`.
    method
        The name in the table.
    seed
        Of the random control.

    Returns
    -------
    list of Measurement
        One for each of ``others``: the size of the rank correlation (tau-b), lower is better. The random control is
        that with the same values in random order, the least to be expected; the reversed one is that with their
        opposite, 1, as is that of an explanation that does not look at the model.
    """
    check_texts(texts)
    first = explainer_of_one(model, options)
    cases = Cases(first.classifier, output=first.output, granularity=first.granularity, seed=seed)
    made = [cases.of(text) for text in texts]
    before = [attributions(first, case) for case in made]
    measurements = []
    for name, other in others:
        second = explainer_of_one(other, options)
        columns = _columns(first.classifier, second.classifier.classes, "The other model's classes")
        found = np.full((3, len(texts)), np.nan)
        for index, (case, own) in enumerate(zip(made, before, strict=True)):
            same = replace(case.score, targets=(columns[cast("int", case.score.targets[0])],))
            after = attributions(second, replace(case, score=same))
            generator = case.generator()
            draws = [abs(kendall_tau(own, permuted(after, generator))) for _ in range(RANDOM_DRAWS)]
            opposite = np.nan if np.isnan(draws[0]) else abs(kendall_tau(own, -own))
            found[:, index] = abs(kendall_tau(own, after)), np.mean(draws), opposite
        measurements.append(
            Measurement(
                method=method,
                metric=f"similarity_after_{name}",
                removal=None,
                direction=Direction.LOWER,
                unit="size of the rank correlation",
                values=found[0],
                random=found[1],
                reversed=found[2],
                undefined_for="texts of fewer than two units, or where all attributions are equal",
                note=CAVEAT,
            )
        )
    return measurements


def _columns(classifier: TextClassifier, others: Sequence[Any], told: str) -> list[int]:
    """Find each of a classifier's classes among others, which are named or numbered as labels are."""
    names = classifier.classes
    if tuple(others) == names:
        return [*range(len(names))]
    try:
        found = [label_column(other, names, classifier.model.labels) for other in others]
        return [{column: place for place, column in enumerate(found)}[k] for k in range(len(names))]
    except (TargetError, KeyError) as error:
        came = ", ".join(dict.fromkeys(map(str, others)))
        raise InputError(f"{told} are {came}; both must have {', '.join(names)}.") from error


def _cascade(model: Model, seed: int) -> Iterator[tuple[str, Model]]:
    """Shuffle more and more of copies of the body, from its top down."""
    count = len(_stages(model.body))
    for stage in range(1, count + 1):
        body = deepcopy(model.body)
        _shuffle([part for layer in _stages(body)[:stage] for part in layer], seed)
        yield f"body_top_{stage}_of_{count}", with_parts(model, body=body)


def _stages(body: nn.Module) -> list[list[nn.Module]]:
    """Parts of the body from the top down: each layer of its longest list of layers, then all of it."""
    lists = [module for module in body.modules() if isinstance(module, nn.ModuleList)]
    layers = max(([*layers] for layers in lists), key=len, default=[])
    return [*([layer] for layer in reversed(layers)), [body]]


def _weights(modules: Sequence[nn.Module]) -> list[torch.Tensor]:
    """Parameters and buffers that hold fractions, each once."""
    found = {
        id(tensor): tensor
        for module in modules
        for tensor in (*module.parameters(), *module.buffers())
        if tensor.is_floating_point()
    }
    return list(found.values())


def _shuffle(modules: Sequence[nn.Module], seed: int) -> None:
    """Put the numbers of each weight into random order: as random as drawn anew, of the size they had."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for tensor in _weights(modules):
            order = torch.randperm(tensor.numel(), generator=generator).to(tensor.device)
            tensor.copy_(tensor.flatten()[order].view_as(tensor))
