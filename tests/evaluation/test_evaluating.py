"""`evaluate`: several methods and metrics on the same texts, in the order given."""

import json
import subprocess
import sys
from functools import partial

import numpy as np
import pytest
from setfit import SetFitModel
from sklearn.ensemble import RandomForestClassifier
from sklearn.neighbors import KNeighborsClassifier

import setfit_explain
from setfit_explain import Explainer, Occlusion, explain
from setfit_explain.errors import InputError, OptionError, TargetError, TextError, UnsupportedBodyError
from setfit_explain.evaluation import (
    ALIASES,
    FAITHFULNESS,
    PLAUSIBILITY,
    across_seeds,
    agreement,
    evaluate,
    head_randomisation,
    max_sensitivity,
    usual_baselines,
)
from setfit_explain.evaluation.faithfulness import Comprehensiveness, Insertion
from setfit_explain.evaluation.robustness import Infidelity
from setfit_explain.evaluation.studies import STUDIES, run_study
from tests.evaluation.games import ZERO, bag_of_words
from tests.models import CLASSES, LONG, TEXTS, fitted, tiny_body, tiny_model

MODEL = tiny_model("bert")


def test_each_method_has_its_seconds_and_every_metric_with_each_removal():
    found = evaluate(MODEL, TEXTS[:2], metrics=["sufficiency", "monotonicity"])
    assert [(m.method, m.name) for m in found.measurements] == [
        (method, name)
        for method in ("integrated_gradients", "occlusion")
        for name in (
            "seconds",
            "sufficiency (mask)",
            "sufficiency (delete)",
            "monotonicity (mask)",
            "monotonicity (delete)",
        )
    ]
    assert found.find("occlusion", "sufficiency", "mask").unit == "probability"
    assert found.find("occlusion", "monotonicity", "mask").unit == "rank correlation"
    assert found.find("occlusion", "seconds").value.mean > 0
    assert found.find("occlusion", "seconds").controls == {}


def test_a_value_is_that_of_the_explanation_of_the_predicted_class():
    found = evaluate(MODEL, [LONG], methods=["occlusion"], metrics=[Comprehensiveness(bins=[0.01])])
    explanation, masked = (
        explain(MODEL, LONG, method="occlusion", targets="predicted", baseline=baseline)
        for baseline in ("auto", "mask")
    )
    top = explanation.attributions[0].argmax()
    assert found.measurements[1].values[0] == pytest.approx(masked.attributions[0, top], abs=1e-6)


def test_the_same_call_gives_the_same_numbers_and_another_seed_other_controls():
    def run(seed):
        found = evaluate(MODEL, TEXTS[:3], methods=["occlusion"], metrics=["aopc_compr"], seed=seed)
        return found.find("occlusion", "comprehensiveness", "mask")

    assert run(0).to_dict() == run(0).to_dict()
    np.testing.assert_array_equal(run(0).values, run(1).values)
    assert not np.array_equal(run(0).random, run(1).random)


def test_texts_in_another_order_have_the_same_numbers():
    texts, metrics = (
        [*TEXTS[:3], "so so so so"],
        ["sufficiency", "infidelity", "max_sensitivity", "head_randomisation"],
    )
    one, other = (
        evaluate(MODEL, given, methods=["occlusion"], metrics=metrics, removals=["mask"])
        for given in (texts, texts[::-1])
    )
    for first, second in zip(one.measurements[1:], other.measurements[1:], strict=True):
        np.testing.assert_allclose(first.values, second.values[::-1], rtol=1e-5, atol=1e-7)
        np.testing.assert_allclose(first.random, second.random[::-1], rtol=1e-5, atol=1e-7)


def insertion_of(label, model):
    found = evaluate(
        model,
        ["good so"],
        methods={"exact": ZERO},
        metrics=["insertion"],
        removals=["zero"],
        labels=[label],
        output="logit",
    )
    return found.find("exact", "insertion", "zero").values[0]


def test_labels_choose_the_class_that_is_measured():
    assert insertion_of("blame", bag_of_words()) == pytest.approx((0 / 2 + 0 - 2 / 2) / 2)
    assert insertion_of("praise", bag_of_words()) == pytest.approx((0 / 2 + 2 + 2 / 2) / 2)


@pytest.mark.parametrize("label", [2, 2.0, "2", np.int64(2), np.str_("praise")])
def test_a_label_is_read_as_explain_reads_it(label):
    body, head = bag_of_words()
    head.classes_ = np.array([1, 2])  # its columns, which are not the places in labels
    model = SetFitModel(model_body=body, model_head=head, labels=["unseen", "blame", "praise"])
    assert explain(model, "good", true_labels=2).true_label == "praise"
    assert insertion_of(label, model) == pytest.approx((0 / 2 + 2 + 2 / 2) / 2)


def test_labels_may_be_an_array_and_lack_some():
    found = evaluate(
        bag_of_words(),
        ["bad", "good", "bad"],
        methods={"exact": ZERO},
        metrics=["insertion"],
        removals=["zero"],
        labels=np.array(["praise", None, float("nan")], dtype=object),
        output="logit",
    )
    np.testing.assert_allclose(found.find("exact", "insertion", "zero").values, [-1, 2, 1])


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ("blam", "'blam' is not a class.*Did you mean 'blame'"),
        (0, "'0' is not a class. Classes: blame, praise"),
        (["blame", "praise"], r"one class, by name or number; got \['blame', 'praise'\]"),
        (1 + 1j, "one class, by name or number"),
    ],
)
def test_a_label_that_is_no_class_is_said(label, message):
    with pytest.raises(TargetError, match=message):
        insertion_of(label, bag_of_words())


def test_a_text_that_cannot_be_read_is_told_and_undefined():
    found = evaluate(MODEL, [LONG, "\ud800", 5], methods=["occlusion"], metrics=["insertion"])
    assert [(failure.index, failure.error) for failure in found.failures] == [
        (1, "TextError"),
        (2, "TextError"),
    ]
    assert found.find("occlusion", "insertion", "mask").undefined == 2
    assert found.to_dict()["failures"][1]["index"] == 2
    json.dumps(found.to_dict(), allow_nan=False)


def test_a_text_of_infinite_score_is_told_and_undefined():
    body = tiny_body("bert")
    head = KNeighborsClassifier(1).fit(body.encode(list(TEXTS)), CLASSES)
    metrics = ["comprehensiveness", "infidelity", "leave_one_out_correlation"]
    found = evaluate((body, head), [LONG], methods=["occlusion"], metrics=metrics, output="log_odds")
    (failure,) = found.failures
    assert (failure.index, failure.error) == (0, "OptionError")
    assert failure.message == (
        "occlusion: The head answers a probability of exactly 0 or 1, so output='log_odds' is infinite. "
        "Explain output='probability'."
    )
    assert [measured.value.n for measured in found.measurements[1:]] == [0] * 5
    json.dumps(found.to_dict(), allow_nan=False)


def test_attributions_made_elsewhere_are_judged_beside_ours():
    asked = []

    def ours(text, spans, column):
        asked.append((text, [text[start:end] for start, end in spans], column))
        return Explainer(bag_of_words(), **ZERO)(text, targets=[column]).attributions[0]

    found = evaluate(
        bag_of_words(),
        ["good so bad"],
        methods={"exact": ZERO, "theirs": ours},
        metrics=["insertion", "head_randomisation"],
        removals=["zero"],
        labels=["praise"],
    )
    exact, theirs = (found.find(name, "insertion", "zero") for name in ("exact", "theirs"))
    assert asked == [("good so bad", ["good", "so", "bad"], 1)]
    assert theirs.values == exact.values
    assert theirs.random == exact.random
    assert "made elsewhere" in found.find("theirs", "head_randomisation").undefined_for


def test_a_method_that_fails_takes_no_other_with_it():
    def breaks(*_):
        raise ZeroDivisionError("theirs")

    found = evaluate(
        MODEL,
        [LONG, LONG],
        methods={"breaks": breaks, "short": lambda *_: [1.0], "occlusion": {"method": "occlusion"}},
        metrics=["insertion"],
        removals=["mask"],
    )
    assert found.find("occlusion", "insertion", "mask").undefined == 0
    assert found.find("breaks", "insertion", "mask").undefined == 2
    messages = [failure.message for failure in found.failures]
    assert messages[0] == "breaks: breaks raised ZeroDivisionError: theirs"
    assert "short gave values of shape (1,)" in messages[1]
    assert len(messages) == 4


def test_a_method_that_cannot_explain_the_model_takes_no_other_with_it():
    found = evaluate(
        MODEL, [LONG], methods=["deeplift", "occlusion"], metrics=["insertion"], removals=["mask"]
    )
    (refusal,) = found.refusals
    assert (refusal.method, refusal.error) == ("deeplift", "UnsupportedBodyError")
    assert [measured.method for measured in found.measurements] == ["occlusion"] * 2
    assert found.to_dict()["refusals"] == [
        {"method": "deeplift", "error": "UnsupportedBodyError", "message": refusal.message}
    ]
    with pytest.raises(InputError, match="'deeplift' was not measured: UnsupportedBodyError: "):
        found.find("deeplift", "insertion", "mask")
    with pytest.raises(UnsupportedBodyError):
        evaluate(MODEL, [LONG], methods=["deeplift"], metrics=["insertion"])
    with pytest.raises(OptionError, match="n_steps is not a setting"):
        evaluate(
            MODEL, [LONG], methods={"a": {"method": "deeplift", "n_steps": 5}, "b": {"method": "occlusion"}}
        )


def test_what_one_method_cannot_take_is_refused_and_the_others_measured():
    found = evaluate(
        MODEL,
        [LONG],
        methods={
            "averaged": {"method": "integrated_gradients", "baseline": ["mask", "delete"]},
            "occlusion": {"method": "occlusion", "baseline": ["mask", "delete"]},
        },
        metrics=["insertion"],
        removals=["mask"],
    )
    (refusal,) = found.refusals
    assert (refusal.method, refusal.error) == ("averaged", "OptionError")
    assert "One baseline is needed here" in refusal.message
    assert found.find("occlusion", "insertion", "mask").value.n == 1
    with pytest.raises(OptionError, match="Baseline 'maks' is not known"):
        evaluate(MODEL, [LONG], methods={"a": {"baseline": "maks"}, "b": {"baseline": "maks"}})


def test_a_method_may_be_a_name_or_an_object():
    window = Occlusion(window=2)
    found = evaluate(
        MODEL,
        [LONG],
        methods={"name": "occlusion", "object": window, "options": {"method": window}},
        metrics=["insertion", "agreement_across_baselines"],
        removals=["mask"],
    )
    name, one, same = (found.find(each, "insertion", "mask").values for each in ("name", "object", "options"))
    assert one == same != name
    assert found.find("object", "agreement_across_baselines").value.n == 1
    listed = evaluate(
        MODEL,
        [LONG],
        methods=["occlusion", window, Occlusion(), "leave_one_out"],
        metrics=["insertion"],
        removals=["mask"],
    )
    names = ["occlusion", "occlusion (2)", "occlusion (3)", "leave_one_out"]
    assert [measured.method for measured in listed.measurements[1::2]] == names
    assert listed.find("occlusion (2)", "insertion", "mask").values == one


def test_objects_of_one_metric_are_numbered():
    metrics = [Comprehensiveness(bins=[0.1]), Comprehensiveness(bins=[1.0]), Comprehensiveness(removal="pad")]
    found = evaluate(MODEL, [LONG], methods=["occlusion"], metrics=metrics)
    names = [
        f"comprehensiveness{number} ({how})" for number, how in (("", "mask"), (" (2)", "mask"), ("", "pad"))
    ]
    assert [measured.name for measured in found.measurements[1:]] == names
    (whole,) = evaluate(MODEL, [LONG], methods=["occlusion"], metrics=metrics[1:2]).measurements[1:]
    assert found.find("occlusion", "comprehensiveness (2)", "mask").values == whole.values


class Fails(Comprehensiveness):
    name = "fails"

    def __call__(self, *_):
        raise OptionError("not this text")


@pytest.mark.parametrize("order", [1, -1])
def test_a_metric_that_fails_takes_no_other_with_it(order):
    metrics = [Comprehensiveness(), Fails(), Fails(removal="pad"), Insertion()][::order]
    found = evaluate(MODEL, [LONG, TEXTS[0]], methods=["occlusion"], metrics=metrics)
    counts = {measured.name: measured.value.n for measured in found.measurements[1:]}
    assert counts == {
        "comprehensiveness (mask)": 2,
        "fails (mask)": 0,
        "fails (pad)": 0,
        "insertion (mask)": 2,
    }
    assert [(each.index, each.message) for each in found.failures] == [
        (0, "occlusion: not this text"),
        (1, "occlusion: not this text"),
    ]


def test_texts_may_be_a_generator():
    run = partial(evaluate, MODEL, methods=["occlusion"], metrics=["insertion", "head_randomisation"])
    one, other = run(TEXTS[:2]), run(text for text in TEXTS[:2])
    for first, second in zip(one.measurements[1:], other.measurements[1:], strict=True):
        np.testing.assert_array_equal(first.values, second.values)


def test_the_usual_methods_go_on_without_a_gradient():
    body = tiny_body("bert")
    head = RandomForestClassifier(5, random_state=0).fit(body.encode(list(TEXTS)), CLASSES)
    found = evaluate((body, head), [LONG], metrics=["insertion"])
    assert [(refusal.method, refusal.error) for refusal in found.refusals] == [
        ("integrated_gradients", "HeadNotDifferentiableError")
    ]
    assert found.find("occlusion", "insertion", "mask").value.n == 1


def test_methods_of_one_text_face_the_same_random_ranking():
    found = evaluate(MODEL, [LONG, LONG], methods=["occlusion", "saliency"], metrics=["deletion"])
    one, other = (found.find(name, "deletion", "mask") for name in ("occlusion", "saliency"))
    assert one.random == pytest.approx(other.random, abs=1e-12)
    assert not np.allclose(one.values, other.values)


def test_ferrets_names_are_the_same_metrics():
    assert set(ALIASES.values()) <= {*FAITHFULNESS, *PLAUSIBILITY}
    found = evaluate(
        MODEL, [LONG], methods=["occlusion"], metrics=[*ALIASES], removals=["mask"], rationales=[[(4, 10)]]
    )
    assert [measurement.metric for measurement in found.measurements[1:]] == [*ALIASES.values()]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"metrics": ["sufficency"]}, "'sufficency' is not known.*Did you mean 'sufficiency'"),
        ({"removals": ["blank"]}, "Removal 'blank' is not known. Accepted: mask"),
        ({"metrics": ["infidelity"], "removals": ["delete"]}, "infidelity takes units out in part"),
        ({"metrics": ["token_f1"]}, "token_f1 compares with what people marked; give rationales"),
        ({"methods": []}, "no method to evaluate"),
        ({"methods": "occlusion"}, r"give \['occlusion'\]"),
        (
            {"methods": {"a": {"method": ["occlusion", "lime"]}}},
            "One method is measured at a time, got the list",
        ),
        ({"methods": {"a": None}}, "The method 'a' is None. Accepted: its name"),
        ({"methods": {"a": {"granularity": "token"}}}, "granularity is set for all methods alike"),
        ({"labels": []}, "There are 0 labels for 1 texts"),
        ({"seed": -1}, "seed must be a whole number, at least 0, got -1"),
        ({"seed": 1.5}, "seed must be a whole number, at least 0, got 1.5"),
        ({"granularity": "char"}, "char"),
        ({"methods": Occlusion()}, r"methods is a list or a mapping; give \[Occlusion\("),
        ({"methods": [Occlusion]}, "'occlusion' is <class .*Accepted: its name, a method object"),
        ({"methods": {"a": Occlusion}}, "The method 'a' is <class .*a method object such as"),
        ({"methods": {"a": 5}}, "The method 'a' is 5. Accepted: its name"),
        ({"methods": {"a": {"basline": "mask"}}}, "'basline' of 'a' is not known. Accepted: .*baseline"),
        ({"methods": {"a": {"output": "prob"}, "b": {}}}, "'prob'"),
        ({"methods": ["occlusion", "lme"]}, "'lme' is not known"),
        ({"metrics": [Insertion]}, r"object, such as Insertion\(removal='mask'\); got <class"),
        ({"metrics": [5]}, "A metric is a name or an object, .* got 5"),
        ({"removals": []}, "list of removals is empty. Accepted: mask"),
        ({"labels": "b"}, "labels must be a list with one for each text, .*; got str"),
        ({"rationales": "b"}, "rationales must be a list with one for each text"),
        ({"metrics": "insertion"}, r"metrics is a list of names; give \['insertion'\]"),
        ({"removals": "mask"}, r"removals is a list of names; give \['mask'\]"),
    ],
)
def test_what_cannot_be_meant_is_said(options, message):
    with pytest.raises(OptionError, match=message):
        evaluate(MODEL, [LONG], **options)


def test_infidelity_needs_a_sample():
    with pytest.raises(OptionError, match="n_samples must be a whole number, at least 1, got 0"):
        Infidelity(n_samples=0)


@pytest.mark.parametrize(("lacking", "nearest"), [(["mask"], "unk"), (["mask", "unk"], "mean")])
def test_without_a_mask_token_units_are_taken_out_by_what_is_nearest(lacking, nearest):
    model = fitted(tiny_body("roberta"))
    for name in lacking:
        setattr(model.model_body.tokenizer, f"{name}_token", None)
    metrics = ["insertion", "infidelity", "agreement_across_baselines"]
    found = evaluate(model, [LONG], methods=["occlusion"], metrics=metrics)
    assert [measured.name for measured in found.measurements[1:]] == [
        f"insertion ({nearest})",
        "insertion (delete)",
        f"infidelity ({nearest})",
        "agreement_across_baselines",
    ]
    assert [measured.value.n for measured in found.measurements] == [1] * 5
    with pytest.raises(OptionError, match=r"no mask token to put.*Accepted for it: .*removals=\['mean', 'd"):
        evaluate(model, ["good"], metrics=["insertion"], removals=["mask"])


def test_a_body_without_named_tokens_has_usual_removals_and_baselines():
    assert usual_baselines(bag_of_words()) == ("mean", "zero")
    found = evaluate(
        bag_of_words(),
        ["good fine bad"],
        methods=["occlusion"],
        metrics=["insertion", "agreement_across_baselines"],
    )
    assert [measured.name for measured in found.measurements[1:3]] == [
        "insertion (mean)",
        "insertion (delete)",
    ]
    assert found.find("occlusion", "agreement_across_baselines").value.n == 1


@pytest.mark.parametrize(
    "ask",
    [
        lambda text: evaluate(MODEL, text),
        lambda text: max_sensitivity(MODEL, text, {}),
        lambda text: agreement(MODEL, text, across_seeds({"method": "lime"})),
        lambda text: head_randomisation(MODEL, text, {}),
    ],
)
def test_one_string_is_no_list_of_texts(ask):
    with pytest.raises(TextError, match=r"got one string; of one text give a list: \['"):
        ask(LONG)


@pytest.mark.parametrize(
    "ask",
    [
        lambda options: max_sensitivity(MODEL, [LONG], options),
        lambda options: agreement(MODEL, [LONG], across_seeds(options)),
        lambda options: head_randomisation(MODEL, [LONG], options),
    ],
)
def test_a_study_is_of_one_method(ask):
    with pytest.raises(OptionError, match="One method is measured at a time, got the list lime, kernel_shap"):
        ask({"method": ["lime", "kernel_shap"]})


def test_rationales_are_lists_of_spans():
    with pytest.raises(
        InputError, match=r"The rationale 'x' of text 0 is not readable. Accepted: a list of \[start, end\]"
    ):
        evaluate(MODEL, [LONG], metrics=["token_f1"], rationales=["x"])


def test_what_was_not_measured_cannot_be_found():
    found = evaluate(MODEL, [LONG], methods=["occlusion"], metrics=["insertion"], removals=["pad"])
    with pytest.raises(InputError, match=r"Measured: occlusion: insertion \(pad\); occlusion: seconds"):
        found.find("occlusion", "insertion", "mask")


def test_studies_of_whole_methods_are_metrics_by_name():
    names = ["max_sensitivity", "agreement_across_baselines", "agreement_across_seeds", "body_randomisation"]
    found = evaluate(MODEL, [LONG, 5, "refund"], methods=["occlusion"], metrics=names)
    assert [measurement.metric for measurement in found.measurements] == [
        "seconds",
        "max_sensitivity",
        "agreement_across_baselines",
        "agreement_across_seeds",
        *(f"similarity_after_body_top_{stage}_of_3" for stage in (1, 2, 3)),
    ]
    np.testing.assert_array_equal(
        np.isnan(found.find("occlusion", "agreement_across_baselines").values), [False, True, True]
    )
    seeds = found.find("occlusion", "agreement_across_seeds")
    assert seeds.value.n == 0
    assert "draws nothing at random" in seeds.undefined_for


def test_what_a_study_cannot_ask_has_its_direction_and_its_reason():
    found = evaluate(
        MODEL,
        [LONG],
        methods={
            "occlusion": {"method": "occlusion"},
            "averaged": {"method": "expected_gradients", "baseline": ["mask", "pad"]},
            "sampled": {"method": "expected_gradients", "baseline": "sampled", "reference_texts": TEXTS},
        },
        metrics=["agreement_across_seeds"],
    )
    occlusion, averaged, sampled = (
        found.find(name, "agreement_across_seeds") for name in ("occlusion", "averaged", "sampled")
    )
    assert (occlusion.value.n, averaged.value.n, sampled.value.n) == (0, 0, 1)
    assert averaged.undefined_for.startswith(
        "expected_gradients with these settings, which draws nothing at random"
    )
    assert {each.direction for each in (occlusion, averaged, sampled)} == {"higher"}


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_has_the_direction_of_what_it_measures(name):
    options = {"method": "lime", "n_samples": 64, "granularity": "word", "show_progress": False}
    for measured in run_study(name, MODEL, [LONG], options, method="lime", seed=0):
        assert measured.value.n == 1
        assert measured.direction == STUDIES[name].direction


def test_evaluation_is_loaded_on_first_use():
    code = "import sys, setfit_explain; print('setfit_explain.evaluation' in sys.modules, 'torch' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown == "False False\n"
    assert setfit_explain.__getattr__("evaluation").evaluate is evaluate
