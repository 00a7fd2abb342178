from collections.abc import Callable

import pytest
from explanations import build_explanation
from hypothesis import settings

from setfit_explain.explanation import Explanation

# Shared machines pause; a test that is slow once is not wrong.
settings.register_profile("setfit_explain", deadline=None)
settings.load_profile("setfit_explain")


@pytest.fixture
def make_explanation() -> Callable[..., Explanation]:
    return build_explanation


@pytest.fixture
def explanation() -> Explanation:
    return build_explanation()
