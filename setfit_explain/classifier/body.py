"""The body: a SentenceTransformer run as its own ``encode`` runs it, but open to gradients.

Everything that touches the user's model happens inside `Body.session`, which leaves it as found.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary

import torch
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn.functional import normalize
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from setfit_explain.errors import UnsupportedBodyError

Features = Mapping[str, Any]
"""What the body's own ``preprocess`` returns for one text: tensors with one row, and plain values."""

_locks: WeakKeyDictionary[nn.Module, Any] = WeakKeyDictionary()
_locks_guard = threading.Lock()


class Body:
    """A SentenceTransformer as a differentiable function from features to sentence embeddings.

    Parameters
    ----------
    module
        The user's SentenceTransformer.
    normalize_embeddings
        Whether the classifier scales embeddings to length 1 (``SetFitModel.normalize_embeddings``).

    Raises
    ------
    UnsupportedBodyError
        The body runs on a backend without gradients (ONNX, OpenVINO).
    """

    def __init__(self, module: SentenceTransformer, *, normalize_embeddings: bool) -> None:
        backend = module.get_backend() if hasattr(module, "get_backend") else "torch"
        if backend != "torch":
            raise UnsupportedBodyError(
                f"The body runs on the {backend!r} backend, which has no gradients. "
                "Load it with SentenceTransformer(..., backend='torch')."
            )
        self.module = module
        self.normalize_embeddings = normalize_embeddings
        self._in_session = False
        with _locks_guard:
            self._lock = _locks.setdefault(module, threading.RLock())

    @property
    def device(self) -> torch.device:
        """Where the body is."""
        device: torch.device = self.module.device
        return device

    @property
    def prompt(self) -> str:
        """The prompt that ``encode`` puts before every text; empty when there is none."""
        name = self.module.default_prompt_name
        return (self.module.prompts.get(name) if name is not None else None) or ""

    @property
    def first_module(self) -> Any:
        """What reads the text: the body's first module, or the first one of the route that texts take."""
        return _first_module(self.module)

    @property
    def tokenizer(self) -> Any:
        """What turns texts into ids: the tokenizer itself, or a copy of a bare one with transformers' interface."""
        own = _own_tokenizer(self.module)
        return self._dressed_tokenizer if isinstance(own, Tokenizer) else own

    @cached_property
    def _dressed_tokenizer(self) -> PreTrainedTokenizerFast:
        copied: Any = PreTrainedTokenizerFast
        dressed: PreTrainedTokenizerFast = copied(tokenizer_object=_own_tokenizer(self.module))
        # The module that holds a bare tokenizer, StaticEmbedding, calls it without special tokens.
        dressed.backend_tokenizer.post_processor = None
        return dressed

    @contextmanager
    def session(self) -> Iterator[None]:
        """Run the body in eval mode with frozen parameters, one thread at a time, and restore it.

        Modes, ``requires_grad``, the tokenizer's truncation and padding, and torch's grad mode are as
        found afterwards, also after an exception.
        """
        with self._lock, ExitStack() as restore:
            restore.enter_context(torch.inference_mode(False))
            restore.enter_context(torch.enable_grad())
            if self._in_session:  # a session within a session of this thread: all is set
                yield
                return
            self._in_session = True
            restore.callback(setattr, self, "_in_session", False)
            for module in self.module.modules():
                restore.callback(setattr, module, "training", module.training)
                module.training = False
            for parameter in self.module.parameters():
                if parameter.requires_grad:
                    restore.callback(parameter.requires_grad_)
                    parameter.requires_grad_(False)
            restore.enter_context(_tokenizer_settings_kept(_own_tokenizer(self.module)))
            yield

    @contextmanager
    def forward_state_kept(self) -> Iterator[None]:
        """Restore what a forward pass of a short text changes for good: BigBird's kind of attention."""
        with ExitStack() as restore:
            for module in self.module.modules():
                if "attention_type" in vars(module):
                    restore.callback(setattr, module, "attention_type", module.attention_type)
                    restore.callback(module._modules.update, dict(module._modules))
            yield

    def features(self, text: str) -> Features:
        """Preprocess one text as ``encode`` does, prompt and truncation included.

        Raises
        ------
        UnsupportedBodyError
            The result holds no token ids.
        """
        module: Any = self.module
        if hasattr(module, "preprocess"):
            features = module.preprocess([text], prompt=self.prompt or None)
        else:  # sentence-transformers 5
            features = module.tokenize([self.prompt + text])
            if self.prompt:
                features["prompt_length"] = module._get_prompt_length(self.prompt)
        ids = features.get("input_ids")
        if not isinstance(ids, Tensor) or not (ids.dim() == 2 or (ids.dim() == 1 and "offsets" in features)):
            raise UnsupportedBodyError(
                f"The body's first module, {type(module[0]).__name__}, does not turn a text into token ids "
                "of shape (texts, tokens), so there are no word embeddings to explain."
            )
        return {
            name: value.to(self.device) if isinstance(value, Tensor) else value
            for name, value in features.items()
        }

    def embed(self, *parts: tuple[Features, int]) -> Tensor:
        """Embed copies of texts that share a batch: of each its features and how many rows, ``(rows, dim)``."""
        # Copied each time: forward writes into the dict, and sentence-transformers up to 5.1 into tensors.
        inputs = {
            name: torch.cat(
                [features[name].repeat(rows, *[1] * (value.dim() - 1)) for features, rows in parts]
            )
            if isinstance(value, Tensor) and value.dim() and value.shape[0] == 1
            else value
            for name, value in parts[0][0].items()
        }
        if torch.is_grad_enabled():
            _replace_inference_tensors(self.module)
        # .forward, not a call: a compiled body would ignore hooks that are set after its first call.
        with self.forward_state_kept():
            embeddings: Tensor = self.module.forward(inputs)["sentence_embedding"]
        truncate_dim = getattr(self.module, "truncate_dim", None)
        if truncate_dim is not None:
            embeddings = embeddings[:, :truncate_dim]
        return normalize(embeddings, p=2, dim=1) if self.normalize_embeddings else embeddings


def _first_module(module: SentenceTransformer) -> Any:
    first: Any = module[0]
    routes: Any = getattr(first, "sub_modules", None)  # of a Router, which moved between versions
    if routes is None:
        return first
    return routes[first.default_route if first.default_route in routes else next(iter(routes))][0]


def _own_tokenizer(module: SentenceTransformer) -> Any:
    """Find the tokenizer of the text's route, out of the shell that WordEmbeddings puts around it."""
    tokenizer = getattr(_first_module(module), "tokenizer", None)
    is_plain = isinstance(tokenizer, PreTrainedTokenizerBase | Tokenizer)
    return tokenizer if is_plain else getattr(tokenizer, "tokenizer", tokenizer)


def _replace_inference_tensors(module: nn.Module) -> None:
    """Put ordinary copies where passes in inference mode left tensors, which refuse to take part in gradients.

    ``encode`` runs in that mode, and ESM of transformers 4 and remote code keep rotary tables of its last pass.
    """
    for part in module.modules():
        for held in (vars(part), part._buffers):
            for name, value in held.items():
                if isinstance(value, Tensor) and value.is_inference():
                    held[name] = value.clone()


@contextmanager
def _tokenizer_settings_kept(tokenizer: Any) -> Iterator[None]:
    """Restore the truncation and padding that calls of a fast tokenizer leave set on its backend."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        yield
        return
    truncation, padding = backend.truncation, backend.padding
    try:
        yield
    finally:
        if backend.truncation != truncation:
            backend.no_truncation() if truncation is None else backend.enable_truncation(**truncation)
        if backend.padding != padding:
            backend.no_padding() if padding is None else backend.enable_padding(**padding)
