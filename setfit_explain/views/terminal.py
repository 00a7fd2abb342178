"""Stub, replaced next."""

import io
from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.text import Text

from setfit_explain.views.panel import TextPanel


def render(panel: TextPanel) -> RenderableType:
    """Draw a panel."""
    return Text(repr(panel))


def render_all(panels: Sequence[TextPanel], rest: Sequence[str]) -> RenderableType:
    """Draw panels."""
    return Group(*(render(panel) for panel in panels), *(Text(line) for line in rest))


def to_string(renderable: RenderableType) -> str:
    """Return what print shows."""
    console = Console(file=io.StringIO())
    with console.capture() as capture:
        console.print(renderable)
    return capture.get()
