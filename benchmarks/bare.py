"""The same classifier in plain torch: the floor of any speed, and an independent converged integral.

Only for BERT bodies with mean pooling, length normalisation and a linear head, which the benchmarks train.
"""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.polynomial.legendre import leggauss
from numpy.typing import NDArray
from setfit import SetFitModel
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import normalize

from setfit_explain import Explainer, Explanation

TOKENS_A_BATCH = 2048
TANGENTS_A_BATCH = 1024
ACCEPTED = 1e-5
FIRST_NODES, LAST_NODES = 32, 512
CONVERGED = 1e-3


class Bare(nn.Module):
    """Encoder, mean over the tokens, length 1, linear layer, softmax.

    Parameters
    ----------
    explainer
        Whose baseline the paths start at; any text's baseline is one row for all words.
    model
        The SetFitModel to rebuild. It is copied.
    dtype
        Precision of the copy.
    """

    def __init__(self, explainer: Explainer, model: SetFitModel, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        body = model.model_body
        self.tokenizer, self.max_length = body.tokenizer, body.max_seq_length
        self.encoder = deepcopy(body[0].auto_model).to(dtype).eval()
        weight, bias = (
            torch.as_tensor(part) for part in (model.model_head.coef_, model.model_head.intercept_)
        )
        if len(weight) == 1:
            weight, bias = (torch.cat([torch.zeros_like(part), part]) for part in (weight, bias))
        self.weight, self.bias = nn.Parameter(weight.to(dtype)), nn.Parameter(bias.to(dtype))
        self.requires_grad_(False)
        self.baseline = explainer.baseline("word")[0, 1].to(dtype)
        difference = np.abs(
            self.predict_proba("A word.") - model.predict_proba(["A word."], as_numpy=True)[0]
        )
        if difference.max() > ACCEPTED:
            raise ValueError(
                f"This model is not of the kind rebuilt here: its answer differs by {difference.max():.1g}."
            )

    @property
    def dtype(self) -> torch.dtype:
        """Precision."""
        return self.weight.dtype

    @property
    def classes(self) -> int:
        """Number of classes."""
        return len(self.bias)

    def forward(self, word_embeddings: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        """Map ``(rows, tokens, dim)`` to probabilities ``(rows, classes)``."""
        return self.logits(attention_mask, inputs_embeds=word_embeddings).softmax(-1)

    def logits(self, attention_mask: Tensor | None = None, **inputs: Tensor) -> Tensor:
        """Map ``input_ids`` or ``inputs_embeds`` to ``(rows, classes)`` before the softmax."""
        hidden = self.encoder(attention_mask=attention_mask, **inputs).last_hidden_state
        if attention_mask is None:
            embedding = hidden.mean(1)
        else:
            mask = attention_mask.unsqueeze(-1).to(hidden.dtype)
            embedding = (hidden * mask).sum(1) / mask.sum(1)
        return self.head(embedding)

    def head(self, embedding: Tensor) -> Tensor:
        """Map the tokens' means ``(rows, dim)`` to ``(rows, classes)`` before the softmax."""
        return normalize(embedding, dim=1) @ self.weight.T + self.bias

    def ids(self, text: str) -> Tensor:
        """Token ids ``(1, tokens)``."""
        encoded = self.tokenizer(text, truncation=True, max_length=self.max_length, return_tensors="pt")
        ids: Tensor = encoded["input_ids"]
        return ids

    def predict_proba(self, text: str) -> NDArray[Any]:
        """Probabilities of one text, ``(classes,)``."""
        probabilities: NDArray[Any] = self.logits(input_ids=self.ids(text)).softmax(-1)[0].numpy()
        return probabilities

    def path(self, text: str) -> "BarePath":
        """Lay the straight line from the baseline to a text."""
        words = self.encoder.embeddings.word_embeddings(self.ids(text))
        displacement = words - self.baseline
        displacement[:, [0, -1]] = 0  # special tokens stay
        return BarePath(self, words - displacement, displacement)


@dataclass(frozen=True, eq=False)
class BarePath:
    """Baseline and displacement of one text, each ``(1, tokens, dim)``."""

    bare: Bare
    start: Tensor
    displacement: Tensor

    def floor(self, n_steps: int, target: int = 0) -> NDArray[Any]:
        """Integrate one class's gradient with ``n_steps`` Gauss-Legendre nodes: ``(tokens,)``."""
        _, weights = _gauss_legendre(n_steps, self.bare.dtype)
        total, done = torch.zeros_like(self.start[0]), 0
        for points in self.points(n_steps):
            points.requires_grad_()
            (gradient,) = torch.autograd.grad(self.bare(points)[:, target].sum(), points)
            total += (weights[done : done + len(points)] * gradient).sum(0)
            done += len(points)
        attributions: NDArray[Any] = (total * self.displacement[0]).sum(-1).numpy()
        return attributions

    def points(self, n_steps: int) -> Iterator[Tensor]:
        """Give the points of Gauss-Legendre in batches, ``(rows, tokens, dim)``."""
        nodes, _ = _gauss_legendre(n_steps, self.bare.dtype)
        for rows in _slices(n_steps, max(1, TOKENS_A_BATCH // self.tokens)):
            yield self.start + nodes[rows] * self.displacement

    def integrate(self, n_steps: int, classes: Sequence[int] | None = None) -> NDArray[np.float64]:
        """Integrate some classes, or all: attributions ``(classes, tokens)`` without the special tokens.

        One backward pass a class, or one forward tangent a token, whichever are fewer.
        """
        nodes, weights = _gauss_legendre(n_steps, self.bare.dtype)
        chosen = list(range(self.bare.classes) if classes is None else classes)
        backward = len(chosen) <= self.tokens
        rows_a_batch = max(
            1, TOKENS_A_BATCH // self.tokens if backward else TANGENTS_A_BATCH // self.tokens**2
        )
        total = torch.zeros(len(chosen), self.tokens, dtype=torch.float64)
        for rows in _slices(n_steps, rows_a_batch):
            points = self.start + nodes[rows] * self.displacement
            derivatives = self._backward(points, chosen) if backward else self._forward(points)[:, chosen]
            total += (weights[rows] * derivatives.double()).sum(0)
        return np.asarray(total[:, 1:-1].numpy())

    @property
    def tokens(self) -> int:
        """Number of tokens."""
        return self.start.shape[1]

    def _backward(self, points: Tensor, classes: Sequence[int]) -> Tensor:
        """Differentiate by reverse mode, ``(nodes, classes, tokens)``."""
        points.requires_grad_()
        probabilities = self.bare(points)
        rows = [
            torch.autograd.grad(probabilities[:, target].sum(), points, retain_graph=True)[0]
            for target in classes
        ]
        return (torch.stack(rows, 1) * self.displacement).sum(-1)

    def _forward(self, points: Tensor) -> Tensor:
        """Differentiate by forward mode, ``(nodes, classes, tokens)``; the fused attention has none."""

        def along(tangent: Tensor) -> Tensor:
            return torch.func.jvp(self.bare, (points,), (tangent.expand_as(points),))[1]

        with sdpa_kernel(SDPBackend.MATH):
            return torch.func.vmap(along)(self._tangents).permute(1, 2, 0)

    @cached_property
    def _tangents(self) -> Tensor:
        """The displacement of each token alone, ``(tokens, 1, tokens, dim)``."""
        alone = torch.eye(self.tokens, dtype=self.bare.dtype)[:, None, :, None]
        return alone * self.displacement


def relative_error(attributions: NDArray[Any], reference: NDArray[Any]) -> NDArray[np.float64]:
    """Largest error of any token relative to the largest attribution, one a class: ``(classes,)``."""
    error: NDArray[np.float64] = np.abs(attributions - reference).max(1) / np.abs(reference).max(1)
    return error


def converged(bare: Bare, text: str, classes: Sequence[int] | None = None) -> NDArray[np.float64]:
    """Attributions ``(classes, tokens)`` of some classes, or all, by twice the nodes until that moves none by more than `CONVERGED`.

    Gauss-Legendre converges geometrically: twice the nodes square the relative error.
    """
    path = bare.path(text)
    nodes, coarse = FIRST_NODES, path.integrate(FIRST_NODES, classes)
    while True:
        nodes *= 2
        fine = path.integrate(nodes, classes)
        if relative_error(coarse, fine).max() < CONVERGED:
            return fine
        if nodes > LAST_NODES:
            raise ValueError(f"The integral of {text!r} does not converge with {nodes} nodes.")
        coarse = fine


def tokens_of(explanation: Explanation) -> NDArray[np.float64]:
    """Attributions ``(classes, tokens)`` of an explanation by tokens, without the special tokens."""
    words = [unit.special is None for unit in explanation.units]
    return explanation.attributions[:, words]


def _gauss_legendre(n_steps: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    nodes, weights = leggauss(n_steps)
    return tuple(torch.tensor(part, dtype=dtype).reshape(-1, 1, 1) for part in ((nodes + 1) / 2, weights / 2))


def _slices(count: int, size: int) -> list[slice]:
    return [slice(start, start + size) for start in range(0, count, size)]
