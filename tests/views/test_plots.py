"""What figures are made of is what was attributed; nothing of the reader's surroundings is touched."""

import warnings
from collections.abc import Callable
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import colors
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from setfit_explain.views import plots
from setfit_explain.views.html import render_fragment
from setfit_explain.views.panel import TextPanel
from setfit_explain.views.plots.canvas import INK, MUTED
from setfit_explain.views.scale import DARK, LIGHT, contrast

from .panels import ATTACKS, attacked_panel, build_panel, build_target


def new_axes() -> Axes:
    return Figure(dpi=40).subplots()


def texts(axes: Axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


def row_names(axes: Axes) -> list[str]:
    return [label.get_text() for label in axes.get_yticklabels()]


def hues(axes: Axes) -> list[str]:
    return [colors.to_hex(bar.get_facecolor()) for bar in axes.patches]


EVERY_FIGURE: dict[str, Callable[[TextPanel, Axes], Axes]] = {
    "bar": lambda panel, ax: plots.bar_chart(panel, 0, ax=ax),
    "waterfall": lambda panel, ax: plots.waterfall(panel, 0, ax=ax),
    "heat map": lambda panel, ax: plots.heat_map(panel, ax=ax),
    "distribution": lambda panel, ax: plots.distribution(
        {target.name: target.values for target in panel.targets}, title=panel.text, scale="", ax=ax
    ),
    "mean bars": lambda panel, ax: plots.mean_bars(
        [(name, 0.5, 2) for name in panel.unit_names], title=panel.text, scale="", ax=ax
    ),
    "convergence": lambda panel, ax: plots.convergence_curve(
        [(4, 0.1, 0.2)], title=panel.text, tolerance=0.1, ax=ax
    ),
}
every_figure = pytest.mark.parametrize("draw", EVERY_FIGURE.values(), ids=EVERY_FIGURE.keys())


def test_bars_are_the_strongest_units_in_reading_order(panel: TextPanel) -> None:
    axes = plots.bar_chart(panel, 1, most=3, ax=new_axes())
    assert row_names(axes) == ["Loved", "it", "never bored"]
    np.testing.assert_allclose([bar.get_width() for bar in axes.patches], [0.3, -0.2, 0.3])
    assert texts(axes) == ["+0.30", "-0.20", "+0.30"]
    assert hues(axes) == [LIGHT.positive, LIGHT.negative, LIGHT.positive]
    assert axes.get_title() == "positive: 0.900"
    assert axes.get_xlabel() == (
        "attribution (probability), from baseline 0.500\n1 weaker unit not shown\nMind this."
    )


def test_a_waterfall_leads_from_the_baseline_to_the_score() -> None:
    target = build_target(values=(0.3, -0.2, 0.001, 0.3), baseline_score=0.5, score=0.9, delta=0.001)
    axes = plots.waterfall(build_panel(targets=(target,)), 0, ax=new_axes())
    assert row_names(axes) == ["baseline", "Loved", "it", ",", "never bored", "minus delta", "score"]
    starts = [bar.get_x() for bar in axes.patches]
    ends = [bar.get_x() + bar.get_width() for bar in axes.patches]
    np.testing.assert_allclose(ends, [0.8, 0.6, 0.601, 0.901, 0.9])
    np.testing.assert_allclose(starts, [target.baseline_score, *ends[:-1]])
    (baseline,), (score,) = (line.get_xdata() for line in axes.lines)
    assert (baseline, score) == (target.baseline_score, target.score)
    assert axes.texts[-2].get_text().strip() == "0.500"
    assert axes.texts[-1].get_text().strip() == "0.900"


@pytest.mark.parametrize("most", [0, 1, 2, 4, 20])
def test_a_waterfall_ends_at_the_score_however_many_steps_it_has(most: int) -> None:
    target = build_target(values=(0.3, -0.2, 0.001, 0.3), delta=0.4 + 0.401 - 0.8)
    axes = plots.waterfall(build_panel(targets=(target,)), 0, most=most, ax=new_axes())
    last = axes.patches[-1]
    assert last.get_x() + last.get_width() == pytest.approx(target.score, abs=1e-12)
    shared = [name for name in row_names(axes) if "weaker" in name]
    assert shared == {0: ["4 weaker units"], 1: ["3 weaker units"], 2: ["2 weaker units"]}.get(most, [])


def test_a_heat_map_has_a_cell_for_each_class_and_unit(panel: TextPanel) -> None:
    axes = plots.heat_map(panel, ax=new_axes())
    expected = np.array([target.values for target in panel.targets]).T
    np.testing.assert_array_equal(axes.images[0].get_array(), expected)
    assert axes.images[0].get_clim() == (-0.3, 0.3)
    assert row_names(axes) == ["Loved", "it", ",", "never bored"]
    assert texts(axes) == ["-0.30", "+0.30", "+0.20", "-0.20", "-0.30", "+0.30"]
    columns = [(label.get_text(), label.get_fontweight()) for label in axes.get_xticklabels()]
    assert columns == [("negative\n0.900", "normal"), ("positive\n0.900", "bold")]
    for extreme, hue in ((0.3, LIGHT.positive), (0.0, LIGHT.surface), (-0.3, LIGHT.negative)):
        assert colors.to_hex(axes.images[0].to_rgba(extreme)) == hue


def test_a_bucket_does_not_bleach_the_words_of_a_heat_map() -> None:
    panel = build_panel(
        buckets=("[special tokens]",), targets=(build_target(values=(0.3, -0.2, 0.1, np.inf, 9)),)
    )
    axes = plots.heat_map(panel, ax=new_axes())
    assert axes.images[0].get_clim() == (-0.3, 0.3)
    assert colors.to_hex(axes.images[0].to_rgba(9.0)) == LIGHT.positive


def test_a_heat_map_says_what_it_leaves_out() -> None:
    targets = tuple(build_target(str(index), score=index / 10, values=(index, 0, 0, 1)) for index in range(5))
    axes = plots.heat_map(build_panel(targets=targets), most=2, most_targets=3, ax=new_axes())
    np.testing.assert_array_equal(axes.images[0].get_array(), [[2, 3, 4], [1, 1, 1]])
    assert "2 weaker units not shown" in axes.get_xlabel()
    assert "2 targets with smaller scores not shown" in axes.get_xlabel()


def test_a_method_without_scores_or_directions_is_drawn_as_what_it_is() -> None:
    scale = "strength, without a sign, of no class"
    target = build_target(
        "attention",
        score=np.nan,
        baseline_score=np.nan,
        signed=False,
        scale=scale,
        values=(0.3, 0.2, 0.1, 0.4),
    )
    panel = build_panel(targets=(target,))
    axes = plots.bar_chart(panel, 0, ax=new_axes())
    assert (axes.get_title(), axes.get_xlabel()) == ("attention", f"{scale}\nMind this.")
    axes = plots.heat_map(panel, ax=new_axes())
    assert [label.get_text() for label in axes.get_xticklabels()] == ["attention"]
    assert axes.get_xlabel().startswith(f"{scale}, full colour at 0.400\n")


@pytest.mark.parametrize("name", ["bar", "waterfall", "heat map"])
def test_every_note_is_written_below_in_lines_that_fit(name: str) -> None:
    note = "These numbers have no sign. " * 10
    axes = EVERY_FIGURE[name](build_panel(notes=(note, "Mind this.")), new_axes())
    lines = axes.get_xlabel().split("\n")
    assert note.strip() in " ".join(lines)
    assert lines[-1] == "Mind this."
    assert max(map(len, lines)) < 90


def test_a_contrast_is_measured_in_nats() -> None:
    contrast_of_two = build_target("a vs b", towards="towards a", away="towards b", contrast=True)
    axes = plots.bar_chart(build_panel(targets=(contrast_of_two,)), 0, ax=new_axes())
    assert axes.get_xlabel().startswith("attribution (nats)")


@pytest.mark.parametrize("output", ["probability", "logit", "log_odds", "log_probability"])
@pytest.mark.parametrize("name", ["bar", "waterfall", "heat map"])
def test_a_figure_names_the_unit_that_a_page_names(name: str, output: str) -> None:
    panel = build_panel(output=output)
    unit = panel.unit_of_measure(panel.targets[0])
    assert f">{unit}</span>" in render_fragment(panel)
    assert f"({unit}" in EVERY_FIGURE[name](panel, new_axes()).get_xlabel()


def test_convergence_is_drawn_at_its_sizes_and_nothing_where_there_is_none() -> None:
    steps = [(4, -0.1, 0.2), (8, 0.01, 0.05), (16, 0.0, np.nan)]
    axes = plots.convergence_curve(steps, tolerance=0.03, title="a", measure="nats", ax=new_axes())
    delta, estimate, tolerance = axes.lines
    np.testing.assert_array_equal(delta.get_xdata(), [4, 8, 16])
    np.testing.assert_array_equal(delta.get_ydata(), [0.1, 0.01, np.nan])
    np.testing.assert_array_equal(estimate.get_ydata(), [0.2, 0.05, np.nan])
    assert list(tolerance.get_ydata()) == [0.03, 0.03]
    assert [text.strip() for text in texts(axes)] == ["|delta|", "error estimate", "tolerance 0.03"]
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert axes.get_ylabel() == "error (nats)"


def test_a_distribution_has_a_point_for_each_finite_attribution_and_its_quartiles() -> None:
    values = [0.5, -0.25, 0.125, 0.0, 1.0]
    axes = plots.distribution({"a": values, "b": [np.nan, 2.0], "c": []}, title="t", scale="s", ax=new_axes())
    clouds = [cloud for cloud in axes.collections if hasattr(cloud, "get_sizes") and len(cloud.get_offsets())]
    np.testing.assert_array_equal(clouds[0].get_offsets()[:, 0], values)
    assert np.abs(clouds[0].get_offsets()[:, 1]).max() < 0.5
    assert len(np.unique(clouds[0].get_offsets()[:, 1])) == len(values)
    expected = [LIGHT.positive if value > 0 else LIGHT.negative for value in values]
    assert [colors.to_hex(colour) for colour in clouds[0].get_facecolors()] == expected
    assert axes.lines[0].get_xdata() == [np.median(values)]
    middle_half = axes.collections[1].get_segments()[0][:, 0]
    np.testing.assert_allclose(middle_half, [0.0, 0.5])  # of -0.25, 0, 0.125, 0.5, 1
    assert texts(axes) == ["median +0.12, n = 5", "median +2.00, n = 1 of 2 finite", "n = 0"]
    assert row_names(axes) == ["a", "b", "c"]


def test_a_distribution_of_many_classes_shows_those_with_the_largest_attributions() -> None:
    groups = {str(index): [index / 10, -index / 10] for index in range(5)}
    axes = plots.distribution(groups, title="t", scale="s", most=2, ax=new_axes())
    assert row_names(axes) == ["3", "4"]
    assert axes.get_xlabel() == "s\n3 classes with smaller attributions not shown"


def test_room_is_left_where_numbers_are() -> None:
    for values, (low, high) in {(1.0, 0.5): (0.0, 1.16), (-1.0, -0.5): (-1.16, 0.0)}.items():
        axes = plots.mean_bars([("a", value, 1) for value in values], title="", scale="", ax=new_axes())
        np.testing.assert_allclose(axes.get_xlim(), (low, high))


def test_mean_bars_say_how_often_a_unit_occurred() -> None:
    axes = plots.mean_bars([("loved", 0.5, 3), ("it", -0.25, 12)], title="t", scale="s", ax=new_axes())
    assert [bar.get_width() for bar in axes.patches] == [0.5, -0.25]
    assert texts(axes) == ["+0.50  ×3", "-0.25  ×12"]


@every_figure
def test_given_axes_are_drawn_on_and_nothing_else_is_touched(
    draw: Callable[[TextPanel, Axes], Axes], panel: TextPanel
) -> None:
    from matplotlib import pyplot as plt

    before, figures = dict(mpl.rcParams), plt.get_fignums()
    axes = new_axes()
    assert draw(panel, axes) is axes
    assert len(axes.figure.axes) == 1
    axes.figure.canvas.draw()
    assert dict(mpl.rcParams) == before
    assert plt.get_fignums() == figures


@every_figure
@pytest.mark.parametrize("attack", [r"$\nosuch{$", "a\n" * 50, "x" * 10_000, " \t", *ATTACKS[-6:-1]])
def test_any_text_is_drawn_as_it_is(draw: Callable[[TextPanel, Axes], Axes], attack: str) -> None:
    axes = draw(attacked_panel(attack), new_axes())
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph \d+ .* missing")
        axes.figure.canvas.draw()
    drawn = [*row_names(axes), axes.get_title(), *(label.get_text() for label in axes.get_xticklabels())]
    assert max(map(len, drawn)) <= 80
    assert not any("\x1b" in text for text in drawn)


@every_figure
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 0.0, 1e-300, 1e300])
def test_any_number_is_drawn(draw: Callable[[TextPanel, Axes], Axes], value: float) -> None:
    target = build_target(values=(value, 0.1, value, 0.0), score=value, baseline_score=value, delta=value)
    axes = draw(build_panel(targets=(target,)), new_axes())
    axes.figure.canvas.draw()


@every_figure
def test_a_text_without_units_is_drawn(draw: Callable[[TextPanel, Axes], Axes]) -> None:
    empty = build_panel(text="", spans=(), targets=(build_target(values=()),))
    draw(empty, new_axes()).figure.canvas.draw()


@pytest.mark.parametrize("draw", list(EVERY_FIGURE.values())[:3], ids=list(EVERY_FIGURE)[:3])
def test_what_did_not_converge_is_marked(draw: Callable[[TextPanel, Axes], Axes]) -> None:
    axes = draw(build_panel(targets=(build_target(converged=False),)), new_axes())
    assert axes.get_title().endswith("NOT CONVERGED")


def test_every_ink_can_be_read() -> None:
    """WCAG 2 asks 4.5 of text; hues only fill, and the numbers within them are in ink."""
    from setfit_explain.views.plots.convergence import _ESTIMATE

    assert DARK.negative == _ESTIMATE
    for ink in (INK, MUTED, _ESTIMATE):
        assert contrast(ink, LIGHT.surface) >= 4.5
    for hue in (LIGHT.positive, LIGHT.negative):
        assert contrast(INK, hue) >= 4.5


def test_fonts_of_other_scripts_are_asked_for_where_they_are_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from matplotlib import font_manager

    def families() -> Any:
        return plots.bar_chart(build_panel(), 0, ax=new_axes()).get_yticklabels()[0].get_fontfamily()

    usual = list(mpl.rcParams["font.family"])
    monkeypatch.setattr(font_manager.fontManager, "ttflist", [])
    assert families() == usual
    font = font_manager.FontEntry(name="Noto Sans CJK SC")
    monkeypatch.setattr(font_manager.fontManager, "ttflist", [font])
    assert families() == [*usual, "Noto Sans CJK SC"]
