import pytest
from hypothesis import given
from hypothesis import strategies as st
from panels import build_panel, build_target

from setfit_explain.views.formatting import excerpt, number, printable, signed, visible_name
from setfit_explain.views.panel import TextPanel
from setfit_explain.views.pieces import numbered_units, pieces


@given(st.text(st.characters(exclude_categories=())))
def test_printable_text_is_safe_and_utf_8(text: str) -> None:
    shown = printable(text)
    shown.encode("utf-8")
    assert not any((ord(c) < 32 and c not in "\n\t") or 127 <= ord(c) < 160 for c in shown)
    assert not set(shown) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain, ünï, 東京 👨‍👩‍👧", "plain, ünï, 東京 👨‍👩‍👧"),
        ("a\x1b[0m", "a␛[0m"),
        ("a\x7f\x9b", "a␡\ufffd"),
        ("a\r\nb\rc", "a\nb\nc"),
        ("\u202ea", "[U+202E]a"),
        ("\ud800", "\ufffd"),
    ],
)
def test_what_is_unsafe_is_replaced_by_something_visible(text: str, expected: str) -> None:
    assert printable(text) == expected


def test_white_space_alone_is_visible_in_a_list() -> None:
    assert [visible_name(text) for text in (" \n", "a b", "a\x1b", "")] == ["␣␣", "a b", "a␛", ""]


@pytest.mark.parametrize(
    ("value", "plain", "with_sign"),
    [
        (0.12345, "0.123", "+0.123"),
        (-2.0, "-2.000", "-2.000"),
        (0.0, "0.000", "+0.000"),
        (-0.0, "0.000", "+0.000"),
        (0.0004, "0.0004", "+0.0004"),
        (-1.23e-7, "-1e-07", "-1e-07"),
        (float("nan"), "nan", "+nan"),
        (float("-inf"), "-inf", "-inf"),
    ],
)
def test_numbers_never_show_zero_for_what_is_not(value: float, plain: str, with_sign: str) -> None:
    assert number(value) == plain
    assert signed(value) == with_sign


def test_an_excerpt_is_one_line_and_says_that_it_is_cut() -> None:
    assert excerpt(" a\n b ", 10) == "a b"
    assert excerpt("word " * 100_000, 10) == "word word…"
    assert len(excerpt("x" * 100, 10)) == 10


@st.composite
def cut_panels(draw: st.DrawFn) -> TextPanel:
    text = draw(st.text(max_size=20))
    edges = sorted(draw(st.lists(st.integers(0, len(text)), max_size=8, unique=True)))
    spans = tuple(zip(edges[::2], edges[1::2], strict=False))
    cut = draw(
        st.none()
        | st.tuples(st.integers(0, len(text)), st.integers(0, len(text))).map(lambda s: (min(s), max(s)))
    )
    return build_panel(text=text, spans=spans, truncated_span=cut)


@given(cut_panels())
def test_pieces_spell_the_text_exactly(panel: TextPanel) -> None:
    found = pieces(panel)
    assert "".join(piece.text for piece in found) == panel.text
    assert all(piece.text for piece in found)
    assert [piece.unit for piece in found if piece.unit is not None] == list(range(len(panel.spans)))


def test_only_the_few_strongest_units_are_numbered() -> None:
    assert numbered_units(build_target(values=(0.5, -0.4, 0.01, 0.0, float("nan")))) == {0, 1}
    assert numbered_units(build_target(values=(0.5,) * 20)) == set(range(6))
    assert numbered_units(build_target(values=(0.0, 0.0))) == set()
