"""Derivatives of all scores along a path of word embeddings, integrated as they are computed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from setfit_explain.heads.torch_head import to_float64

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from setfit_explain.classifier.encoding import EncodedText
    from setfit_explain.classifier.outputs import ScoreFunction
    from setfit_explain.classifier.text_classifier import TextClassifier

TOKEN_BUDGET = 2048
"""Tokens that one forward pass holds when no ``internal_batch_size`` is given."""


@dataclass(frozen=True, eq=False)
class Path:
    """The straight line from a baseline to a text's word embeddings.

    Parameters
    ----------
    classifier, encoded
        The function, and the text whose positions and masks it keeps.
    start, displacement
        Baseline, and word embeddings minus baseline, each ``(tokens, dim)`` in float64.
    score
        Which scores are differentiated.
    internal_batch_size
        Most rows in one forward pass, or None for as many as `TOKEN_BUDGET` allows.
    """

    classifier: TextClassifier
    encoded: EncodedText
    start: Tensor
    displacement: Tensor
    score: ScoreFunction
    internal_batch_size: int | None

    def decide(self, nodes: NDArray[np.float64]) -> Tensor:
        """Decision values ``(nodes, decisions)`` at places on the path, without derivatives."""
        with self.classifier.body.session(), torch.no_grad():
            return torch.cat(
                [self.classifier.decide(self.encoded, self._points(chunk)) for chunk in self._chunks(nodes)]
            )

    def integrate(
        self, nodes: NDArray[np.float64], weights: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], Tensor]:
        """Weighted sums over the nodes of (derivative along each token's displacement).

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
            Sums ``(rules, targets, tokens)`` in float64, and decision values ``(nodes, decisions)``.
        """
        sums: NDArray[np.float64] | float = 0.0
        decisions = []
        with self.classifier.body.session():
            for chunk, chunk_weights in zip(self._chunks(nodes), self._chunks(weights, axis=1), strict=True):
                derivatives, decision = self._differentiate(chunk)
                sums = sums + np.einsum("rn,nct->rct", chunk_weights, derivatives)
                decisions.append(decision)
        return np.asarray(sums), torch.cat(decisions)

    def _differentiate(self, nodes: NDArray[np.float64]) -> tuple[NDArray[np.float64], Tensor]:
        """Differentiate: ``(nodes, targets, tokens)``, and decision values at a few nodes."""
        points = self._points(nodes).requires_grad_()
        decision = self.classifier.decide(self.encoded, points)
        outer = self.score.derivative(decision)
        directions, mixture = self._directions(outer)
        columns = []
        for index, direction in enumerate(directions):
            (gradient,) = torch.autograd.grad(
                decision, points, direction, retain_graph=index + 1 < len(directions)
            )
            columns.append((to_float64(gradient) * self.displacement).sum(-1))
        if not columns:
            return np.zeros((len(nodes), 0, points.shape[1])), decision.detach()
        derivatives = torch.einsum("nck,knt->nct", mixture, torch.stack(columns))
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

    def _chunks(self, values: NDArray[np.float64], axis: int = 0) -> list[NDArray[np.float64]]:
        rows = self.internal_batch_size or max(1, TOKEN_BUDGET // max(1, len(self.start)))
        return np.split(values, range(rows, values.shape[axis], rows), axis=axis)
