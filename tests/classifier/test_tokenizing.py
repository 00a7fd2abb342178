"""Tokenizers without offsets: their tokens lie where those of a fast twin say, or are shown as they are."""

import numpy as np
import pytest
import torch
import transformers
from hypothesis import given
from hypothesis import strategies as st
from sentence_transformers import SentenceTransformer

from setfit_explain import explain
from setfit_explain.classifier.tokenizing import Tokens, find_offsets, tokenize
from setfit_explain.errors import UnsupportedBodyError
from tests.models import LONG, TEXTS, fitted, modules, tiny_body, tiny_model, word_piece

try:
    from transformers.models.bert.tokenization_bert_legacy import BertTokenizerLegacy as SlowBert
except ModuleNotFoundError:  # transformers 4
    from transformers import BertTokenizer as SlowBert


@pytest.fixture(scope="module")
def slow(tmp_path_factory):
    """BERT's tokenizer in Python, the twin of the tests' fast one."""
    entries = word_piece("bert").get_vocab()
    file = tmp_path_factory.mktemp("slow") / "vocab.txt"
    file.write_text("\n".join(sorted(entries, key=entries.__getitem__)), "utf-8")
    return SlowBert(str(file), model_max_length=64)


def slow_model(tokenizer):
    body = tiny_body("bert")
    setattr(body[0], "processor" if hasattr(body[0], "processor") else "tokenizer", tokenizer)
    return fitted(body)


WORDS = st.sampled_from([*LONG.split(), "Parcel", "zzz", "!!", "I-want", "\n", " ", "(late)", "refund😀"])


@given(st.lists(WORDS).map(" ".join))
def test_characters_of_a_slow_tokenizers_tokens_are_those_of_its_fast_twin(slow, text):
    _, fast = tokenize(word_piece("bert"), text)
    _, tokens = tokenize(slow, text)
    assert tokens.offsets is None
    assert tokens.ids == fast.ids
    found = find_offsets(slow, text, tokens)
    for (start, end), (fast_start, fast_end), special in zip(found, fast.offsets, fast.special, strict=True):
        if special:
            assert (start, end) == (0, 0)
        elif (start, end) != (
            fast_start,
            fast_end,
        ):  # an unknown word hides where the pieces of its chunk are
            assert start <= fast_start
            assert fast_end <= end
            assert not any(letter.isspace() for letter in text[start:end])
            assert slow.unk_token_id in slow(text[start:end])["input_ids"]


@pytest.mark.parametrize("text", [LONG, " where  is\nmy Parcel?", "", LONG * 5])
def test_a_slow_tokenizer_gives_the_explanation_of_its_fast_twin(slow, text):
    expected = explain(tiny_model("bert"), text)
    explanation = explain(slow_model(slow), text)
    assert explanation.units == expected.units
    assert explanation.truncated_span == expected.truncated_span
    np.testing.assert_allclose(explanation.attributions, expected.attributions, atol=1e-6)


def test_a_slow_tokenizer_that_cuts_the_beginning_says_so(slow):
    body = tiny_body("bert")
    body.tokenizer.truncation_side = "left"
    model = slow_model(slow)
    slow.truncation_side = "left"
    try:
        explanation, expected = explain(model, LONG * 5), explain(fitted(body), LONG * 5)
    finally:
        slow.truncation_side = "right"
    assert explanation.truncated_span == expected.truncated_span
    assert explanation.truncated_span[0] == 0
    assert explanation.units == expected.units


def test_bytes_are_found_letter_by_letter_and_other_scripts_by_word():
    tokenizer = transformers.ByT5Tokenizer(extra_ids=0)
    _, tokens = tokenize(tokenizer, "on été")
    found = find_offsets(tokenizer, "on été", tokens)
    assert found == [(0, 1), (1, 2), *[(3, 6)] * 6, (0, 0)]


class ByTheWholeText:
    """Ids that depend on the whole text, so that no chunk can be asked for its own."""

    def __init__(self):
        self.word2idx = {f"{index:02d}": index for index in range(100)}

    def tokenize(self, text, **_options):
        return [(7 * len(text) + index) % 100 for index, _ in enumerate(text.split())]


def body_by_the_whole_text():
    table = torch.randn(100, 32, generator=torch.Generator().manual_seed(0))
    first = modules.WordEmbeddings(modules.tokenizer.WhitespaceTokenizer(["a"]), table)
    first.tokenizer = ByTheWholeText()
    return SentenceTransformer(modules=[first, modules.Pooling(32)], device="cpu")


def test_tokens_without_characters_are_shown_themselves():
    model = fitted(body_by_the_whole_text())
    explanation = explain(model, "where is it", granularity="word")
    ids = model.model_body[0].tokenizer.tokenize("where is it")
    assert explanation.text == " ".join(f"{token:02d}" for token in ids)
    assert [unit.text for unit in explanation.units] == explanation.text.split()
    assert explanation.granularity == "token"
    assert "The tokens are shown" in str(explanation)
    expected = model.predict_proba(["where is it"], as_numpy=True)[0]
    np.testing.assert_allclose(explanation.score, expected, atol=1e-6)


def test_tokens_without_characters_cannot_be_told_from_a_prompt():
    body = body_by_the_whole_text()
    body.prompts, body.default_prompt_name = {"classify": "classify this: "}, "classify"
    with pytest.raises(
        UnsupportedBodyError, match=r"the prompt cannot be told from the text\. Set the body's"
    ):
        explain(fitted(body), TEXTS[0])


def test_given_offsets_are_taken_as_they_are():
    assert find_offsets(None, "ab", Tokens([1], [False], [(0, 2)])) == [(0, 2)]
