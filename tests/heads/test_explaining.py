"""Heads behind a body: scores are the model's own, attributions add up, names are those it predicts."""

import re
from functools import cache

import numpy as np
import pytest
from setfit import SetFitModel
from sklearn.calibration import CalibratedClassifierCV
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis
from sklearn.ensemble import VotingClassifier
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from setfit_explain import Explainer, Explanation, explain
from setfit_explain.errors import HeadNotDifferentiableError, OptionError, TargetError
from tests.models import CLASSES, LABELS, LONG, TEXTS, tiny_body

LOGISTIC = LogisticRegression(C=10)
TRUTH = np.eye(3, dtype=int)[list(CLASSES)]
TRUTH[4] = (1, 1, 0)
ONE = np.array(CLASSES)
SINGLE_LABEL = {
    "network": MLPClassifier((8,), max_iter=400, random_state=0, solver="lbfgs"),
    "quadratic discriminant": make_pipeline(PCA(2), QuadraticDiscriminantAnalysis(reg_param=0.5)),
    "voting": VotingClassifier([("a", LOGISTIC), ("b", GaussianNB(var_smoothing=0.1))], voting="soft"),
    "calibrated": CalibratedClassifierCV(LOGISTIC, cv=3),
}
MULTI_LABEL = {
    "one output a label": MultiOutputClassifier(LOGISTIC),
    "chain": ClassifierChain(LOGISTIC, order=[2, 0, 1], chain_method="predict_proba"),
}
DECISION_ONLY = {"ridge": (RidgeClassifier(), ONE), "SVC": (SVC(), ONE == 2)}
SCALES = [
    *((name, output) for name in SINGLE_LABEL for output in ("probability", "log_probability", "log_odds")),
    *((name, output) for name in MULTI_LABEL for output in ("probability", "log_odds", "logit")),
    *((name, "logit") for name in DECISION_ONLY),
]
# A tiny random body is rougher than a trained one.
rough = pytest.mark.filterwarnings("ignore::setfit_explain.errors.ConvergenceWarning")


@cache
def model(name):
    body = tiny_body("bert")
    classes = TRUTH if name in MULTI_LABEL else ONE
    estimator = (SINGLE_LABEL | MULTI_LABEL).get(name)
    labels = list(LABELS)
    if name in DECISION_ONLY:
        estimator, classes = DECISION_ONLY[name]
        labels = labels if len(set(classes)) == 3 else ["complaint", "praise"]
    embeddings = body.encode(list(TEXTS))
    return SetFitModel(model_body=body, model_head=estimator.fit(embeddings, classes), labels=labels)


def own_answer(name, text):
    embeddings = model(name).encode([text])
    head = model(name).model_head
    if name in DECISION_ONLY:
        answer = head.decision_function(embeddings)
        return answer[0] if answer.ndim == 2 else np.array([-answer[0], answer[0]])
    answer = head.predict_proba(embeddings)
    return np.array([label[0, 1] for label in answer]) if isinstance(answer, list) else answer[0]


@pytest.mark.parametrize("name", [*SINGLE_LABEL, *MULTI_LABEL, *DECISION_ONLY])
def test_the_explained_score_is_the_heads_own_answer(name):
    output = "logit" if name in DECISION_ONLY else "probability"
    explanation = explain(model(name), LONG, output=output, n_steps=9, tolerance=10.0)
    np.testing.assert_allclose(explanation.score, own_answer(name, LONG), atol=1e-5)
    assert explanation.reproduction_error <= 1e-5


@pytest.mark.parametrize(("name", "output"), SCALES)
def test_attributions_add_up_on_every_scale_that_the_head_has(name, output):
    explanation = explain(model(name), LONG, output=output)
    np.testing.assert_allclose(
        explanation.attributions.sum(1) + explanation.baseline_score,
        explanation.score + explanation.delta,
        atol=1e-9,
    )
    assert explanation.converged.all()
    assert (np.abs(explanation.delta) <= 1e-2 * np.abs(explanation.attributions).max(1) + 1e-5).all()


@rough
@pytest.mark.parametrize("name", SINGLE_LABEL)
def test_attributions_of_a_mixtures_probabilities_sum_to_zero_over_the_classes(name):
    explanation = explain(model(name), LONG, n_steps=12)
    assert np.abs(explanation.attributions).max() > 1e-4
    np.testing.assert_allclose(explanation.attributions.sum(0), 0, atol=1e-12)


@rough
@pytest.mark.parametrize("name", [*SINGLE_LABEL, *MULTI_LABEL])
def test_all_classes_at_once_equal_one_class_at_a_time(name):
    together = explain(model(name), LONG, n_steps=12)
    for column, target in enumerate(LABELS):
        alone = explain(model(name), LONG, n_steps=12, targets=target)
        np.testing.assert_allclose(alone.attributions[0], together.attributions[column], atol=2e-6)


@rough
@pytest.mark.parametrize("name", MULTI_LABEL)
def test_labels_are_named_and_predicted_as_the_model_does(name):
    explanations = explain(model(name), list(TEXTS), targets="predicted", n_steps=9)
    answers = model(name).predict(list(TEXTS), as_numpy=True)
    assert answers.any()
    for explanation, answer in zip(explanations, answers, strict=True):
        assert explanation.classes == LABELS
        assert explanation.predicted == tuple(np.array(LABELS)[answer == 1])


@rough
@pytest.mark.parametrize("name", MULTI_LABEL)
def test_log_odds_of_a_label_are_its_own(name):
    explanation = explain(model(name), LONG, output="log_odds", n_steps=9)
    probabilities = own_answer(name, LONG)
    np.testing.assert_allclose(explanation.score, np.log(probabilities) - np.log1p(-probabilities), atol=1e-4)


@rough
@pytest.mark.parametrize("name", DECISION_ONLY)
def test_a_decision_functions_answer_is_named_and_no_probability_is_claimed(name):
    explanations = explain(model(name), list(TEXTS), output="logit", n_steps=9)
    assert [explanation.predicted[0] for explanation in explanations] == model(name).predict(list(TEXTS))
    assert np.isnan(explanations[0].probabilities).all()
    shown = str(explanations[0])
    assert f"predicted: {explanations[0].predicted[0]}\n" in shown
    assert "decision values reproduced to" in shown
    assert not re.search(r"\bnan\b", shown + explanations.to_html())
    assert Explanation.from_json(explanations[0].to_json()) == explanations[0]


@pytest.mark.parametrize("name", DECISION_ONLY)
@pytest.mark.parametrize("output", ["probability", "log_probability", "log_odds"])
def test_a_decision_function_has_only_the_logit_scale(name, output):
    with pytest.raises(OptionError, match=rf"output='{output}' needs probabilities.*Accepted for it: logit"):
        Explainer(model(name), output=output)


def test_a_decision_function_has_no_contrast():
    with pytest.raises(TargetError, match="ask for single classes"):
        explain(model("ridge"), LONG, output="logit", targets=("refund", "delay"))


@pytest.mark.parametrize("name", SINGLE_LABEL)
def test_a_head_without_a_decision_function_has_no_logit_scale(name):
    if name == "quadratic discriminant":
        assert explain(model(name), LONG, output="logit").converged.all()
        return
    with pytest.raises(
        OptionError, match=r"this head has none.*Accepted for it: probability, log_probability"
    ):
        Explainer(model(name), output="logit")


def test_a_head_in_steps_is_refused_for_a_pair_too():
    body = tiny_body("bert")
    head = KNeighborsClassifier(3).fit(body.encode(list(TEXTS)), CLASSES)
    with pytest.raises(HeadNotDifferentiableError, match="KNeighborsClassifier answers in steps"):
        Explainer((body, head))


@rough
@pytest.mark.parametrize("name", ["network", "voting", "calibrated", "one output a label", "chain", "ridge"])
def test_a_saved_model_is_explained_like_the_one_in_memory(name, tmp_path):
    model(name).save_pretrained(tmp_path / "model")
    output = "logit" if name in DECISION_ONLY else "probability"
    settings = {"output": output, "n_steps": 9}
    assert explain(str(tmp_path / "model"), LONG, **settings) == explain(model(name), LONG, **settings)
