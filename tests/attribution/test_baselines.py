"""Baselines are the rows they are said to be."""

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from setfit_explain import Explainer
from setfit_explain.errors import OptionError
from tests.models import LONG, fitted, minilm_model, modules, tiny_model


def row(explainer):
    return explainer.baseline(LONG)[0, 2].double()


@pytest.mark.parametrize("name", ["mask", "pad", "unk"])
def test_a_named_token_is_that_tokens_row(name):
    model = minilm_model("three")
    tokenizer = model.model_body.tokenizer
    table = model.model_body[0].auto_model.embeddings.word_embeddings.weight
    expected = table[getattr(tokenizer, f"{name}_token_id")].detach().double()
    torch.testing.assert_close(row(Explainer(model, baseline=name)), expected)


def test_zero_is_zero():
    assert not row(Explainer(tiny_model("bert"), baseline="zero")).any()


def test_auto_is_the_mean():
    torch.testing.assert_close(
        row(Explainer(tiny_model("bert"))), row(Explainer(tiny_model("bert"), baseline="mean"))
    )


def test_special_tokens_keep_their_own_row_unless_replaced():
    kept = Explainer(tiny_model("bert"), baseline="zero").baseline(LONG)[0]
    assert kept[0].any()
    assert kept[-1].any()
    assert not kept[1:-1].any()
    assert not Explainer(tiny_model("bert"), baseline="zero", special_tokens="replace").baseline(LONG).any()


def test_the_vocabularys_mean_weights_words_by_rank_and_leaves_the_alphabet_out():
    model = tiny_model("bert")
    tokenizer = model.model_body.tokenizer
    table = model.model_body[0].auto_model.embeddings.word_embeddings.weight.detach().double().numpy()
    by_id = sorted((token_id, token) for token, token_id in tokenizer.get_vocab().items())
    words = [i for i, token in by_id if len(token) > 1 and token[:2] != "##" and token[0] + token[-1] != "[]"]
    weights = np.array([1 / (rank + 2.7) for rank in range(1, len(words) + 1)])
    expected = weights @ table[words] / weights.sum()
    np.testing.assert_allclose(row(Explainer(model)), expected, atol=1e-6)


@pytest.fixture
def unigram_model(tmp_path):
    pieces = [("<unk>", 0.0), ("▁refund", -1.0), ("▁late", -2.0), ("parcel", -3.0), ("▁", -4.0), ("e", -5.0)]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=0))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>", pad_token="<pad>")
    torch.manual_seed(0)
    sizes = {"num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16, "hidden_size": 16}
    BertModel(BertConfig(vocab_size=len(fast), **sizes)).save_pretrained(tmp_path)
    fast.save_pretrained(tmp_path)
    return fitted(
        SentenceTransformer(modules=[modules.Transformer(str(tmp_path)), modules.Pooling(16)], device="cpu")
    )


def test_a_unigram_vocabulary_is_weighted_by_its_own_probabilities(unigram_model):
    table = unigram_model.model_body[0].auto_model.embeddings.word_embeddings.weight.detach().double().numpy()
    weights = np.exp([-1.0, -2, -3, -4, -5])
    expected = weights @ table[1:6] / weights.sum()
    np.testing.assert_allclose(row(Explainer(unigram_model)), expected, atol=1e-6)


def test_a_token_that_the_tokenizer_lacks_is_refused_with_what_works(unigram_model):
    with pytest.raises(OptionError, match=r"has no mask token. Use baseline='mean' or 'zero'"):
        Explainer(unigram_model, baseline="mask")


def test_a_baseline_for_each_token_is_taken_as_it_is():
    explainer = Explainer(tiny_model("bert"))
    shape = explainer.baseline(LONG).shape
    given = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    used = Explainer(tiny_model("bert"), baseline=given).baseline(LONG)
    torch.testing.assert_close(used[0, 1:-1], given[0, 1:-1])
