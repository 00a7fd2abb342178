"""Robustness: whether attributions stay when what should not matter changes a little.

Stable numbers are not right numbers: an explanation that never moves is perfectly robust.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np
import torch

from setfit_explain.arguments import METHODS, check_texts
from setfit_explain.attribution import robustness as captum
from setfit_explain.attribution.baselines import TOKENS, tokens_of
from setfit_explain.attribution.distributions import SAMPLED
from setfit_explain.attribution.whole_numbers import check_whole_number
from setfit_explain.classifier.text_classifier import TextClassifier, verified_classifier
from setfit_explain.errors import OptionError
from setfit_explain.evaluation.case import Cases, attributions, check_in_part, explainer_of_one
from setfit_explain.evaluation.measuring import Direction, Measurement
from setfit_explain.evaluation.ranking import kendall_tau, permuted

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from setfit_explain.classifier.encoding import EncodedText
    from setfit_explain.evaluation.case import Case
    from setfit_explain.explaining import Options

    Floats = NDArray[np.float64]

_WITH_TEXTS = ("auto", "mean", SAMPLED)
"""Baselines that are made of ``reference_texts`` where there are some."""


@dataclass(frozen=True, kw_only=True)
class Infidelity:
    """Mean squared error of the attributions as a prediction of what taking units out costs (Yeh et al. 2019).

    Each unit is taken out or not with even odds. Meant for attributions on the scale that is measured: those of
    another scale are wrong by its size.

    Parameters
    ----------
    removal
        What takes a unit's place, any of `REMOVALS` but ``"delete"``.
    n_samples
        Perturbations that are averaged.
    """

    removal: str = "mask"
    n_samples: int = 32

    name: ClassVar[str] = "infidelity"
    direction: ClassVar[Direction] = Direction.LOWER
    unit: ClassVar[str | None] = "squared score"
    undefined_for: ClassVar[str] = "texts without a unit"

    def __post_init__(self) -> None:
        check_in_part(self.name, self.removal, self.n_samples)

    def __call__(self, case: Case, values: Floats) -> float:
        """Measure the attributions ``(n,)`` of one text."""
        if not case.n:
            return np.nan
        removed = case.generator().integers(2, size=(self.n_samples, case.n))
        return captum.infidelity(lambda left: case.blended_scores(self.removal, left), values, removed)


def max_sensitivity(
    model: Any,
    texts: Sequence[str],
    options: Options,
    *,
    method: str = "method",
    radius: float = 0.1,
    n_samples: int = 8,
    seed: int = 0,
) -> Measurement:
    """Measure how far attributions move when the word embeddings do (max-sensitivity; Yeh et al. 2019).

    Parameters
    ----------
    model
        As for `Explainer`.
    texts
        What is explained, for the class that the model answers.
    options
        Keyword arguments of `Explainer`.
    method
        The name in the table.
    radius
        Largest noise on a dimension, relative to the root mean square of the text's word embeddings.
    n_samples
        Moved texts, of which the worst counts.
    seed
        Of the noise.

    Returns
    -------
    Measurement
        The random control is an attribution drawn anew each time. There is no reversed one: opposite signs move
        as far. It is undefined for what reads token ids alone, as attention rollout and ``baseline="delete"`` do:
        the noise does not reach them; and where all attributions are equal, or there is only one: in any order they
        are the same, so that nothing is a control.

    Raises
    ------
    OptionError
        ``radius`` or ``n_samples`` is not positive.
    """
    check_texts(texts)
    if not 0 < radius < np.inf:
        raise OptionError(f"radius must be a positive number, got {radius!r}.")
    check_whole_number("n_samples", n_samples, 1)
    explainer = explainer_of_one(model, options)
    moved = _Moved(explainer.classifier)
    (chosen,) = explainer.methods.values()
    attribute = chosen.prepare(moved, None)
    cases = Cases(explainer.classifier, output=explainer.output, granularity=explainer.granularity, seed=seed)
    found = np.full((2, len(texts)), np.nan)
    # Attributors of the caller's own need not say it.
    blind = getattr(attribute, "reads_ids_alone", False)
    for index, text in enumerate([] if blind else texts):
        case = cases.of(text)
        generator = case.generator()
        words = explainer.classifier.word_embeddings(case.encoded)
        size = radius * float(words.double().square().sum().sqrt()) / max(1, words.numel()) ** 0.5
        noise = torch.as_tensor(generator.uniform(-size, size, (n_samples, *words.shape))).to(words)

        def explain(rows: Tensor, case: Case = case) -> Floats:
            with moved.body.session():
                moved.words = rows
                values: Floats = attribute(case.encoded, case.membership, case.score).values[0, : case.n]
            return values

        own = explain(words)
        if np.unique(own).size > 1:
            draw = _redrawn(own, generator)
            found[:, index] = [captum.max_sensitivity(how, words, noise) for how in (explain, draw)]
    return Measurement(
        method=method,
        metric="max_sensitivity",
        removal=None,
        direction=Direction.LOWER,
        unit="relative to the attributions' norm",
        values=found[0],
        random=found[1],
        undefined_for=f"{chosen.name} with these settings, which reads token ids and so does not see the noise"
        if blind
        else "texts of fewer than two units, or where all attributions are equal",
    )


def agreement(
    model: Any,
    texts: Sequence[str],
    variations: Mapping[str, Options],
    *,
    method: str = "method",
    across: str = "baselines",
    seed: int = 0,
) -> Measurement:
    """Measure how far variations of a method agree: the mean rank correlation (tau-b) of every two of them.

    Parameters
    ----------
    model
        As for `Explainer`.
    texts
        What is explained, for the class that the model answers.
    variations
        Keyword arguments of `Explainer` by name; see `across_baselines` and `across_seeds`.
    method, across
        The method's name in the table, and what varies.
    seed
        Of the random control.

    Returns
    -------
    Measurement
        The random control agrees with the same values in random order, the reversed one with their opposite.

    Raises
    ------
    OptionError
        There are fewer than two variations.
    """
    check_texts(texts)
    if len(variations) < 2:
        raise OptionError(f"Agreement is between two variations or more; got {len(variations)}.")
    classifier = verified_classifier(model, differentiable=False)
    explainers = [explainer_of_one(classifier, options) for options in variations.values()]
    first = explainers[0]
    cases = Cases(first.classifier, output=first.output, granularity=first.granularity, seed=seed)
    found = np.full((3, len(texts)), np.nan)
    for index, text in enumerate(texts):
        case = cases.of(text)
        generator = case.generator()
        pairs = [
            (kendall_tau(one, other), kendall_tau(one, permuted(other, generator)))
            for one, other in combinations([attributions(explainer, case) for explainer in explainers], 2)
        ]
        value, random = np.mean(pairs, axis=0)
        found[:, index] = value, random, -value
    return Measurement(
        method=method,
        metric=f"agreement_across_{across}",
        removal=None,
        direction=Direction.HIGHER,
        unit="rank correlation",
        values=found[0],
        random=found[1],
        reversed=found[2],
        undefined_for="texts of fewer than two units, or where all attributions are equal",
    )


def across_baselines(options: Options, baselines: Sequence[Any] = ("mean", *TOKENS)) -> dict[str, Options]:
    """Vary the baseline of a method or method object, for `agreement`; `usual_baselines` names those that a model has.

    ``reference_texts`` stay where the baseline takes them, which ``"mean"`` does and tokens do not.

    Raises
    ------
    OptionError
        The method has no baseline.
    """
    return {str(baseline): _varied(options, "baseline", baseline) for baseline in baselines}


def usual_baselines(model: Any) -> tuple[str, ...]:
    """Name baselines for `across_baselines`: the mean and the tokens that the model's tokenizer has, two at least."""
    classifier = verified_classifier(model, differentiable=False)
    return "mean", *(tokens_of(classifier) or ["zero"])


def across_seeds(options: Options, seeds: Sequence[int] = (0, 1, 2)) -> dict[str, Options]:
    """Vary the seed of a method or method object that draws at random, for `agreement`.

    Raises
    ------
    OptionError
        The method has no seed.
    """
    return {str(seed): _varied(options, "seed", seed) for seed in seeds}


def _varied(options: Options, name: str, value: Any) -> Options:
    """Give a method another setting: beside its name, or on a copy of its object."""
    method: Any = options.get("method", "integrated_gradients")
    if isinstance(method, list):  # which `agreement` refuses
        return options
    kind = METHODS.get(method) if isinstance(method, str) else method
    if kind is not None and name not in getattr(kind, "__dataclass_fields__", ()):
        raise OptionError(f"{getattr(kind, 'name', kind)}, which has no {name} to vary")
    changed: dict[str, Any] = {name: value}
    if name == "baseline" and isinstance(value, str) and value not in _WITH_TEXTS:
        changed["reference_texts"] = None
    if isinstance(method, str):
        return cast("Options", {**options, **changed})
    fields = {field: changed[field] for field in changed if field in method.__dataclass_fields__}
    return {**options, "method": replace(method, **fields)}


class _Moved(TextClassifier):
    """A classifier that reads other word embeddings than a text's own: `words` ``(tokens, dim)``."""

    def __init__(self, original: TextClassifier) -> None:
        vars(self).update(vars(original))
        self.words: Tensor | None = None

    def word_embeddings(self, encoded: EncodedText) -> Tensor:
        """Give what was put in the place of the text's own."""
        return super().word_embeddings(encoded) if self.words is None else self.words


def _redrawn(values: Floats, generator: np.random.Generator) -> Callable[[Tensor], Floats]:
    return lambda _words: permuted(values, generator)
