"""Real numbers among the settings of methods."""

import math
from typing import Any

import numpy as np

from setfit_explain.errors import OptionError


def check_real_number(name: str, value: Any, *, zero: bool = False) -> None:
    """Raise `OptionError` unless ``value`` is a positive number, of Python or numpy, or 0 where that is accepted.

    Parameters
    ----------
    name
        Of the setting.
    value
        What was given; True and False are no numbers here, and infinity and NaN are refused.
    zero
        Whether 0 is accepted.
    """
    known = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    if not (known and (0 < value < math.inf or (zero and value == 0))):
        raise OptionError(f"{name} must be {'0 or ' * zero}a positive number, got {value!r}.")
