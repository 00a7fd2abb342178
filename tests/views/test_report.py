"""What the report says of many texts and classes, and how short it stays."""

import math
import re
from collections.abc import Callable

from setfit_explain.views.html import Section, render_fragment, render_report
from setfit_explain.views.panel import TextPanel

from .markup import read
from .panels import build_panel, build_target

Make = Callable[..., TextPanel]


def report(*panels: TextPanel) -> str:
    return render_report([Section(panels=panels)], "Why?")


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


def test_the_overview_has_the_largest_error_of_what_was_drawn_without_a_tolerance(make_panel: Make) -> None:
    drawn = [
        make_panel(targets=(build_target(sampled=True, error_estimate=error),), shown=0)
        for error in (0.125, 0.0625)
    ]

    def facts(*panels: TextPanel) -> str:
        return " ".join(read(report(*panels)).find("dl")[0].text.split())

    assert facts(*drawn).endswith("standard error of samplingup to 0.125")
    unsure = make_panel(targets=(build_target(converged=False),), shown=0)
    assert facts(*drawn, unsure).endswith("standard error of samplingup to 0.125 converged2 of 3")


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
