"""The tolerance among the settings of methods."""

import math
from numbers import Real
from typing import Any

from setfit_explain.errors import OptionError


def check_tolerance(tolerance: Any) -> None:
    """Raise `OptionError` unless it is a finite number above 0, of Python or numpy."""
    if not isinstance(tolerance, Real) or not 0 < float(tolerance) < math.inf:
        raise OptionError(f"tolerance must be a positive number, got {tolerance!r}.")
