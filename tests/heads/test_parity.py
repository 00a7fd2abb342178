"""Every row of the table computes what its estimator computes, on ordinary and on extreme embeddings."""

import io
import pickle

import joblib
import numpy as np
import pytest
import torch
from sklearn.ensemble import BaggingClassifier
from sklearn.multioutput import MultiOutputClassifier

from setfit_explain.heads.conversion import to_torch_head
from setfit_explain.heads.verification import head_probabilities
from tests.heads.rows import DECISION_ONLY, LARGE, PROBABILISTIC, RANDOM, ROWS, SATURATED, ZERO, fitted

EMBEDDINGS = {"random": RANDOM, "zero": ZERO, "saturated": SATURATED, "large": LARGE}
every_row = pytest.mark.parametrize("name", ROWS)
every_row_with_probabilities = pytest.mark.parametrize("name", PROBABILISTIC)


def difference(estimator, embeddings):
    """Largest error, for decision values above 1 relative to the largest."""
    expected = head_probabilities(estimator, embeddings)
    actual = to_torch_head(estimator)(torch.as_tensor(embeddings)).numpy()
    assert actual.shape == expected.shape
    return np.abs(actual - expected).max() / np.abs(expected).max(initial=1)


@pytest.mark.parametrize("embeddings", EMBEDDINGS)
@every_row
def test_the_answer_is_the_estimators_in_float64(name, embeddings):
    assert difference(fitted(name), EMBEDDINGS[embeddings]) < 1e-12


@pytest.mark.parametrize("embeddings", EMBEDDINGS)
@every_row
def test_the_answer_is_the_estimators_on_float32_embeddings(name, embeddings):
    assert difference(fitted(name), EMBEDDINGS[embeddings].astype(np.float32)) < 2e-6


@pytest.mark.parametrize("embeddings", EMBEDDINGS)
@every_row
def test_the_answer_is_the_estimators_when_it_was_fitted_in_float32_too(name, embeddings):
    # scikit-learn then computes in float32 itself, to seven digits of numbers up to a million.
    accepted = 5e-6 if embeddings in ("random", "zero") else 2e-4
    assert difference(fitted(name, "float32"), EMBEDDINGS[embeddings].astype(np.float32)) < accepted


@every_row
def test_a_pickling_round_trip_changes_nothing(name):
    buffer = io.BytesIO()
    joblib.dump(fitted(name), buffer)
    embeddings = torch.as_tensor(RANDOM)
    expected = to_torch_head(fitted(name))(embeddings)
    for again in (joblib.load(io.BytesIO(buffer.getvalue())), pickle.loads(pickle.dumps(fitted(name)))):
        assert torch.equal(to_torch_head(again)(embeddings), expected)


@every_row
def test_a_head_in_read_only_memory_is_converted_without_touching_it(name, tmp_path):
    joblib.dump(fitted(name), tmp_path / "head.pkl")
    mapped = joblib.load(tmp_path / "head.pkl", mmap_mode="r")
    assert torch.equal(
        to_torch_head(mapped)(torch.as_tensor(RANDOM)), to_torch_head(fitted(name))(torch.as_tensor(RANDOM))
    )


@every_row_with_probabilities
def test_logarithmic_scales_agree_with_the_probabilities(name):
    head = to_torch_head(fitted(name))
    decision = head.decide(torch.as_tensor(RANDOM))
    probabilities = head_probabilities(fitted(name), RANDOM)
    inside = (probabilities > 1e-9) & (probabilities < 1 - 1e-9)
    odds = np.log(probabilities[inside]) - np.log1p(-probabilities[inside])
    logs = np.log(probabilities[inside])
    np.testing.assert_allclose(head.log_probabilities(decision).numpy()[inside], logs, atol=1e-6)
    np.testing.assert_allclose(head.log_odds(decision).numpy()[inside], odds, atol=1e-6)


@every_row
def test_the_decision_is_the_estimators_decision_function_or_refused(name):
    estimator, head = fitted(name), to_torch_head(fitted(name))
    if isinstance(estimator, MultiOutputClassifier):  # its members have one each
        members = estimator.estimators_
        ask = getattr(members[0], "decision_function", None) and (
            lambda x: np.stack([member.decision_function(x) for member in members], 1)
        )
    elif isinstance(estimator, BaggingClassifier):  # has one, but its probabilities come from elsewhere
        ask = None
    else:
        ask = getattr(estimator, "decision_function", None)
    assert head.has_logits == (ask is not None)
    if ask is not None:
        decision = head.decide(torch.as_tensor(RANDOM)).numpy()
        np.testing.assert_allclose(decision, ask(RANDOM).reshape(decision.shape), rtol=1e-9, atol=1e-9)


@every_row
def test_the_columns_are_the_estimators_classes(name):
    estimator, head = fitted(name), to_torch_head(fitted(name))
    if isinstance(getattr(estimator, "classes_", None), np.ndarray):
        assert list(head.classes) == estimator.classes_.tolist()
    else:  # one list of classes a label
        assert list(head.classes) == list(range(head_probabilities(estimator, RANDOM).shape[1]))


@every_row
def test_gradients_are_those_of_finite_differences_of_the_estimator(name):
    estimator, head = fitted(name), to_torch_head(fitted(name))
    step = 1e-5
    direction = np.random.default_rng(1).standard_normal(RANDOM.shape[1])
    places = RANDOM[:8]
    ahead, behind = (head_probabilities(estimator, places + sign * step * direction) for sign in (1, -1))
    numeric = (ahead - behind) / (2 * step)
    embeddings = torch.as_tensor(places).requires_grad_()
    answers = head(embeddings)
    exact = np.stack(
        [
            torch.autograd.grad(column.sum(), embeddings, retain_graph=True)[0].numpy() @ direction
            for column in answers.unbind(-1)
        ],
        1,
    )
    assert np.abs(exact).max() > 1e-6, "a gradient of zero would agree with anything flat"
    # Central differences are good to step² times the third derivative, and rounding / step.
    np.testing.assert_allclose(exact, numeric, rtol=1e-5, atol=1e-7 * np.abs(ahead).max(initial=1))


@pytest.mark.parametrize(
    "name", ["quadratic discriminant", "network", "chain", "bagging", "interactions", "calibrated", "SVC rbf"]
)
def test_backward_derivatives_pass_torchs_own_check(name):
    head = to_torch_head(fitted(name))
    assert torch.autograd.gradcheck(head, torch.as_tensor(RANDOM[:2]).requires_grad_())


@every_row
def test_values_and_gradients_are_finite_on_every_scale_of_extreme_embeddings(name):
    head = to_torch_head(fitted(name))
    embeddings = torch.as_tensor(np.vstack([ZERO, SATURATED, LARGE])).requires_grad_()
    scales = (
        (head.log_probabilities, head.log_odds, head.answer) if head.has_probabilities else (head.logits,)
    )
    for scale in scales:
        values = scale(head.decide(embeddings))
        assert torch.isfinite(values).all()
        for column in values.unbind(-1):
            (gradient,) = torch.autograd.grad(column.sum(), embeddings, retain_graph=True)
            assert torch.isfinite(gradient).all()


@pytest.mark.parametrize("name", DECISION_ONLY)
def test_the_largest_decision_value_is_what_the_estimator_answers(name):
    estimator, head = fitted(name), to_torch_head(fitted(name))
    answers = np.array(head.classes)[head(torch.as_tensor(RANDOM)).argmax(-1).numpy()]
    np.testing.assert_array_equal(answers, estimator.predict(RANDOM))
