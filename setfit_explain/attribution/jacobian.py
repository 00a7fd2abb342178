"""Derivatives of all scores along a path of word embeddings, integrated as they are computed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import one_hot

from setfit_explain.attribution.batches import row_slices
from setfit_explain.heads.torch_head import to_float64

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from setfit_explain.classifier.encoding import EncodedText
    from setfit_explain.classifier.outputs import ScoreFunction
    from setfit_explain.classifier.text_classifier import TextClassifier


@dataclass(frozen=True, eq=False)
class Path:
    """The straight line from a baseline to a text's word embeddings.

    Parameters
    ----------
    classifier, encoded
        The function, and the text whose positions and masks it keeps.
    start, displacement
        Baseline, and word embeddings minus baseline, each ``(tokens, dim)`` in float64.
    membership
        The unit of each token, ``(tokens,)``.
    score
        Which scores are differentiated.
    internal_batch_size
        Most rows in one forward pass, or None for as many as the budget of tokens allows.
    """

    classifier: TextClassifier
    encoded: EncodedText
    start: Tensor
    displacement: Tensor
    membership: NDArray[np.intp]
    score: ScoreFunction
    internal_batch_size: int | None

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
                    for rows in self._rows(nodes)
                ]
            )

    def integrate(
        self, nodes: NDArray[np.float64], weights: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], Tensor]:
        """Weighted sums over the nodes of (derivative along each unit's displacement).

        By the chain rule one backward pass a column of the head serves every target and every scale:
        dF_c = sum_k (dF_c / dz_k) dz_k, with dz_k the derivative of decision value k. Where adding a
        constant to all decision values changes nothing, those of column 0 are subtracted from the
        others and need no pass of their own; with fewer targets than columns, each target has its pass.

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
            for rows in self._rows(nodes):
                derivatives, decision = self._differentiate(nodes[rows])
                sums = sums + np.einsum("rn,ncu->rcu", weights[:, rows], derivatives)
                decisions.append(decision)
        return np.asarray(sums), torch.cat(decisions)

    def _differentiate(self, nodes: NDArray[np.float64]) -> tuple[NDArray[np.float64], Tensor]:
        """Differentiate: ``(nodes, targets, units)``, and decision values at a few nodes."""
        points = self._points(nodes).requires_grad_()
        decision = self.classifier.decide(self.encoded, points)
        outer = self.score.derivative(decision)
        directions, mixture = self._directions(outer)
        columns = []
        for index, direction in enumerate(directions):
            (gradient,) = torch.autograd.grad(
                decision, points, direction, retain_graph=index + 1 < len(directions)
            )
            columns.append((to_float64(gradient) * self.displacement).sum(-1) @ self.units)
        if not columns:
            return np.zeros((len(nodes), 0, self.units.shape[1])), decision.detach()
        derivatives = torch.einsum("nck,knu->ncu", mixture, torch.stack(columns))
        return derivatives.cpu().numpy(), decision.detach()

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

    def _rows(self, nodes: NDArray[np.float64]) -> list[slice]:
        return row_slices(len(nodes), len(self.start), self.internal_batch_size)
