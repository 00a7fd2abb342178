"""HTML views: a fragment for notebooks and a standalone page. Neither reaches out.

The fragment styles every element inline, in hexadecimal colours, because JupyterLab's sanitizer drops
style sheets, scripts, variables and aria attributes. The page has a style sheet, by which classes are
switched and texts are filtered, and one script that adds search, sorting and numbers under the pointer.
"""

import base64
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from setfit_explain.views import cards
from setfit_explain.views.formatting import excerpt, printable
from setfit_explain.views.fragment import draw_text
from setfit_explain.views.overview import draw_overview, groups_of
from setfit_explain.views.panel import Item
from setfit_explain.views.scale import DARK, LIGHT, STEPS, Bounds, Theme, colour, shared_bounds

_BUFFERED = 200


@dataclass(frozen=True, slots=True)
class FailurePanel:
    """A text that could not be explained.

    Parameters
    ----------
    index
        The text's position in what the caller passed.
    text
        The text.
    error
        Class name of the error.
    message
        What the error said.
    """

    index: int
    text: str
    error: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of a page.

    Parameters
    ----------
    title
        Heading; none where it is empty.
    paragraphs
        What the reader should know before looking.
    panels
        The texts to draw, each by one method or by several.
    failures
        The texts that could not be explained.
    """

    title: str = ""
    paragraphs: tuple[str, ...] = ()
    panels: tuple[Item, ...] = ()
    failures: tuple[FailurePanel, ...] = ()


def render_fragment(item: Item, bounds: Bounds | None = None) -> str:
    """Draw one text, by one method or by several, for a notebook cell.

    Parameters
    ----------
    item
        What to draw.
    bounds
        The values of the fullest colours; ``None`` takes this text's largest.
    """
    bounds = shared_bounds(cards.methods_of(item)) if bounds is None else bounds
    return _environment().get_template("fragment.html.jinja").render(text=draw_text(item, bounds))


def render_fragments(items: Sequence[Item]) -> str:
    """Draw texts one below the other for a notebook cell, on one colour scale."""
    bounds = shared_bounds(panel for item in items for panel in cards.methods_of(item))
    return "".join(render_fragment(item, bounds) for item in items)


def render_rest(lines: Sequence[str]) -> str:
    """Draw lines of plain text below the fragments of a notebook cell; nothing where there are none."""
    return _environment().get_template("rest.html.jinja").render(lines=lines) if lines else ""


def render_report(sections: Sequence[Section], title: str) -> str:
    """Draw a complete page on one colour scale over all its texts and classes.

    Parameters
    ----------
    sections
        The page's parts, in order.
    title
        Heading and name of the page.

    Returns
    -------
    str
        HTML that encodes as UTF-8 and is the same, byte by byte, for the same arguments.
    """
    return "".join(stream_report(sections, title))


def stream_report(sections: Sequence[Section], title: str) -> Iterator[str]:
    """Draw the page of `render_report` part by part, so that it need not be in memory as a whole."""
    items = [item for section in sections for item in section.panels]
    panels = [panel for item in items for panel in cards.methods_of(item)]
    bounds = shared_bounds(panels)
    groups = groups_of(items)
    failures = sum(len(section.failures) for section in sections)
    drawn = iter(
        cards.draw_card(item, place, bounds, words)
        for place, (item, words) in enumerate(zip(items, groups, strict=True), start=1)
    )
    many = len(items) + failures > 1
    stream = (
        _environment()
        .get_template("report.html.jinja")
        .stream(
            title=title,
            sections=[(section, (next(drawn) for _ in section.panels)) for section in sections],
            overview=draw_overview(items, groups, failures) if many else None,
            letters=cards.LETTERS[: max((len(panel.targets) for panel in panels), default=0)],
            alone=cards.ALONE,
            footers=sorted({panel.footer for panel in panels}),
            light=_colours(LIGHT),
            dark=_colours(DARK),
            steps=range(1, STEPS + 1),
            script=_script(),
            script_hash=_hash(_script()),
        )
    )
    stream.enable_buffering(_BUFFERED)
    yield from stream


def _colours(theme: Theme) -> dict[str, str]:
    """Name the colours of a theme as the style sheet does: ``u1`` is the weakest that pushes up."""
    steps = {
        f"{name}{step}": colour(sign * step / STEPS, 1.0, theme)
        for name, sign in (("u", 1), ("d", -1))
        for step in range(1, STEPS + 1)
    }
    return {"card": theme.surface, "on-unit": theme.ink, **steps}


@cache
def _script() -> Markup:
    """Return the page's script, which is ours and holds nothing of a user's."""
    source, _, _ = _loader().get_source(_environment(), "report.js")
    return Markup(source)  # noqa: S704 - a file of this package


def _hash(script: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


@cache
def _loader() -> PackageLoader:
    return PackageLoader("setfit_explain.views")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=_loader(),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["printable"] = printable
    environment.filters["excerpt"] = excerpt
    return environment
