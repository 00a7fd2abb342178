"""What `explain` gives its users; among it, that known faults of earlier recipes cannot happen."""

import copy
import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from setfit import SetFitModel
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

import setfit_explain
from setfit_explain import Explainer, IntegratedGradients, explain
from setfit_explain.errors import HeadNotDifferentiableError, HeadNotFittedError
from tests.models import CLASSES, LABELS, LONG, TEXTS, fitted, minilm, minilm_model, tiny_body, tiny_model


def test_a_word_that_occurs_twice_gets_two_scores():
    explanation = explain(minilm_model("three"), "parcel, the parcel", targets="delay")
    (first, one), (_, _), (_, _), (second, two) = explanation.for_target()[:4]
    assert first == second == "parcel"
    assert one != two
    total = float(explanation.score[0] + explanation.delta[0] - explanation.baseline_score[0])
    assert sum(value for _, value in explanation.for_target()) == pytest.approx(total, abs=1e-9)


@pytest.mark.parametrize("precision", [None, "bfloat16"])
def test_a_verified_classifier_serves_another_explainer(precision):
    first = Explainer(minilm_model("three"), precision=precision)
    second = Explainer(first.classifier, method="occlusion")
    assert second.classifier is (first.classifier if precision is None else first.classifier.original)
    again = Explainer(minilm_model("three"), method="occlusion")
    assert (second(LONG).attributions == again(LONG).attributions).all()


def test_a_shared_classifier_without_a_gradient_still_refuses_what_needs_one():
    body = tiny_body("bert")
    forest = RandomForestClassifier(3, random_state=0).fit(body.encode(list(TEXTS)), CLASSES)
    shared = Explainer((body, forest), method="occlusion").classifier
    with pytest.raises(HeadNotDifferentiableError):
        Explainer(shared)


def test_three_classes_do_not_crash_and_each_has_its_attributions():
    explanation = explain(minilm_model("three"), LONG)
    assert explanation.targets == LABELS
    assert explanation.attributions.shape == (3, len(explanation.units))


def test_the_class_explained_is_the_class_named():
    # The labels' order is not the columns' order: each class must rise with its own words.
    body = minilm()
    classes = [["refund", "delay", "praise"][k] for k in (0, 0, 0, 1, 1, 1, 2, 2, 2)]
    head = LogisticRegression(C=10).fit(body.encode(list(TEXTS)), classes)
    model = SetFitModel(model_body=body, model_head=head, labels=["refund", "delay", "praise"])
    explanation = explain(model, "I want a refund")
    assert explanation.classes == ("delay", "praise", "refund")
    assert explanation.predicted == (model.predict(["I want a refund"])[0],) == ("refund",)
    assert explanation.top("refund", n=1)[0] == ("refund", pytest.approx(explanation.attributions[2].max()))
    assert dict(explanation.for_target("praise"))["refund"] < 0


@pytest.mark.parametrize("labels", [("a", "b", "c"), ("c", "a", "b")])
def test_names_are_those_that_predict_answers(labels):
    source = tiny_model("bert")
    model = SetFitModel(model_body=source.model_body, model_head=source.model_head, labels=list(labels))
    explanations = explain(model, list(TEXTS))
    assert [explanation.predicted[0] for explanation in explanations] == model.predict(list(TEXTS))


def test_a_class_missing_in_training_shifts_no_name():
    body = tiny_body("bert")
    head = LogisticRegression().fit(body.encode(list(TEXTS)), [0, 0, 0, 2, 2, 2, 3, 3, 3])
    model = SetFitModel(model_body=body, model_head=head, labels=["a", "never seen", "c", "d"])
    explanations = explain(model, list(TEXTS))
    assert explanations[0].classes == ("a", "c", "d")
    assert [explanation.predicted[0] for explanation in explanations] == model.predict(list(TEXTS))


def test_attributions_are_summed_over_dimensions_not_averaged():
    explanation = explain(minilm_model("binary"), LONG, targets=1)
    difference = explanation.score[0] - explanation.baseline_score[0]
    assert explanation.attributions.sum() == pytest.approx(difference, rel=0.05)


def test_a_multi_label_model_predicts_every_label_at_one_half_or_above():
    model = minilm_model("multi_label")
    text = "My package is late; the delivery has not arrived, please refund my order"
    explanation = explain(model, text, targets="predicted", output="log_odds")
    answer = model.predict([text], as_numpy=True)[0]
    assert explanation.predicted == tuple(name for name, yes in zip(model.labels, answer, strict=True) if yes)
    assert explanation.targets == explanation.predicted or not explanation.predicted


def test_a_multi_label_model_that_predicts_nothing_has_its_likeliest_label_explained():
    model = fitted(tiny_body("bert"), "multi_label")
    for member in model.model_head.estimators_:
        member.intercept_ -= 20
    explanation = explain(model, LONG, targets="predicted", output="log_odds")
    assert explanation.predicted == ()
    assert explanation.targets == (LABELS[int(model.predict_proba([LONG], as_numpy=True)[0].argmax())],)


def test_the_mean_of_reference_texts_is_their_tokens_mean():
    model = tiny_model("bert")
    explainer = Explainer(model, reference_texts=["parcel late parcel"])
    lookup = explainer.classifier.bind("parcel late parcel")
    expected = lookup.word_embeddings[0, 1:-1].mean(0)
    torch.testing.assert_close(explainer.baseline(LONG)[0, 3].float(), expected, atol=1e-6, rtol=0)


def baseline_row(model, **options):
    explainer = Explainer(model, **options)
    in_text = explainer.classifier.encode(LONG).is_text
    rows = explainer.baseline(LONG)[0][torch.as_tensor(in_text)].double()
    assert (rows == rows[0]).all()
    return rows[0].numpy()


def lookup_table(model):
    return model.model_body[0].auto_model.get_input_embeddings().weight.detach().double().numpy()


@pytest.mark.parametrize("architecture", ["minilm", "bert", "roberta"])
def test_the_mean_of_a_vocabulary_in_order_of_frequency_follows_mandelbrots_law_over_words(architecture):
    model = minilm_model("three") if architecture == "minilm" else tiny_model(architecture)
    table, vocabulary = lookup_table(model), model.model_body.tokenizer.get_vocab()
    named = {"<s>", "</s>", "<pad>", "<unk>", "<mask>", "[CLS]", "[SEP]", "[PAD]", "[UNK]", "[MASK]"}
    # The alphabet comes first in such a vocabulary whatever its frequency, so single characters are no words.
    words = sorted(
        k
        for word, k in vocabulary.items()
        if word not in named
        and "[unused" not in word
        and not word.startswith("##")
        and len(word.strip("Ġ")) > 1
    )
    expected = np.average(table[words], axis=0, weights=1 / (np.arange(1, len(words) + 1) + 2.7))
    np.testing.assert_allclose(baseline_row(model), expected, atol=1e-6)


def test_the_mean_of_a_unigram_vocabulary_is_weighted_by_its_probabilities():
    model = tiny_model("xlm-roberta")
    vocabulary = json.loads(model.model_body.tokenizer.backend_tokenizer.to_str())["model"]["vocab"]
    words = [k for k, (piece, _) in enumerate(vocabulary) if not piece.startswith("<")]
    expected = np.average(
        lookup_table(model)[words], axis=0, weights=[np.exp(vocabulary[k][1]) for k in words]
    )
    np.testing.assert_allclose(baseline_row(model), expected, atol=1e-6)


@pytest.mark.parametrize("name", ["mask", "pad", "unk"])
def test_a_baseline_named_after_a_token_is_that_tokens_row(name):
    model = tiny_model("bert")
    token = model.model_body.tokenizer.convert_tokens_to_ids(f"[{name.upper()}]")
    np.testing.assert_allclose(baseline_row(model, baseline=name), lookup_table(model)[token], atol=1e-7)


def test_special_tokens_are_replaced_on_request():
    kept = explain(minilm_model("three"), LONG, baseline="pad")
    replaced = explain(minilm_model("three"), LONG, baseline="pad", special_tokens="replace")
    assert kept.special_token_share.max() == 0
    assert replaced.special_token_share.min() > 0


@pytest.mark.parametrize("baseline", ["auto", "mean", "mask", "pad", "unk", "zero", torch.ones(384)])
def test_every_baseline_is_complete_and_named(baseline):
    explanation = explain(minilm_model("three"), LONG, baseline=baseline)
    assert explanation.converged.all()
    named = str(explanation.settings["baseline"])
    assert named.startswith(
        baseline if isinstance(baseline, str) and baseline != "auto" else ("mean", "tensor")
    )


def test_a_baseline_that_leans_to_a_class_is_pointed_out():
    model = fitted(minilm())
    assert explain(model, TEXTS[0]).notes == ()
    model.model_head.intercept_[1] += 5
    explanation = explain(model, TEXTS[0])
    assert explanation.baseline_score[1] > 0.9
    assert explanation.notes[0].startswith("The baseline itself already leans to 'delay' (probability 0.9")


def test_an_untrained_model_is_refused():
    model = SetFitModel(model_body=tiny_body("bert"), model_head=LogisticRegression())
    with pytest.raises(HeadNotFittedError, match="Train the model before explaining it"):
        explain(model, LONG)


@pytest.mark.parametrize(
    ("kind", "targets", "output", "passes"),
    [
        ("three", "all", "probability", 2),
        ("three", "all", "log_odds", 2),
        ("three", "all", "logit", 3),
        ("three", "delay", "probability", 1),
        ("three", ["refund", ("refund", "delay"), "praise"], "probability", 2),
        ("binary", "all", "logit", 1),
        ("multi_label", "all", "probability", 3),
    ],
)
def test_all_classes_cost_one_forward_pass_and_one_backward_pass_less_than_classes(
    kind, targets, output, passes
):
    model = fitted(tiny_body("bert"), kind)
    explainer = Explainer(model, targets=targets, output=output, n_steps=9, tolerance=1)
    forwards, backwards = [], []
    model.model_body[1].register_forward_hook(lambda *_: forwards.append(1))
    model.model_body[0].auto_model.embeddings.LayerNorm.register_full_backward_hook(
        lambda *_: backwards.append(1)
    )
    explainer(LONG)
    assert len(forwards) == 3, "the model's own answer, the two ends, and all nodes at once"
    assert len(backwards) == passes


@pytest.mark.parametrize(("probability", "notes"), [(0.7, 0), (0.8, 1)])
def test_a_baseline_leans_to_a_label_above_half_way_from_one_half_to_certainty(probability, notes):
    model = fitted(tiny_body("bert"), "multi_label")
    before = explain(model, LONG, output="logit", tolerance=0.5).baseline_score
    for member, logit in zip(model.model_head.estimators_, before, strict=True):
        member.intercept_ -= logit
    model.model_head.estimators_[1].intercept_ += np.log(probability / (1 - probability))
    explanation = explain(model, LONG, tolerance=0.5)
    assert explanation.baseline_score == pytest.approx([0.5, probability, 0.5], abs=1e-5)
    assert len(explanation.notes) == notes


def test_a_baseline_beside_the_text_converges_though_float32_cannot_resolve_the_difference():
    model = tiny_model("bert")
    words = Explainer(model).classifier.bind(LONG).word_embeddings[0]
    explanation = explain(model, LONG, baseline=words * (1 + 1e-6))
    assert np.abs(explanation.delta).max() > 1e-2 * np.abs(explanation.attributions).max()
    assert explanation.converged.all()


def test_a_saved_folder_is_explained_like_the_model(tmp_path):
    model = fitted(tiny_body("mpnet"), normalize_embeddings=True)
    model.save_pretrained(tmp_path / "model")
    assert explain(str(tmp_path / "model"), LONG) == explain(model, LONG)


def test_a_model_object_and_its_method_object_are_reusable():
    method = IntegratedGradients(n_steps=32, baseline="mask")
    first, second = (explain(tiny_model(name), TEXTS[0], method=method) for name in ("bert", "mpnet"))
    assert first.settings["nodes"] == second.settings["nodes"] == 32


def test_progress_is_drawn_on_stderr_only(capsys):
    explain(tiny_model("bert"), list(TEXTS[:2]), show_progress=True)
    captured = capsys.readouterr()
    assert "explaining" in captured.err
    assert captured.out == ""


def test_the_fingerprint_changes_with_the_weights():
    model = fitted(tiny_body("bert"))
    before = explain(model, LONG).model_fingerprint
    assert before == explain(model, LONG).model_fingerprint
    with torch.no_grad():
        next(model.model_body.parameters())[0, 0] += 1
    assert explain(model, LONG).model_fingerprint != before


def test_the_fingerprint_changes_with_the_head_and_with_the_names():
    source = tiny_model("bert")
    prints = {explain(source, LONG).model_fingerprint}
    head = copy.deepcopy(source.model_head)
    head.intercept_[0] += 1e-4
    for head_, labels in ((head, LABELS), (source.model_head, ("refund", "delay", "praises"))):
        model = SetFitModel(model_body=source.model_body, model_head=head_, labels=list(labels))
        prints.add(explain(model, LONG).model_fingerprint)
    assert len(prints) == 3


def test_the_public_names_exist_and_are_all():
    assert [name for name in setfit_explain.__all__ if not hasattr(setfit_explain, name)] == []
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = setfit_explain.nothing


def run_python(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_importing_loads_nothing_heavy_and_changes_nothing():
    code = (
        "import sys, warnings, logging, os\n"
        "before = list(warnings.filters), dict(os.environ), logging.root.level\n"
        "import setfit_explain\n"
        "assert (list(warnings.filters), dict(os.environ), logging.root.level) == before\n"
        "print(sorted({'torch', 'transformers', 'setfit', 'sklearn', 'numpy', 'captum'} & set(sys.modules)))"
    )
    assert run_python(code).strip() == "[]"


def test_importing_the_explainer_leaves_the_warning_filters():
    # Other libraries add filters of their own; setfit's blanket "show every DeprecationWarning" must not stay.
    code = (
        "import warnings; import sentence_transformers, sklearn, torch, captum.attr\n"
        "before = list(warnings.filters)\n"
        "import setfit_explain.explainer\n"
        "print([f for f in warnings.filters if f not in before])"
    )
    assert run_python(code).strip() == "[]"


def test_explanations_of_numpy_strings_and_generators_keep_their_order():
    explainer = Explainer(tiny_model("bert"), tolerance=0.5)
    texts = list(TEXTS[:3])
    for given in (np.array(texts), (text for text in texts), tuple(texts)):
        assert [explanation.text for explanation in explainer(given)] == texts
