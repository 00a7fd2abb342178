from collections.abc import Callable

import pytest

from setfit_explain.explanation import Explanation

from .explanations import build_explanation


@pytest.fixture
def make_explanation() -> Callable[..., Explanation]:
    return build_explanation


@pytest.fixture
def explanation() -> Explanation:
    return build_explanation()
