"""Random paths: what methods that sample gradients share, and their samples in batches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from setfit_explain.attribution.batches import row_slices
from setfit_explain.attribution.jacobian import ForwardMode, Path
from setfit_explain.attribution.whole_numbers import check_whole_number
from setfit_explain.heads.torch_head import to_float64

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from torch import Tensor

    from setfit_explain.classifier.encoding import EncodedText
    from setfit_explain.classifier.outputs import ScoreFunction

HELD_TARGETS = 16
"""Targets whose gradients a batch of the usual size holds at once; with more, batches are smaller."""


def check_sampling(n_samples: int, seed: int, least: int = 2) -> None:
    """Raise `OptionError` unless there are enough samples for an error estimate, and a seed."""
    check_whole_number("n_samples", n_samples, least, " for an error estimate")
    check_whole_number("seed", seed, 0)


def generator(seed: int) -> torch.Generator:
    """Begin random numbers anew: each text gets the same ones, whatever was explained before it."""
    return torch.Generator().manual_seed(int(seed))


def noise(words: Tensor, samples: int, level: float, random: torch.Generator) -> Tensor:
    """Draw Gaussian noise ``(samples, tokens, dim)`` in float64.

    Its standard deviation is ``level`` times that of all numbers in ``words`` ``(tokens, dim)``. Drawn in
    float32, as Captum's noise tunnel does.
    """
    spread = to_float64(words).std(correction=0) if words.numel() else 0.0
    drawn = torch.randn((samples, *words.shape), generator=random)
    return to_float64(drawn.to(words.device)) * (level * spread)


def standard_error(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    """Estimate the standard error of the mean over the first axis."""
    error: NDArray[np.float64] = samples.std(0, ddof=1) / np.sqrt(len(samples))
    return error


def sampled_paths(
    forward_mode: ForwardMode,
    encoded: EncodedText,
    membership: NDArray[np.intp],
    score: ScoreFunction,
    starts: Tensor,
    displacements: Tensor,
    internal_batch_size: int | None,
) -> Iterator[tuple[slice, Path]]:
    """Cut samples into batches: for each, its rows and a `Path` that takes exactly one node a row.

    Parameters
    ----------
    forward_mode, encoded, membership, score
        As in `Path`.
    starts, displacements
        Ends of each sample's line, ``(samples, tokens, dim)``; one of them may be ``(tokens, dim)``, for all.
    internal_batch_size
        Most rows in one forward pass, or None for as many as the budgets allow.
    """
    samples = max(starts, displacements, key=torch.Tensor.dim)
    tokens = samples.shape[1] * max(1, len(score.targets) // HELD_TARGETS)
    bytes_per_token = forward_mode.classifier.bytes_per_token
    for rows in row_slices(len(samples), tokens, internal_batch_size, bytes_per_token):
        start, displacement = (
            to_float64(ends[rows] if ends.dim() == 3 else ends).expand(len(samples[rows]), -1, -1)
            for ends in (starts, displacements)
        )
        classifier, size = forward_mode.classifier, len(samples[rows])
        yield rows, Path(classifier, encoded, start, displacement, membership, score, size, forward_mode)
