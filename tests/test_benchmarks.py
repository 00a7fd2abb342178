"""The benchmarks' own classifier is the one that is explained; no speed is tested."""

import numpy as np
import pytest

from benchmarks.bare import Bare, converged, relative_error, tokens_of
from benchmarks.captum_loop import CaptumLoop
from setfit_explain import Explainer
from tests.models import TEXTS, minilm_model

NODES = 12
LONG, SHORT = TEXTS[4], TEXTS[7]


@pytest.fixture(scope="module")
def explainer():
    return Explainer(minilm_model("three"), n_steps=NODES, granularity="token")


@pytest.fixture(scope="module")
def bare(explainer):
    return Bare(explainer, minilm_model("three"))


@pytest.mark.filterwarnings("ignore::setfit_explain.errors.ConvergenceWarning")
def test_the_bare_integral_is_the_explainers(explainer, bare):
    assert relative_error(bare.path(LONG).integrate(NODES), tokens_of(explainer(LONG))).max() < 1e-5


@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")  # torch itself, at the first jvp
def test_forward_and_reverse_mode_differentiate_alike(bare):
    path = bare.path(LONG)
    points = path.start + 0.3 * path.displacement
    forward, reverse = path._forward(points)[0], path._backward(points, range(path.bare.classes))[0]
    assert relative_error(forward.numpy(), reverse.numpy()).max() < 1e-5


def test_the_floor_is_one_class_of_the_bare_integral(bare):
    path = bare.path(LONG)
    floor = path.floor(NODES, target=2)[None, 1:-1]
    assert relative_error(floor, path.integrate(NODES)[2:]).max() < 1e-5


def test_captum_integrates_along_the_same_path_one_by_one_and_batched(bare):
    loop = CaptumLoop(bare)
    expected = bare.path(LONG).integrate(NODES)
    batched = loop.batched([LONG, SHORT], NODES).numpy()[:, 0]
    assert relative_error(loop.one_by_one(LONG, NODES), expected).max() < 1e-5
    assert relative_error(batched[:, 1:-1], expected).max() < 1e-5


def test_a_converged_integral_no_longer_depends_on_the_nodes(bare):
    reference = converged(bare, LONG)
    assert relative_error(bare.path(LONG).integrate(200), reference).max() < 1e-5
    assert np.abs(reference.sum(0)).max() < 1e-5  # probabilities of all classes sum to one everywhere
