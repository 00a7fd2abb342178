"""Attention rollout (Abnar, Zuidema 2020, arXiv 2005.00928): how attention flows from the words to the sentence embedding.

No explanation of a class: it never asks the head, nor the direction in which a word moved anything.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from transformers import PreTrainedModel

from setfit_explain.attribution.method import Attributions, Attributor, no_baseline
from setfit_explain.errors import UnsupportedBodyError
from setfit_explain.heads.torch_head import to_float64

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from setfit_explain.classifier.encoding import EncodedText
    from setfit_explain.classifier.outputs import ScoreFunction
    from setfit_explain.classifier.text_classifier import TextClassifier

ROW = "attention"
"""Name of the one row of attributions, which belongs to no class."""

NOTE = (
    "This explains no class: attention rollout says from which words attention flows into the sentence embedding, "
    "the same for every class, and not whether that moved any score."
)


@dataclass(frozen=True, eq=False, kw_only=True)
class AttentionRollout:
    """Share of each unit in the attention that reaches the sentence embedding through all layers; together 1.

    Each layer's attention, the mean of its heads, is averaged with the identity, which stands for the residual
    connection, and the layers are multiplied (the paper's section 3). The rows of the result are averaged as the
    body pools its tokens. There is one row of attributions for all targets; it has no score and no baseline.
    """

    name: ClassVar[str] = "attention_rollout"
    needs_gradient: ClassVar[bool] = False
    additive: ClassVar[bool] = False

    def prepare(self, classifier: TextClassifier, internal_batch_size: int | None) -> Attributor:  # noqa: ARG002 - one row
        """Find the transformer in the body and try it once.

        Raises
        ------
        UnsupportedBodyError
            The body does not give its attention weights, or pools tokens in a way that is no weighted mean.
        """
        prepared = _Prepared(classifier, _transformer(classifier))
        with classifier.body.session():
            prepared.shares(classifier.encode(classifier.probe_text))
        return prepared


@dataclass(frozen=True, eq=False)
class _Prepared:
    """Attention rollout for one classifier."""

    classifier: TextClassifier
    transformer: PreTrainedModel

    reads_ids_alone: ClassVar[bool] = True

    def baseline(self, encoded: EncodedText) -> Tensor:  # noqa: ARG002 - the protocol's
        """Raise `OptionError`: there is none."""
        raise no_baseline(AttentionRollout.name)

    def __call__(
        self,
        encoded: EncodedText,
        membership: NDArray[np.intp],
        score: ScoreFunction,  # noqa: ARG002 - of no class
    ) -> Attributions:
        """Give each unit of one text its share."""
        classifier = self.classifier
        with classifier.body.session(), torch.no_grad():
            shares = self.shares(encoded).cpu().numpy()
            words = classifier.word_embeddings(encoded).unsqueeze(0)
            answer = classifier.head.answer(classifier.decide(encoded, words))[0].cpu().numpy()
        unknown = np.full(1, np.nan)
        units = int(membership.max(initial=-1)) + 1
        values = np.zeros((1, units))
        np.add.at(values[0], membership, shares)
        return Attributions(
            values=values,
            probabilities=answer,
            score=unknown,
            baseline_score=unknown,
            delta=unknown,
            error_estimate=np.zeros(1),
            converged=np.ones(1, dtype=bool),
            settings={"signed": False},
            notes=(NOTE,),
            rows=(ROW,),
        )

    def shares(self, encoded: EncodedText) -> Tensor:
        """Share of each token in the sentence embedding, ``(tokens,)``; call it within ``body.session()``."""
        with torch.no_grad():
            flow = self._pooling_weights(encoded)
            for attention in reversed(self._attentions(encoded)):
                flow = (flow + flow @ attention) / 2
        return flow

    def _attentions(self, encoded: EncodedText) -> list[Tensor]:
        """Attention weights of each layer, averaged over its heads, ``(tokens, tokens)``: to (row) from (column)."""
        accepted = inspect.signature(self.transformer.forward).parameters
        inputs = {
            name: value.clone()
            for name, value in encoded.features.items()
            if name in accepted and isinstance(value, torch.Tensor)
        }
        with _eager_attention(self.transformer):
            found = self.transformer(**inputs, output_attentions=True, return_dict=True).get("attentions")
        tokens = len(encoded.ids)
        layers = [to_float64(layer) for layer in found or () if isinstance(layer, torch.Tensor)]
        fits = [
            layer.dim() == 4
            and layer.shape[0] == 1
            and layer.shape[2:] == (tokens, tokens)
            and bool(((layer.sum(-1) - 1).abs() < ROUNDING).all())
            for layer in layers
        ]
        if not layers or not all(fits):
            raise _refusal(f"its {type(self.transformer).__name__} does not give one matrix of them a layer")
        return [layer[0].mean(0) for layer in layers]

    def _pooling_weights(self, encoded: EncodedText) -> Tensor:
        """Weight of each token in the sentence embedding, ``(tokens,)``: how the body pools unit vectors."""
        tokens, device = len(encoded.ids), encoded.ids.device
        weights = self._pool(encoded, torch.eye(tokens, device=device))
        others = torch.randn(tokens, tokens, generator=torch.Generator().manual_seed(0)).to(device)
        # Other pooling, such as the maximum, has an answer to unit vectors too, which says nothing of other ones.
        is_mean = torch.allclose(self._pool(encoded, others), weights @ to_float64(others), atol=POOLED)
        shares = weights.mean(0)
        if not is_mean or bool((weights < -POOLED).any()) or not shares.sum() > 0:
            raise _refusal("its sentence embedding is no weighted mean of the transformer's tokens")
        return shares / shares.sum()

    def _pool(self, encoded: EncodedText, token_embeddings: Tensor) -> Tensor:
        """Pool ``(tokens, tokens)`` as the body does: a row for each of the ways that it joins, ``(ways, tokens)``."""
        features: dict[str, Any] = {**encoded.features, "token_embeddings": token_embeddings[None]}
        modules = list(self.classifier.body.module.children())
        try:
            for module in modules[1:]:
                features = module(features)
                if "sentence_embedding" in features:
                    break
            return to_float64(features["sentence_embedding"]).reshape(-1, len(encoded.ids))
        except (KeyError, RuntimeError) as error:
            names = ", ".join(type(module).__name__ for module in modules)
            raise _refusal(f"its modules ({names}) do not pool the transformer's tokens directly") from error


POOLED = 1e-4
"""How far a pooled embedding may be from a weighted mean, which float32 leaves of embeddings of size 1."""

ROUNDING = 2e-2
"""How far a row of attention weights may be from 1: they are rounded to bfloat16 in such bodies."""


def _transformer(classifier: TextClassifier) -> PreTrainedModel:
    """Find the only transformer in the body's first module."""
    found: list[PreTrainedModel] = []
    for module in classifier.body.first_module.modules():
        if isinstance(module, PreTrainedModel) and not any(module in set(outer.modules()) for outer in found):
            found.append(module)
    if len(found) != 1:
        raise _refusal(f"it holds {len(found)} transformers")
    return found[0]


@contextmanager
def _eager_attention(transformer: PreTrainedModel) -> Iterator[None]:
    """Let the transformer write its attention out, as faster kernels never have the weights, and restore it."""
    configs = {
        id(part.config): part.config for part in transformer.modules() if isinstance(part, PreTrainedModel)
    }
    with ExitStack() as restore:
        for (
            part
        ) in transformer.modules():  # transformers 5 leaves hooks where it was asked for attentions once
            restore.callback(_remove_new, part._forward_hooks, set(part._forward_hooks))
            restore.callback(_remove_new, vars(part), set(vars(part)))
        for config in configs.values():
            restore.callback(setattr, config, "_attn_implementation", config._attn_implementation)
            config._attn_implementation = "eager"
        yield


def _remove_new(entries: dict[Any, Any], known: set[Any]) -> None:
    for added in set(entries) - known:
        del entries[added]


def _refusal(reason: str) -> UnsupportedBodyError:
    return UnsupportedBodyError(
        f"attention_rollout needs the attention weights of every layer of the body, and {reason}. "
        "method='integrated_gradients' or 'occlusion' explains it, and explains classes."
    )
