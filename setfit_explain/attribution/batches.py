"""Batches: how many rows of one length go through the body at once."""

from __future__ import annotations

TOKEN_BUDGET = 2048
"""Tokens that one forward pass holds when no ``internal_batch_size`` is given, in float32."""


def row_slices(rows: int, tokens: int, internal_batch_size: int | None, weight: float = 1.0) -> list[slice]:
    """Cut ``rows`` rows of ``tokens`` tokens each into batches.

    Parameters
    ----------
    rows, tokens
        How many rows there are, and the length of each.
    internal_batch_size
        Most rows in a batch, or None for as many as `TOKEN_BUDGET` allows, at least one.
    weight
        How many tokens of the budget one token takes.
    """
    size = internal_batch_size or max(1, int(TOKEN_BUDGET / (weight * max(1, tokens))))
    return [slice(start, start + size) for start in range(0, rows, size)]
