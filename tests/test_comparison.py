"""A list of methods: each text by each of them, from one model loaded once."""

import numpy as np
import pytest

from setfit_explain import Explainer, Explanation, ExplanationSet, IntegratedGradients, explain
from setfit_explain.absa import AbsaExplainer
from setfit_explain.embedding import explain_embedding
from setfit_explain.errors import HeadNotDifferentiableError, OptionError
from tests.absa_models import absa_model
from tests.attribution.test_occlusion import in_steps
from tests.models import LABELS, TEXTS, tiny_model

BOTH = ["integrated_gradients", "occlusion"]


def test_one_text_gives_one_explanation_a_method_equal_to_what_each_gives_alone():
    found = explain(tiny_model("bert"), TEXTS[0], method=BOTH)
    assert isinstance(found, ExplanationSet)
    assert list(found) == [explain(tiny_model("bert"), TEXTS[0], method=name) for name in BOTH]
    assert len(found.agreement()) == len(LABELS)


def test_many_texts_are_ordered_by_text_then_method_also_in_a_stream():
    explainer = Explainer(tiny_model("bert"), method=BOTH)
    texts = [TEXTS[0], TEXTS[1], TEXTS[0]]
    found = explainer(texts, true_labels=[0, 1, 0])
    assert [(each.text, each.method) for each in found] == [(text, name) for text in texts for name in BOTH]
    assert [each.true_label for each in found][:3] == ["refund", "refund", "delay"]
    streamed = [(each.text, each.method) for each in explainer.stream(iter(texts))]
    assert streamed == [(each.text, each.method) for each in found]


def test_a_list_of_one_method_gives_a_set_too():
    assert isinstance(explain(tiny_model("bert"), TEXTS[0], method=["occlusion"]), ExplanationSet)
    assert isinstance(explain(tiny_model("bert"), TEXTS[0], method="occlusion"), Explanation)


def test_a_text_that_fails_is_recorded_for_each_method():
    found = Explainer(tiny_model("bert"), method=BOTH, on_error="record")([3, TEXTS[0]])
    assert [item.index for item in found.failures] == [0, 0]
    assert len(found.explanations) == 2


def test_each_method_takes_the_settings_that_it_knows():
    found = explain(
        tiny_model("bert"), TEXTS[0], method=["saliency", "smoothgrad", *BOTH], baseline="mask", n_samples=5
    )
    assert [each.settings.get("baseline") for each in found] == [None, None, "mask", "mask"]
    assert found[1].settings["n_samples"] == 5
    with pytest.raises(OptionError, match="n_steps: no setting of any method"):
        Explainer(tiny_model("bert"), method=["saliency", "occlusion"], n_steps=5)


def test_one_method_with_two_baselines_has_two_names():
    methods = [IntegratedGradients(baseline=name, n_steps=30) for name in ("mask", "mean")]
    found = explain(tiny_model("bert"), TEXTS[0], method=methods)
    assert [each.method for each in found] == ["integrated_gradients", "integrated_gradients (2)"]
    assert np.isfinite([each.spearman for each in found.agreement()]).all()


def test_lists_that_cannot_be_are_refused():
    with pytest.raises(OptionError, match="list of methods is empty"):
        Explainer(tiny_model("bert"), method=[])
    with pytest.raises(OptionError, match="Method 'salience' is not known"):
        Explainer(tiny_model("bert"), method=["salience", "occlusion"])
    with pytest.raises(HeadNotDifferentiableError):
        Explainer(in_steps("forest"), method=BOTH)


def test_what_explains_one_thing_at_a_time_refuses_a_list():
    with pytest.raises(OptionError, match="does not explain embeddings"):
        explain_embedding(Explainer(tiny_model("bert"), method=["integrated_gradients"] * 2), TEXTS[0])
    with pytest.raises(OptionError, match="one method at a time"):
        AbsaExplainer(absa_model(), method=BOTH)
