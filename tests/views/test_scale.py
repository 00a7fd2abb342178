import colorsys
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from setfit_explain.views.panel import TextPanel
from setfit_explain.views.scale import (
    DARK,
    LIGHT,
    Theme,
    bound_of,
    colour,
    contrast,
    shared_bounds,
    step,
    strength,
)

from .colours import channels, wcag
from .panels import build_panel, build_target

VALUES = [step / 200 for step in range(-200, 201)]


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_text_is_readable_on_every_colour_of_the_scale(theme: Theme) -> None:
    assert min(wcag(colour(value, 1.0, theme), theme.ink) for value in VALUES) >= 4.5


def test_contrast_is_that_of_known_pairs() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)
    assert contrast("#ffffff", "#777777") == contrast("#777777", "#ffffff")
    assert contrast(LIGHT.positive, LIGHT.ink) == pytest.approx(10, abs=0.5)
    assert contrast(LIGHT.negative, LIGHT.ink) == pytest.approx(9.3, abs=0.5)


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6))
def test_the_scale_is_symmetric(value: float, bound: float) -> None:
    assert strength(value, bound) == strength(-value, bound)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_the_ends_and_the_middle_are_the_themes_own_colours(theme: Theme) -> None:
    assert colour(2.0, 2.0, theme) == colour(9.0, 2.0, theme) == theme.positive
    assert colour(-2.0, 2.0, theme) == theme.negative
    assert (
        colour(0.0, 2.0, theme)
        == colour(float("nan"), 2.0, theme)
        == colour(0.0, 0.0, theme)
        == theme.surface
    )


def test_positive_is_orange_and_negative_is_blue_in_both_themes() -> None:
    for theme in (LIGHT, DARK):
        assert 15 < 360 * colorsys.rgb_to_hsv(*channels(theme.positive))[0] < 45
        assert 195 < 360 * colorsys.rgb_to_hsv(*channels(theme.negative))[0] < 225


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_signs_stay_apart_for_red_green_blindness(theme: Theme) -> None:
    """Protan and deutan eyes keep the difference of blue and yellow, and both ends differ much in it."""
    red, green, blue = channels(theme.positive)
    assert (red + green) / 2 - blue > 0.2
    red, green, blue = channels(theme.negative)
    assert blue - (red + green) / 2 > 0.2


def test_the_steps_are_symmetric_and_the_nearest_to_the_value() -> None:
    assert [step(value, 2.0) for value in (0.0, 0.1, 0.13, 1.0, 1.9, 2.0, 9.0)] == [0, 0, 1, 4, 8, 8, 8]
    assert all(step(-value, 1.0) == -step(value, 1.0) for value in VALUES)
    assert step(float("nan"), 1.0) == 0


def bound(*panels: TextPanel) -> float:
    return shared_bounds(panels)["", "probability"]


def test_the_bound_is_shared_over_texts_and_classes_and_deaf_to_buckets() -> None:
    small = build_panel(
        targets=(build_target(values=(0.1, 0.0, 0.0, 0.0, 9.0)),), buckets=("[special tokens]",), shown=0
    )
    big = build_panel(targets=(build_target(values=(0.1, 0, 0, 0)), build_target(values=(0, 0, -0.7, 0))))
    assert bound(small) == 0.1
    assert bound(small, big) == 0.7
    assert shared_bounds([]) == {}
    odd = build_panel(targets=(build_target(values=(math.inf, math.nan, 0.2, 0.0)),), shown=0)
    assert bound(odd) == 0.2


def test_parts_of_a_score_share_a_bound_and_other_numbers_have_their_own() -> None:
    """A gradient's norm says nothing about how full the colour of a probability should be."""
    contrast_of_two = build_target("a vs b", values=(4.0, 0, 0, 0), contrast=True)
    panel = build_panel(targets=(build_target(values=(0.5, 0, 0, 0)), contrast_of_two), shown=0, method="x")
    other = build_panel(targets=(build_target(values=(0, -0.7, 0, 0)),), shown=0, method="y")
    norm = build_target(values=(90.0, 0, 0, 0), scale="strength, without a sign")
    own = build_panel(targets=(norm,), shown=0, method="saliency")
    bounds = shared_bounds([panel, other, own])
    assert [bound_of(bounds, panel, target) for target in panel.targets] == [0.7, 4.0]
    assert bound_of(bounds, other, other.targets[0]) == 0.7
    assert bound_of(bounds, own, norm) == 90.0
