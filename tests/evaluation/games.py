"""A model whose attributions are known: the mean of one number a word, and so a sum over the words."""

from dataclasses import replace

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from sklearn.linear_model import LogisticRegression
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from setfit_explain import Occlusion
from setfit_explain.evaluation.case import Cases
from setfit_explain.explainer import Explainer
from tests.models import modules

WORTH = {"[PAD]": 0, "[UNK]": 0, "[MASK]": 1, "good": 4, "fine": 2, "so": 0, "bad": -2, "poor": -3, "fair": 1}
TEXT = "good fine so bad"
EXACT = np.array([1.0, 0.5, 0.0, -0.5])
"""What each word of `TEXT` adds to the logit of "praise"."""

ZERO = {"method": "occlusion", "baseline": "zero", "output": "logit"}
"""Options that explain it exactly."""


def bag_of_words(worth=None):
    """A body and head whose logit is the mean worth of the words."""
    worth = WORTH if worth is None else worth
    tokenizer = Tokenizer(models.WordLevel({word: k for k, word in enumerate(worth)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", mask_token="[MASK]"
    )
    table = torch.tensor([[float(value), 0.0] for value in worth.values()])
    static = modules.StaticEmbedding(fast, embedding_weights=table)
    head = LogisticRegression().fit(np.eye(2), ["blame", "praise"])
    head.coef_, head.intercept_ = np.array([[1.0, 0.0]]), np.zeros(1)
    return SentenceTransformer(modules=[static], device="cpu"), head


def case_of(text=TEXT, *, output="logit", rationale=None, target=1, **settings):
    """The text as metrics see it, for the class "praise"."""
    classifier = Explainer(bag_of_words(), method="occlusion").classifier
    return Cases(classifier, output=output, **settings).of(text, target, rationale)


def random_texts(count, seed=0):
    """Texts of four to eight different worths."""
    generator = np.random.default_rng(seed)
    words = [word for word in WORTH if word[0] != "["]
    return [" ".join(generator.choice(words, generator.integers(4, 9))) for _ in range(count)]


def assert_ordered(found):
    """The attributions beat random ones, which beat reversed ones, text by text."""
    assert found.gain_over(found.random).low > 0
    assert replace(found, values=found.random).gain_over(found.reversed).low > 0


def assert_as_random(found):
    """The attributions are no better and no worse than random ones."""
    gain = found.gain_over(found.random)
    assert gain.low < 0 < gain.high


class RandomOrder:
    """A method that knows nothing: exact attributions, each time in another order."""

    name, needs_gradient, additive = "random order", False, False

    def __init__(self, seed=5):
        self.generator = np.random.default_rng(seed)

    def prepare(self, classifier, internal_batch_size):
        occlusion = Occlusion(baseline="zero").prepare(classifier, internal_batch_size)

        def attribute(encoded, membership, score):
            found = occlusion(encoded, membership, score)
            return replace(found, values=self.generator.permutation(found.values, axis=1))

        return attribute
