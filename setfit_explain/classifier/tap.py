"""The tap: where a body looks token ids up, and how to put other word embeddings in their place.

The place is found by running the body once and watching which module receives the ids, never by
name: ``get_input_embeddings()`` names a module that some architectures do not call.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from setfit_explain.errors import UnsupportedBodyError

if TYPE_CHECKING:
    from setfit_explain.classifier.body import Body, Features


@dataclass(frozen=True)
class Tap:
    """The module that turns token ids into word embeddings.

    Parameters
    ----------
    name
        Dotted name of the module in the body.
    module
        The module itself.
    length_first
        Whether its output is ``(tokens, rows, dim)`` instead of ``(rows, tokens, dim)``.
    """

    name: str
    module: nn.Module
    length_first: bool

    def look_up(self, ids: Tensor) -> Tensor:
        """Word embeddings ``(tokens, dim)`` of token ids ``(tokens,)``, as the body sees them."""
        with torch.no_grad():
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
        replacement = word_embeddings.transpose(0, 1) if self.length_first else word_embeddings
        axis = 0 if self.length_first else 1
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
    for name, module, answer in found:
        output = _embeddings(answer)
        if isinstance(output, Tensor) and output.dim() == 3 and output.is_floating_point():
            if output.shape[0] == 1 and output.shape[1] >= ids.shape[1]:
                return Tap(name, module, length_first=False)
            if output.shape[0] >= ids.shape[1] and output.shape[1] == 1:
                return Tap(name, module, length_first=True)
    seen = ", ".join(f"{name} ({type(module).__name__})" for name, module, _ in found) or "none"
    raise UnsupportedBodyError(
        "No module of the body turns token ids into one word embedding a token, so no gradient can reach "
        f"the words. Modules that received the ids: {seen}."
    )


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
        body.embed(features)
    return found


def _carries(value: Any, ids: Tensor) -> bool:
    """Whether ``value`` is the token ids: as they are, length first, or padded at the end."""
    if not isinstance(value, Tensor) or value.is_floating_point() or value.dim() != 2:
        return False
    rows = value if value.shape[0] == 1 else value.T
    return rows.shape[0] == 1 and rows.shape[1] >= ids.shape[1] and rows[:, : ids.shape[1]].equal(ids)
