"""What "converged" and "error estimate" mean."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from setfit_explain import Explainer, IntegratedGradients, explain
from setfit_explain.errors import ConvergenceWarning
from tests.attribution.bent import bent_model
from tests.models import LONG, TEXTS, fitted, tiny_body, tiny_model


@pytest.mark.filterwarnings("ignore::setfit_explain.errors.ConvergenceWarning")
def test_converged_means_that_delta_and_error_estimate_are_both_within_the_tolerance():
    model, larger = tiny_model("bert"), set()
    for n_steps in (3, 4, 8, 24):
        for quadrature in ("gausslegendre", "riemann_trapezoid"):

            def run(tolerance, rule=quadrature, nodes=n_steps):
                method = IntegratedGradients(n_steps=nodes, quadrature=rule, tolerance=tolerance)
                return explain(model, LONG, targets="delay", granularity="token", method=method)

            first = run(1.0)
            figures = {"delta": abs(first.delta[0]), "error": first.error_estimate[0]}
            worst, least = max(figures.values()), min(figures.values())
            size = np.abs(first.attributions).max()
            if least < worst / 1.5 and worst > 1e-4 * size:  # well above what float32 leaves
                larger.add(max(figures, key=figures.get))
                assert not run(np.sqrt(worst * least) / size).converged[0]
                assert run(1.1 * worst / size).converged[0]
    assert larger == {"delta", "error"}, "neither figure may decide alone"


def test_the_true_error_is_below_the_estimate_and_the_tolerance():
    model = tiny_model("bert")
    for text in TEXTS:
        found = explain(model, text, output="log_odds")
        truth = explain(model, text, output="log_odds", method=IntegratedGradients(n_steps=96))
        error = np.abs(found.attributions - truth.attributions).max(1)
        assert (error <= found.error_estimate + 1e-6).all()
        assert (error <= 0.01 * np.abs(truth.attributions).max(1)).all()


def test_max_nodes_is_where_the_rule_gives_up():
    method = IntegratedGradients(baseline="mask", max_nodes=40, tolerance=1e-9)
    with pytest.warns(ConvergenceWarning, match="did not converge"):
        found = explain(tiny_model("bert"), LONG, method=method)
    assert found.settings["nodes"] == 21
    assert not found.converged.all()


@pytest.mark.parametrize("output", ["probability", "log_probability", "log_odds", "logit"])
@pytest.mark.parametrize("targets", ["all", ("refund", "delay")])
def test_a_baseline_within_rounding_of_the_text_converges_on_every_scale(output, targets):
    model = tiny_model("bert")
    words = Explainer(model).classifier.bind(LONG).word_embeddings[0]
    explanation = explain(model, LONG, output=output, targets=targets, baseline=words * (1 + 1e-6))
    assert explanation.converged.all()


@pytest.mark.filterwarnings("ignore::setfit_explain.errors.ConvergenceWarning")
def test_the_error_estimate_is_never_below_twice_delta_and_bounds_the_error_of_steep_paths():
    model, by_delta = fitted(tiny_body("bert")), 0
    model.model_head.coef_ *= 20
    truly, briefly = (
        Explainer(model, granularity="token", method=method)
        for method in (
            IntegratedGradients(baseline="zero", tolerance=1e-5),
            IntegratedGradients(baseline="zero", max_nodes=21),
        )
    )
    for text in TEXTS:
        found = briefly(text)
        delta = np.abs(found.delta)
        assert (found.error_estimate >= 2 * delta - 5e-6).all()
        by_delta += np.sum((np.abs(found.error_estimate - 2 * delta) < 5e-6) & (delta > 1e-5))
        error = np.abs(found.attributions - truly(text).attributions).max(1)
        assert (error <= found.error_estimate + 1e-5).all()
    assert by_delta, "delta alone shows some errors"


@pytest.mark.filterwarnings("ignore::setfit_explain.errors.ConvergenceWarning")
def test_five_targets_that_add_up_vouch_for_a_smaller_error_and_four_do_not():
    body = bent_model().model_body
    steep = LogisticRegression(C=1e4, max_iter=1000)
    model = body, steep.fit(body.encode(list(TEXTS)), np.arange(len(TEXTS)) % 6)
    explainer = Explainer(model, method=IntegratedGradients(max_nodes=21))
    every = explainer(TEXTS[3])
    alone = np.array([explainer(TEXTS[3], targets=column).error_estimate[0] for column in range(6)])
    assert alone.max() > 1e-6, "well above what float32 leaves"
    assert (every.error_estimate < 0.5 * alone).all()
    truth = explain(model, TEXTS[3], n_steps=96).attributions
    assert (np.abs(every.attributions - truth).max(1) <= every.error_estimate).all()
    for few in ([0, 1, 2, 3], [0, 1, 0, 1, 0]):  # the same target twice is one witness
        estimate = explainer(TEXTS[3], targets=few).error_estimate
        assert estimate == pytest.approx(alone[few], rel=0.05)
