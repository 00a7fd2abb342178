"""Names of classes, and what a caller's target means."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from setfit_explain.classifier.listing import is_list_like
from setfit_explain.errors import TargetError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

Target = int | tuple[int, int]
"""A column of ``predict_proba``, or the contrast of two: ``log p_a - log p_b``."""


def class_names(classes: Sequence[object], labels: Sequence[str] | None) -> tuple[str, ...]:
    """Name each column of ``predict_proba`` as ``SetFitModel.predict`` does.

    Integer classes index ``labels``, which may be in another order than the columns or hold classes
    that training never saw; other classes are their own name.

    Parameters
    ----------
    classes
        The head's ``classes_``, in column order.
    labels
        ``SetFitModel.labels``, or None.
    """
    return tuple(
        str(labels[value]) if labels and isinstance(value, int) and 0 <= value < len(labels) else str(value)
        for value in classes
    )


def label_name(label: Any, labels: Sequence[str] | None) -> str | tuple[str, ...] | None:
    """Name a true label as the classes are named; a multi-label truth is a sequence of them.

    It need not be a class: a data set may have more of them than the model.

    Raises
    ------
    TargetError
        It is no name, number, None or list of these.
    """
    if hasattr(label, "tolist"):  # of numpy or torch
        label = label.tolist()
    if isinstance(label, float):
        label = read_label(label, ())
    if label is None or isinstance(label, str):
        return label
    if hasattr(label, "__index__"):
        return class_names((label.__index__(),), labels)[0]
    if not is_list_like(label):
        raise TargetError(
            f"A true label is a class by name or number, a list of these, or None; got {label!r} "
            f"({type(label).__name__})."
        )
    return tuple(str(label_name(member, labels)) for member in label)


def read_label(label: Any, classes: Sequence[str]) -> Any:
    """Read a label out of a file: CSV has numbers as strings, and pandas whole numbers as floats; NaN is None."""
    if isinstance(label, float):
        return int(label) if label.is_integer() else None if label != label else str(label)
    if isinstance(label, str) and label not in classes and label.isdecimal():
        return int(label)
    return label


def label_column(label: Any, classes: Sequence[str], labels: Sequence[str] | None) -> int | None:
    """Find the column of a true label that `read_label` reads and `label_name` names; None where there is none.

    Raises
    ------
    TargetError
        It is no class of the model, or more than one.
    """
    read = read_label(label, classes)
    name = (
        label_name(read, labels)
        if read is None or isinstance(read, str) or hasattr(read, "__index__")
        else ()
    )
    if isinstance(name, tuple):
        raise TargetError(
            f"A label is one class, by name or number; got {label!r}. Classes: {', '.join(classes)}."
        )
    return None if name is None else _column(name, classes)


def target_name(target: Target, classes: Sequence[str]) -> str:
    """Name a target: the class, or ``"a vs b"`` for a contrast."""
    if isinstance(target, tuple):
        return f"{classes[target[0]]} vs {classes[target[1]]}"
    return classes[target]


def resolve_targets(
    targets: Any, classes: Sequence[str], probabilities: NDArray[np.float64], *, multi_label: bool
) -> tuple[Target, ...]:
    """Turn what the caller asked for into columns and pairs of columns.

    Parameters
    ----------
    targets
        ``"all"``, ``"predicted"``, ``"top:k"`` (the k most probable), a class by name or column index,
        a pair ``(a, b)`` for the contrast of two classes, or a list or array of classes and pairs.
    classes
        Names of the columns.
    probabilities
        The model's answer for this text, shape ``(classes,)``.
    multi_label
        Whether ``"predicted"`` means every label at 0.5 or above (where there is none: the most probable
        one), instead of the most probable class.

    Raises
    ------
    TargetError
        A target is none of the above; the message names the classes and the nearest one.
    """
    if hasattr(targets, "tolist"):  # an array, or a number or string of numpy
        targets = targets.tolist()
    if isinstance(targets, list):
        if not targets:
            raise TargetError(f"The list of targets is empty. Classes: {', '.join(classes)}.")
        return tuple(_one(target, classes) for target in targets)
    if targets == "all":
        return tuple(range(len(classes)))
    if targets == "predicted":
        return predicted(probabilities, multi_label=multi_label) or (int(probabilities.argmax()),)
    if isinstance(targets, str) and targets.startswith("top:") and targets not in classes:
        if not targets[4:].isdecimal() or int(targets[4:]) == 0:
            raise TargetError(
                f"{targets!r} is not 'top:k' with a whole number k of at least 1, such as 'top:3'."
            )
        return tuple(int(k) for k in (-probabilities).argsort(kind="stable")[: int(targets[4:])])
    return (_one(targets, classes),)


def predicted(probabilities: NDArray[np.float64], *, multi_label: bool) -> tuple[int, ...]:
    """Columns that the model answers: the most probable class, or every label at 0.5 or above."""
    if multi_label:
        return tuple(int(k) for k in (probabilities >= 0.5).nonzero()[0])
    return (int(probabilities.argmax()),)


def _one(target: Any, classes: Sequence[str]) -> Target:
    if isinstance(target, tuple):
        if len(target) != 2:
            raise TargetError(f"A contrast is a pair of two classes, (a, b); got {target!r}.")
        first, second = (_column(member, classes) for member in target)
        if first == second:
            raise TargetError(f"A contrast needs two different classes; got {target!r}.")
        return first, second
    return _column(target, classes)


def _column(target: Any, classes: Sequence[str]) -> int:
    names = ", ".join(classes)
    if isinstance(target, str):
        if classes.count(target) == 1:
            return classes.index(target)
        if target in classes:
            raise TargetError(
                f"Several classes are named {target!r}; give the column index. Classes: {names}."
            )
        near = get_close_matches(target, classes, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise TargetError(f"Target {target!r} is not a class. Classes: {names}.{hint}")
    if hasattr(target, "__index__") and not isinstance(target, bool):
        column = target.__index__()
        if 0 <= column < len(classes):
            return int(column)
        hint = f" Did you mean the class {str(column)!r}?" if str(column) in classes else ""
        raise TargetError(
            f"Target {column} is not a column of predict_proba, which are 0 to {len(classes) - 1} ({names}).{hint}"
        )
    raise TargetError(
        f"Target {target!r} ({type(target).__name__}) is not a class name, a column index or a pair. Classes: {names}."
    )
