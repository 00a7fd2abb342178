"""The gate for heads: a converted head must give the estimator's own answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from setfit_explain.errors import UnsupportedModelError, VerificationError
from setfit_explain.heads.torch_head import TorchHead

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

MAX_DIFFERENCE = 1e-5
"""Largest difference to the model's own answer that is accepted: in probability, and of decision values
above 1 relative to the largest."""


def head_probabilities(estimator: Any, embeddings: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Ask the estimator itself: embeddings ``(texts, dim)`` -> probabilities ``(texts, classes)``.

    Of an estimator that has none, its decision function, with one column a class.
    """
    if isinstance(estimator, TorchHead):
        with torch.no_grad():
            own = estimator(torch.as_tensor(embeddings, device=head_device(estimator)))
        return np.asarray(own.cpu(), dtype=np.float64)
    if isinstance(estimator, nn.Module):
        parameter = next(estimator.parameters(), torch.empty(0))  # a head may have none
        with torch.no_grad():
            answer = estimator.predict_proba(torch.as_tensor(embeddings).to(parameter))  # type: ignore[operator]  # SetFitHead's method
        return np.asarray(answer.cpu(), dtype=np.float64)
    if hasattr(estimator, "predict_proba"):
        answer = estimator.predict_proba(embeddings)
        return one_column_a_label(np.stack(answer, 1) if isinstance(answer, list) else answer)
    decision = np.asarray(estimator.decision_function(embeddings), dtype=np.float64)
    return np.stack([-decision, decision], 1) if decision.ndim == 1 else decision


def one_column_a_label(probabilities: Any) -> NDArray[np.float64]:
    """Keep of ``(texts, labels, 2)``, as one classifier a label gives, the probabilities of class 1."""
    columns: NDArray[np.float64] = np.asarray(probabilities, dtype=np.float64)
    return columns[..., 1] if columns.ndim == 3 else columns


def verify_head(head: TorchHead, predict_proba: Callable[..., NDArray[np.float64]], dim: int) -> float:
    """Compare ``head`` with the estimator on probe embeddings.

    Parameters
    ----------
    head
        The converted head.
    predict_proba
        The estimator's own answer for float embeddings ``(texts, dim)``.
    dim
        Dimension of the body's embeddings.

    Returns
    -------
    float
        Largest difference, as `check_difference` measures it.

    Raises
    ------
    UnsupportedModelError
        The head was fitted on embeddings of another dimension.
    VerificationError
        The difference is above `MAX_DIFFERENCE`.
    """
    generator = np.random.default_rng(0)
    directions = generator.standard_normal((32, dim))
    unit = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    probes = np.vstack([np.zeros((1, dim)), unit, 10 * unit])
    try:
        expected = predict_proba(probes)
        with torch.no_grad():
            actual = head(torch.as_tensor(probes, device=head_device(head))).cpu().numpy()
    except (ValueError, RuntimeError) as error:
        raise UnsupportedModelError(
            f"The head does not take the body's embeddings, which have {dim} dimensions: {error}"
        ) from error
    return check_difference(actual, expected, "on probe embeddings")


def check_difference(
    actual: NDArray[np.float64],
    expected: NDArray[np.float64],
    where: str,
    accepted: float = MAX_DIFFERENCE,
    mend: str = "If the model was changed after the Explainer was made, make a new Explainer.",
) -> float:
    """Return the largest difference of two arrays of answers, or raise `VerificationError`.

    It is absolute for probabilities; decision values, which may be above 1, are divided by the largest.
    The error says ``where`` they differ, and ends in what to do.
    """
    if actual.shape != expected.shape:
        raise VerificationError(
            f"The rebuilt classifier gives answers of shape {actual.shape} {where}, "
            f"the model's own predict_proba {expected.shape}."
        )
    scale = np.abs(expected).max(initial=1.0)
    difference = float(np.abs(actual - expected).max(initial=0.0) / scale)
    if not difference <= accepted:  # also catches NaN
        raise VerificationError(
            f"The rebuilt probabilities differ from the model's own predict_proba by {difference:.2g} {where} "
            f"(accepted: {accepted:.0e}), so an explanation would be of another function. {mend}"
        )
    return difference


def head_device(head: TorchHead) -> torch.device:
    """Device of the head's parameters and buffers."""
    for tensor in (*head.parameters(), *head.buffers()):
        return tensor.device
    return torch.device("cpu")
