"""Captum's LayerIntegratedGradients as its users write it: a call for each class, ids in, tokens out."""

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from captum.attr import LayerIntegratedGradients
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from benchmarks.bare import TOKENS_A_BATCH, Bare

TIMED_CLASSES = 10
"""The loop's calls cost the same for each class; of more classes than this, so many are timed."""


def timed_classes(classes: int) -> list[int]:
    """Choose at most `TIMED_CLASSES` columns, evenly."""
    return sorted({int(column) for column in np.linspace(0, classes - 1, min(classes, TIMED_CLASSES))})


class CaptumLoop:
    """Captum's method on a copy of the bare classifier.

    A baseline must be ids there, so the copy's vocabulary has one more row: the baseline's. Thus
    Captum integrates along the very path that the others take.
    """

    def __init__(self, bare: Bare) -> None:
        self.bare = deepcopy(bare)
        words = self.bare.encoder.embeddings.word_embeddings
        self.baseline_id = len(words.weight)
        rows = torch.cat([words.weight, bare.baseline.unsqueeze(0)])
        self.bare.encoder.embeddings.word_embeddings = nn.Embedding.from_pretrained(rows)
        self.method = LayerIntegratedGradients(self._answer, self.bare.encoder.embeddings.word_embeddings)

    def _answer(self, ids: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        return self.bare.logits(attention_mask, input_ids=ids).softmax(-1)

    def one_by_one(self, text: str, n_steps: int, targets: Sequence[int] | None = None) -> NDArray[Any]:
        """Attributions of one text, ``(targets, tokens)`` without the special tokens."""
        ids = self.bare.ids(text)
        baselines = self._baselines(ids)
        rows = [
            self.method.attribute(ids, baselines, target=target, n_steps=n_steps)[0, 1:-1].sum(-1)
            for target in (range(self.bare.classes) if targets is None else targets)
        ]
        return np.asarray(torch.stack(rows).numpy())

    def batched(self, texts: Sequence[str], n_steps: int, targets: Sequence[int] | None = None) -> Tensor:
        """Attributions of padded texts, ``(targets, texts, tokens)``."""
        listed = [self.bare.ids(text)[0] for text in texts]
        ids = pad_sequence(listed, batch_first=True)
        mask = pad_sequence([torch.ones_like(row) for row in listed], batch_first=True)
        baselines = pad_sequence([self._baselines(row[None])[0] for row in listed], batch_first=True)
        rows = [
            self.method.attribute(
                ids,
                baselines,
                target=target,
                additional_forward_args=(mask,),
                n_steps=n_steps,
                internal_batch_size=max(len(ids), TOKENS_A_BATCH // ids.shape[1]),
            ).sum(-1)
            for target in (range(self.bare.classes) if targets is None else targets)
        ]
        return torch.stack(rows)

    def _baselines(self, ids: Tensor) -> Tensor:
        baselines = torch.full_like(ids, self.baseline_id)
        baselines[:, [0, -1]] = ids[:, [0, -1]]
        return baselines
