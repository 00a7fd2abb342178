"""Derivatives of all scores along a path of word embeddings, integrated as they are computed."""

from __future__ import annotations

import warnings
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import zip_longest
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import one_hot

from setfit_explain.attribution.batches import row_slices
from setfit_explain.classifier.precision import rounding
from setfit_explain.heads.torch_head import to_float64

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from setfit_explain.classifier.encoding import EncodedText
    from setfit_explain.classifier.outputs import ScoreFunction
    from setfit_explain.classifier.text_classifier import TextClassifier


FORWARD_COST = 1.7
"""What a tangent costs in backward passes: measured on a CPU, MiniLM, 14 to 46 tokens (.72 to .78 of the time
of one forward and one backward pass, against .46 for each further backward pass)."""

TANGENT_BUDGET = 4096
"""Tokens of tangents that are carried at once: more would not stay in the processor's caches."""


Derivatives = tuple["NDArray[np.float64]", Tensor]
"""Derivatives ``(nodes, targets, units)`` along each unit's displacement, and decision values ``(nodes, decisions)``."""


def plain_attention() -> AbstractContextManager[None]:
    """Write attention out in plain operations within: CPUs' fused kernels have no forward mode."""
    context: AbstractContextManager[None] = sdpa_kernel(SDPBackend.MATH)
    return context


def half_on_cpu(dtype: torch.dtype, device: torch.device) -> bool:
    """Whether attention goes in plain operations: the backward pass of the fused one is many times slower there."""
    return device.type == "cpu" and dtype.itemsize < 4


class ForwardMode:
    """Derivatives carried forward through a classifier, for all decision values at once.

    Parameters
    ----------
    classifier
        The function.
    """

    def __init__(self, classifier: TextClassifier) -> None:
        self.classifier = classifier

    @cached_property
    def works(self) -> bool:
        """Whether every operation of the body has a forward mode, and it gives what the backward mode gives."""
        with self.classifier.body.session():
            encoded = self.classifier.encode(self.classifier.probe_text)
            rows = self.classifier.word_embeddings(encoded)[None].requires_grad_()
            (backward,) = torch.autograd.grad(self.classifier.decide(encoded, rows).sum(), rows)
            expected = to_float64(backward * rows.detach()).sum(-1)[0]
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", DeprecationWarning)  # torch's own, of its first use
                    warnings.filterwarnings("error", "There is a performance drop")
                    each = torch.eye(rows.shape[1], dtype=torch.float64)
                    slopes, _ = self.slopes(encoded, rows.detach(), to_float64(rows[0].detach()), each)
            except (RuntimeError, NotImplementedError, UserWarning):  # an operation has none, or a slow one
                return False
        difference = (slopes[:, 0].sum(-1) - expected).abs().max()
        return bool(difference <= max(1e-3, 4 * rounding(rows.dtype)) * expected.abs().max())

    def slopes(
        self, encoded: EncodedText, points: Tensor, displacement: Tensor, units: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Differentiate decision values along each unit's part of a displacement.

        Parameters
        ----------
        encoded
            The text.
        points
            Where, word embeddings ``(nodes, tokens, dim)``.
        displacement
            Shape ``(tokens, dim)``, the same for every node.
        units
            Which token is of which unit, ``(tokens, units)``.

        Returns
        -------
        tuple
            Derivatives ``(units, nodes, decisions)`` and decision values ``(nodes, decisions)``.
        """
        at_once = max(1, TANGENT_BUDGET // points[..., 0].numel())

        def along(unit: Tensor) -> tuple[Tensor, ...]:
            tangent = (unit.unsqueeze(-1) * displacement).to(points.dtype).to(points.device)
            decide = partial(self.classifier.decide, encoded)
            both: tuple[Tensor, ...] = torch.func.jvp(decide, (points,), (tangent.expand_as(points),))
            return both

        with self.classifier.body.session(), plain_attention(), torch.no_grad():
            found = [
                torch.func.vmap(along, out_dims=(None, 0))(  # type: ignore[arg-type]  # None means not mapped
                    units.T[start : start + at_once]
                )
                for start in range(0, units.shape[1], at_once)
            ]
        return torch.cat([slopes for _, slopes in found]), found[0][0]


@dataclass(frozen=True, eq=False)
class Path:
    """The straight line from a baseline to a text's word embeddings.

    Parameters
    ----------
    classifier, encoded
        The function, and the text whose positions and masks it keeps.
    start, displacement
        Baseline, and word embeddings minus baseline, each ``(tokens, dim)`` in float64; or ``(nodes, tokens,
        dim)``, where each node asked for has a line of its own.
    membership
        The unit of each token, ``(tokens,)``.
    score
        Which scores are differentiated.
    internal_batch_size
        Most rows in one forward pass, or None for as many as the budgets allow.
    forward_mode
        The other direction of differentiation, taken where units are fewer than passes backward.
    """

    classifier: TextClassifier
    encoded: EncodedText
    start: Tensor
    displacement: Tensor
    membership: NDArray[np.intp]
    score: ScoreFunction
    internal_batch_size: int | None
    forward_mode: ForwardMode

    @cached_property
    def units(self) -> Tensor:
        """Which token is of which unit, ``(tokens, units)``."""
        count = int(self.membership.max(initial=-1)) + 1
        rows = torch.as_tensor(self.membership, device=self.displacement.device)
        return one_hot(rows, count).to(self.displacement.dtype) if count else self.displacement[:, :0]

    def decide(self, nodes: NDArray[np.float64]) -> Tensor:
        """Decision values ``(nodes, decisions)`` at places on the path, without derivatives."""
        with self.classifier.body.session(), torch.no_grad():
            return torch.cat(
                [
                    self.classifier.decide(self.encoded, self._points(nodes[rows]))
                    for rows in self.batches(len(nodes))
                ]
            )

    def integrate(
        self, nodes: NDArray[np.float64], weights: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], Tensor]:
        """Sum, weighted over the nodes, the derivatives along each unit's displacement.

        Parameters
        ----------
        nodes
            Places on [0, 1], shape ``(nodes,)``.
        weights
            One row a quadrature rule, shape ``(rules, nodes)``.

        Returns
        -------
        tuple
            Sums ``(rules, targets, units)`` in float64, and decision values ``(nodes, decisions)``.
        """
        sums: NDArray[np.float64] | float = 0.0
        decisions = []
        with self.classifier.body.session():
            for rows in self.batches(len(nodes)):
                derivatives, decision = self._differentiate(nodes[rows])
                sums = sums + np.einsum("rn,ncu->rcu", weights[:, rows], derivatives)
                decisions.append(decision)
        return np.asarray(sums), torch.cat(decisions)

    def differentiate(self, nodes: NDArray[np.float64]) -> Derivatives:
        """Return derivatives ``(nodes, targets, units)`` along each unit's displacement, and decision values."""
        with self.classifier.body.session():
            found = [self._differentiate(nodes[rows]) for rows in self.batches(len(nodes))]
        return np.concatenate([values for values, _ in found]), torch.cat([decision for _, decision in found])

    def gradients(self, nodes: NDArray[np.float64]) -> tuple[Tensor, Tensor]:
        """Return the scores' whole gradients ``(nodes, targets, tokens, dim)``, and decision values.

        In float32 at least. All passes of all nodes are held at once.
        """
        with self.classifier.body.session():
            gradients, [(mixture, decision)] = _passes([(self, self._points(nodes))])
            held = torch.stack(list(gradients))
        held = held.to(torch.promote_types(held.dtype, torch.float32))
        return torch.einsum("nck,kntd->nctd", mixture.to(held), held), decision

    @cached_property
    def goes_forward(self) -> bool:
        """Whether derivatives are carried forward, because units are fewer than passes backward."""
        passes = min(len(self.score.targets), len(self.score.head.classes) - self.score.shift_invariant)
        return FORWARD_COST * self.units.shape[1] < passes and self.forward_mode.works

    @cached_property
    def _moving(self) -> list[int]:
        """Units along whose displacement anything changes: a bucket of special tokens that are kept stands still."""
        moves = self.displacement.abs().sum(-1) @ self.units > 0
        found: list[int] = moves.reshape(-1, moves.shape[-1]).any(0).nonzero()[:, 0].tolist()
        return found

    def _differentiate(self, nodes: NDArray[np.float64]) -> Derivatives:
        if not self.goes_forward:
            return backward([Part(self, nodes)])[0][0]
        moving = self._moving or [0]  # for the decision values
        found, decision = self.forward_mode.slopes(
            self.encoded, self._points(nodes), self.displacement, self.units[:, moving]
        )
        slopes = found.new_zeros(self.units.shape[1], *found.shape[1:])
        slopes[moving] = found
        return _mix(self.score.derivative(decision), slopes.permute(2, 1, 0)), decision

    def _directions(self, outer: Tensor) -> tuple[list[Tensor], Tensor]:
        """Choose the backward passes: directions ``(nodes, decisions)`` each, and how targets mix them."""
        nodes, targets, decisions = outer.shape
        identity = torch.eye(decisions, dtype=outer.dtype, device=outer.device)
        if self.score.shift_invariant:
            identity, mixture = identity[1:] - identity[0], outer[:, :, 1:]
        else:
            mixture = outer
        if targets < len(identity):
            chosen = torch.eye(targets, dtype=outer.dtype, device=outer.device).expand(nodes, -1, -1)
            return list(outer.unbind(1)), chosen
        return [row.expand(nodes, -1) for row in identity], mixture

    def _points(self, nodes: NDArray[np.float64]) -> Tensor:
        alphas = torch.as_tensor(nodes, device=self.start.device).reshape(-1, 1, 1)
        points = self.start + alphas * self.displacement
        return points.to(self.classifier.dtype).to(self.classifier.body.device)

    def batches(self, rows: int) -> list[slice]:
        """Cut rows into batches that a backward pass has the memory for."""
        tokens, classifier = len(self.start), self.classifier
        plain = half_on_cpu(classifier.dtype, classifier.body.device)
        weight = 1 + tokens / 256 if plain else 1  # plain attention keeps tokens x tokens a head
        return row_slices(rows, tokens, self.internal_batch_size, weight * classifier.bytes_per_token)


@dataclass(frozen=True, eq=False)
class Part:
    """Rows of a batch: nodes of a path, at the first of which others may be, too.

    Parameters
    ----------
    path, nodes
        The path, and where on it.
    sharers
        Paths of the same scores that have the point at ``nodes[0]`` in common with it, a baseline.
    """

    path: Path
    nodes: NDArray[np.float64]
    sharers: Sequence[Path] = ()


def backward(parts: Sequence[Part]) -> list[list[Derivatives]]:
    """Differentiate at nodes of several paths, whose texts share a `batch_key`, in one batch, by backward passes.

    By the chain rule dF_c = sum_k (dF_c / dz_k) dz_k, so that one pass a decision value z_k serves every
    target and every scale. Where adding a constant to all decision values changes nothing, the slope of
    z_0 is subtracted from the others and needs no pass of its own. Where targets are fewer, each has a pass.

    Returns
    -------
    list
        Of each part its path's derivatives ``(nodes, targets, units)`` along each unit's displacement, and decision
        values ``(nodes, decisions)``; then those of each sharer, at the first node.
    """
    sizes = [len(part.nodes) for part in parts]
    gradients, outer = _passes([(part.path, part.path._points(part.nodes)) for part in parts])
    found = [
        [
            _Slopes(part.path, mixture, decision),
            *(_Slopes(sharer, mixture[:1], decision[:1]) for sharer in part.sharers),
        ]
        for part, (mixture, decision) in zip(parts, outer, strict=True)
    ]
    for index, gradient in enumerate(gradients):
        for of_part, rows in zip(found, torch.split(gradient, sizes), strict=True):
            for slopes in of_part:
                slopes.fill(index, rows)
    return [[slopes.mixed for slopes in of_part] for of_part in found]


class _Slopes:
    """Decision values' slopes along a path's units, filled pass by pass."""

    def __init__(self, path: Path, mixture: Tensor, decision: Tensor) -> None:
        self.path, self.mixture, self.decision = path, mixture, decision
        self.values = mixture.new_zeros(mixture.shape[-1], len(mixture), path.units.shape[1])

    def fill(self, index: int, gradient: Tensor) -> None:
        """Take a pass's gradient ``(nodes, tokens, dim)``, of as many nodes as there are slopes of."""
        if index < len(self.values):
            rows = to_float64(gradient[: len(self.mixture)])
            self.values[index] = (rows * self.path.displacement).sum(-1) @ self.path.units

    @property
    def mixed(self) -> Derivatives:
        """The scores' derivatives."""
        return _mix(self.mixture, self.values), self.decision


def _passes(parts: Sequence[tuple[Path, Tensor]]) -> tuple[Iterator[Tensor], list[tuple[Tensor, Tensor]]]:
    """Gradients ``(rows, tokens, dim)`` of one pass after another; of each path its mixture and decision values."""
    classifier = parts[0][0].classifier
    sizes = [len(points) for _, points in parts]
    points = torch.cat([points for _, points in parts]).requires_grad_()
    with plain_attention() if half_on_cpu(points.dtype, points.device) else nullcontext():
        rows = [(path.encoded, size) for (path, _), size in zip(parts, sizes, strict=True)]
        decision = classifier.decide_rows(rows, points)
    decisions = torch.split(decision.detach(), sizes)
    chosen = [
        path._directions(path.score.derivative(own)) for (path, _), own in zip(parts, decisions, strict=True)
    ]
    passes = list(zip_longest(*(directions for directions, _ in chosen)))
    gradients = (
        torch.autograd.grad(
            decision,
            points,
            torch.cat(
                [
                    torch.zeros_like(own) if direction is None else direction
                    for direction, own in zip(directions, decisions, strict=True)
                ]
            ),
            retain_graph=index + 1 < len(passes),
        )[0]
        for index, directions in enumerate(passes)
    )
    return gradients, [(mixture, own) for (_, mixture), own in zip(chosen, decisions, strict=True)]


def _mix(mixture: Tensor, slopes: Tensor) -> NDArray[np.float64]:
    """Mix the scores' derivatives from the slopes ``(passes, nodes, units)`` of decision values."""
    mixed: NDArray[np.float64] = torch.einsum("nck,knu->ncu", mixture, slopes).cpu().numpy()
    return mixed
