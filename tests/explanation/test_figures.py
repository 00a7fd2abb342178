"""Explanations draw themselves: which figure, of which numbers, for what is asked."""

from collections.abc import Iterator

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure

from setfit_explain.errors import OptionError, TargetError
from setfit_explain.explanation import Explanation, ExplanationSet, Failure, Unit

from .explanations import OF_NO_CLASS, UNSIGNED, build_explanation


@pytest.fixture(autouse=True)
def close_figures() -> Iterator[None]:
    yield
    plt.close("all")


@pytest.fixture
def explanations() -> ExplanationSet:
    other = build_explanation(
        text="LOVED it",
        units=(Unit("LOVED", 0, 5), Unit("it", 6, 8)),
        attributions=np.array([[0.0, 0.5], [0.125, -0.25]]),
    )
    return ExplanationSet([build_explanation(), Failure(1, "x", "TextError", ""), other])


def row_names(axes: Axes) -> list[str]:
    return [label.get_text() for label in axes.get_yticklabels()]


def points(axes: Axes) -> list[list[float]]:
    clouds = [cloud for cloud in axes.collections if isinstance(cloud, PathCollection)]
    return [sorted(np.asarray(cloud.get_offsets())[:, 0].tolist()) for cloud in clouds]


def test_a_waterfall_goes_from_the_baselines_score_to_the_texts(explanation: Explanation) -> None:
    axes = explanation.plot("negative", kind="waterfall")
    first, last = axes.patches[0], axes.patches[-1]
    assert first.get_x() == explanation.baseline_score[0]
    assert last.get_x() + last.get_width() == explanation.score[0]


def test_a_heat_map_shows_every_target(explanation: Explanation) -> None:
    axes = explanation.plot(kind="heat_map")
    np.testing.assert_array_equal(axes.images[0].get_array(), explanation.attributions.T)
    with pytest.raises(OptionError, match="shows every target; leave out target='positive'"):
        explanation.plot("positive", kind="heat_map")


def test_a_distribution_holds_the_attributions_of_all_texts_but_the_buckets(
    explanations: ExplanationSet,
) -> None:
    axes = explanations.plot()
    assert row_names(axes) == ["negative", "positive"]
    assert points(axes) == [
        [-0.375, -0.0625, 0.0, 0.0, 0.0625, 0.5],
        [-0.25, -0.0625, 0.0, 0.0625, 0.125, 0.375],
    ]
    assert axes.get_title() == "all units in 2 texts"


def test_a_distribution_of_one_unit_has_each_of_its_occurrences(explanations: ExplanationSet) -> None:
    axes = explanations.plot("positive", unit="Loved")
    assert points(axes) == [[0.125, 0.375]]
    assert axes.get_title() == "'Loved' in 2 texts"
    with pytest.raises(OptionError, match="Unit 'hated' is in none of the 2 texts"):
        explanations.plot(unit="hated")


def test_bars_of_a_set_are_its_strongest_units(explanations: ExplanationSet) -> None:
    strongest = explanations.strongest_units("positive")
    axes = explanations.plot(1, kind="bar")
    assert row_names(axes) == [unit.unit for unit in strongest]
    assert [bar.get_width() for bar in axes.patches] == [unit.mean for unit in strongest]
    assert axes.get_title() == "towards positive in 2 texts"
    with pytest.raises(OptionError, match="leave out unit='loved'"):
        explanations.plot(kind="bar", unit="loved")


@pytest.mark.parametrize("kind", ["bars", "violin", ""])
def test_an_unknown_kind_is_refused(explanations: ExplanationSet, kind: str) -> None:
    with pytest.raises(OptionError, match="Accepted: bar, waterfall, heat_map"):
        build_explanation().plot(kind=kind)
    with pytest.raises(OptionError, match="Accepted: distribution, bar, convergence"):
        explanations.plot(kind=kind)


@pytest.mark.parametrize("kind", ["distribution", "bar"])
def test_a_set_draws_on_given_axes_and_refuses_unknown_targets(
    explanations: ExplanationSet, kind: str
) -> None:
    axes = Figure().subplots()
    assert explanations.plot(kind=kind, ax=axes) is axes
    with pytest.raises(TargetError, match="was not explained"):
        explanations.plot("neutral", kind=kind)
    assert not row_names(ExplanationSet().plot(kind=kind, ax=Figure().subplots()))


def test_convergence_is_drawn_by_the_nodes_of_one_text() -> None:
    runs = [
        build_explanation(
            method=f"m {nodes}", settings={"nodes": nodes, "tolerance": 0.5}, delta=[0, 1 / nodes]
        )
        for nodes in (16, 4)
    ]
    axes = ExplanationSet(runs).plot("positive", kind="convergence")
    delta, estimate, tolerance = axes.lines
    assert (list(delta.get_xdata()), list(delta.get_ydata())) == ([4, 16], [0.25, 0.0625])
    assert list(estimate.get_ydata()) == [0.001, 0.001]
    assert list(tolerance.get_ydata()) == 2 * [0.5 * 0.375]
    assert axes.get_title() == "positive: error of the integral"
    for odd in ([], [build_explanation(settings={})], [*runs, build_explanation(text="I loved it!!")]):
        with pytest.raises(OptionError, match="explanations of one text by integrated gradients"):
            ExplanationSet(odd).plot(kind="convergence")
    with pytest.raises(OptionError, match="leave out unit='it'"):
        ExplanationSet(runs).plot(kind="convergence", unit="it")


def test_the_errors_of_a_contrast_are_drawn_in_nats() -> None:
    name = "positive vs negative"
    contrast = build_explanation(targets=(name, "positive"), settings={"nodes": 4})
    axes = [ExplanationSet([contrast]).plot(target, kind="convergence") for target in (name, "positive")]
    assert [each.get_ylabel() for each in axes] == ["error (nats)", "error (probability)"]


def test_methods_are_not_put_together() -> None:
    both = ExplanationSet([build_explanation(), build_explanation(method="occlusion")])
    for attempt in (both.plot, lambda: both.plot(kind="bar"), both.to_model_card):
        with pytest.raises(
            OptionError, match="by integrated_gradients, occlusion, whose numbers do not compare"
        ):
            attempt()


def test_what_the_numbers_are_is_written_below_and_what_is_to_be_said_of_all_texts() -> None:
    signed, unsigned, of_no_class, slope, contrast = (
        ExplanationSet(
            [build_explanation(**changes), build_explanation(notes=("A note.", "Mine."), **changes)]
        )
        for changes in (
            {},
            UNSIGNED,
            OF_NO_CLASS,
            {"settings": {"signed": True, "reduction": "sum"}},
            {"targets": ("positive vs negative", "positive")},
        )
    )
    for explanations, scale, title in (
        (signed, "attribution (probability)", "towards the answer in 2 texts"),
        (unsigned, "strength, without a sign", "strongest for the answer in 2 texts"),
        (of_no_class, "strength, without a sign, of no class", "strongest in 2 texts"),
        (slope, "slope by the word embeddings", "towards the answer in 2 texts"),
    ):
        assert explanations.plot().get_xlabel() == f"{scale}\nA note."
        bars = explanations.plot(kind="bar")
        assert (bars.get_title(), bars.get_xlabel()) == (title, f"mean {scale}\nA note.")
        assert explanations[1].plot().get_xlabel().startswith(scale)
        assert "Mine." in explanations[1].plot().get_xlabel()
    assert contrast.plot("positive vs negative").get_xlabel() == "attribution (nats)\nA note."


def test_a_waterfall_needs_a_baseline() -> None:
    without = build_explanation(method="saliency", baseline_score=[np.nan, np.nan])
    with pytest.raises(OptionError, match="'saliency' has no baseline"):
        without.plot(kind="waterfall")
