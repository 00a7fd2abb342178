"""Lists that callers pass, and what only looks like one."""

from collections.abc import Iterable, Mapping
from typing import Any


def is_list_like(values: Any) -> bool:
    """Whether iterating gives the members that are meant.

    Of a string it gives letters, of a mapping its keys, and of a data set or data frame the names of its columns.
    """
    table = hasattr(values, "column_names") or hasattr(values, "columns")
    return isinstance(values, Iterable) and not isinstance(values, str | bytes | Mapping) and not table
