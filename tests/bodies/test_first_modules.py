"""Bodies that do not begin with a Transformer module: static embeddings, word embeddings, routes."""

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer

from setfit_explain import Explainer, explain
from setfit_explain.errors import UnsupportedBodyError
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
    assert explanation.settings["nodes"] == 9


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


def test_word_embeddings_without_character_offsets_are_refused():
    words = sorted({word.strip(".,;!").lower() for text in (*TEXTS, LONG) for word in text.split()})
    body = SentenceTransformer(
        modules=[
            modules.WordEmbeddings(modules.tokenizer.WhitespaceTokenizer(words), table(len(words))),
            modules.Pooling(DIM),
        ],
        device="cpu",
    )
    with pytest.raises(UnsupportedBodyError, match="WhitespaceTokenizer does not say which characters"):
        Explainer(fitted(body))


def test_the_route_that_texts_take_is_explained():
    torch.manual_seed(0)
    queries, documents = list(body_of(named("Bert"))), list(body_of(named("Roberta")))
    for default in ("query", "document"):
        router = modules.Router.for_query_document(queries, documents, default_route=default)
        model = fitted(SentenceTransformer(modules=[router, modules.Normalize()], device="cpu"))
        explained(model)
