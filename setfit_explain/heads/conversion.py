"""A fitted estimator becomes its `TorchHead`; the rows of the table are in the modules imported here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sklearn.exceptions import NotFittedError

from setfit_explain.errors import HeadNotFittedError
from setfit_explain.heads import (  # noqa: F401 - each registers its rows
    calibration,
    composites,
    ensembles,
    gaussian,
    kernels,
    linear,
    multi_output,
    neural,
    one_vs_rest,
    refusals,
)
from setfit_explain.heads.table import convert

if TYPE_CHECKING:
    from setfit_explain.heads.torch_head import TorchHead


def to_torch_head(estimator: Any) -> TorchHead:
    """Convert a fitted head into the torch module that computes the same answer.

    Parameters
    ----------
    estimator
        A fitted scikit-learn classifier, or any type registered with `convert`.

    Returns
    -------
    TorchHead
        Embeddings ``(texts, dim)`` -> probabilities ``(texts, classes)``, in float64.

    Raises
    ------
    HeadNotFittedError
        The estimator was never fitted.
    HeadNotDifferentiableError
        The estimator answers in steps, such as a tree.
    UnsupportedHeadError
        No exact equivalent is known; the message lists the supported types.
    """
    try:
        return convert(estimator)
    except NotFittedError as error:
        raise HeadNotFittedError(
            f"The head {type(estimator).__name__} is not fitted. Train the model before explaining it."
        ) from error
