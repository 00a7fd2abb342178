"""What a view prints in a terminal."""

import io

from rich.console import Console

from setfit_explain.views.panel import ComparisonPanel, TextPanel
from setfit_explain.views.terminal import render


def drawn(panel: TextPanel | ComparisonPanel, width: int = 80, colour: bool = False) -> str:
    console = Console(
        file=io.StringIO(),
        width=width,
        force_terminal=colour,
        color_system="truecolor" if colour else None,
        no_color=not colour,
        legacy_windows=False,
    )
    with console.capture() as capture:
        console.print(render(panel))
    return capture.get()
