"""Texts that come tokenised: the model's answer to the ids is explained, and shown in readable words."""

import numpy as np
import pytest
import torch

from setfit_explain import Explainer, Explanation, ExplanationSet, Failure, explain
from setfit_explain.errors import TextError
from tests.models import LONG, TEXTS, fitted, minilm_model, tiny_body, tiny_model

ARCHITECTURES = ("bert", "mpnet", "roberta", "xlm-roberta")
PLAIN = "where is  my parcel? late; again"


def tokenizer_of(model):
    return model.model_body.tokenizer


def without_record(encoding):
    """What is left of a BatchEncoding that was saved, or made by a tokenizer in Python."""
    return {name: encoding[name] for name in ("input_ids", "attention_mask") if name in encoding}


def places(explanation):
    return [(unit.start, unit.end, unit.special) for unit in explanation.units]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize(
    "options",
    [{}, {"return_offsets_mapping": True}, {"return_tensors": "pt"}, {"return_tensors": "np"}],
    ids=str,
)
def test_a_batch_encoding_has_the_explanation_of_its_texts(architecture, options):
    model = tiny_model(architecture)
    explainer = Explainer(model)
    encoding = tokenizer_of(model)([LONG, PLAIN], padding=True, **options)
    explanations = explainer(encoding)
    assert isinstance(explanations, ExplanationSet)
    for explanation, expected in zip(explanations, explainer([LONG, PLAIN]), strict=True):
        assert places(explanation) == places(expected)
        assert explanation.text.casefold() == expected.text.casefold()
        np.testing.assert_allclose(explanation.attributions, expected.attributions, atol=1e-6)
        np.testing.assert_allclose(explanation.probabilities, expected.probabilities, atol=1e-6)
        assert explanation.granularity == "word"
        assert explanation.reproduction_error < 1e-6
        assert any("as they were given" in note for note in explanation.notes)


@pytest.mark.parametrize("padding_side", ["left", "right"])
def test_padding_is_removed(padding_side):
    model = minilm_model("three")
    encoding = tokenizer_of(model)([LONG, PLAIN], padding=True, padding_side=padding_side)
    alone = tokenizer_of(model)(PLAIN)
    explainer = Explainer(model)
    (_, padded), single = explainer(encoding), explainer(alone)
    assert isinstance(single, Explanation)
    assert padded == single


def test_a_one_row_tensor_is_a_set_of_one():
    model = tiny_model("bert")
    explanations = explain(model, tokenizer_of(model)(PLAIN, return_tensors="pt"))
    assert [explanation.text for explanation in explanations] == [PLAIN]


def test_encodings_and_strings_may_be_mixed_in_a_list():
    model = tiny_model("bert")
    first, second = explain(model, [tokenizer_of(model)(PLAIN), PLAIN])
    np.testing.assert_allclose(first.attributions, second.attributions, atol=1e-6)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_ids_alone_are_shown_as_what_they_decode_to(architecture):
    model = tiny_model(architecture)
    explanation = explain(model, without_record(tokenizer_of(model)(LONG)))
    assert explanation.text.replace(" ", "").casefold() == LONG.replace(" ", "").casefold()
    assert tokenizer_of(model)(explanation.text)["input_ids"] == tokenizer_of(model)(LONG)["input_ids"]
    assert explanation.granularity == "word"
    np.testing.assert_allclose(explanation.attributions, explain(model, LONG).attributions, atol=1e-6)


def test_the_two_texts_of_a_pair_are_shown_after_each_other():
    model = minilm_model("three")
    explanation = explain(model, tokenizer_of(model)("late parcel", "refund it!"))
    assert explanation.text == "late parcel refund it!"
    words = ["late", "parcel", "refund", "it", "!"]
    assert [unit.text for unit in explanation.units if unit.special is None] == words


def test_ids_that_no_text_has_are_shown_as_tokens():
    model = tiny_model("bert")
    tokens = ["[CLS]", "##el", "parc", "!", "[SEP]"]
    ids = tokenizer_of(model).convert_tokens_to_ids(tokens)
    explanation = explain(model, {"input_ids": ids}, granularity="word")
    assert explanation.text == "##el parc !"
    assert [unit.text for unit in explanation.units] == ["##el", "parc", "!", "[special tokens]"]
    assert explanation.granularity == "token"
    assert "The tokens are shown" in str(explanation)


def test_characters_that_an_unknown_word_hides_are_marked_where_they_were():
    model = tiny_model("bert")
    text = "my 包裹 is late"
    explanation = explain(model, tokenizer_of(model)(text))
    assert explanation.text == "my \ufffd\ufffd is late"
    assert places(explanation) == places(explain(model, text))


def test_an_unknown_word_among_ids_alone_is_a_word():
    model = tiny_model("bert")
    explanation = explain(model, without_record(tokenizer_of(model)("my 包裹 is late")))
    words = ["my", "[UNK]", "[UNK]", "is", "late", "[special tokens]"]
    assert [unit.text for unit in explanation.units] == words


def test_token_type_ids_are_respected():
    model = tiny_model("bert")
    encoding = dict(tokenizer_of(model)(PLAIN))
    encoding["token_type_ids"] = [1] * len(encoding["input_ids"])
    explanation = explain(model, encoding)
    body = model.model_body
    with torch.no_grad():
        features = {name: torch.tensor([values]) for name, values in encoding.items()}
        embedding = body.eval()(features)["sentence_embedding"].numpy()
    expected = model.model_head.predict_proba(embedding)[0]
    np.testing.assert_allclose(explanation.score, expected, atol=1e-6)
    assert abs(expected - explain(model, PLAIN).score).max() > 1e-3


@pytest.mark.parametrize("include_prompt", [True, False])
def test_no_prompt_is_added_to_token_ids(include_prompt):
    body = tiny_body("bert", include_prompt=include_prompt)
    body.prompts, body.default_prompt_name = {"classify": "classify the order: "}, "classify"
    model = fitted(body)
    explanation = explain(model, body.tokenizer(PLAIN))
    body.default_prompt_name = None
    np.testing.assert_allclose(explanation.score, model.predict_proba([PLAIN], as_numpy=True)[0], atol=1e-6)


def test_a_rewritten_encoding_is_explained_as_it_is_now():
    model = tiny_model("bert")
    encoding = tokenizer_of(model)(PLAIN)
    encoding.data = dict(tokenizer_of(model)(TEXTS[0]))
    assert explain(model, encoding).text.casefold() == "i want my money back."


def test_a_static_body_takes_token_ids():
    from tests.bodies.test_first_modules import static_body, word_piece

    tokenizer = word_piece()
    model = fitted(static_body(tokenizer))
    explanation = explain(model, tokenizer(LONG, add_special_tokens=False))
    np.testing.assert_allclose(explanation.score, model.predict_proba([LONG], as_numpy=True)[0], atol=1e-6)


@pytest.mark.parametrize(
    ("encoding", "message"),
    [
        ({"input_ids": [2, 5000, 3]}, "Token id 5000 has no word embedding; the body has"),
        ({"input_ids": [2, -1, 3]}, "Token id -1 has no word embedding"),
        ({"input_ids": [2] * 65}, r"has 65 tokens, and the body reads 64\. Tokenise it with truncation=True"),
        ({"input_ids": [2, 3], "attention_mask": [1]}, "input_ids 2, attention_mask 1"),
        ({"input_ids": [[2, 3], [2, 3]], "attention_mask": [[1, 1]]}, "input_ids 2, attention_mask 1"),
        ({"input_ids": [[[2, 3]]]}, "do not fit together"),
        ({"input_ids": [0.5, 1.5]}, "with whole numbers"),
        ({"input_ids": [2, 3], "attention_mask": [0, 0]}, "holds no token"),
        ({"input_ids": []}, "holds no token"),
    ],
)
def test_unusable_token_ids_are_refused(encoding, message):
    with pytest.raises(TextError, match=message):
        explain(tiny_model("bert"), encoding)


def test_unusable_token_ids_in_a_list_lose_no_other_text():
    explanations = explain(tiny_model("bert"), [{"input_ids": [5000]}, PLAIN], on_error="record")
    assert [type(item) for item in explanations] == [Failure, Explanation]
    assert "5000" in explanations[0].message


def test_a_batch_within_a_list_is_refused():
    with pytest.raises(TextError, match="or the token ids of one text"):
        explain(tiny_model("bert"), [{"input_ids": [[2, 3]]}])


def test_a_tokenised_text_can_be_bound_for_captum():
    model = tiny_model("bert")
    explainer = Explainer(model)
    encoding = tokenizer_of(model)(PLAIN)
    np.testing.assert_array_equal(explainer.baseline(encoding), explainer.baseline(PLAIN))
    bound = explainer.classifier.bind(encoding)
    torch.testing.assert_close(bound.word_embeddings, explainer.classifier.bind(PLAIN).word_embeddings)
