from collections.abc import Callable

import pytest
from rich.style import Style

from setfit_explain.views.panel import TextPanel

from .panels import build_panel


@pytest.fixture
def make_panel() -> Callable[..., TextPanel]:
    return build_panel


@pytest.fixture
def panel() -> TextPanel:
    return build_panel()


@pytest.fixture(autouse=True)
def fresh_styles() -> None:
    """Rich keeps a combined style with the codes of the first colours that it was drawn in."""
    Style._add.cache_clear()
