"""What `evaluate` puts beside one another: methods of this library, and whatever else gives numbers to units."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from setfit_explain.errors import InputError, OptionError, SetFitExplainError
from setfit_explain.evaluation.case import attributions, explainer_of_one

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from setfit_explain.evaluation.case import Case
    from setfit_explain.explaining import Options
    from setfit_explain.explanation.segmentation import Granularity

    Floats = NDArray[np.float64]

Foreign = Callable[[str, Sequence[tuple[int, int]], int], "ArrayLike"]
"""Attributions made elsewhere: a text, (start, end) of its ``n`` units, a column of ``predict_proba`` -> ``(n,)``."""

Contestant = Callable[["Case"], "Floats"]
"""Explains the class that a case measures, ``(n,)``."""


@dataclass(frozen=True)
class Refusal:
    """A method that cannot explain the model at all, such as one of gradients where the head has none.

    Parameters
    ----------
    method
        The name that the caller gave it.
    error
        Class name of the error.
    message
        What the error said.
    """

    method: str
    error: str
    message: str


def named_methods(methods: Sequence[str] | Mapping[str, Options | Foreign]) -> dict[str, Options | Foreign]:
    """Name each method of a list by itself; raise `OptionError` for what cannot be set for one method alone."""
    if isinstance(methods, str):
        raise OptionError(f"methods is a list of names or a mapping; give [{methods!r}].")
    named: dict[str, Options | Foreign] = (
        dict(methods) if isinstance(methods, Mapping) else {name: {"method": name} for name in methods}
    )
    if not named:
        raise OptionError("There is no method to evaluate.")
    for name, options in named.items():
        if not callable(options):
            if not isinstance(options, Mapping):
                raise OptionError(
                    f"{name!r} is given {options!r}. Accepted: keyword arguments of Explainer, such as "
                    "{'method': 'occlusion'}, or a function."
                )
            for own in ("granularity", "targets", "on_error", "show_progress", "trust_pickle"):
                if own in options:
                    raise OptionError(f"{own} is set for all methods alike; take it out of {name!r}.")
    return named


def contestant(
    name: str, model: Any, options: Options | Foreign, granularity: Granularity
) -> tuple[Contestant, Options | None]:
    """Make what explains a case, and the keyword arguments of its explainer, None for one made elsewhere."""
    if callable(options):
        return partial(_foreign, name, options), None
    # A copy: the caller's own mapping stays as it is.
    complete = cast("Options", {**options, "granularity": granularity, "show_progress": False})
    return partial(attributions, explainer_of_one(model, complete)), complete


def contestants(
    named: Mapping[str, Options | Foreign], model: Any, granularity: Granularity
) -> tuple[dict[str, tuple[Contestant, Options | None]], tuple[Refusal, ...]]:
    """Make each as `contestant` does, and say of those that cannot explain the model why not.

    Raises
    ------
    OptionError
        A setting is unknown or contradicts another.
    SetFitExplainError
        None of them can; the error is the first one's.
    """
    made, refused = {}, dict[str, SetFitExplainError]()
    for name, options in named.items():
        try:
            made[name] = contestant(name, model, options, granularity)
        except OptionError:
            raise
        except SetFitExplainError as error:
            refused[name] = error
    if not made:
        raise next(iter(refused.values()))
    return made, tuple(Refusal(name, type(error).__name__, str(error)) for name, error in refused.items())


def _foreign(name: str, explain: Foreign, case: Case) -> Floats:
    """Ask what was made elsewhere; whatever goes wrong within is an error of this text alone."""
    text = case.encoded.text
    spans = [(unit.start, unit.end) for unit in case.units[: case.n]]
    try:
        values = np.asarray(explain(text, spans, cast("int", case.score.targets[0])), dtype=np.float64)
    except Exception as error:
        raise InputError(f"{name} raised {type(error).__name__}: {error}") from error
    if values.shape != (case.n,) or not np.isfinite(values).all():
        raise InputError(
            f"{name} gave values of shape {values.shape}, {int(np.isfinite(values).sum())} of them finite. "
            f"Accepted: a finite number for each of the {case.n} units."
        )
    return values
