"""Classifiers whose scores are any table of numbers over which words a text has: games with known values."""

from __future__ import annotations

from functools import cache
from string import ascii_lowercase
from typing import Any

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from setfit_explain.classifier.loading import load_model
from setfit_explain.classifier.outputs import Output, ScoreFunction
from setfit_explain.classifier.text_classifier import TextClassifier
from setfit_explain.explanation.units import group_tokens
from tests.models import modules

PLAYERS = 12


class Table:
    """A head that looks its decision values up by the set of words that a text has.

    Parameters
    ----------
    values
        Shape ``(2 ** players, 3)``; a set's row has a binary digit for each word.
    """

    def __init__(self, values: np.ndarray) -> None:
        self.values = np.asarray(values, dtype=float)
        self.players = int(np.log2(len(values)))

    def decision_function(self, embeddings: np.ndarray) -> np.ndarray:
        return self.values[(np.asarray(embeddings)[:, : self.players] > 0) @ 2 ** np.arange(self.players)]

    def predict(self, embeddings: np.ndarray) -> np.ndarray:
        return self.decision_function(embeddings).argmax(1)


@cache
def one_hot_body() -> SentenceTransformer:
    """The mean of its words' one-hot embeddings; the words are the letters."""
    entries = [*ascii_lowercase[:PLAYERS], "<unk>", "<pad>"]
    vocabulary = {entry: index for index, entry in enumerate(entries)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>", pad_token="<pad>")
    static = modules.StaticEmbedding(fast, embedding_weights=torch.eye(len(entries)))
    return SentenceTransformer(modules=[static], device="cpu")


def game_of(values: Any) -> tuple[SentenceTransformer, Table]:
    """A model for `Explainer` with these scores (``output="logit"``, ``baseline="zero"`` or ``"delete"``)."""
    return one_hot_body(), Table(values)


def text_of(players: int) -> str:
    """The text that has all words."""
    return " ".join(ascii_lowercase[:players])


def player(method: Any, values: Any, text: str | None = None) -> Any:
    """Make a function from a method to its attributions of a game, without loading the model again."""
    classifier = TextClassifier(load_model(game_of(values)), differentiable=False)
    encoded = classifier.encode(text or text_of(int(np.log2(len(values)))))
    membership = group_tokens(encoded.text, encoded.spans, encoded.kinds).membership
    score = ScoreFunction(classifier.head, Output.LOGIT, (0, 1, 2))
    return lambda seed: method(seed).prepare(classifier, None)(encoded, membership, score)


def random_table(players: int, seed: int = 0) -> np.ndarray:
    """Scores of three classes: single words, pairs, and everything at once."""
    rng = np.random.default_rng(seed)
    sets = presence(players)
    pairs = rng.standard_normal((3, players, players)) / players
    linear = sets @ rng.standard_normal((players, 3))
    return linear + np.einsum("rp,tpq,rq->rt", sets, pairs, sets) + rng.standard_normal((len(sets), 3)) / 2


def presence(players: int) -> np.ndarray:
    """Which words each set has, ``(2 ** players, players)``, as numbers."""
    return np.array([[code >> word & 1 for word in range(players)] for code in range(2**players)], float)
