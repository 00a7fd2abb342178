import colorsys
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from panels import build_panel, build_target

from setfit_explain.views.scale import DARK, LIGHT, Theme, colour, contrast, shared_bound, strength

VALUES = [step / 200 for step in range(-200, 201)]


def channels(code: str) -> tuple[float, float, float]:
    return tuple(int(code[i : i + 2], 16) / 255 for i in (1, 3, 5))  # type: ignore[return-value]


def wcag(first: str, second: str) -> float:
    """Return the contrast ratio by WCAG 2.2's own words, with its threshold 0.04045."""

    def luminance(code: str) -> float:
        linear = [c / 12.92 if c <= 0.04045 else math.pow((c + 0.055) / 1.055, 2.4) for c in channels(code)]
        return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    ratio = (luminance(first) + 0.05) / (luminance(second) + 0.05)
    return max(ratio, 1 / ratio)


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


def test_the_bound_is_shared_over_texts_and_classes_and_deaf_to_buckets() -> None:
    small = build_panel(
        targets=(build_target(values=(0.1, 0.0, 0.0, 0.0, 9.0)),), buckets=("[special tokens]",), shown=0
    )
    big = build_panel(targets=(build_target(values=(0.1, 0, 0, 0)), build_target(values=(0, 0, -0.7, 0))))
    assert shared_bound([small]) == 0.1
    assert shared_bound([small, big]) == 0.7
    assert shared_bound([]) == 0.0
    odd = build_panel(targets=(build_target(values=(math.inf, math.nan, 0.2, 0.0)),), shown=0)
    assert shared_bound([odd]) == 0.2
