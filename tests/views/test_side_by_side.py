"""Several methods on one text: a column each, on one scale where the numbers can be compared, and their agreement."""

import math
import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from setfit_explain.views.fragment import MOST_ROWS
from setfit_explain.views.html import Section, render_fragment, render_report
from setfit_explain.views.panel import Agreement, ComparisonPanel
from setfit_explain.views.scale import LIGHT, colour, shared_bounds
from setfit_explain.views.side_by_side import columns, ranks, rows, scale_lines, totals

from .markup import Page, read
from .panels import ATTACKS, attacked_panel, build_panel, build_target
from .printing import drawn

NAN = math.nan
STRENGTH = "strength, without a sign"


def fragment(comparison: ComparisonPanel) -> str:
    return render_fragment(comparison)


def report(comparison: ComparisonPanel) -> str:
    return render_report([Section(panels=(comparison,))], "Why?")


def printed(comparison: ComparisonPanel, width: int = 100, colour: bool = False) -> str:
    return drawn(comparison, width, colour)


def compared() -> ComparisonPanel:
    """Return two methods that add up, one of strengths, and one that explains no class."""
    unknown = {"baseline_score": NAN, "delta": NAN, "signed": False}
    of_no_class = build_target(
        "attention", values=(0.2, 0.1, 0.0, 0.7), score=NAN, error_estimate=0.0,
        scale=f"{STRENGTH}, of no class", **unknown,
    )  # fmt: skip
    norms = {"values": (9.0, 3.0, 0.0, 6.0), "scale": STRENGTH, **unknown}
    halves = {"values": (0.15, 0.1, 0.0, -0.15), "error_estimate": NAN}
    agreement = (
        Agreement("positive", "ig", "occlusion", 0.25),
        Agreement("positive", "ig", "saliency", NAN),
        Agreement("positive", "occlusion", "attention rollout", -0.5),
    )
    return ComparisonPanel(
        (
            build_panel(method="ig"),
            build_panel(
                method="occlusion",
                targets=(
                    build_target("negative", **halves, converged=False),
                    build_target(**halves, converged=False),
                ),
            ),
            build_panel(
                method="saliency", targets=(build_target("negative", **norms), build_target(**norms))
            ),
            build_panel(method="attention rollout", targets=(of_no_class,), shown=0, notes=("Of no class.",)),
        ),
        agreement,
    )


def long(words: int, strong: set[int]) -> ComparisonPanel:
    """Return two methods on a text of which a few words matter, each method's own."""
    text = " ".join(f"w{at}" for at in range(words))
    spans = tuple(match.span() for match in re.finditer(r"\w+", text))
    values = [
        tuple(0.5 if at in strong and at % 2 == parity else 0.001 for at in range(words)) for parity in (0, 1)
    ]
    return ComparisonPanel(
        tuple(
            build_panel(text=text, spans=spans, targets=(build_target(values=each),), shown=0, method=name)
            for name, each in zip("ab", values, strict=True)
        )
    )


def cells(page: Page, caption: str, *, visible: str = "") -> list[list[str]]:
    """Return the table of that caption; in a report only the cells of the class of that letter."""
    at = next(
        i for i, each in enumerate(page.elements) if each.tag == "caption" and each.text.startswith(caption)
    )
    found: list[list[str]] = []
    for element in page.elements[at + 1 :]:
        if element.tag == "table":
            break
        if element.tag == "tr":
            found.append([])
        shown = not visible or element.attributes.get("class", visible).startswith(visible)
        if element.tag == "th" or (element.tag == "td" and shown):
            found[-1].append(" ".join(element.text.split()))
    return found


UNITS = [
    ["unit", "ig", "occlusion", "saliency *", "attention rollout †"],
    ["Loved", "+0.300", "+0.150", "9.000", "0.200"],
    ["it", "−0.200", "+0.100", "3.000", "0.100"],
    [",", "+0.001", "+0.000", "0.000", "0.000"],
    ["never bored", "+0.300", "−0.150", "6.000", "0.700"],
]
FIGURES = {
    "unit": ["probability", "probability", "its own *", "its own †"],
    "all units": ["+0.401", "+0.100", "–", "–"],
    "baseline": ["0.500", "0.500", "–", "–"],
    "score": ["0.900", "0.900", "0.900", "–"],
    "delta": ["+0.001", "+0.001", "–", "–"],
    "estimated error": ["0.002", "–", "0.002", "0.000"],
    "convergence": ["converged", "NOT CONVERGED", "converged", "converged"],
}
TAUS = {
    "ig": ["1", "+0.25", "–", "–"],
    "occlusion": ["+0.25", "1", "–", "−0.50"],
    "saliency *": ["–", "–", "1", "–"],
    "attention rollout †": ["–", "−0.50", "–", "1"],
}


def test_a_notebook_has_a_row_for_each_unit_in_the_order_of_the_text_and_a_column_for_each_method() -> None:
    page = read(fragment(compared()))
    assert page.problems == []
    assert cells(page, "Attribution to positive") == UNITS
    assert {row[0]: row[1:] for row in cells(page, "Score of positive")[1:]} == FIGURES
    assert {row[0]: row[1:] for row in cells(page, "Rank agreement on positive")[1:]} == TAUS


def test_a_report_has_the_same_for_the_class_that_is_chosen() -> None:
    page = read(report(compared()))
    assert page.problems == []
    assert cells(page, "Attributions of text 1 to the chosen class", visible="b") == UNITS
    figures = cells(page, "Score of the chosen class of text 1", visible="b")
    assert {row[0]: row[1:] for row in figures[1:]} == FIGURES
    assert {row[0]: row[1:] for row in cells(page, "Rank agreement of the methods")[1:]} == TAUS
    negative = cells(page, "Attributions of text 1 to the chosen class", visible="a")
    assert negative[1] == ["Loved", "−0.300", "+0.150", "9.000", "0.200"]


def test_a_terminal_has_the_same_columns() -> None:
    lines = [" ".join(line.split()) for line in printed(compared(), width=120).splitlines()]
    for row in (*UNITS, *([name, *each] for name, each in {**FIGURES, **TAUS}.items())):
        assert " ".join(row) in lines
    assert sum("Loved it," in line for line in lines) == 1, "the text itself, once"
    other = next(line for line in lines if line.startswith("negative: score"))
    assert other == "negative: score 0.900; ig delta +0.001; occlusion delta +0.001 NOT CONVERGED"


@pytest.mark.parametrize("view", [fragment, report])
def test_every_number_has_a_header_above_and_beside_it(view: Callable[[ComparisonPanel], str]) -> None:
    page = read(view(compared()))
    assert all(head.attributes.get("scope") in ("col", "row") for head in page.find("th"))
    tables = [each for each in page.find("table") if each.attributes.get("class") != "units"]
    captions = [each for each in page.find("caption") if "strongest for" not in each.text]
    assert len(tables) == len(captions) > 0


def test_numbers_that_are_parts_of_the_score_have_one_colour_scale_and_others_their_own() -> None:
    grounds = {
        cell.text: match[1]
        for cell in read(fragment(compared())).find("td")
        if (match := re.search(r"background-color:(#\w+)", cell.attributes.get("style", "")))
    }
    assert grounds["+0.300"] == LIGHT.positive
    assert grounds["+0.150"] == colour(0.5, 1.0), "half as full as the double in the column beside it"
    assert grounds["−0.150"] == colour(-0.5, 1.0)
    assert grounds["9.000"] == grounds["0.700"] == LIGHT.positive
    steps = {cell.text: cell.attributes["class"] for cell in read(report(compared())).find("td", class_="b4")}
    assert steps == {"+0.150": "b4"}


@pytest.mark.parametrize("view", [fragment, report, printed])
def test_marks_say_whose_numbers_are_no_parts_of_the_score_or_of_no_class(
    view: Callable[[ComparisonPanel], str],
) -> None:
    words = " ".join(re.sub(r"<[^>]+>", "", view(compared())).split())
    assert "One scale for the methods without a mark: the colour is full at ±0.300 probability." in words
    assert f"* saliency: {STRENGTH}, and no part of the score. Its colour is full at its own" in words
    assert (
        f"† attention rollout: {STRENGTH}, of no class. It does not explain positive, nor any other" in words
    )
    assert "Beside a method without a sign, units are ordered by strength." in words
    assert "Of no class." in words


def test_methods_that_all_add_up_need_no_mark() -> None:
    comparison = ComparisonPanel(compared().methods[:2], compared().agreement)
    table = columns(comparison, "positive", shared_bounds(comparison.methods))
    assert scale_lines(table, "positive") == (
        "One scale for all methods: the colour is full at ±0.300 probability.",
    )
    agreement = ranks(comparison, "positive", table)
    assert agreement is not None
    assert "without a sign" not in agreement.meaning
    assert ranks(comparison, "negative", table) is None, "that was not measured"


def test_a_class_that_a_method_did_not_explain_has_a_dash_and_no_colour() -> None:
    first, second = compared().methods[:2]
    fewer = ComparisonPanel((first, replace(second, targets=second.targets[1:], shown=0)))
    table = columns(fewer, "negative", shared_bounds(fewer.methods))
    assert [table[1].written(table[1].value(0)), table[1].strength(0)] == ["–", 0.0]
    assert dict(totals(table))["unit"] == ("probability", "not explained")
    for view in (fragment, report, printed):
        assert "nan" not in view(fewer)


def test_what_was_drawn_at_random_has_a_sampling_error_and_no_verdict() -> None:
    panel = build_panel(method="kernel shap", targets=(build_target(sampled=True),), shown=0)
    table = columns(ComparisonPanel((panel,)), "positive", shared_bounds([panel]))
    assert dict(totals(table))["standard error of sampling, up to"] == ("0.002",)
    assert {"convergence", "estimated error"}.isdisjoint(dict(totals(table)))


def test_a_long_text_shows_its_strongest_units_in_order_and_says_what_it_leaves_out() -> None:
    strong = {3, 50, 51, 198}
    comparison = long(200, strong)
    table = columns(comparison, "positive", shared_bounds(comparison.methods))
    assert [row.name for row in rows(table, 4)] == [
        "… 3 weaker units", "w3", "… 46 weaker units", "w50", "w51", "… 146 weaker units", "w198", "… 1 weaker unit",
    ]  # fmt: skip
    assert [row.name for row in rows(table)] == [f"w{at}" for at in range(200)]
    for view in (fragment, report, printed):
        shown = view(comparison)
        assert all(f"w{at}" in shown for at in strong)
        assert "weaker unit" in shown
    assert "to_dataframe() has the numbers of all units." in printed(comparison)


def test_all_units_of_a_long_text_are_folded_below_the_strongest_in_a_notebook() -> None:
    page = read(fragment(long(MOST_ROWS + 1, {3, 8})))
    assert len(cells(page, "Attribution of all units to positive")) == MOST_ROWS + 2
    assert "all 31 units" in [summary.text for summary in page.find("summary")]
    assert "Attribution of all units" not in fragment(long(MOST_ROWS, {3, 8}))


def test_many_methods_fit_a_terminal_in_tables_of_a_few() -> None:
    panels = tuple(build_panel(method=f"method {at}") for at in range(9))
    taus = tuple(Agreement("positive", "method 0", f"method {at}", at / 10) for at in range(1, 9))
    shown = printed(ComparisonPanel(panels, taus), width=80)
    assert max(map(len, shown.splitlines())) <= 80
    assert shown.count("Loved ") >= 3
    assert all(f"+0.{at}0" in shown for at in range(1, 9))


def test_a_terminal_colours_the_cells_on_the_shared_scale() -> None:
    coloured = printed(compared(), colour=True)
    full = r"\x1b\[38;2;0;0;0;48;2;244;162;89m *"
    assert re.search(full + r"\+0\.300", coloured)
    assert re.search(full + r"9\.000", coloured)
    assert not re.search(full + r"\+0\.150", coloured)


def attacked(attack: str) -> ComparisonPanel:
    first = replace(attacked_panel(attack), method=attack)
    marked = tuple(replace(target, scale=attack) for target in first.targets)
    second = replace(first, method=f"{attack} (2)", targets=marked)
    return ComparisonPanel((first, second), (Agreement(attack, first.method, second.method, 0.5),))


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("view", [fragment, report])
def test_nothing_the_user_wrote_becomes_markup_of_a_table(
    view: Callable[[ComparisonPanel], str], attack: str
) -> None:
    hostile, harmless = read(view(attacked(attack))), read(view(attacked("harmless")))
    assert hostile.problems == []
    assert [e.tag for e in hostile.elements] == [e.tag for e in harmless.elements]
    assert [list(e.attributes) for e in hostile.elements] == [list(e.attributes) for e in harmless.elements]
    unsafe = r"[^\n\x20-\x7e\xa0-\u2029\u202f-\u2065\u2070-\ud7ff\ue000-\U0010ffff]"
    assert re.findall(unsafe, view(attacked(attack))) == []


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_table_reaches_the_terminal_as_a_command(attack: str) -> None:
    unsafe = r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
    assert not re.search(unsafe, printed(attacked(attack)))
