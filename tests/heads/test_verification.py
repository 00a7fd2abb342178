"""The gate: a head that computes something else than its estimator is refused."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, RidgeClassifier

from setfit_explain.errors import UnsupportedModelError, VerificationError
from setfit_explain.heads.conversion import to_torch_head
from setfit_explain.heads.verification import check_difference, head_probabilities, verify_head
from tests.heads.rows import DIM, ROWS, THREE, TRAIN, fitted


@pytest.mark.parametrize("name", ROWS)
def test_the_gate_lets_every_row_pass(name):
    estimator = fitted(name)
    assert verify_head(to_torch_head(estimator), lambda x: head_probabilities(estimator, x), DIM) < 1e-9


def test_the_gate_refuses_a_head_that_computes_something_else():
    class Sharpened(LogisticRegression):
        def predict_proba(self, X):  # noqa: N803 - scikit-learn's name
            squared = super().predict_proba(X) ** 2
            return squared / squared.sum(1, keepdims=True)

    estimator = Sharpened().fit(TRAIN, THREE)
    with pytest.raises(VerificationError, match="differ from the model's own predict_proba"):
        verify_head(to_torch_head(estimator), lambda x: head_probabilities(estimator, x), DIM)


def test_the_gate_compares_decision_functions_where_there_are_no_probabilities():
    class Shifted(RidgeClassifier):
        def decision_function(self, X):  # noqa: N803 - scikit-learn's name
            return super().decision_function(X) + 1e-4

    estimator = Shifted().fit(TRAIN, THREE)
    with pytest.raises(VerificationError, match="on probe embeddings"):
        verify_head(to_torch_head(estimator), lambda x: head_probabilities(estimator, x), DIM)


def test_the_gate_refuses_a_head_of_another_dimension():
    estimator = LogisticRegression().fit(TRAIN, THREE)
    with pytest.raises(UnsupportedModelError, match="which have 5 dimensions"):
        verify_head(to_torch_head(estimator), lambda x: head_probabilities(estimator, x), 5)


def test_differences_of_large_decision_values_are_relative_and_nan_is_refused():
    large = np.array([[1e4, -1e4]])
    assert check_difference(large + 0.01, large, "here") == pytest.approx(1e-6)
    with pytest.raises(VerificationError):
        check_difference(large * np.nan, large, "here")


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
