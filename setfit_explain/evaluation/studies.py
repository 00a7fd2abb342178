"""Robustness and sanity by name: what `evaluate` does with a whole method instead of one explanation at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from setfit_explain.errors import OptionError, SetFitExplainError
from setfit_explain.evaluation.measuring import Direction, Measurement
from setfit_explain.evaluation.robustness import (
    across_baselines,
    across_seeds,
    agreement,
    max_sensitivity,
    usual_baselines,
)
from setfit_explain.evaluation.sanity import body_randomisation, head_randomisation
from setfit_explain.explainer import Explainer

if TYPE_CHECKING:
    from setfit_explain.explaining import Options


@dataclass(frozen=True)
class Study:
    """What is asked of a whole method.

    Parameters
    ----------
    run
        Model, texts and keyword arguments of `Explainer` -> measurements; takes ``method`` and ``seed`` as they do.
    direction
        Which values are good.
    """

    run: Callable[..., list[Measurement]]
    direction: Direction


def _max_sensitivity(model: Any, texts: Sequence[str], options: Options, **named: Any) -> list[Measurement]:
    return [max_sensitivity(model, texts, options, **named)]


def _across_baselines(model: Any, texts: Sequence[str], options: Options, **named: Any) -> list[Measurement]:
    variations = across_baselines(options, usual_baselines(model))
    return [agreement(model, texts, variations, across="baselines", **named)]


def _across_seeds(model: Any, texts: Sequence[str], options: Options, **named: Any) -> list[Measurement]:
    explainer = Explainer(model, **options)
    if not any("seed" in explainer(text).settings for text in texts[:1]):
        (name,) = explainer.methods
        raise OptionError(
            f"{name} with these settings, which draws nothing at random and so agrees with itself for every seed"
        )
    return [agreement(model, texts, across_seeds(options), across="seeds", **named)]


def _head_randomisation(
    model: Any, texts: Sequence[str], options: Options, **named: Any
) -> list[Measurement]:
    return [head_randomisation(model, texts, options, **named)]


STUDIES: dict[str, Study] = {
    "max_sensitivity": Study(_max_sensitivity, Direction.LOWER),
    "agreement_across_baselines": Study(_across_baselines, Direction.HIGHER),
    "agreement_across_seeds": Study(_across_seeds, Direction.HIGHER),
    "head_randomisation": Study(_head_randomisation, Direction.LOWER),
    "body_randomisation": Study(body_randomisation, Direction.LOWER),
}
"""Studies by name."""


def run_study(
    name: str, model: Any, texts: Sequence[str], options: Options | None, *, method: str, seed: int
) -> list[Measurement]:
    """Run one; where it does not apply to the method, it is undefined for all texts, and says why."""
    try:
        if options is None:
            raise OptionError("attributions made elsewhere, which cannot be asked about another model")
        return STUDIES[name].run(model, texts, options, method=method, seed=seed)
    except SetFitExplainError as error:
        return [
            Measurement(
                method=method,
                metric=name,
                removal=None,
                direction=STUDIES[name].direction,
                unit="",
                values=np.full(len(texts), np.nan),
                undefined_for=str(error),
            )
        ]
