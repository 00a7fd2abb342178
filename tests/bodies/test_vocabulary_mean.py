"""The mean word of a vocabulary is made of words, whatever family its tokenizer is of."""

import json

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from setfit_explain import Explainer
from tests.bodies.vocabularies import byte_bpe, metaspace_bpe, unigram, word_piece
from tests.models import LONG, fitted, modules

FAMILIES = {
    "word piece": word_piece,
    "byte pairs": byte_bpe,
    "byte pairs with U+2581": metaspace_bpe,
    "unigram": unigram,
}


def identity_model(tokenizer):
    """A body whose table is the identity, so that a mean row shows the weight of each id."""
    rows = torch.eye(len(tokenizer))
    static = modules.StaticEmbedding(tokenizer, embedding_weights=rows)
    return fitted(SentenceTransformer(modules=[static], device="cpu"))


def weights(tokenizer):
    baseline = Explainer(identity_model(tokenizer)).baseline(LONG)[0].double().numpy()
    shares = baseline[len(baseline) // 2]
    assert shares.sum() == pytest.approx(1, abs=1e-5)
    return {tokenizer.convert_ids_to_tokens(k): share for k, share in enumerate(shares) if share > 0}


@pytest.mark.parametrize("make", FAMILIES.values(), ids=FAMILIES)
def test_no_special_added_or_byte_token_has_a_weight(make):
    tokenizer = make()
    tokenizer.add_tokens(["addedword"])
    found = weights(tokenizer)
    assert len(found) > 20
    assert not set(found) & {*tokenizer.all_special_tokens, "addedword"}
    assert not any(token.startswith(("##", "<0x", "<unused")) for token in found)
    assert max(found.values()) < 0.3, "no single token stands for all"


def test_pieces_of_a_unigram_vocabulary_without_a_probability_have_no_weight():
    # SentencePiece gives 0 to bytes and to what the user defined; as log-probability that would be certainty.
    pieces = [("<unk>", 0.0), ("<0x0A>", 0.0), ("▁userdefined", 0.0), ("▁refund", -1.0), ("▁late", -2.0)]
    tokenizer = Tokenizer(models.Unigram([*pieces, ("▁", -4.0), ("e", -5.0)], unk_id=0))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    found = weights(PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>", pad_token="<unk>"))
    assert list(found) == ["▁refund", "▁late", "▁", "e"]
    assert found["▁refund"] / found["▁late"] == pytest.approx(np.e, rel=1e-4)


def test_the_tokenizers_here_are_of_the_families_they_say():
    kinds = [json.loads(make().backend_tokenizer.to_str())["model"]["type"] for make in FAMILIES.values()]
    assert kinds == ["WordPiece", "BPE", "BPE", "Unigram"]
