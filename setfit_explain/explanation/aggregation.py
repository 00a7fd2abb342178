"""Aggregation: from attributions of tokens to attributions of units, losing nothing."""

import numpy as np
from numpy.typing import NDArray

from setfit_explain.errors import InputError


def aggregate(
    token_attributions: NDArray[np.float64], membership: NDArray[np.intp], n_units: int
) -> NDArray[np.float64]:
    """Add up, for each unit, the attributions of its tokens.

    Parameters
    ----------
    token_attributions
        Signed attributions, of shape ``(targets, tokens)``, in the unit of the explained output.
    membership
        The unit of each token, of shape ``(tokens,)``.
    n_units
        How many units there are.

    Returns
    -------
    ndarray
        Float64, of shape ``(targets, units)``. Each row's sum is that of the tokens, up to rounding.

    Raises
    ------
    InputError
        If the shapes do not fit or a token's unit does not exist.

    Examples
    --------
    >>> aggregate(np.array([[0.5, 0.25, -1.0]]), np.array([0, 0, 1]), 2).tolist()
    [[0.75, -1.0]]
    """
    attributions = np.asarray(token_attributions, dtype=np.float64)
    units = np.asarray(membership, dtype=np.intp)
    if attributions.ndim != 2 or units.shape != attributions.shape[1:]:
        raise InputError(
            f"Attributions of shape {attributions.shape} do not fit a membership of shape {units.shape}. "
            "Accepted: (targets, tokens) and (tokens,)."
        )
    if units.size and not (units.min() >= 0 and units.max() < n_units):
        raise InputError(f"A token's unit is outside 0 to {n_units - 1}: {units.min()} to {units.max()}.")
    sums = np.zeros((n_units, attributions.shape[0]), dtype=np.float64)
    np.add.at(sums, units, attributions.T)
    return np.ascontiguousarray(sums.T)
