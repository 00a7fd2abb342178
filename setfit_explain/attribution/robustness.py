"""Captum's two measures of robustness, for attributions of units: infidelity and max-sensitivity.

Yeh et al. 2019, "On the (In)fidelity and Sensitivity of Explanations" (arXiv 1901.09392).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from captum.metrics import infidelity as captum_infidelity
from captum.metrics import sensitivity_max
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def infidelity(score: Callable[[Floats], Floats], attributions: Floats, removed: NDArray[Any]) -> float:
    """Mean squared difference of what units taken out should cost, by their attributions, and what they do.

    Parameters
    ----------
    score
        Shares of each unit that are left, ``(rows, units)`` -> scores ``(rows,)``.
    attributions
        Of the units, ``(units,)``, in the unit of the score.
    removed
        How much of each unit is taken out in each of the perturbations, from 0 to 1, ``(samples, units)``.
    """
    taken = torch.as_tensor(removed, dtype=torch.float64)

    def perturb(whole: Tensor) -> tuple[Tensor, Tensor]:
        return taken, whole - taken

    found: Tensor = captum_infidelity(
        lambda left: torch.as_tensor(score(left.numpy())),
        perturb,
        torch.ones(1, len(attributions), dtype=torch.float64),
        torch.tensor(attributions, dtype=torch.float64).unsqueeze(0),
        n_perturb_samples=len(taken),
    )
    return float(found)


def max_sensitivity(explain: Callable[[Tensor], Floats], word_embeddings: Tensor, noise: Tensor) -> float:
    """Largest change of the attributions, relative to their own norm, when the word embeddings move a little.

    Parameters
    ----------
    explain
        Word embeddings ``(tokens, dim)`` -> attributions ``(units,)``, not all zero.
    word_embeddings
        Of the text, ``(tokens, dim)``.
    noise
        What is added to them in each sample, ``(samples, tokens, dim)``.
    """

    def explain_rows(rows: Any) -> tuple[Tensor]:
        given = (
            rows[0] if isinstance(rows, tuple) else rows
        )  # Captum wraps its own input, not what it perturbed
        return (torch.stack([torch.as_tensor(explain(row)) for row in given]),)

    found: Tensor = sensitivity_max(
        explain_rows,
        word_embeddings.unsqueeze(0),
        perturb_func=lambda rows, _radius: rows + noise,
        n_perturb_samples=len(noise),
    )
    return float(found)
