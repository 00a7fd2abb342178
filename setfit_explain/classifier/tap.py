"""The tap: where a body looks token ids up, and how to put other word embeddings in their place.

The place is found by running the body once and watching which module receives the ids, never by
name: ``get_input_embeddings()`` names a module that some architectures do not call.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding

from setfit_explain.errors import UnsupportedBodyError

if TYPE_CHECKING:
    from setfit_explain.classifier.body import Body, Features


class Layout(Enum):
    """How the output of the module that reads the ids is laid out."""

    ROWS_FIRST = "(rows, tokens, dim)"
    LENGTH_FIRST = "(tokens, rows, dim)"
    MEAN = "(rows, dim)"
    """A bag: the mean over the tokens, so that the embeddings of single tokens never appear."""


@dataclass(frozen=True)
class Tap:
    """The module that turns token ids into word embeddings.

    Parameters
    ----------
    name
        Dotted name of the module in the body.
    module
        The module itself.
    layout
        How its output is laid out.
    """

    name: str
    module: nn.Module
    layout: Layout

    @property
    def vocabulary_size(self) -> int | None:
        """Number of ids that have a row, or None where the module has no table of them."""
        table = getattr(self.module, "weight", None)
        return len(table) if isinstance(table, Tensor) and table.dim() == 2 else None

    def look_up(self, ids: Tensor) -> Tensor:
        """Word embeddings ``(tokens, dim)`` of token ids ``(tokens,)``, as the body sees them."""
        with torch.no_grad():
            if self.layout is Layout.MEAN:
                return embedding(ids, self.module.get_parameter("weight"))
            rows: Tensor = _embeddings(self.module(ids.unsqueeze(0)))
        return rows.squeeze(0)

    @contextmanager
    def replace(self, word_embeddings: Tensor) -> Iterator[None]:
        """Let the body's next forward pass see ``word_embeddings`` ``(rows, tokens, dim)``.

        Raises
        ------
        UnsupportedBodyError
            The module was not called exactly once, or its output has another shape.
        """
        owner = threading.get_ident()
        calls = 0

        def put(_module: nn.Module, _inputs: Any, output: Any) -> Any:
            nonlocal calls
            if threading.get_ident() != owner:  # another thread predicts with the same body
                return None
            calls += 1
            replacement = self._laid_out(word_embeddings, _embeddings(output))
            return (replacement, *output[1:]) if isinstance(output, tuple) else replacement

        hook = self.module.register_forward_hook(put)
        try:
            yield
        finally:
            hook.remove()
        if calls != 1:
            raise UnsupportedBodyError(
                f"The body called {self.name!r} {calls} times in one forward pass; exactly one is needed."
            )

    def _laid_out(self, word_embeddings: Tensor, output: Tensor) -> Tensor:
        """Lay ``(rows, tokens, dim)`` out as the module's own output, whose padding is kept."""
        if self.layout is Layout.MEAN:
            return word_embeddings.sum(1) / max(1, word_embeddings.shape[1])  # an empty bag is zero
        length_first = self.layout is Layout.LENGTH_FIRST
        replacement = word_embeddings.transpose(0, 1) if length_first else word_embeddings
        axis = 0 if length_first else 1
        padding = output.shape[axis] - replacement.shape[axis]
        if padding > 0:  # some bodies pad to a fixed window
            rest = output.narrow(axis, replacement.shape[axis], padding)
            replacement = torch.cat([replacement, rest], axis)
        if output.shape != replacement.shape:
            raise UnsupportedBodyError(
                f"The body's {self.name!r} gave word embeddings of shape {tuple(output.shape)} "
                f"where {tuple(replacement.shape)} was expected."
            )
        return replacement


def find_tap(body: Body, features: Features) -> Tap:
    """Run the body once on one text's features and find the module that consumes the ids.

    Raises
    ------
    UnsupportedBodyError
        No module receives the ids, or its output is not one vector a token.
    """
    ids: Tensor = features["input_ids"]
    found = _consumers(body, features, ids)
    for name, module, output in found:
        layout = _layout(module, _embeddings(output), ids.numel())
        if layout is not None:
            return Tap(name, module, layout)
    seen = ", ".join(f"{name} ({type(module).__name__})" for name, module, _ in found) or "none"
    raise UnsupportedBodyError(
        "No module of the body turns token ids into one word embedding a token, so no gradient can reach "
        f"the words. Modules that received the ids: {seen}."
    )


def _layout(module: nn.Module, output: Any, tokens: int) -> Layout | None:
    """Recognise the layout of one text's word embeddings; None where ``output`` is no such thing."""
    if not isinstance(output, Tensor) or not output.is_floating_point():
        return None
    if isinstance(module, nn.EmbeddingBag):
        return Layout.MEAN if module.mode == "mean" else None
    if output.dim() == 3 and output.shape[0] == 1 and output.shape[1] >= tokens:
        return Layout.ROWS_FIRST
    if output.dim() == 3 and output.shape[1] == 1 and output.shape[0] >= tokens:
        return Layout.LENGTH_FIRST
    return None


def _embeddings(output: Any) -> Any:
    """Take the embeddings out of a module's output: it, or the first of several (I-BERT adds a scaling factor)."""
    return output[0] if isinstance(output, tuple) else output


def _consumers(body: Body, features: Features, ids: Tensor) -> list[tuple[str, nn.Module, Any]]:
    """Modules without children that receive the ids in one forward pass, with their output."""
    found: list[tuple[str, nn.Module, Any]] = []

    def watch(name: str) -> Any:
        def hook(module: nn.Module, inputs: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
            if any(_carries(value, ids) for value in (*inputs, *kwargs.values())):
                found.append((name, module, output))

        return hook

    with ExitStack() as hooks, torch.no_grad():
        for name, module in body.module.named_modules():
            if next(module.children(), None) is None:
                hooks.callback(module.register_forward_hook(watch(name), with_kwargs=True).remove)
        body.embed((features, 1))
    return found


def _carries(value: Any, ids: Tensor) -> bool:
    """Whether ``value`` is the token ids: as they are, length first, flat, or padded at the end."""
    if not isinstance(value, Tensor) or value.is_floating_point() or max((1, *value.shape)) != value.numel():
        return False
    return value.numel() >= ids.numel() and value.flatten()[: ids.numel()].equal(ids.flatten())
