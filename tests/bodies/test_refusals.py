"""Bodies whose words cannot be explained exactly are refused in one sentence."""

import pytest
import torch
import transformers
from sentence_transformers import SentenceTransformer

from setfit_explain import Explainer
from setfit_explain.errors import UnsupportedBodyError
from tests.bodies.architectures import DIM, assembled, body_of, named
from tests.bodies.vocabularies import byte_bpe, metaspace_bpe
from tests.models import TEXTS, fitted, modules


def bart():
    tokenizer = byte_bpe()
    config = transformers.BartConfig(
        vocab_size=len(tokenizer), d_model=DIM, encoder_layers=1, decoder_layers=1,
        encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=48, decoder_ffn_dim=48,
        max_position_embeddings=66, pad_token_id=0, bos_token_id=2, eos_token_id=3, decoder_start_token_id=3,
    )  # fmt: skip
    return assembled(transformers.BartModel(config), tokenizer)


def gemma3n():
    tokenizer = metaspace_bpe()
    config = transformers.Gemma3nTextConfig(
        vocab_size=len(tokenizer), vocab_size_per_layer_input=len(tokenizer), hidden_size=DIM,
        hidden_size_per_layer_input=8, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, head_dim=8, num_kv_shared_layers=0, laurel_rank=4, altup_num_inputs=2,
        activation_sparsity_pattern=[0.0, 0.0], layer_types=["sliding_attention", "full_attention"],
        pad_token_id=0, bos_token_id=2, eos_token_id=3,
    )  # fmt: skip
    model = transformers.Gemma3nTextModel(config)
    for layer in model.layers:  # zero in a fresh model, which mutes the embeddings of the layers
        torch.nn.init.ones_(layer.altup.correct_output_scale)
    return assembled(model, tokenizer)


def word_weights():
    first, pooling = body_of(named("Bert"))
    vocabulary = first.tokenizer.get_vocab()
    weights = {token: 0.1 + token_id % 7 for token, token_id in vocabulary.items()}
    ordered = sorted(vocabulary, key=vocabulary.__getitem__)
    return SentenceTransformer(modules=[first, modules.WordWeights(ordered, weights), pooling], device="cpu")


@pytest.mark.parametrize("make", [bart, gemma3n, word_weights])
def test_a_second_reader_of_the_ids_is_refused_with_the_measured_leak(make):
    with pytest.raises(
        UnsupportedBodyError, match=r"something else in the body reads the token ids.* by 0\.\d+\."
    ):
        Explainer(fitted(make()))


def test_canine_has_no_tokens_to_explain():
    config = transformers.CanineConfig(
        hidden_size=DIM, num_hidden_layers=1, num_attention_heads=4, intermediate_size=48,
        num_hash_buckets=64, max_position_embeddings=256, local_transformer_stride=16,
    )  # fmt: skip
    body = assembled(transformers.CanineModel(config), transformers.CanineTokenizer())
    with pytest.raises(UnsupportedBodyError, match="No module of the body turns token ids into"):
        Explainer(fitted(body))


def test_hash_embeddings_are_no_word_embeddings():
    class Hashed(torch.nn.Module):
        def __init__(self, transformer):
            super().__init__()
            self.tokenizer = transformer.tokenizer
            self.preprocess = getattr(transformer, "preprocess", None)  # what sentence-transformers 6 calls
            self.tokenize = transformer.tokenize  # and what 5 calls
            self.buckets = torch.nn.Embedding(8, DIM)

        def forward(self, features):
            features["token_embeddings"] = self.buckets(features["input_ids"] * 31 % 8)
            return features

    first, pooling = body_of(named("Bert"))
    model = fitted(SentenceTransformer(modules=[Hashed(first), pooling], device="cpu"))
    with pytest.raises(UnsupportedBodyError, match="No module of the body turns token ids into"):
        Explainer(model)


def test_preprocessing_that_adds_more_than_a_prompt_is_refused():
    body = body_of(named("Qwen3"))
    method = "preprocess" if hasattr(body[0], "preprocess") else "tokenize"
    plain = getattr(body[0], method)

    def through_a_template(inputs, **options):
        return plain([f"<s>{text}</s>" for text in inputs], **options)

    setattr(body[0], method, through_a_template)
    with pytest.raises(UnsupportedBodyError, match="a chat template that rewrites the text, or a custom"):
        Explainer(fitted(body))


def test_a_text_that_is_read_twice_is_refused():
    class Twice(torch.nn.Module):
        def __init__(self, transformer):
            super().__init__()
            self.first = transformer
            self.tokenizer = transformer.tokenizer
            self.preprocess = getattr(transformer, "preprocess", None)
            self.tokenize = transformer.tokenize

        def forward(self, features):
            once = self.first(dict(features))["token_embeddings"]
            features["token_embeddings"] = once + self.first(dict(features))["token_embeddings"]
            return features

    first, pooling = body_of(named("Bert"))
    model = fitted(SentenceTransformer(modules=[Twice(first), pooling], device="cpu"))
    with pytest.raises(UnsupportedBodyError, match="2 times in one forward pass"):
        Explainer(model)


def test_a_body_that_was_trained_on_since_is_explained_as_it_is_now():
    model = fitted(body_of(named("Bert")))
    explainer = Explainer(model)
    before = explainer(TEXTS[0])
    with torch.no_grad():
        model.model_body[0].auto_model.embeddings.word_embeddings.weight.mul_(1.5)
    after = explainer(TEXTS[0])
    assert after.probabilities.tolist() == model.predict_proba([TEXTS[0]], as_numpy=True)[0].tolist()
    assert after.probabilities.tolist() != before.probabilities.tolist()
