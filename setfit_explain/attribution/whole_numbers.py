"""Whole numbers among the settings of methods."""

from numbers import Integral
from typing import Any

from setfit_explain.errors import OptionError


def check_whole_number(name: str, value: Any, least: int, reason: str = "") -> None:
    """Raise `OptionError` unless ``value`` is a whole number, of Python or numpy, from ``least`` on.

    Parameters
    ----------
    name
        Of the setting.
    value
        What was given; True and False are no numbers here.
    least
        Smallest that is accepted.
    reason
        What that is needed for, as the end of a sentence.
    """
    if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
        raise OptionError(f"{name} must be a whole number, at least {least}{reason}, got {value!r}.")
