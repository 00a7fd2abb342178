import math
import re
from base64 import b64encode
from collections import Counter
from collections.abc import Callable
from hashlib import sha256

import pytest

from setfit_explain.views.html import FailurePanel, Section, render_fragment, render_report, render_rest
from setfit_explain.views.panel import TextPanel
from setfit_explain.views.scale import contrast

from .markup import Page, read
from .panels import ATTACKS, attacked_panel, build_panel, build_target

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


def rows(markup: str, *, table: int = 0) -> list[list[str]]:
    """Return the words of each row of a table of units."""
    found = re.findall(r'<table class="units">.*?</table>', markup, flags=re.DOTALL)[table]
    return [
        [re.sub(r"<[^>]+>", "", cell) for cell in re.findall(r"<t[hd].*?</t[hd]>", row, flags=re.DOTALL)]
        for row in found.split("<tr")[1:]
    ]


def test_every_number_is_written_once_in_a_table_that_adds_up(panel: TextPanel) -> None:
    assert rows(report(panel)) == [
        ["unit", "negative", "positive"],
        ["Loved", "−0.300", "+0.300"],
        ["never bored", "−0.300", "+0.300"],
        ["it", "+0.200", "−0.200"],
        [",", "−0.001", "+0.001"],
        ["all units", "−0.401", "+0.401"],
    ]
    assert (
        "Attributions of text 1, strongest for positive first" in read(report(panel)).find("caption")[0].text
    )


def test_the_rows_of_the_table_know_their_units_in_the_text(panel: TextPanel) -> None:
    page = read(report(panel))
    names = [unit.text for unit in page.find("b")]
    places = [int(row.attributes["data-u"]) for row in page.find("tr") if "data-u" in row.attributes]
    assert [names[place] for place in places] == ["Loved", "never bored", "it"]


def test_the_weakest_of_many_units_are_added_up() -> None:
    text = " ".join(f"w{at}" for at in range(100))
    spans = tuple(match.span() for match in re.finditer(r"\w+", text))
    values = tuple(float(at) for at in range(100))
    panel = build_panel(text=text, spans=spans, targets=(build_target(values=values),), shown=0)
    *shown, rest, total = rows(report(panel))[1:]
    assert [row[0] for row in shown] == [f"w{at}" for at in range(99, 39, -1)]
    assert rest == ["40 weaker units together", "+780.000"]
    assert total == ["all units", "+4950.000"]


def test_of_many_classes_the_answered_the_true_and_the_likeliest_are_drawn() -> None:
    targets = tuple(build_target(f"class {at}", score=(at * 7 % 20) / 20) for at in range(20))
    panel = build_panel(targets=targets, shown=3, predicted=("class 3",), true_label=("class 0",))
    labels = [e.text.split(" 0.")[0] for e in read(report(panel)).find("label")]
    likeliest = sorted(range(20), key=lambda at: -targets[at].score)
    assert labels == ["class 3", "class 0", *(f"class {at}" for at in likeliest if at not in (0, 3))][:12]
    for view in (report, render_fragment):
        assert "12 of 20 explained classes are drawn" in view(panel)
        assert "explained classes are drawn" not in view(build_panel(targets=targets[:12], shown=3))


def test_the_overview_says_what_was_answered_and_whether_it_is_right(make_panel: Make) -> None:
    wrong = make_panel(true_label=("negative",), targets=(build_target(converged=False),), shown=0)
    unknown = make_panel(true_label=None, predicted=(), notes=())
    markup = report(make_panel(), wrong, unknown)
    lines = [" ".join(row.text.split()) for row in read(markup).find("tr", class_="item")]
    text = "Loved it, never bored"
    assert lines == [
        f"1{text}positive0.900✓ positivewith a warning",
        f"2{text}positive0.900✗ negativenot converged, with a warning",
        f"3{text}no classnot given",
    ]
    facts = [" ".join(fact.text.split()) for fact in read(markup).find("dl")[0:1]]
    assert facts == ["texts3 correct1 of 2 mean confidence0.900 converged2 of 3"]


def test_right_and_wrong_answers_are_counted(make_panel: Make) -> None:
    wrong = make_panel(true_label=("negative",))
    page = read(
        report(make_panel(), wrong, wrong, make_panel(predicted=("negative",), true_label=("negative",)))
    )
    cells = [re.sub(r" texts.*", "", cell.text) for cell in page.find("td")]
    assert cells[:5] == ["all", "1", "2", "·", "1"]
    assert [cell.text[0] for cell in page.find("td", class_="miss")] == ["2"]


def test_of_many_confused_classes_the_commonest_mistakes_are_listed(make_panel: Make) -> None:
    panels = [
        make_panel(predicted=(f"class {at}",), true_label=(f"class {(at + 1) % 14}",), probabilities=())
        for at in (*range(14), 5, 5)
    ]
    page = read(report(*panels))
    found = [" ".join(row.text.split()) for row in page.find("tr")][2:4]
    assert [re.sub(" texts.*", "", row) for row in found] == ["class 6class 53", "class 0class 131"]


def test_one_colour_scale_is_shared_by_all_texts(make_panel: Make) -> None:
    strong = make_panel(targets=(build_target(values=(0.6, 0.0, 0.0, 0.0)),), shown=0)
    weak = make_panel(targets=(build_target(values=(0.3, 0.0, 0.0, 0.0)),), shown=0)
    page = read(report(strong, weak))
    assert [unit.attributes["class"] for unit in page.find("b")] == ["z8", "z4"]
    assert "+0.600" in page.find("p", class_="legend")[1].text
    assert "--u8: #f4a259" in report(strong)
    assert "--u4: #fad0ac" in report(strong)


def test_a_contrast_has_its_own_scale_and_unit(make_panel: Make) -> None:
    contrast_of_two = build_target(
        "a vs b", towards="towards a", away="towards b", values=(4.0, 0, 0, 0), contrast=True
    )
    panel = make_panel(targets=(build_target(values=(0.5, 0, 0, 0)), contrast_of_two), shown=0)
    figures = [" ".join(e.text.split()) for e in read(report(panel)).find("div", class_="f")]
    assert figures[0].startswith("pushes away from positive−0.500+0.500pushes towards positive")
    assert figures[1].startswith("pushes towards b−4.000+4.000pushes towards a")
    assert "· probability ·" in figures[0]
    assert "· nats ·" in figures[1]


def test_many_classes_and_long_texts_stay_small() -> None:
    """As the first version wrote them, these were 24 MB."""
    text = " ".join(f"word{at}" for at in range(512))
    spans = tuple(match.span() for match in re.finditer(r"\w+", text))
    targets = tuple(
        build_target(f"class {k}", values=tuple(math.sin(at * (k + 2)) for at in range(512)))
        for k in range(10)
    )
    panels = [build_panel(text=text, spans=spans, targets=targets, shown=0)] * 20
    assert len(report(*panels).encode()) < 2e6


def test_a_thousand_texts_stay_under_20_megabytes() -> None:
    text = " ".join(f"word{at}" for at in range(30))
    spans = tuple(match.span() for match in re.finditer(r"\w+", text))
    targets = tuple(
        build_target(f"class {k}", values=tuple(math.sin(at * (k + 2)) for at in range(30)))
        for k in range(12)
    )
    panel = build_panel(text=text, spans=spans, targets=targets, shown=0)
    few, many = (len(report(*[panel] * count).encode()) for count in (5, 25))
    assert few + (many - few) / 20 * 995 < 20e6


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
    target = build_target("attention", signed=False, score=nan, baseline_score=nan, delta=nan)
    page = read(view(build_panel(targets=(target,), shown=0)))
    words = " ".join(
        page.elements[-1].text.split() + page.find("body" if view is report else "div")[0].text.split()
    )
    assert "matters to attention, up or down" in words
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
