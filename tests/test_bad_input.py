"""Odd texts get a right answer, wrong ones a clear error, and neither loses the others."""

from functools import partial

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
from setfit import SetFitModel

from setfit_explain import Explainer, Failure, IntegratedGradients, explain
from setfit_explain.errors import (
    InputError,
    ModelNotFoundError,
    OptionError,
    TargetError,
    TextError,
    UnsupportedModelError,
)
from setfit_explain.evaluation import evaluate
from tests.models import LABELS, LONG, TEXTS, minilm_model, tiny_model

ARCHITECTURES = ("minilm", "bert", "mpnet", "roberta")
ODD = {
    "empty": "",
    "white space": " \t\n  ",
    "special-token strings": "[SEP] [MASK] <s> </s> <mask> <pad>",
    "emoji": "late 👨‍👩‍👧‍👦 again 🇩🇪 👍🏽!",
    "right to left": "أين طردي؟ לא הגיע",
    "zero-width joiners": "par\u200dcel\u200b late\ufeff",
    "no-break and ideographic spaces": "\u3000where\u00a0is\u2003it ",
    "combining marks": "e\u0301te\u0301 Z\u0351\u036b\u0343a\u0321lgo",
    "Chinese": "我的包裹在哪里?退款!",
    "ligatures that NFKC expands": "ﬁne ﷺ ½ Ⅷ",
    "control characters": "a\x00b\x1b[31mred\x1b[0m\x07",
    "markup": "<script>alert(1)</script> & {{7*7}}",
}


def model_of(architecture):
    return minilm_model("three") if architecture == "minilm" else tiny_model(architecture)


# A literal <pad> is a zero vector in MPNet, where LayerNorm has no derivative: that is marked, and right.
@pytest.mark.filterwarnings("ignore::setfit_explain.errors.ConvergenceWarning")
@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_an_odd_text_is_explained_and_put_together_again(architecture, name):
    text, model = ODD[name], model_of(architecture)
    explanation = explain(model, text)
    np.testing.assert_allclose(explanation.score, model.predict_proba([text], as_numpy=True)[0], atol=1e-5)
    pieces, position = [], 0
    for unit in explanation.units:
        if unit.special is None:
            pieces += [text[position : unit.start], unit.text]
            position = unit.end
    assert "".join(pieces) + text[position:] == text
    assert explanation.text == text
    gap = explanation.attributions.sum(1) + explanation.baseline_score - explanation.score - explanation.delta
    np.testing.assert_allclose(gap, 0, atol=1e-9)
    assert str(explanation)
    assert explanation.to_html()


@pytest.mark.filterwarnings("ignore::setfit_explain.errors.ConvergenceWarning")
@pytest.mark.parametrize("granularity", ["token", "word", "sentence"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_granularity_has_the_same_total(architecture, granularity):
    # With the same nodes; left to themselves, larger units may need fewer.
    options = {"targets": "delay", "method": IntegratedGradients(n_steps=16, tolerance=1)}
    explanation = explain(model_of(architecture), LONG, granularity=granularity, **options)
    reference = explain(model_of(architecture), LONG, **options)
    assert explanation.attributions.sum() == pytest.approx(reference.attributions.sum(), abs=1e-12)


def test_a_text_of_100000_characters_is_explained_as_far_as_the_body_reads_it():
    text = "where is my parcel? " * 5000
    explanation = explain(tiny_model("bert"), text, targets="predicted")
    start, end = explanation.truncated_span
    assert (end, len(text)) == (100_000, 100_000)
    assert 0 < start < 400
    assert max(unit.end for unit in explanation.units) == start


def test_a_users_own_segmenter_is_used():
    def halves(_text):
        return [(0, 12), (13, 24)]

    explanation = explain(tiny_model("bert"), "Late parcel. Refund now!", granularity=halves)
    assert [unit.text for unit in explanation.units] == ["Late parcel.", "Refund now!", "[special tokens]"]
    assert explanation.granularity == "halves"


def test_an_empty_list_gives_an_empty_set():
    assert len(explain(tiny_model("bert"), [])) == 0


@pytest.mark.parametrize("wrong", [None, 3, b"bytes", ["nested"], float("nan")])
def test_a_text_that_is_no_string_is_named(wrong):
    with pytest.raises(TextError, match=rf"Text 1 is .*\({type(wrong).__name__}\); a string is needed"):
        explain(tiny_model("bert"), [LONG, wrong])


@pytest.mark.parametrize("wrong", [b"bytes", None, 5, {"text": LONG}])
def test_texts_that_are_no_texts_are_refused(wrong):
    with pytest.raises(TextError, match="string or an iterable of strings"):
        explain(tiny_model("bert"), wrong)


def test_a_whole_data_set_is_refused_with_its_columns_way():
    import datasets

    rows = datasets.Dataset.from_dict({"text": [LONG, TEXTS[0]]})
    with pytest.raises(TextError, match=r"data\['text'\]"):
        explain(tiny_model("bert"), rows)
    assert [e.text for e in explain(tiny_model("bert"), rows["text"])] == [LONG, TEXTS[0]]


@pytest.mark.parametrize("rows", [pd.DataFrame({"text": [LONG, TEXTS[0]]}), pa.table({"text": [LONG]})])
def test_a_table_is_refused_with_its_columns_way(rows):
    explainer = Explainer(tiny_model("bert"))
    for ask in (explainer, lambda rows: next(explainer.stream(rows)), partial(evaluate, tiny_model("bert"))):
        with pytest.raises(TextError, match=r"data\['text'\]"):
            ask(rows)


@pytest.mark.parametrize("labels", ["ab", {"a": 0, "b": 1}, pd.DataFrame({"a": [0], "b": [1]}), 1])
def test_true_labels_of_several_texts_are_a_list(labels):
    explainer = Explainer(tiny_model("bert"))
    for ask in (explainer, lambda texts, **named: next(explainer.stream(texts, **named))):
        with pytest.raises(OptionError, match="true_labels must be a list with one for each text"):
            ask(TEXTS[:2], true_labels=labels)
    assert explainer(LONG, true_labels="delay").true_label == "delay", "a single text has a single one"


def test_a_lone_surrogate_is_refused_with_its_place():
    with pytest.raises(TextError, match=r"Character 2 of the text is a lone surrogate \(U\+D800\)"):
        explain(tiny_model("bert"), "ab\ud800")


def test_recorded_failures_keep_their_place_and_lose_no_other_text():
    explanations = explain(tiny_model("bert"), [LONG, None, "ab\ud800", TEXTS[0]], on_error="record")
    assert [type(item).__name__ for item in explanations] == [
        "Explanation",
        "Failure",
        "Failure",
        "Explanation",
    ]
    assert explanations[0] == explain(tiny_model("bert"), LONG)
    assert explanations[1] == Failure(1, "None", "TextError", explanations[1].message)
    assert explanations[2].index == 2


def test_a_text_that_exhausts_the_machine_is_recorded_too(monkeypatch):
    explainer = Explainer(tiny_model("bert"), on_error="record")
    encode = explainer.classifier.encode

    def exhausted(text):
        if text == LONG:
            raise RuntimeError("out of memory")
        return encode(text)

    monkeypatch.setattr(explainer.classifier, "encode", exhausted)
    first, second = explainer([LONG, TEXTS[0]])
    assert first == Failure(0, LONG, "RuntimeError", "out of memory")
    assert second.text == TEXTS[0]


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("refnd", r"'refnd' is not a class. Classes: refund, delay, praise. Did you mean 'refund'\?"),
        (3, r"Target 3 is not a column of predict_proba, which are 0 to 2"),
        (-1, r"Target -1 is not a column"),
        (1.0, r"1.0 \(float\) is not a class name, a column index or a pair"),
        (True, r"True \(bool\)"),
        (("refund", "refund"), "two different classes"),
        (("refund", "delay", "praise"), "a pair of two classes"),
        ("top:0", "at least 1"),
        ("top:x", "top:3"),
        ([], "empty"),
    ],
)
def test_an_unknown_target_is_refused(target, message):
    with pytest.raises(TargetError, match=message):
        explain(tiny_model("bert"), LONG, targets=target)


def test_a_name_that_two_classes_share_needs_the_column():
    source = tiny_model("bert")
    model = SetFitModel(
        model_body=source.model_body, model_head=source.model_head, labels=["same", "same", "other"]
    )
    with pytest.raises(TargetError, match="Several classes are named 'same'; give the column index"):
        explain(model, LONG, targets="same")
    assert explain(model, LONG, targets=1, tolerance=0.5).score == pytest.approx(
        explain(source, LONG, targets="delay", tolerance=0.5).score
    )


def test_targets_can_be_given_in_every_documented_way():
    explainer = Explainer(tiny_model("bert"), tolerance=0.5)
    probabilities = explainer(LONG).probabilities
    ranked = [LABELS[k] for k in np.argsort(-probabilities)]
    assert explainer(LONG, targets="predicted").targets == (ranked[0],)
    assert explainer(LONG, targets="top:2").targets == tuple(ranked[:2])
    assert explainer(LONG, targets=1).targets == ("delay",)
    assert explainer(LONG, targets=np.int64(2)).targets == ("praise",)
    assert explainer(LONG, targets=["praise", (0, "delay")]).targets == ("praise", "refund vs delay")
    both = explainer([LONG, TEXTS[0]], targets=[["praise"], ["refund", "delay"]])
    assert [explanation.targets for explanation in both] == [("praise",), ("refund", "delay")]


def test_an_array_of_targets_is_a_list_of_them():
    explainer = Explainer(tiny_model("bert"), tolerance=0.5)
    for given in (np.array([2, 0]), torch.tensor([2, 0]), np.array(["praise", "refund"])):
        assert explainer(LONG, targets=given).targets == ("praise", "refund")


def test_true_labels_are_named_like_the_classes():
    explanations = explain(
        tiny_model("bert"), [LONG, LONG, LONG], true_labels=[1, "praise", None], tolerance=0.5
    )
    assert [explanation.true_label for explanation in explanations] == ["delay", "praise", None]


def test_a_column_of_true_labels_may_have_gaps_and_classes_that_the_model_does_not_have():
    column = pd.Series([1.0, float("nan"), 7.0])
    explanations = explain(tiny_model("bert"), [LONG] * 3, true_labels=column, tolerance=0.5)
    assert [explanation.true_label for explanation in explanations] == ["delay", None, "7"]


@pytest.mark.parametrize("wrong", [pd.NA, b"delay", {"delay": 1}, 1j])
def test_a_true_label_that_is_none_is_refused_before_anything_is_computed(wrong, monkeypatch):
    explainer = Explainer(tiny_model("bert"), on_error="record")
    monkeypatch.setattr(explainer, "_assembler", None)
    with pytest.raises(TargetError, match="A true label is a class by name or number"):
        explainer([LONG, LONG], true_labels=["delay", wrong])
    with pytest.raises(TargetError, match="A true label is a class by name or number"):
        explainer(LONG, true_labels=wrong)


def test_several_true_labels_of_one_text_are_each_named():
    explanations = explain(
        tiny_model("bert", "multi_label"),
        [LONG, LONG, LONG],
        true_labels=[[0, "praise"], [], np.array([0, 2])],
        tolerance=0.5,
    )
    assert [explanation.true_label for explanation in explanations] == [
        ("refund", "praise"),
        (),
        ("refund", "praise"),
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"output": "prob"},
            "Output 'prob' is not known. Accepted: probability, log_probability, log_odds, logit",
        ),
        ({"method": "shap"}, "Method 'shap' is not known. Accepted: integrated_gradients"),
        ({"baseline": "blank"}, "Baseline 'blank' is not known. Accepted: auto, mean, mask, pad, unk, zero"),
        ({"baseline": torch.zeros(7)}, r"has shape \(7,\); this text needs \(32,\)"),
        ({"special_tokens": "drop"}, "Accepted: keep, replace"),
        ({"tolerance": 0}, "tolerance must be a positive number"),
        ({"tolerance": "0.01"}, "tolerance must be a positive number, got '0.01'"),
        ({"tolerance": float("inf")}, "tolerance must be a positive number, got inf"),
        ({"tolerance": "0.01", "method": "lime"}, "tolerance must be a positive number, got '0.01'"),
        ({"n_steps": 1}, "n_steps must be a whole number, at least 2, got 1"),
        ({"n_steps": "50"}, "n_steps must be a whole number, at least 2, got '50'"),
        ({"n_steps": 2.5}, "n_steps must be a whole number, at least 2, got 2.5"),
        ({"internal_batch_size": 0}, "internal_batch_size must be a whole number, at least 1, got 0"),
        ({"internal_batch_size": "8"}, "internal_batch_size must be a whole number, at least 1, got '8'"),
        ({"internal_batch_size": 2.5}, "internal_batch_size must be a whole number, at least 1, got 2.5"),
        ({"method": None}, r"method is None. Accepted: .*IntegratedGradients\(\)"),
        ({"method": IntegratedGradients}, r"method is <class .*Accepted: .*IntegratedGradients\(\)"),
        ({"method": {"occlusion"}}, r"method is {'occlusion'}. Accepted: "),
        ({"method": ["occlusion", None]}, "method is None. Accepted: "),
        ({"baseline": 0.0}, r"The baseline has shape \(\). Accepted: \(dim,\), or \(tokens, dim\)"),
        ({"baseline": torch.zeros(2, 5, 32)}, r"The baseline has shape \(2, 5, 32\). Accepted"),
        ({"baseline": {"pad": 1}}, "baseline is a dict. Accepted: auto, mean"),
        ({"on_error": "ignore"}, "Accepted: raise, record"),
        ({"granularity": "words"}, "Did you mean 'word'"),
        ({"method": IntegratedGradients(), "tolerance": 0.1}, r"IntegratedGradients\(tolerance="),
        ({"baseline": "pad", "reference_texts": ["a"]}, "reference_texts are used by baseline='mean'"),
        ({"reference_texts": [""]}, "hold no words"),
        ({"reference_texts": "train.csv"}, "reference_texts must be a list of texts, .*; got str"),
        (
            {"reference_texts": pd.DataFrame({"text": [LONG]})},
            "reference_texts must be a list .*; got DataFrame",
        ),
    ],
)
def test_an_unusable_setting_is_refused(options, message):
    with pytest.raises(OptionError, match=message):
        explain(tiny_model("bert"), LONG, **options)


@pytest.mark.parametrize(("texts", "lists"), [([LONG], [["delay"], ["refund"]]), ([LONG, LONG], [["delay"]])])
def test_as_many_lists_of_targets_as_texts_are_needed(texts, lists):
    with pytest.raises(OptionError, match="lists of targets for"):
        explain(tiny_model("bert"), texts, targets=lists)


@pytest.mark.parametrize("place", ["no/such/folder", "./absent", "/absent/model"])
def test_a_model_folder_that_does_not_exist_is_named(place):
    with pytest.raises(ModelNotFoundError, match=place):
        Explainer(place)


def test_a_folder_without_a_head_is_named(tmp_path):
    with pytest.raises(ModelNotFoundError, match=r"has no head\.json, .*model_head\.pkl, so it is no saved"):
        Explainer(tmp_path)


@pytest.mark.parametrize("thing", [object(), 5, (1, 2), lambda text: text])
def test_a_thing_that_is_no_model_is_refused(thing):
    with pytest.raises(UnsupportedModelError, match="Accepted: a SetFitModel, a pair"):
        Explainer(thing)


def test_every_error_is_ours_and_a_builtin_at_once():
    assert issubclass(TextError, InputError)
    assert issubclass(InputError, ValueError)
    assert issubclass(ModelNotFoundError, FileNotFoundError)
