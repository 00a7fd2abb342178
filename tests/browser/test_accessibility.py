"""Everyone can read the report: axe-core finds nothing, and every colour has enough contrast."""

import json
import math
import re

import pytest

from tests.views.colours import wcag

from .conftest import Visit
from .reports import report, steps


@pytest.mark.parametrize(("scheme", "width"), [("light", 960), ("dark", 360)])
def test_axe_finds_no_violation(visit: Visit, axe: str, scheme: str, width: int) -> None:
    page = visit(report(), color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    for summary in page.locator("summary").all():
        if not summary.evaluate("(summary) => summary.parentNode.open"):
            summary.click()
    page.evaluate(axe)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    assert [
        (each["id"], each["impact"], [node["target"] for node in each["nodes"]][:3]) for each in found
    ] == []


def hexadecimal(colour: str) -> str:
    channels = [float(channel) for channel in re.findall(r"[\d.]+", colour)]
    assert len(channels) == 3 or channels[3] == 1, colour
    return "#" + "".join(f"{math.floor(channel):02x}" for channel in channels[:3])


# Every element with a text of its own, its colour and the first ground beneath it that is not clear.
COLOURS = """() => {
  const ground = (element) => {
    const colour = getComputedStyle(element).backgroundColor;
    return colour === "rgba(0, 0, 0, 0)" && element.parentElement ? ground(element.parentElement) : colour;
  };
  return [...document.querySelectorAll("body *")]
    .filter((element) => element.checkVisibility() && [...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim()))
    .map((element) => [element.className + " " + element.textContent.slice(0, 20), getComputedStyle(element).color, ground(element)]);
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_the_contrast_that_wcag_asks(visit: Visit, scheme: str) -> None:
    found = [
        tuple(each)
        for page in (report(), steps())
        for each in visit(page, color_scheme=scheme).evaluate(COLOURS)
    ]
    units = {ground for name, _, ground in found if re.match(r"z-?\d ", name)}
    assert len(units) == 16, "each step of the scale has a colour of its own"
    ratios = {name: wcag(hexadecimal(ink), hexadecimal(ground)) for name, ink, ground in found}
    assert {name: ratio for name, ratio in ratios.items() if ratio < 4.5} == {}


def test_a_screen_reader_is_told_the_numbers_once_and_what_they_belong_to(visit: Visit) -> None:
    page = visit(report())
    page.locator("#text-1 summary").click()
    tree = page.locator("#text-1").aria_snapshot()
    assert "article" in tree
    assert "Explained class of text 1" in tree
    assert "Attributions of text 1, strongest for positive first" in tree
    assert re.search(r'rowheader "Loved"\n\s+- cell "−0.300"\n\s+- cell "\+0.300"', tree), json.dumps(tree)
