"""HTML views: a fragment for notebooks and a standalone page. Neither holds a script or reaches out.

The fragment styles every element inline, in hexadecimal colours, because JupyterLab's sanitizer drops
style sheets, scripts, variables and aria attributes. The page may use a style sheet of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from setfit_explain.views import drawing
from setfit_explain.views.formatting import excerpt, printable
from setfit_explain.views.panel import TextPanel
from setfit_explain.views.scale import DARK, LIGHT, shared_bound


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
        The texts to draw.
    failures
        The texts that could not be explained.
    """

    title: str = ""
    paragraphs: tuple[str, ...] = ()
    panels: tuple[TextPanel, ...] = ()
    failures: tuple[FailurePanel, ...] = ()


def render_fragment(panel: TextPanel, bound: float | None = None) -> str:
    """Draw one text for a notebook cell.

    Parameters
    ----------
    panel
        What to draw.
    bound
        The value of the fullest colour; ``None`` takes this panel's largest.
    """
    bound = shared_bound([panel]) if bound is None else bound
    return _environment().get_template("fragment.html.jinja").render(text=drawing.draw_text(panel, bound))


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
    panels = [panel for section in sections for panel in section.panels]
    bound = shared_bound(panels)
    drawn = iter(enumerate((drawing.draw_text(panel, bound) for panel in panels), start=1))
    return (
        _environment()
        .get_template("report.html.jinja")
        .render(
            title=title,
            sections=[(section, [next(drawn) for _ in section.panels]) for section in sections],
            overview=list(enumerate(panels, start=1)) if len(panels) > 1 else [],
            most_targets=max((len(panel.targets) for panel in panels), default=0),
            footers=sorted({panel.footer for panel in panels}),
            light=LIGHT,
            dark=DARK,
        )
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("setfit_explain.views"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["printable"] = printable
    environment.filters["excerpt"] = excerpt
    return environment
