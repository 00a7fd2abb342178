"""Bodies that do not begin with a Transformer module: static embeddings, word embeddings, routes."""

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer

from setfit_explain import Explainer, explain
from tests.bodies.architectures import (
    BODIES,
    DIM,
    body_of,
    model_of,
    named,
    static_body,
    table,
    word_embedding_body,
)
from tests.bodies.vocabularies import metaspace_bpe, unigram, word_piece
from tests.models import LONG, TEXTS, fitted, modules

needs_preprocess = pytest.mark.skipif(
    not hasattr(SentenceTransformer, "preprocess"),
    reason="encode of sentence-transformers 5.1 fails for WordEmbeddings with a transformers tokenizer",
)
TOKENIZERS = {"word piece": word_piece, "unigram": unigram, "metaspace": metaspace_bpe}


def explained(model, text=LONG, **options):
    explanation = explain(model, text, **options)
    expected = model.predict_proba([text], as_numpy=True)[0]
    np.testing.assert_allclose(explanation.probabilities, expected, atol=1e-6)
    assert explanation.converged.all()
    assert np.ptp(explanation.attributions) > 1e-3
    assert {unit.text for unit in explanation.units} >= {"parcel", "refund"} & set(text.split())
    return explanation


@pytest.mark.parametrize("tokenizer", TOKENIZERS.values(), ids=TOKENIZERS)
def test_static_embeddings_are_rewritten_token_by_token(tokenizer):
    model = fitted(
        static_body(tokenizer(), modules.Normalize(), modules.Dense(DIM, 16), modules.LayerNorm(16))
    )
    explained(model)
    assert model.model_body[0].tokenizer.post_processor is not None


def test_static_embeddings_have_their_closed_form_after_one_rule():
    model = fitted(static_body(word_piece()))
    explainer = Explainer(model, output="logit", granularity="token", baseline="zero")
    explanation = explainer(LONG)
    bag, tokenizer = model.model_body[0].embedding.weight, model.model_body.tokenizer
    rows = bag[tokenizer.encode(LONG, add_special_tokens=False).ids].detach().double().numpy()
    np.testing.assert_allclose(
        explanation.attributions, model.model_head.coef_ @ rows.T / len(rows), atol=1e-6
    )
    assert explanation.settings["nodes"] == 21


@pytest.mark.parametrize("text", ["", "refund", "  "])
def test_static_embeddings_of_hardly_any_token_are_explained(text):
    model = fitted(static_body(word_piece()))
    explanation = explain(model, text, output="logit")
    np.testing.assert_allclose(
        explanation.probabilities, model.predict_proba([text], as_numpy=True)[0], atol=1e-6
    )
    assert explanation.converged.all()


def test_a_prompt_of_static_embeddings_is_kept_out_of_the_text():
    body = static_body(word_piece())
    body.prompts, body.default_prompt_name = {"classify": "refund order: "}, "classify"
    explanation = explained(fitted(body))
    assert explanation.units[-1].special == "prompt"


def test_a_vocabulary_larger_than_the_table_has_a_mean_all_the_same():
    tokenizer = word_piece()
    rows = len(tokenizer)
    tokenizer.add_tokens(["never", "seen"])
    larger = word_piece()
    larger._tokenizer = tokenizer._tokenizer
    explained(fitted(static_body(larger, rows=rows)))


@pytest.mark.parametrize("name", [name for name in BODIES if name.startswith("WordEmbeddings")])
def test_word_embeddings_with_a_fast_tokenizer_are_explained(name):
    explained(model_of(name))


@needs_preprocess
def test_what_word_embeddings_cut_without_the_tokenizers_help_is_named():
    body = word_embedding_body()
    body[0].max_seq_length = 12
    explanation = explained(fitted(body))
    assert explanation.truncated_span == (explanation.units[-2].end, len(LONG))
    assert 0 < explanation.units[-2].end < len(LONG) - 20


@pytest.mark.parametrize(
    "after",
    [
        [],
        [lambda: modules.CNN(DIM, DIM, kernel_sizes=[3])],
        [lambda: modules.LSTM(DIM, DIM // 2)],
    ],
    ids=["nothing", "CNN", "LSTM"],
)
def test_word_embeddings_of_a_whitespace_tokenizer_are_explained(after):
    torch.manual_seed(0)
    body = whitespace_body(*(make() for make in after))
    explanation = explained(fitted(body), "The parcel; (late), and UNHEARD of: refund!")
    assert [unit.text for unit in explanation.units] == ["parcel", "late", "refund"]


@pytest.mark.parametrize("text", ["", "unheard of", " \n"])
def test_a_text_without_any_word_of_the_whitespace_tokenizer_has_nothing_to_attribute(text):
    explanation = explain(fitted(whitespace_body()), text)
    assert not explanation.attributions.any()
    assert all(unit.special for unit in explanation.units)


def test_the_mean_word_of_a_whitespace_tokenizer_is_none_that_it_drops():
    explainer = Explainer(fitted(whitespace_body()))
    words = explainer.classifier.model.body[0].tokenizer.word2idx
    dropped = {"PADDING_TOKEN", "the", "and"}
    assert explainer.classifier.word_ids == [index for word, index in words.items() if word not in dropped]


def whitespace_body(*after):
    words = sorted({word.strip(".,;!").lower() for text in (*TEXTS, LONG) for word in text.split()})
    vocabulary = list(dict.fromkeys(["PADDING_TOKEN", "the", *words]))
    tokenizer = modules.tokenizer.WhitespaceTokenizer(vocabulary, stop_words=["the", "and"])
    first = modules.WordEmbeddings(tokenizer, table(len(vocabulary)))
    return SentenceTransformer(modules=[first, *after, modules.Pooling(DIM)], device="cpu")


def test_the_route_that_texts_take_is_explained():
    torch.manual_seed(0)
    queries, documents = list(body_of(named("Bert"))), list(body_of(named("Roberta")))
    for default in ("query", "document"):
        router = modules.Router.for_query_document(queries, documents, default_route=default)
        model = fitted(SentenceTransformer(modules=[router, modules.Normalize()], device="cpu"))
        explained(model)
