"""The benchmarks' own classifier is the one that is explained; no speed is tested."""

import numpy as np
import pytest
import torch

from benchmarks import paths
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


def test_the_pieces_of_another_path_add_up_to_the_same_difference(bare, monkeypatch):
    monkeypatch.setattr(paths, "NODES", 512)
    path, units = bare.path(LONG), np.arange(-1, bare.path(LONG).tokens - 1)
    units[-1] = -1  # special tokens are no words
    words = (path.start + path.displacement)[0]
    difference = float(bare(words[None])[0, 2] - bare(path.start)[0, 2])
    straight = paths.along(bare, torch.cat([path.start, words[None]]), 2)
    assert straight.sum() != pytest.approx(difference, rel=1e-2), (
        "one piece is not enough, so nodes do matter"
    )
    several = paths.one_after_another(bare, words, units, 2, np.random.default_rng(0))
    assert several.sum() == pytest.approx(difference, rel=1e-2)
    many = paths.from_many(bare, words, path.start.expand(256, -1, -1), 2)
    assert relative_error(many[None, 1:-1], path.integrate(64)[2:]).max() < 1e-3


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
