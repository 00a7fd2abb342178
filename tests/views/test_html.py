import re
from collections import Counter
from collections.abc import Callable

import pytest
from markup import Page, read
from panels import ATTACKS, attacked_panel, build_panel, build_target

from setfit_explain.views.html import FailurePanel, Section, render_fragment, render_report, render_rest
from setfit_explain.views.panel import TextPanel

Make = Callable[..., TextPanel]

# What JupyterLab's sanitizer lets through, of what a view could need (packages/apputils/src/sanitizer.ts).
JUPYTER_TAGS = {
    "b",
    "bdi",
    "br",
    "details",
    "div",
    "em",
    "p",
    "small",
    "span",
    "strong",
    "summary",
    "sup",
    "ul",
}
JUPYTER_ATTRIBUTES = {"class", "dir", "hidden", "id", "lang", "open", "style", "title", "translate"}
COLOUR = r"#[0-9a-f]{6}"
LENGTH = r"(0|\d+(\.\d+)?(px|em|rem))"
JUPYTER_STYLES = {
    "color": COLOUR,
    "background-color": COLOUR,
    "border": rf"{LENGTH} (solid|dashed) {COLOUR}",
    "border-top": rf"{LENGTH} (solid|dashed) {COLOUR}",
    "border-bottom": rf"{LENGTH} (solid|dashed) {COLOUR}",
    "border-radius": LENGTH,
    "cursor": "pointer",
    "font-family": r"[a-z, -]+",
    "font-size": LENGTH,
    "font-weight": r"bold|\d00",
    "line-height": r"\d+(\.\d+)?",
    "margin": rf"{LENGTH}( {LENGTH}){{0,3}}",
    "padding": rf"{LENGTH}( {LENGTH}){{0,3}}",
    "max-width": LENGTH,
    "text-decoration": "line-through",
    "white-space": "pre-wrap",
    "word-wrap": "break-word",
}


def report(*panels: TextPanel) -> str:
    return render_report([Section(panels=panels)], "Why?")


def numberless(page: Page, tag: str, **attributes: str) -> list[str]:
    """Return the texts of elements as the user wrote them, without the numbers drawn next to words."""
    return [re.sub(r"[+−]\d\.\d\d", "", element.text) for element in page.find(tag, **attributes)]


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("view", [render_fragment, report])
def test_nothing_the_user_wrote_becomes_markup(view: Callable[[TextPanel], str], attack: str) -> None:
    hostile, harmless = read(view(attacked_panel(attack))), read(view(attacked_panel("harmless")))
    assert hostile.problems == []
    assert [e.tag for e in hostile.elements] == [e.tag for e in harmless.elements]
    assert [list(e.attributes) for e in hostile.elements] == [list(e.attributes) for e in harmless.elements]
    view(attacked_panel(attack)).encode("utf-8")


@pytest.mark.parametrize("attack", ATTACKS)
def test_titles_paragraphs_and_failures_are_escaped_too(attack: str) -> None:
    def page(text: str) -> Page:
        failure = FailurePanel(3, text, text, text)
        return read(render_report([Section(title=text, paragraphs=(text,), failures=(failure,))], text))

    assert page(attack).problems == []
    assert [e.tag for e in page(attack).elements] == [e.tag for e in page("harmless").elements]
    assert read(render_rest([attack])).problems == []


@pytest.mark.parametrize("view", [render_fragment, report])
def test_no_control_or_reordering_character_is_left(view: Callable[[TextPanel], str]) -> None:
    for attack in ATTACKS:
        left = re.findall(
            r"[^\n\x20-\x7e\xa0-\u2029\u202f-\u2065\u2070-\ud7ff\ue000-\U0010ffff]",
            view(attacked_panel(attack)),
        )
        assert left == []


def test_the_fragment_passes_jupyterlabs_sanitizer_unchanged() -> None:
    panel = build_panel(
        buckets=("[special tokens]",),
        targets=(
            build_target(
                "negative", values=(0.3, -0.2, 0.0, 0.1, 0.2), special_token_share=0.25, converged=False
            ),
        ),
        shown=0,
        truncated_span=(10, 22),
        spans=((0, 5), (7, 8), (8, 9), (9, 10)),
    )
    page = read(render_fragment(panel) + render_rest(["One failed."]))
    assert page.problems == []
    for element in page.elements:
        assert element.tag in JUPYTER_TAGS
        assert set(element.attributes) <= JUPYTER_ATTRIBUTES
        for declaration in filter(None, element.attributes.get("style", "").split(";")):
            name, value = declaration.strip().split(":", 1)
            assert re.fullmatch(JUPYTER_STYLES[name], value), declaration


def test_the_fragment_has_a_fold_for_each_class_and_opens_the_predicted_one(panel: TextPanel) -> None:
    folds = read(render_fragment(panel)).find("details")
    assert ["open" in fold.attributes for fold in folds] == [False, True]


@pytest.mark.parametrize(
    ("view", "selector"),
    [(render_fragment, {"tag": "div", "dir": "auto"}), (report, {"tag": "p", "class_": "text"})],
)
def test_the_text_is_drawn_untouched_for_every_class(
    view: Callable[[TextPanel], str], selector: dict[str, str], panel: TextPanel
) -> None:
    assert numberless(read(view(panel)), **selector) == ["Loved  it,\nnever bored"] * 2


def test_white_space_is_kept(panel: TextPanel) -> None:
    assert (
        "white-space:pre-wrap" in read(render_fragment(panel)).find("div", dir="auto")[0].attributes["style"]
    )
    assert re.search(r"\.text \{[^}]*white-space: pre-wrap", report(panel))


def test_signs_are_told_without_colour(panel: TextPanel) -> None:
    fragment = read(render_fragment(panel))
    lines = {e.text: e.attributes["style"] for e in fragment.find("span") if "title" in e.attributes}
    assert "2px solid" in lines["Loved+0.30"]
    assert "2px dashed" in lines["it−0.20"]
    assert "border-bottom" not in lines[","]
    page = read(report(panel))
    assert {e.text for e in page.find("span", class_="up")} >= {"Loved+0.30", "never bored+0.30"}
    assert {e.text for e in page.find("span", class_="down")} >= {"it−0.20"}
    assert re.search(r"\.unit\.up \{[^}]*solid", report(panel))
    assert re.search(r"\.unit\.down \{[^}]*dashed", report(panel))


@pytest.mark.parametrize("view", [render_fragment, report])
def test_both_views_tell_all_that_limits_the_answer(view: Callable[[TextPanel], str]) -> None:
    panel = build_panel(
        buckets=("[special tokens]",),
        targets=(build_target(values=(0.3, -0.2, 0.0, 0.1, 0.2), special_token_share=0.25, converged=False),),
        shown=0,
        truncated_span=(10, 22),
        spans=((0, 5), (7, 8), (8, 9), (9, 10)),
    )
    words = " ".join(read(view(panel)).elements[0].text.split())
    for expected in (
        "NOT CONVERGED",
        "Text cut: the model never saw 12 of 22 characters (from 10 to 22).",
        "25.0% of the attribution is on tokens outside the text.",
        "[special tokens]+0.20",
        "Mind this.",
        "pushes away from positive",
        "pushes towards positive",
        "+0.300",
        "delta +0.001",
        "estimated error 0.002",
        "integrated gradients · 64 steps",
        "baseline 0.500",
    ):
        assert expected in words
    assert "NOT CONVERGED" not in view(build_panel())
    assert "never saw" not in view(build_panel())


@pytest.mark.parametrize("view", [render_fragment, report])
def test_an_empty_text_is_named(view: Callable[[TextPanel], str]) -> None:
    assert "(empty text)" in view(build_panel(text="", spans=(), targets=(build_target(values=()),), shown=0))


@pytest.mark.parametrize("view", [render_fragment, report])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 0.0, -0.0, 1e-300])
def test_odd_numbers_are_drawn(view: Callable[[TextPanel], str], value: float) -> None:
    target = build_target(score=value, baseline_score=value, delta=value, values=(value, 0.1, 0.1, 0.1))
    assert read(view(build_panel(targets=(target,), shown=0, output="logit"))).problems == []


def test_the_page_needs_no_script_and_no_network(panel: TextPanel) -> None:
    markup = render_report([Section(title="One", panels=(panel, panel)), Section(panels=(panel,))], "Why?")
    page = read(markup)
    assert markup.startswith('<!doctype html>\n<html lang="en">')
    assert page.problems == []
    assert {e.tag for e in page.elements}.isdisjoint(
        {"script", "link", "img", "iframe", "object", "embed", "base"}
    )
    assert not re.search(r"https?:|//|url\(|@import|<script|\son[a-z]+=", markup)
    policy = page.find("meta", **{"http-equiv": "Content-Security-Policy"})[0].attributes["content"]
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"


def test_every_id_is_one_of_a_kind_and_every_reference_leads_somewhere(panel: TextPanel) -> None:
    page = read(report(panel, panel, panel))
    ids = Counter(e.attributes["id"] for e in page.elements if "id" in e.attributes)
    assert max(ids.values()) == 1
    targets = {e.attributes["for"] for e in page.find("label")}
    targets |= {e.attributes["aria-labelledby"] for e in page.elements if "aria-labelledby" in e.attributes}
    targets |= {e.attributes["href"].removeprefix("#") for e in page.find("a")}
    assert targets <= set(ids)


def test_each_text_has_its_own_switch_with_the_predicted_class_chosen(panel: TextPanel) -> None:
    page = read(report(panel, panel))
    radios = page.find("input", type="radio")
    assert [radio.attributes["name"] for radio in radios] == ["class-1", "class-1", "class-2", "class-2"]
    assert ["checked" in radio.attributes for radio in radios] == [False, True, False, True]
    assert len(page.find("div", class_="pane")) == 4
    for index in (1, 2):
        rule = f".switch > input:nth-of-type({index}):checked ~ .pane:nth-of-type({index})"
        assert rule in report(panel)


def test_a_single_class_is_open_without_a_switch() -> None:
    page = read(report(build_panel(targets=(build_target(),), shown=0)))
    assert page.find("input") == []
    assert len(page.find("div", class_="only")) == 1


def test_numbers_reach_a_screen_reader_as_a_table(panel: TextPanel) -> None:
    page = read(report(panel))
    tables = page.find("table", class_="units")
    assert len(tables) == 2
    assert "Attributions of text 1 for positive, strongest first" in tables[1].text
    assert re.findall(r"[+−]\d\.\d+", tables[1].text) == ["+0.300", "+0.300", "−0.200", "+0.001"]
    assert all(e.attributes.get("aria-hidden") == "true" for e in page.find("sup"))


def test_the_overview_says_what_was_answered_and_whether_it_is_right(make_panel: Make) -> None:
    wrong = make_panel(true_label=("negative",), targets=(build_target(converged=False),), shown=0)
    unknown = make_panel(true_label=None, predicted=())
    cells = [" ".join(cell.text.split()) for cell in read(report(make_panel(), wrong, unknown)).find("td")]
    text = "Loved it, never bored"
    assert cells[:6] == ["1", text, "positive", "0.900", "✓ positive", "yes"]
    assert cells[6:12] == ["2", text, "positive", "0.900", "✗ negative", "NO"]
    assert cells[12:18] == ["3", text, "no class", "", "not given", "yes"]


def test_one_colour_scale_is_shared_by_all_texts(make_panel: Make) -> None:
    strong = make_panel(targets=(build_target(values=(0.6, 0.0, 0.0, 0.0)),), shown=0)
    weak = make_panel(targets=(build_target(values=(0.3, 0.0, 0.0, 0.0)),), shown=0)
    page = read(report(strong, weak))
    fills = [e.attributes["style"] for e in page.find("span", class_="unit") if e.text.startswith("Loved")]
    assert "--light:#f4a259" in fills[0]
    assert "--light:#fad0ac" in fills[1]
    assert "+0.600" in page.find("p", class_="legend")[1].text


def test_the_same_panels_give_the_same_bytes(panel: TextPanel) -> None:
    assert report(panel, panel) == report(build_panel(), build_panel())
    assert render_fragment(panel) == render_fragment(build_panel())


@pytest.mark.parametrize(
    ("output", "unit"),
    [
        ("probability", "probability"),
        ("logit", "logit"),
        ("log_odds", "nats"),
        ("log_probability", "nats"),
        ("contrast", "nats"),
    ],
)
@pytest.mark.parametrize("view", [render_fragment, report])
def test_scores_carry_their_unit(view: Callable[[TextPanel], str], output: str, unit: str) -> None:
    texts = [e.text for e in read(view(build_panel(output=output))).elements]
    assert any(unit in text for text in texts)


def test_a_long_cut_is_folded_with_its_length(make_panel: Make) -> None:
    text = "ab " + "x" * 5000
    panel = make_panel(
        text=text, spans=((0, 2),), truncated_span=(2, 5003), targets=(build_target(values=(0.1,)),), shown=0
    )
    assert "… and 4,701 more characters" in report(panel)
    assert "the model never saw 5,001 of 5,003 characters" in report(panel)
