"""Stub, replaced next."""

from collections.abc import Sequence
from dataclasses import dataclass

from setfit_explain.views.panel import TextPanel


@dataclass(frozen=True, slots=True)
class FailurePanel:
    """A text that could not be explained."""

    index: int
    text: str
    error: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of a report."""

    title: str = ""
    paragraphs: tuple[str, ...] = ()
    panels: tuple[TextPanel, ...] = ()
    failures: tuple[FailurePanel, ...] = ()


def render_fragment(panel: TextPanel, bound: float | None = None) -> str:
    """Draw a fragment."""
    return repr((panel, bound))


def render_rest(lines: Sequence[str]) -> str:
    """Draw remaining lines."""
    return "".join(lines)


def render_report(sections: Sequence[Section], title: str) -> str:
    """Draw a page."""
    return repr((sections, title))
