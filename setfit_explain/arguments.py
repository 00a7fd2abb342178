"""What callers pass to `explain`: texts, targets and methods, checked before anything is computed."""

from __future__ import annotations

import inspect
import reprlib
from collections.abc import Iterable, Iterator, Mapping
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from setfit_explain.attribution.attention_rollout import AttentionRollout
from setfit_explain.attribution.deeplift import DeepLift
from setfit_explain.attribution.expected_gradients import ExpectedGradients
from setfit_explain.attribution.gradient_shap import GradientShap
from setfit_explain.attribution.input_x_gradient import InputXGradient
from setfit_explain.attribution.integrated_gradients import IntegratedGradients
from setfit_explain.attribution.kernel_shap import KernelShap
from setfit_explain.attribution.leave_one_in import LeaveOneIn, LeaveOneOutIn
from setfit_explain.attribution.lime import Lime
from setfit_explain.attribution.occlusion import Occlusion
from setfit_explain.attribution.partition_shap import PartitionShap
from setfit_explain.attribution.saliency import Saliency, SmoothGrad, SquareGrad, VarGrad
from setfit_explain.attribution.shapley_sampling import ShapleySampling
from setfit_explain.attribution.sobol import Sobol
from setfit_explain.classifier.listing import is_list_like
from setfit_explain.errors import OptionError, TextError

if TYPE_CHECKING:
    from setfit_explain.attribution.method import AttributionMethod

_KINDS = (
    IntegratedGradients,
    Occlusion,
    Saliency,
    InputXGradient,
    SmoothGrad,
    SquareGrad,
    VarGrad,
    GradientShap,
    ExpectedGradients,
    DeepLift,
    AttentionRollout,
    LeaveOneIn,
    LeaveOneOutIn,
    Lime,
    KernelShap,
    ShapleySampling,
    PartitionShap,
    Sobol,
)

METHODS: dict[str, type[AttributionMethod]] = {
    **{kind.name: kind for kind in _KINDS},
    "leave_one_out": Occlusion,  # of one unit, which is its default window
}
"""Methods by the name that callers give."""


def resolve_method(method: str | AttributionMethod, settings: dict[str, Any]) -> AttributionMethod:
    """Make the method named with its settings, or take a method object, which must have them already."""
    if isinstance(method, str):
        if method not in METHODS:
            raise OptionError(
                f"Method {method!r} is not known. Accepted: {', '.join(METHODS)}, or a method object."
            )
        kind = METHODS[method]
        accepted = inspect.signature(kind).parameters
        for name in settings:
            if name not in accepted:
                raise OptionError(
                    f"{name} is not a setting of method {method!r}. Accepted: {', '.join(accepted)}."
                )
        return kind(**settings)
    if isinstance(method, type) or not hasattr(method, "prepare"):
        raise OptionError(
            f"method is {method!r}. Accepted: {', '.join(METHODS)}, or a method object such as IntegratedGradients()."
        )
    if settings:
        raise OptionError(
            f"{', '.join(settings)} cannot be given beside a method object; set it on the object: "
            f"{type(method).__name__}({next(iter(settings))}=...)."
        )
    return method


def known_settings(method: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Take those of the settings that a method of `METHODS` knows."""
    known = inspect.signature(METHODS[method]).parameters
    return {name: value for name, value in settings.items() if name in known}


def resolve_methods(method: Any, settings: dict[str, Any]) -> dict[str, AttributionMethod]:
    """Make one method, or each of a list, by the names that tell them apart.

    Each of a list takes the settings that it knows; a setting that none of them knows is refused.
    """
    if not isinstance(method, list | tuple):
        only = resolve_method(method, settings)
        return {only.name: only}
    if not method:
        raise OptionError(f"The list of methods is empty. Accepted: {', '.join(METHODS)}, or method objects.")
    taken = [
        known_settings(each, settings) if isinstance(each, str) and each in METHODS else {} for each in method
    ]
    if unknown := sorted(set(settings).difference(*taken)):
        raise OptionError(f"{', '.join(unknown)}: no setting of any method in the list is called so.")
    methods: dict[str, AttributionMethod] = {}
    for each, known in zip(method, taken, strict=True):
        resolved = resolve_method(each, known)
        count = sum(other.name == resolved.name for other in methods.values())
        methods[f"{resolved.name} ({count + 1})" if count else resolved.name] = resolved
    return methods


def check_texts(texts: Any) -> None:
    """Raise `TextError` for what is no iterable of texts, or only looks like one."""
    if isinstance(texts, str):
        raise TextError(
            f"Several texts are needed here, got one string; of one text give a list: [{reprlib.repr(texts)}]."
        )
    if not is_list_like(texts):
        raise TextError(
            f"Texts must be a string or an iterable of strings, got {type(texts).__name__}. "
            "Of a data set or table pass its text column, such as data['text']; of a tokenised text the "
            "tokenizer's whole BatchEncoding."
        )


def listed_texts(texts: Iterable[Any]) -> list[Any]:
    """List the texts of an iterable; raises `TextError` as `check_texts` does."""
    check_texts(texts)
    return list(texts)


def check_one_a_text(name: str, values: Any) -> None:
    """Raise `OptionError` for what is no list of one value a text."""
    if not is_list_like(values):
        raise OptionError(
            f"{name} must be a list with one for each text, or a column of a table; got {type(values).__name__}."
        )


def one_a_text(name: str, values: Any, texts: int) -> list[Any]:
    """List one value a text, None where there are no values; raises `OptionError` for another number of them."""
    if values is None:
        return [None] * texts
    check_one_a_text(name, values)
    listed = list(values)
    if len(listed) != texts:
        raise OptionError(f"There are {len(listed)} {name} for {texts} texts.")
    return listed


def side_by_side(texts: Iterable[Any], true_labels: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
    """Pair texts with their labels as they come; raises `OptionError` where one of both ends first."""
    missing = object()
    for text, label in zip_longest(texts, true_labels, fillvalue=missing):
        if text is missing or label is missing:
            more, fewer = ("true_labels", "texts") if text is missing else ("texts", "true_labels")
            raise OptionError(
                f"There are more {more} than {fewer}; each text needs one label, which may be None."
            )
        yield text, label


def targets_per_text(targets: Any, texts: int) -> list[Any]:
    """Give each text its targets: a list of lists holds one list a text."""
    if isinstance(targets, list) and targets and all(isinstance(member, list) for member in targets):
        if len(targets) != texts:
            raise OptionError(f"There are {len(targets)} lists of targets for {texts} texts.")
        return targets
    return [targets] * texts
