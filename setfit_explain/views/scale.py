"""One symmetric scale from values to colours: orange pushes towards a class, blue away from it.

The two hues stay apart under every common colour blindness. Colours blend linearly from the page's own
background to the full hue at the bound, with black text on the light ones and white on the dark ones.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from setfit_explain.views.panel import TargetPanel, TextPanel

Bounds = Mapping[tuple[str, str], float]
"""The value of the fullest colour for each unit of measure, by the method whose own it is, or by ``""``."""


@dataclass(frozen=True, slots=True)
class Theme:
    """The colours of light or dark mode, as ``#rrggbb``.

    Parameters
    ----------
    surface
        Colour of zero, behind the text.
    ink
        Colour of the text itself.
    positive, negative
        Colours at plus and minus the bound.
    """

    surface: str
    ink: str
    positive: str
    negative: str


LIGHT = Theme(surface="#ffffff", ink="#000000", positive="#f4a259", negative="#7fb2e5")
DARK = Theme(surface="#161b22", ink="#ffffff", positive="#9a5316", negative="#2a639c")
STEPS = 8
"""Steps of the scale on each side of zero, for pages that name colours instead of writing them out."""


def shared_bounds(panels: Iterable[TextPanel]) -> Bounds:
    """Return the largest absolute attribution of any span of text, over all texts and classes.

    There is one for each unit of measure, which the methods share whose numbers are parts of a score, and one for
    each other method: a gradient's norm and a probability, or a probability and a nat, have no scale in common. The
    buckets have no say: a large special-token attribution would bleach every word.
    """
    bounds: dict[tuple[str, str], float] = {}
    for panel in panels:
        for target in panel.targets:
            sizes = (abs(value) for value in target.values[: len(panel.spans)])
            largest = max((size for size in sizes if size < float("inf")), default=0.0)
            key = _scale_of(panel, target)
            bounds[key] = max(bounds.get(key, 0.0), largest)
    return bounds


def bound_of(bounds: Bounds, panel: TextPanel, target: TargetPanel) -> float:
    """Return the value of the fullest colour where ``target`` of ``panel`` is drawn."""
    return bounds[_scale_of(panel, target)]


def colour(value: float, bound: float, theme: Theme = LIGHT) -> str:
    """Return the background of ``value`` as ``#rrggbb``.

    Parameters
    ----------
    value
        A signed attribution; NaN is drawn as 0.
    bound
        The value at which the colour is full; what is larger is drawn as full.
    theme
        Light or dark.
    """
    share = strength(value, bound)
    pole = _channels(theme.positive if value > 0 else theme.negative)
    mixed = (
        round(low + share * (high - low)) for low, high in zip(_channels(theme.surface), pole, strict=True)
    )
    return "#" + "".join(f"{channel:02x}" for channel in mixed)


def strength(value: float, bound: float) -> float:
    """Return how far ``value`` is from zero to ``bound``, from 0 to 1."""
    if value != value or value == 0:
        return 0.0
    return min(abs(value) / bound, 1.0) if bound > 0 else 1.0


def step(value: float, bound: float) -> int:
    """Return the nearest step of the scale, from ``-STEPS`` to ``STEPS``; 0 for what is too weak to be seen."""
    steps = round(STEPS * strength(value, bound))
    return steps if value > 0 else -steps


def contrast(first: str, second: str) -> float:
    """Return the WCAG 2 contrast ratio of two ``#rrggbb`` colours, from 1 to 21."""
    lighter, darker = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _scale_of(panel: TextPanel, target: TargetPanel) -> tuple[str, str]:
    return panel.method if target.scale else "", panel.unit_of_measure(target)


def _channels(code: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(code[1:]))


def _luminance(code: str) -> float:
    shares = [channel / 255 for channel in _channels(code)]
    red, green, blue = (
        share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
