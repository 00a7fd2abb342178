"""What a reader does with the report, in a real browser."""

import pytest
from playwright.sync_api import Page, expect

from setfit_explain.views.html import Section, render_report
from tests.views.panels import build_panel, build_target

from .conftest import Visit
from .reports import CHINESE, RIGHT_TO_LEFT, report

NUMBER = "(unit) => getComputedStyle(unit, '::after').content"
GROUND = "(unit) => getComputedStyle(unit).backgroundColor"
CLEAR = "rgba(0, 0, 0, 0)"


def shown(page: Page) -> list[str]:
    """Return the headings of the cards that are shown, also of those that one has to scroll to."""
    return [" ".join(head.split()) for head in page.locator(".card:visible h3").all_text_contents()]


@pytest.fixture(params=[True, False], ids=["script", "no script"])
def page(visit: Visit, request: pytest.FixtureRequest) -> Page:
    return visit(report(), java_script_enabled=request.param)


def choose(page: Page, label: str, within: str) -> None:
    page.locator(f"{within} label", has_text=label).first.click()


def test_choosing_a_class_recolours_the_text_and_changes_the_figures(visit: Visit) -> None:
    page = visit(report())
    loved, it = (page.locator("#text-1 .text b", has_text=word).first for word in ("Loved", "it"))
    assert "+0.30" in loved.evaluate(NUMBER)
    assert "−0.20" in it.evaluate(NUMBER)
    positive = loved.evaluate(GROUND)
    choose(page, "negative", "#text-1 .switch")
    assert "−0.30" in loved.evaluate(NUMBER)
    assert loved.evaluate(GROUND) not in (positive, CLEAR)
    assert loved.evaluate("(unit) => getComputedStyle(unit).borderBottomStyle") == "dashed"
    assert it.evaluate("(unit) => getComputedStyle(unit).borderBottomStyle") == "solid"
    assert page.locator("#text-1 .legend:visible").inner_text().startswith("pushes away from negative")
    assert page.locator("#text-2 .legend:visible").inner_text().startswith("pushes away from positive")


def test_classes_are_switched_without_a_script(visit: Visit) -> None:
    page = visit(report(), java_script_enabled=False)
    expect(page.locator("#text-1 .f.b")).to_be_visible()
    choose(page, "negative", "#text-1 .switch")
    expect(page.locator("#text-1 .f.a")).to_be_visible()
    expect(page.locator("#text-1 .f.b")).to_be_hidden()


def test_a_weak_unit_is_plain_and_the_text_can_be_copied_as_it_was_written(visit: Visit) -> None:
    page = visit(report())
    text = page.locator("#text-1 .text")
    assert text.evaluate("(text) => text.textContent") == "Loved  it,\nnever bored"
    selected = text.evaluate("(text) => (getSelection().selectAllChildren(text), getSelection().toString())")
    assert selected.strip() == "Loved  it,\nnever bored"
    assert [unit.inner_text() for unit in text.locator("b").all()] == ["Loved", "it", "never bored"]


def test_filters_by_class_and_by_error_need_no_script(page: Page) -> None:
    assert len(shown(page)) == 6
    choose(page, "negative", ".filters")
    assert shown(page) == ["negative 0.700"]
    choose(page, "all", ".filters")
    choose(page, "wrong", ".filters")
    assert shown(page) == ["positive 0.600"]
    choose(page, "not converged", ".filters")
    assert shown(page) == ["negative 0.700"]
    choose(page, "not explained", ".filters")
    assert shown(page) == ["The text at index 5 was not explained"]
    page.get_by_role("button", name="Show all texts").click()
    assert len(shown(page)) == 6


def test_a_cell_of_the_confusion_table_shows_its_texts(page: Page) -> None:
    page.locator(".confusion .miss label").click()
    assert shown(page) == ["positive 0.600"]
    assert page.locator(".texts tbody tr:visible").count() == 1
    page.locator(".confusion .all label").click()
    assert len(shown(page)) == 6


def test_the_page_counts_what_it_shows_without_a_script(visit: Visit) -> None:
    page = visit(report(), java_script_enabled=False)
    choose(page, "wrong", ".filters")
    tree = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")
    said = "".join(node["name"]["value"] for node in tree["nodes"] if node["role"]["value"] == "StaticText")
    assert "1 of 6 texts shown" in said


def test_without_a_script_no_control_is_dead(visit: Visit) -> None:
    page = visit(report(), java_script_enabled=False)
    expect(page.locator("#search")).to_be_hidden()
    expect(page.locator("#order")).to_be_hidden()
    assert page.locator(".units button").count() == 0


def test_search_finds_texts_and_says_how_many(visit: Visit) -> None:
    page = visit(report())
    page.locator("#search").fill("BORED it")
    assert shown(page) == ["positive 0.900", "positive 0.600"]
    expect(page.get_by_role("status")).to_have_text("2 of 6 texts shown")
    page.locator("#search").fill(RIGHT_TO_LEFT)
    assert shown(page) == ["negative 0.700"]
    page.locator("#search").press("Enter")
    page.get_by_role("button", name="Show all texts").click()
    expect(page.get_by_role("status")).to_have_text("6 of 6 texts shown")


def test_texts_are_put_in_order(visit: Visit) -> None:
    page = visit(report())
    given = [card.split()[-1] for card in shown(page)]
    assert given == ["0.900", "0.600", "0.700", "0.900", "0.900", "explained"]
    page.locator("#order").select_option("unsure")
    assert [card.split()[-1] for card in shown(page)] == sorted(given)
    page.locator("#order").select_option("sure")
    assert [card.split()[-1] for card in shown(page)][:5] == sorted(given[:5], reverse=True)
    page.locator("#order").select_option("wrong")
    assert shown(page)[0] == "positive 0.600"
    page.locator("#order").select_option("given")
    assert [card.split()[-1] for card in shown(page)] == given


def test_a_table_is_sorted_by_the_class_that_is_clicked(visit: Visit) -> None:
    page = visit(report())
    page.locator("#text-2 summary").click()
    units = page.locator("#text-2 .units tbody th")
    assert units.all_inner_texts() == ["it", "Bored"]
    page.locator("#text-2 .units button", has_text="negative").click()
    assert units.all_inner_texts() == ["Bored", "it"]
    expect(page.locator("#text-2 .units th", has_text="negative")).to_have_attribute(
        "aria-sort", "descending"
    )


def test_the_pointer_shows_the_number_of_the_chosen_class(visit: Visit) -> None:
    page = visit(report())
    unit, tip = page.locator("#text-2 .text b", has_text="Bored"), page.locator(".tip")
    unit.hover()
    expect(tip).to_have_text("Bored  −0.200")
    choose(page, "negative", "#text-2 .switch")
    unit.hover()
    expect(tip).to_have_text("Bored  +0.200")
    page.keyboard.press("Escape")
    expect(tip).to_be_hidden()


def test_all_is_reached_by_the_keyboard(visit: Visit) -> None:
    page = visit(report())
    page.locator("#class-1-b").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#text-1 .f.a")).to_be_visible()
    outline = page.locator("#class-1-a + label").evaluate("(label) => getComputedStyle(label).outlineStyle")
    assert outline == "solid"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
    page.keyboard.press("Enter")
    expect(page.locator("#text-1 .units")).to_be_visible()
    page.locator("#answer-all").focus()
    page.keyboard.press("ArrowRight")
    assert shown(page) == ["negative 0.700"]


def test_several_methods_stand_side_by_side_on_one_scale(visit: Visit) -> None:
    page = visit(report())
    card = page.locator("#text-5")
    assert card.locator("h4").all_inner_texts() == ["integrated gradients", "occlusion"]
    assert [bound.split("+")[1].strip() for bound in card.locator(".ramp:visible").all_inner_texts()] == [
        "5.000",
        "5.000",
    ]
    assert card.get_by_text("Rank agreement (Kendall's tau)").is_visible()
    two = card.get_by_role("row", name="Two")
    assert two.first.get_by_role("cell").all_inner_texts() == ["−0.100", "−5.000"]
    cells = two.first.get_by_role("cell").all()
    assert len({cell.evaluate(GROUND) for cell in cells}) == 2
    assert {cell.evaluate("(cell) => getComputedStyle(cell).textAlign") for cell in cells} == {"end"}
    card.locator("label", has_text="negative").click()
    assert two.first.get_by_role("cell").all_inner_texts() == ["+0.100", "+5.000"]
    assert card.get_by_text("Rank agreement (Kendall's tau)").is_hidden()
    first, second = (unit.evaluate(NUMBER) for unit in card.locator(".text b", has_text="Two").all())
    assert "+0.10" in first
    assert "+5.00" in second


def test_right_to_left_texts_start_at_the_right_with_their_numbers_the_right_way_round(visit: Visit) -> None:
    page = visit(report())
    text = page.locator("#text-3 .text")
    assert text.evaluate("(text) => getComputedStyle(text).direction") == "rtl"
    first, last = (text.locator("b").nth(at).bounding_box() for at in (0, 1))
    assert first is not None
    assert last is not None
    assert first["x"] > last["x"]
    assert text.locator("b").first.evaluate("(b) => getComputedStyle(b, '::after').direction") == "ltr"
    assert page.locator("#text-4 .text").evaluate("(text) => getComputedStyle(text).direction") == "ltr"
    assert page.locator("#text-4 .text").inner_text() == CHINESE


@pytest.mark.parametrize("width", [320, 960])
def test_no_width_makes_the_page_scroll_sideways(visit: Visit, width: int) -> None:
    page = visit(report())
    page.set_viewport_size({"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_dark_mode_follows_the_system(visit: Visit) -> None:
    grounds = [
        visit(report(), color_scheme=scheme).locator("#text-1").evaluate(GROUND)
        for scheme in ("light", "dark")
    ]
    assert grounds == ["rgb(255, 255, 255)", "rgb(22, 27, 34)"]


def test_paper_shows_the_texts_with_their_colours_and_no_controls(visit: Visit) -> None:
    page = visit(report(), color_scheme="dark")
    page.emulate_media(media="print", color_scheme="light")
    expect(page.locator(".filters")).to_be_hidden()
    expect(page.locator("#class-1-a + label")).to_be_hidden()
    expect(page.locator("#class-1-b + label")).to_be_visible()
    assert page.locator("#text-1 .text b").first.evaluate(GROUND) != CLEAR
    assert len(page.pdf()) > 10_000


def test_a_text_of_many_classes_names_those_that_are_not_drawn(visit: Visit) -> None:
    targets = tuple(build_target(f"class {at}", score=at / 100) for at in range(20))
    page = visit(render_report([Section(panels=(build_panel(targets=targets, shown=3),))], "Why?"))
    assert page.locator(".switch > label").count() == 12
    assert page.locator(".switch > label").first.inner_text() == "class 3 0.030"
    expect(page.get_by_text("12 of 20 explained classes are drawn")).to_be_visible()
    choose(page, "class 19", ".switch")
    assert page.locator(".legend:visible").inner_text().startswith("pushes away from class 19")
