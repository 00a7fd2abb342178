"""A converted head gives scikit-learn's own probabilities."""

import pickle
from inspect import signature

import numpy as np
import pytest
import torch
from setfit import SetFitHead
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, PolynomialFeatures, RobustScaler, StandardScaler

import setfit_explain.classifier.loading  # noqa: F401 - registers SetFitHead
from setfit_explain.errors import (
    HeadNotFittedError,
    UnsupportedHeadError,
    UnsupportedModelError,
    VerificationError,
)
from setfit_explain.heads.conversion import to_torch_head
from setfit_explain.heads.verification import check_difference, head_probabilities, verify_head

DIM = 12
RNG = np.random.default_rng(0)
TRAIN = RNG.standard_normal((90, DIM))
THREE = np.arange(90) % 3
TRAIN[THREE == 1, 0] += 2
TRAIN[THREE == 2, 1] += 2
MULTI = np.stack([TRAIN[:, k] > 0 for k in range(3)], 1).astype(int)
PROBES = np.vstack([RNG.standard_normal((40, DIM)), np.zeros((1, DIM)), 1e3 * RNG.standard_normal((5, DIM))])

# scikit-learn 1.8 warns without these, and 1.7 does not know them.
NEW_ARGUMENTS = (
    {"l1_ratios": (0,), "use_legacy_attributes": False}
    if "use_legacy_attributes" in signature(LogisticRegressionCV).parameters
    else {}
)
HEADS = {
    "binary": (LogisticRegression(), THREE == 0),
    "binary liblinear": (LogisticRegression(solver="liblinear"), THREE == 0),
    "multinomial": (LogisticRegression(), THREE),
    "multinomial newton-cg, no penalty": (LogisticRegression(solver="newton-cg", C=np.inf), THREE),
    "string classes": (LogisticRegression(), np.array(["zebra", "ant", "mole"])[THREE]),
    "unordered integer classes": (LogisticRegression(), np.array([7, 3, 5])[THREE]),
    "cross-validated": (
        LogisticRegressionCV(Cs=3, cv=3, scoring="accuracy", **NEW_ARGUMENTS),
        THREE,
    ),
    "one-vs-rest": (OneVsRestClassifier(LogisticRegression()), THREE),
    "one-vs-rest binary": (OneVsRestClassifier(LogisticRegression()), THREE == 0),
    "one-vs-rest multi-label": (OneVsRestClassifier(LogisticRegression()), MULTI),
    "standard scaler": (make_pipeline(StandardScaler(), LogisticRegression()), THREE),
    "standard scaler without mean": (
        make_pipeline(StandardScaler(with_mean=False), LogisticRegression()),
        THREE,
    ),
    "standard scaler without deviation": (
        make_pipeline(StandardScaler(with_std=False), LogisticRegression()),
        THREE,
    ),
    "min-max scaler": (make_pipeline(MinMaxScaler((-1, 3)), LogisticRegression()), THREE == 1),
    "max-abs scaler": (make_pipeline(MaxAbsScaler(), LogisticRegression()), THREE),
    "robust scaler": (make_pipeline(RobustScaler(), "passthrough", LogisticRegression()), THREE),
    "robust scaler without centre": (
        make_pipeline(RobustScaler(with_centering=False), LogisticRegression()),
        THREE,
    ),
    "robust scaler without scale": (
        make_pipeline(RobustScaler(with_scaling=False), LogisticRegression()),
        THREE,
    ),
    "two scalers, one-vs-rest": (
        make_pipeline(StandardScaler(), MaxAbsScaler(), OneVsRestClassifier(LogisticRegression())),
        MULTI,
    ),
}


@pytest.fixture(params=HEADS, ids=lambda name: name.replace(" ", "-"))
def estimator(request):
    unfitted, classes = HEADS[request.param]
    return pickle.loads(pickle.dumps(unfitted)).fit(TRAIN, classes)


def test_probabilities_equal_scikit_learns_in_float64(estimator):
    actual = to_torch_head(estimator)(torch.as_tensor(PROBES)).numpy()
    np.testing.assert_allclose(actual, estimator.predict_proba(PROBES), rtol=0, atol=1e-12)


def test_probabilities_equal_scikit_learns_on_float32_embeddings(estimator):
    single = PROBES[:41].astype(np.float32)
    actual = to_torch_head(estimator)(torch.as_tensor(single)).numpy()
    np.testing.assert_allclose(actual, estimator.predict_proba(single), rtol=0, atol=2e-6)


def test_conversion_survives_a_pickling_round_trip(estimator):
    again = to_torch_head(pickle.loads(pickle.dumps(estimator)))
    torch.testing.assert_close(
        again(torch.as_tensor(PROBES)), to_torch_head(estimator)(torch.as_tensor(PROBES))
    )


def test_log_scales_agree_with_the_probabilities(estimator):
    head = to_torch_head(estimator)
    decision = head.decide(torch.as_tensor(PROBES[:41]))
    probabilities = estimator.predict_proba(PROBES[:41])
    np.testing.assert_allclose(head.log_probabilities(decision), np.log(probabilities), rtol=1e-6, atol=1e-9)
    odds = np.log(probabilities) - np.log1p(-probabilities)
    np.testing.assert_allclose(head.log_odds(decision), odds, rtol=1e-5, atol=1e-6)


def test_columns_are_the_estimators_classes(estimator):
    assert list(to_torch_head(estimator).classes) == list(estimator.classes_)


def test_a_constant_member_of_one_vs_rest_is_kept():
    always = MULTI.copy()
    always[:, 1], always[:, 2] = 1, 0
    with pytest.warns(UserWarning, match="Label"):
        estimator = OneVsRestClassifier(LogisticRegression()).fit(TRAIN, always)
    head = to_torch_head(estimator)
    np.testing.assert_allclose(
        head(torch.as_tensor(PROBES)), estimator.predict_proba(PROBES), rtol=0, atol=1e-12
    )
    assert torch.isfinite(head.log_probabilities(head.decide(torch.as_tensor(PROBES)))).all()


@pytest.mark.parametrize("multitarget", [False, True])
@pytest.mark.parametrize("temperature", [1.0, 0.5, None])
def test_setfit_head_keeps_its_temperature_and_eps(multitarget, temperature):
    torch.manual_seed(0)
    original = SetFitHead(
        DIM, 3, temperature=temperature or 1.0, eps=0.1, multitarget=multitarget, device="cpu"
    )
    original.linear.weight.data *= 20
    expected = original.predict_proba(torch.as_tensor(PROBES[:41], dtype=torch.float32)).detach()
    actual = to_torch_head(original)(torch.as_tensor(PROBES[:41], dtype=torch.float32))
    torch.testing.assert_close(actual.float(), expected, rtol=0, atol=2e-6)
    assert original.linear.weight.requires_grad


def test_an_old_heads_leftover_multi_class_attribute_is_not_believed():
    estimator = LogisticRegression().fit(TRAIN, THREE)
    estimator.multi_class = "ovr"  # as in a pickle from before scikit-learn 1.8, which ignores it
    actual = to_torch_head(estimator)(torch.as_tensor(PROBES)).numpy()
    np.testing.assert_allclose(actual, estimator.predict_proba(PROBES), rtol=0, atol=1e-12)


@pytest.mark.parametrize("estimator", [KNeighborsClassifier(), RandomForestClassifier()])
def test_an_unknown_head_is_refused_with_the_list_of_known_ones(estimator):
    with pytest.raises(
        UnsupportedHeadError, match=r"LogisticRegression, OneVsRestClassifier, Pipeline, SetFitHead"
    ):
        to_torch_head(estimator.fit(TRAIN, THREE))


def test_an_unknown_step_before_the_head_is_refused_with_the_list_of_known_ones():
    pipeline = make_pipeline(PolynomialFeatures(), LogisticRegression(max_iter=500)).fit(TRAIN, THREE)
    with pytest.raises(UnsupportedHeadError, match=r"PolynomialFeatures.*StandardScaler"):
        to_torch_head(pipeline)


def test_a_clipping_scaler_is_refused():
    pipeline = make_pipeline(MinMaxScaler(clip=True), LogisticRegression()).fit(TRAIN, THREE)
    with pytest.raises(UnsupportedHeadError, match="clip=False"):
        to_torch_head(pipeline)


@pytest.mark.parametrize("name", ["multinomial", "one-vs-rest", "standard scaler"])
def test_an_unfitted_head_is_refused(name):
    fresh = pickle.loads(pickle.dumps(HEADS[name][0]))
    with pytest.raises(HeadNotFittedError, match="not fitted"):
        to_torch_head(fresh)


def test_the_gate_refuses_a_head_that_computes_something_else():
    class Sharpened(LogisticRegression):
        def predict_proba(self, X):  # noqa: N803 - scikit-learn's name
            squared = super().predict_proba(X) ** 2
            return squared / squared.sum(1, keepdims=True)

    estimator = Sharpened().fit(TRAIN, THREE)
    with pytest.raises(VerificationError, match="differ from the model's own predict_proba"):
        verify_head(to_torch_head(estimator), lambda x: head_probabilities(estimator, x), DIM)


@pytest.mark.parametrize(
    ("difference", "message"), [(2e-5, "by 2e-05"), (np.nan, "by nan"), (np.inf, "by inf")]
)
def test_the_gate_refuses_a_difference_above_1e_5(difference, message):
    expected = np.array([[0.25, 0.75]])
    with pytest.raises(VerificationError, match=message):
        check_difference(expected + np.array([[difference, 0]]), expected, "here")
    assert check_difference(expected + 9e-6, expected, "here") == pytest.approx(9e-6, rel=1e-6)


def test_the_gate_refuses_another_number_of_classes():
    with pytest.raises(VerificationError, match=r"shape \(1, 1\) here.*\(1, 2\)"):
        check_difference(np.ones((1, 1)), np.ones((1, 2)), "here")


def test_the_gate_refuses_a_head_of_another_dimension():
    estimator = LogisticRegression().fit(TRAIN, THREE)
    with pytest.raises(UnsupportedModelError, match="which have 5 dimensions"):
        verify_head(to_torch_head(estimator), lambda x: head_probabilities(estimator, x), 5)
