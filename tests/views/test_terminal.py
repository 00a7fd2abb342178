import io
import os
import pty
import re
import subprocess
import sys
import unicodedata
from collections.abc import Callable

import pytest
from rich.console import Console

from setfit_explain.views.panel import TextPanel
from setfit_explain.views.terminal import render, render_all, to_string

from .panels import ATTACKS, attacked_panel, build_target
from .printing import drawn

Make = Callable[..., TextPanel]


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_text_or_label_reaches_the_terminal_as_a_command(attack: str) -> None:
    assert not re.search(
        r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", drawn(attacked_panel(attack))
    )
    # In colour the only escapes are our own: styles, without links.
    coloured = drawn(attacked_panel(attack), colour=True)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", re.sub(r"\x1b\[[0-9;]*m", "", coloured))


def test_markup_of_the_user_is_shown_as_it_is() -> None:
    assert "[bold red]markup[/bold red]" in drawn(attacked_panel("[bold red]markup[/bold red]"), width=200)


def test_what_was_drawn_without_a_tolerance_is_told_with_its_error(make_panel: Make) -> None:
    sampled = make_panel(targets=(build_target(sampled=True),), shown=0)
    assert "(probability), standard error of sampling up to 0.002" in drawn(sampled, width=200)
    assert "sampling" not in drawn(make_panel(), width=200)


def test_signs_are_told_without_colour(panel: TextPanel) -> None:
    assert "  Loved(+0.30)  it(-0.20),\n  never bored(+0.30)\n" in re.sub(r" +\n", "\n", drawn(panel))


def test_units_are_drawn_on_their_colours(panel: TextPanel) -> None:
    coloured = drawn(panel, colour=True)
    assert "\x1b[38;2;0;0;0;48;2;244;162;89mLoved" in coloured


def test_the_score_is_the_baseline_and_the_units(panel: TextPanel) -> None:
    line = "positive: score 0.900 = baseline 0.500 +0.401 from the units, delta +0.001 (probability)"
    assert line in drawn(panel, width=200)
    assert "negative: score 0.900" in drawn(panel, width=200)


def test_the_strongest_units_come_first(panel: TextPanel) -> None:
    rows = re.findall(r"([+-]\d\.\d{3})  (\S.*?)  +(towards|away from) positive", drawn(panel))
    assert [(value, unit) for value, unit, _ in rows] == [
        ("+0.300", "Loved"),
        ("+0.300", "never bored"),
        ("-0.200", "it"),
        ("+0.001", ","),
    ]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"true_label": ("positive",)}, "true label: positive (correct)"),
        ({"true_label": ("negative",)}, "true label: negative (WRONG)"),
        ({"predicted": ()}, "predicted: no class"),
        ({"targets": (build_target(converged=False),), "shown": 0}, "NOT CONVERGED"),
        (
            {"targets": (build_target(special_token_share=0.5),), "shown": 0},
            "50.0% of the attribution is on tokens",
        ),
        (
            {"truncated_span": (10, 22), "spans": ((0, 5), (7, 8), (8, 9), (9, 10))},
            "never saw 12 of 22 characters",
        ),
        ({"text": "", "spans": (), "targets": (build_target(values=()),), "shown": 0}, "(empty text)"),
        ({"notes": ("Take care.",)}, "Take care."),
        ({}, "integrated gradients · 64 steps"),
    ],
)
def test_all_that_limits_the_answer_is_told(
    make_panel: Make, changes: dict[str, object], expected: str
) -> None:
    assert expected in drawn(make_panel(**changes), width=120)


def test_long_texts_wrap_between_words(make_panel: Make) -> None:
    text = "extraordinary " * 20
    panel = make_panel(text=text, spans=(), targets=(build_target(values=()),), shown=0)
    lines = [line.strip() for line in drawn(panel, width=40).splitlines() if "extra" in line]
    assert set(lines) == {"extraordinary extraordinary"}


def test_several_texts_share_one_scale(make_panel: Make) -> None:
    weak = make_panel(targets=(build_target(values=(0.3, 0.0, 0.0, 0.0)),), shown=0)
    strong = make_panel(targets=(build_target(values=(0.6, 0.0, 0.0, 0.0)),), shown=0)
    console = Console(file=io.StringIO(), force_terminal=True, color_system="truecolor", legacy_windows=False)
    with console.capture() as capture:
        console.print(render_all([weak, strong], ["One failed."]))
    assert "48;2;247;190;139mLoved" in capture.get()
    assert "48;2;244;162;89mLoved" in capture.get()
    assert "One failed." in capture.get()


@pytest.mark.parametrize(
    ("environment", "expected", "absent"),
    [
        ({"COLORTERM": "truecolor", "TERM": "xterm"}, "48;2;244;162;89m", "48;5"),
        ({"TERM": "xterm-256color"}, "48;5;215m", "48;2"),
        ({"COLORTERM": "truecolor", "TERM": "xterm", "NO_COLOR": "1"}, "Loved(+0.30)", "\x1b"),
        ({"TERM": "dumb"}, "Loved(+0.30)", "\x1b"),
    ],
    ids=["true colour", "256 colours", "NO_COLOR", "dumb"],
)
def test_colours_are_those_that_the_terminal_has(
    environment: dict[str, str], expected: str, absent: str
) -> None:
    """In a process of its own: rich remembers how it first wrote a style."""
    program = (
        "from setfit_explain.views.terminal import render, to_string; from tests.views.panels import build_panel; "
        "print(to_string(render(build_panel())))"
    )
    inherited = {name: value for name, value in os.environ.items() if name in ("PATH", "PYTHONPATH", "HOME")}
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        subprocess.run(
            [sys.executable, "-c", program], stdout=theirs, check=True, env=inherited | environment
        )
        os.close(theirs)
        shown = terminal.read(100_000).decode()
    assert expected in shown
    assert absent not in shown


def test_a_file_gets_no_colours(panel: TextPanel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.setattr("sys.stdout", io.StringIO())
    assert "\x1b" not in to_string(render(panel))


def cells(line: str) -> int:
    """Return a line's width as Unicode's own tables give it: wide characters are two columns, marks none."""
    widths = {"W": 2, "F": 2}
    return sum(
        0
        if unicodedata.category(char) in ("Mn", "Me", "Cf")
        else widths.get(unicodedata.east_asian_width(char), 1)
        for char in line.rstrip()
    )


@pytest.mark.parametrize(
    "text",
    [
        "東京は日本の首都です、そして世界最大の都市の一つです。" * 3,
        "😀 wunderbar 🎉 grüße e\u0301te\u0301 " * 5,
        "한국어 문장입니다 " * 9,
    ],
    ids=["Japanese", "emoji and accents", "Korean"],
)
def test_no_line_is_wider_than_the_terminal_however_wide_its_characters(make_panel: Make, text: str) -> None:
    spans = tuple(match.span() for match in re.finditer(r"\w|[^\w\s]", text))
    values = tuple(0.3 if at % 3 else -0.2 for at in range(len(spans)))
    panel = make_panel(text=text, spans=spans, targets=(build_target(values=values),), shown=0)
    lines = [line.strip() for line in drawn(panel, width=40).splitlines()]
    assert max(map(cells, lines)) <= 40
    start = lines.index("") + 1
    body = "".join(lines[start : lines.index("", start)])
    assert re.sub(r"\([+-][\d.]+\)|\s", "", body) == re.sub(r"\s", "", text)


def test_weak_units_stand_on_no_colour_and_none_is_almost_white(make_panel: Make) -> None:
    panel = make_panel(targets=(build_target(values=(0.3, 0.04, 0.0, -0.06)),), shown=0)
    grounds = re.findall(r"48;2;(\d+);(\d+);(\d+)m(\w+)", drawn(panel, colour=True))
    assert [word for *_, word in grounds] == ["Loved", "never"]
    assert all(min(map(int, channels)) < 210 for *channels, _ in grounds)


def test_classes_beyond_the_likeliest_are_counted(make_panel: Make) -> None:
    targets = tuple(build_target(f"class {at}", score=at / 100) for at in range(20))
    shown = drawn(make_panel(targets=targets, shown=3), width=120)
    assert shown.count(": score") == 12
    assert "12 of 20 explained classes are drawn" in shown


def test_a_method_without_direction_or_score_claims_neither(make_panel: Make) -> None:
    nan = float("nan")
    target = build_target("attention", signed=False, score=nan, baseline_score=nan, delta=nan)
    shown = drawn(make_panel(targets=(target,), shown=0))
    assert "attention: no score\n" in re.sub(r" +\n", "\n", shown)
    assert "towards" not in shown


def test_a_method_without_a_baseline_claims_no_sum(make_panel: Make) -> None:
    nan = float("nan")
    shown = drawn(make_panel(targets=(build_target(baseline_score=nan, delta=nan),), shown=0))
    assert "positive: score 0.900 (probability)" in shown
    assert "nan" not in shown
