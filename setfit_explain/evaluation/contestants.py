"""What `evaluate` puts beside one another: methods of this library, and whatever else gives numbers to units."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from setfit_explain.attribution.method import AttributionMethod
from setfit_explain.errors import InputError, OptionError, SetFitExplainError
from setfit_explain.evaluation.case import attributions, explainer_of_one
from setfit_explain.explaining import Options, check_options

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from setfit_explain.evaluation.case import Case
    from setfit_explain.explanation.segmentation import Granularity

    Floats = NDArray[np.float64]

Foreign = Callable[[str, Sequence[tuple[int, int]], int], "ArrayLike"]
"""Attributions made elsewhere: a text, (start, end) of its ``n`` units, a column of ``predict_proba`` -> ``(n,)``."""

Given = str | AttributionMethod | Options | Foreign
"""What a caller names as a method."""

Contestant = Callable[["Case"], "Floats"]
"""Explains the class that a case measures, ``(n,)``."""


@dataclass(frozen=True)
class Refusal:
    """A method that cannot explain the model: one of gradients where the head has none, or from a baseline it cannot take.

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


def told_apart(name: str, earlier: int) -> str:
    """Add a number to a name that was there before, as in ``"occlusion (2)"``."""
    return f"{name} ({earlier + 1})" if earlier else name


def named_methods(methods: Sequence[Given] | Mapping[str, Given]) -> dict[str, Options | Foreign]:
    """Name each method of a list by itself, and read each of a mapping.

    Raises
    ------
    OptionError
        There is none, one is nothing that explains, a setting is unknown or contradicts another, or cannot be set
        for one method alone.
    """
    if isinstance(methods, str) or hasattr(methods, "prepare"):
        raise OptionError(f"methods is a list or a mapping; give [{methods!r}].")
    if not isinstance(methods, Mapping):
        listed = list(methods)
        names = [
            each if isinstance(each, str) else getattr(each, "name", getattr(each, "__name__", str(each)))
            for each in listed
        ]
        methods = {
            told_apart(name, names[:place].count(name)): each
            for place, (name, each) in enumerate(zip(names, listed, strict=True))
        }
    if not methods:
        raise OptionError("There is no method to evaluate.")
    return {name: _read(name, given) for name, given in methods.items()}


def _read(name: str, given: Given) -> Options | Foreign:
    """Read what explains: a method's name or object, keyword arguments of `Explainer`, or a function."""
    options: Any = {"method": given} if isinstance(given, str) or hasattr(given, "prepare") else given
    if isinstance(given, type) or not (isinstance(options, Mapping) or callable(options)):
        raise OptionError(
            f"The method {name!r} is {given!r}. Accepted: its name, a method object such as Occlusion(), a mapping of "
            "keyword arguments of Explainer, or a function of a text, the spans of its units and a column."
        )
    if not isinstance(options, Mapping):
        return cast("Foreign", options)
    for own in ("granularity", "targets", "on_error", "show_progress", "trust_pickle"):
        if own in options:
            raise OptionError(f"{own} is set for all methods alike; take it out of {name!r}.")
    check_options(options, f" of {name!r}")
    return cast("Options", options)


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
    """Make each as `contestant` does, and say of those that cannot explain the model, or not so, why not.

    Raises
    ------
    SetFitExplainError
        None of them can; the error is the first one's.
    """
    made, refused = {}, dict[str, SetFitExplainError]()
    for name, options in named.items():
        try:
            made[name] = contestant(name, model, options, granularity)
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
