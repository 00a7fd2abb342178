"""Batches: how many rows of one length go through the body at once."""

from __future__ import annotations

TOKEN_BUDGET = 2048
"""Tokens that one forward pass holds when no ``internal_batch_size`` is given."""

MEMORY_BUDGET = 128 * 2**20
"""Bytes that it may keep for a backward pass: 1400 tokens of MiniLM, 350 of a base model; more are hardly faster."""


def row_slices(
    rows: int, tokens: int, internal_batch_size: int | None, bytes_per_token: float = 0.0
) -> list[slice]:
    """Cut ``rows`` rows of ``tokens`` tokens each into as few batches as there is room for, of about one size.

    Parameters
    ----------
    rows, tokens
        How many rows there are, and the length of each.
    internal_batch_size
        Most rows in a batch, or None for as many as `TOKEN_BUDGET` and `MEMORY_BUDGET` allow, at least one.
    bytes_per_token
        What a token keeps in memory for a backward pass.
    """
    most = min(TOKEN_BUDGET, MEMORY_BUDGET / bytes_per_token) if bytes_per_token else TOKEN_BUDGET
    size = internal_batch_size or max(1, int(most / max(1, tokens)))
    size = -(-rows // max(1, -(-rows // size)))
    return [slice(start, start + size) for start in range(0, rows, max(1, size))]
