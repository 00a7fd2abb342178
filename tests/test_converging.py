"""More nodes, smaller errors: measured against an integral of many nodes."""

import numpy as np
import pytest

from setfit_explain import Explainer, convergence
from setfit_explain.errors import OptionError, TargetError
from tests.models import LONG, tiny_model


@pytest.fixture(scope="module")
def explainer() -> Explainer:
    return Explainer(tiny_model("bert"), output="log_odds")


def test_each_step_is_what_an_explainer_with_that_many_nodes_finds(explainer: Explainer) -> None:
    found = convergence(explainer, LONG, n_steps=(16, 4))
    assert [step[0] for step in found.steps("praise")] == [4, 16]
    for explanation, n_steps in zip(found.explanations, (4, 16), strict=True):
        alone = Explainer(tiny_model("bert"), output="log_odds", n_steps=n_steps)
        assert explanation == next(alone.stream([LONG]))


def test_the_estimate_is_no_less_than_the_error_and_both_fall(explainer: Explainer) -> None:
    found = convergence(explainer, LONG, n_steps=(2, 4, 8, 16))
    exact = Explainer(tiny_model("bert"), output="log_odds", n_steps=64)(LONG).attributions
    errors = np.array([np.abs(e.attributions - exact).max(axis=1) for e in found.explanations])
    estimates = np.array(
        [[step[2] for step in found.steps(name)] for name in ("refund", "delay", "praise")]
    ).T
    assert (errors <= estimates + 2e-6).all()  # rounding to float32
    assert (errors[-1] < 0.01 * errors[0]).all()


def test_the_explainer_is_left_as_it_was(explainer: Explainer) -> None:
    method, before = explainer.method, explainer(LONG)
    convergence(explainer, LONG, n_steps=[4])
    assert explainer.method is method
    assert explainer(LONG) == before


def test_the_figure_holds_the_steps_and_the_tolerance(explainer: Explainer) -> None:
    from matplotlib.figure import Figure

    found = convergence(explainer, LONG, n_steps=(4, 8))
    axes = found.plot("refund", ax=Figure().subplots())
    steps = np.array(found.steps("refund"))
    np.testing.assert_allclose(axes.lines[0].get_ydata(), np.abs(steps[:, 1]))
    np.testing.assert_allclose(axes.lines[1].get_ydata(), steps[:, 2])
    largest = np.abs(found.explanations[-1].attributions[found.explanations[-1].target_index("refund")]).max()
    np.testing.assert_allclose(axes.lines[2].get_ydata(), 0.01 * largest)
    assert axes.get_title() == "refund: error of the integral"
    with pytest.raises(TargetError, match="was not explained"):
        found.plot("neutral")


def test_what_has_no_nodes_is_refused(explainer: Explainer) -> None:
    with pytest.raises(OptionError, match="'occlusion' has no nodes"):
        convergence(Explainer(tiny_model("bert"), method="occlusion"), LONG)
    with pytest.raises(OptionError, match="n_steps is empty"):
        convergence(explainer, LONG, n_steps=())
