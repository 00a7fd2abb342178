"""What a body's number format allows: how exactly it repeats itself, and how far below that no rule gets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from setfit_explain.heads.verification import MAX_DIFFERENCE, check_difference

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

REPRODUCTION = {torch.float16: 1e-3, torch.bfloat16: 1e-2}
"""Largest accepted difference of two runs of one text; in wider formats `MAX_DIFFERENCE`.

The model answers one text at a time and is differentiated at several points at once. Kernels of other
shapes add in another order, which moves probabilities by up to 4e-4 in float16 and 4e-3 in bfloat16.
"""

PRECISIONS = {
    "float64": torch.float64,
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}
"""Number formats by the names that callers give."""

ROUNDING = {torch.float16: 2e-3, torch.bfloat16: 1.6e-2}
"""Relative error of a score that arithmetic in the body makes: twice the format's spacing."""

_ROUNDING_OF_FLOAT32 = 1e-6  # also of float64: RMSNorm and softmax of many bodies compute in float32


def rounding(dtype: torch.dtype) -> float:
    """Relative error of a score that arithmetic of this precision makes; no rule can get below it."""
    return ROUNDING.get(dtype, _ROUNDING_OF_FLOAT32)


def check_reproduction(
    actual: NDArray[np.float64],
    expected: NDArray[np.float64],
    dtype: torch.dtype,
    own_dtype: torch.dtype | None = None,
) -> float:
    """Compare the answers for one text with the model's own, to what the body's precision allows.

    Parameters
    ----------
    actual, expected
        Answers ``(classes,)``: those explained, and the model's own.
    dtype
        Precision of the body that is explained.
    own_dtype
        Precision of the model itself, where that is another. Two precisions may differ by five times what
        the coarser one differs from itself.

    Returns
    -------
    float
        Largest difference, as `check_difference` measures it.

    Raises
    ------
    VerificationError
        It is above 1e-5, or above what half precision allows.
    """
    where, accepted = "on the text itself", REPRODUCTION.get(dtype, MAX_DIFFERENCE)
    if own_dtype not in (None, dtype):
        accepted = max(accepted, REPRODUCTION.get(own_dtype, MAX_DIFFERENCE))
        accepted *= 5 if accepted > MAX_DIFFERENCE else 1
        mend = f"Leave precision={name(dtype)!r} out, or choose a finer one."
    elif accepted > MAX_DIFFERENCE:
        mend = f"That much is accepted in {name(dtype)}. Convert the body to float32 with model_body.float()."
    else:
        return check_difference(actual, expected, where)
    return check_difference(actual, expected, where, accepted, mend)


def name(dtype: torch.dtype) -> str:
    """Name a precision without its library, such as ``"bfloat16"``."""
    return str(dtype).removeprefix("torch.")
