import dataclasses
import re
from base64 import b64encode
from collections import Counter
from collections.abc import Callable
from hashlib import sha256

import pytest

from setfit_explain.views.html import FailurePanel, Section, render_fragment, render_report, render_rest
from setfit_explain.views.panel import Agreement, ComparisonPanel, TextPanel
from setfit_explain.views.scale import contrast

from .markup import Page, read
from .panels import ATTACKS, attacked_panel, build_panel, build_target

Make = Callable[..., TextPanel]

# What JupyterLab's sanitizer lets through, of what a view could need (packages/apputils/src/sanitizer.ts).
JUPYTER_TAGS = {
    "b",
    "bdi",
    "br",
    "caption",
    "details",
    "div",
    "em",
    "p",
    "small",
    "span",
    "strong",
    "summary",
    "sup",
    "table",
    "tbody",
    "td",
    "th",
    "thead",
    "tr",
    "ul",
}
JUPYTER_ATTRIBUTES = {
    "class",
    "colspan",
    "dir",
    "hidden",
    "id",
    "lang",
    "open",
    "scope",
    "style",
    "title",
    "translate",
}
COLOUR = r"#[0-9a-f]{6}"
LENGTH = r"(0|\d+(\.\d+)?(px|em|rem))"
JUPYTER_STYLES = {
    "color": COLOUR,
    "background-color": COLOUR,
    "border": rf"{LENGTH} (solid|dashed) {COLOUR}",
    "border-top": rf"{LENGTH} (solid|dashed) {COLOUR}",
    "border-bottom": rf"{LENGTH} (solid|dashed) {COLOUR}",
    "border-collapse": "collapse",
    "border-radius": LENGTH,
    "cursor": "pointer",
    "font-family": r"[a-z, -]+",
    "font-size": LENGTH,
    "font-weight": r"bold|\d00",
    "line-height": r"\d+(\.\d+)?",
    "margin": rf"{LENGTH}( {LENGTH}){{0,3}}",
    "padding": rf"{LENGTH}( {LENGTH}){{0,3}}",
    "max-height": LENGTH,
    "max-width": LENGTH,
    "overflow": "auto",
    "text-align": "left|right",
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
    other = dataclasses.replace(panel, method="occlusion")
    both = ComparisonPanel((panel, other), (Agreement("negative", "", "occlusion", 0.5),))
    page = read(render_fragment(panel) + render_fragment(both) + render_rest(["One failed."]))
    assert page.problems == []
    for element in page.elements:
        assert element.tag in JUPYTER_TAGS
        assert set(element.attributes) <= JUPYTER_ATTRIBUTES
        for declaration in filter(None, element.attributes.get("style", "").split(";")):
            name, value = declaration.strip().split(":", 1)
            assert re.fullmatch(JUPYTER_STYLES[name], value), declaration


def test_a_fragment_of_two_methods_has_both_in_the_fold_of_each_class() -> None:
    methods = tuple(build_panel(method=name, notes=()) for name in ("occlusion", "saliency"))
    comparison = ComparisonPanel(methods, (Agreement("positive", "occlusion", "saliency", -0.5),))
    page = read(render_fragment(comparison))
    negative, positive = (fold.text for fold in page.find("details") if "details" not in fold.path)
    for name in ("occlusion", "saliency"):
        assert name in negative
        assert name in positive
    assert "−0.50" in positive.split("Rank agreement on positive")[1]
    assert "Rank agreement" not in negative
    assert numberless(page, tag="div", dir="auto") == ["Loved  it,\nnever bored"] * 5, "once without colours"
    unsure = dataclasses.replace(
        methods[1], targets=(build_target("negative", converged=False), build_target())
    )
    negative, positive = (
        fold.text.splitlines()[0]
        for fold in read(render_fragment(ComparisonPanel((methods[0], unsure)))).find("summary")
        if fold.path.count("details") == 1
    )
    assert ("NOT CONVERGED" in negative, "NOT CONVERGED" in positive) == (True, False)


def test_the_fragment_has_a_fold_for_each_class_and_opens_the_predicted_one(panel: TextPanel) -> None:
    folds = read(render_fragment(panel)).find("details")
    assert ["open" in fold.attributes for fold in folds] == [False, True]


def test_the_fragment_draws_the_text_untouched_for_every_class(panel: TextPanel) -> None:
    assert numberless(read(render_fragment(panel)), tag="div", dir="auto") == ["Loved  it,\nnever bored"] * 2


def test_the_report_draws_the_text_untouched_and_once_for_all_classes(panel: TextPanel) -> None:
    assert [e.text for e in read(report(panel)).find("p", class_="text")] == ["Loved  it,\nnever bored"]


def test_white_space_is_kept(panel: TextPanel) -> None:
    assert (
        "white-space:pre-wrap" in read(render_fragment(panel)).find("div", dir="auto")[0].attributes["style"]
    )
    assert re.search(r"\.text \{[^}]*white-space: pre-wrap", report(panel))


def test_signs_are_told_without_colour(panel: TextPanel) -> None:
    fragment = read(render_fragment(panel))
    lines = {
        e.text: e.attributes["style"]
        for e in fragment.find("span")
        if {"title", "style"} <= e.attributes.keys()
    }
    assert "2px solid" in lines["Loved+0.30"]
    assert "2px dashed" in lines["it−0.20"]
    assert "style" not in fragment.find("span", title="+0.001")[0].attributes


def test_the_report_writes_signs_and_numbers_beside_the_strongest_units(panel: TextPanel) -> None:
    units = read(report(panel)).find("b")
    assert [(unit.text, unit.attributes) for unit in units] == [
        ("Loved", {"class": "a-8 b8", "data-a": "−0.30", "data-b": "+0.30"}),
        ("it", {"class": "a5 b-5", "data-a": "+0.20", "data-b": "−0.20"}),
        ("never bored", {"class": "a-8 b8", "data-a": "−0.30", "data-b": "+0.30"}),
    ]
    assert re.search(r"\.b8, \.z8 \{[^}]*solid", report(panel))
    assert re.search(r"\.b-8, \.z-8 \{[^}]*dashed", report(panel))


def test_a_numbered_unit_has_a_sign_however_weak_it_is() -> None:
    strong = build_panel(targets=(build_target(values=(9.0, 0.0, 0.0, 0.0)),), shown=0)
    weak = build_panel(targets=(build_target(values=(0.0, -0.1, 0.0, 0.0)),), shown=0)
    assert read(report(strong, weak)).find("b", class_="z-1")[0].text == "it"


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
    page = read(view(panel))
    words += " " + " ".join(e.text + e.attributes.get("data-z", "") for e in page.find("b"))
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
def test_what_was_drawn_without_a_tolerance_has_an_error_instead_of_a_verdict(
    view: Callable[[TextPanel], str],
) -> None:
    sampled, held = (
        read(view(build_panel(targets=(build_target(sampled=each),), shown=0))).elements[0].text
        for each in (True, False)
    )
    assert "delta +0.001" in sampled
    assert "standard error of sampling up to 0.002" in sampled
    assert "onverged" not in sampled
    assert "ONVERGED" not in sampled
    assert re.search(r"estimated error 0\.002(, | · )converged", held)


@pytest.mark.parametrize("view", [render_fragment, report])
def test_an_empty_text_is_named(view: Callable[[TextPanel], str]) -> None:
    assert "(empty text)" in view(build_panel(text="", spans=(), targets=(build_target(values=()),), shown=0))


@pytest.mark.parametrize("view", [render_fragment, report])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 0.0, -0.0, 1e-300])
def test_odd_numbers_are_drawn(view: Callable[[TextPanel], str], value: float) -> None:
    target = build_target(score=value, baseline_score=value, delta=value, values=(value, 0.1, 0.1, 0.1))
    assert read(view(build_panel(targets=(target,), shown=0, output="logit"))).problems == []


def test_the_page_holds_one_script_of_ours_and_reaches_no_network(panel: TextPanel) -> None:
    markup = render_report([Section(title="One", panels=(panel, panel)), Section(panels=(panel,))], "Why?")
    page = read(markup)
    assert markup.startswith('<!doctype html>\n<html lang="en">')
    assert page.problems == []
    assert {e.tag for e in page.elements}.isdisjoint({"link", "img", "iframe", "object", "embed", "base"})
    scripts = [script.text for script in page.find("script")]
    assert not re.search(r"https?:|//[a-z]|url\(|@import|\son[a-z]+=", markup)
    policy = page.find("meta", **{"http-equiv": "Content-Security-Policy"})[0].attributes["content"]
    digests = [b64encode(sha256(script.encode()).digest()).decode() for script in scripts]
    assert policy == (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digests[0]}'; "
        "base-uri 'none'; form-action 'none'"
    )
    assert len(scripts) == 1


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
    assert len(page.find("div", class_="f")) == 4


def test_a_single_class_is_open_without_a_switch() -> None:
    page = read(report(build_panel(targets=(build_target(),), shown=0)))
    assert page.find("input") == []
    assert len(page.find("div", class_="z")) == 1


@pytest.mark.parametrize("mode", [0, 1], ids=["light", "dark"])
def test_every_text_colour_of_the_page_is_readable(panel: TextPanel, mode: int) -> None:
    rules = re.findall(r":root \{(.*?)\}", report(panel), flags=re.DOTALL)
    colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", rules[mode]))
    for ground in ("card", "page"):
        for ink in ("ink", "soft", "good", "bad", "down"):
            assert contrast(colours[ink], colours[ground]) >= 4.5, (ink, ground)
    assert contrast(colours["ink"], colours["note"]) >= 4.5
    assert contrast("#ffffff", "#b42318") >= 4.5
    for line in ("up", "down", "focus"):
        assert contrast(colours[line], colours["card"]) >= 3


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


@pytest.mark.parametrize("view", [render_fragment, report])
def test_a_method_without_direction_or_score_claims_neither(view: Callable[[TextPanel], str]) -> None:
    nan = float("nan")
    scale = "strength, without a sign, of no class"
    target = build_target("attention", signed=False, scale=scale, score=nan, baseline_score=nan, delta=nan)
    page = read(view(build_panel(targets=(target,), shown=0)))
    words = " ".join(
        page.elements[-1].text.split() + page.find("body" if view is report else "div")[0].text.split()
    )
    assert scale in words
    assert "matters to" not in words
    assert "attention probability" not in words
    assert "no score" in words
    assert "pushes" not in words
    assert "nan" not in words


@pytest.mark.parametrize("view", [render_fragment, report])
def test_a_method_without_a_baseline_claims_no_sum(view: Callable[[TextPanel], str]) -> None:
    nan = float("nan")
    target = build_target(baseline_score=nan, delta=nan)
    words = " ".join(read(view(build_panel(targets=(target,), shown=0))).elements[0].text.split())
    assert re.search(r"score 0\.900(,| · probability ·) estimated error 0.002", words)
    assert "delta" not in words.split("Why?")[-1].split("units in numbers")[0]
