from collections.abc import Callable

import pytest
from panels import build_panel

from setfit_explain.views.panel import TextPanel


@pytest.fixture
def make_panel() -> Callable[..., TextPanel]:
    return build_panel


@pytest.fixture
def panel() -> TextPanel:
    return build_panel()
