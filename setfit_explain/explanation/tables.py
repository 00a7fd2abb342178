"""Tables: explanations as pandas data frames."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from setfit_explain.errors import MissingExtraError

if TYPE_CHECKING:
    import pandas as pd

    from setfit_explain.explanation.explanation import Explanation

_SURROGATES = re.compile("[\ud800-\udfff]")


def without_surrogates(text: str) -> str:
    """Return ``text`` with U+FFFD for halves of surrogate pairs, which neither Arrow nor UTF-8 holds."""
    return _SURROGATES.sub("\ufffd", text)


def explanation_table(
    explanations: Sequence["Explanation"], text_indices: Sequence[int] | None = None
) -> "pd.DataFrame":
    """Return one row for each text, target and unit.

    Lone surrogates are replaced by U+FFFD; ``start`` and ``end`` still count in the user's text.

    Parameters
    ----------
    explanations
        What to tabulate.
    text_indices
        A number for each explanation, written as column ``text_index``; ``None`` leaves the column out.

    Raises
    ------
    MissingExtraError
        If pandas is not installed.
    """
    try:
        import pandas as pd
    except ImportError as error:
        raise MissingExtraError.of("pandas", "dataframe") from error
    table = pd.DataFrame(
        [
            (index, target, without_surrogates(unit.text), unit.start, unit.end, unit.special, value)
            for index, explanation in zip(text_indices or range(len(explanations)), explanations, strict=True)
            for target, values in zip(explanation.targets, explanation.attributions.tolist(), strict=True)
            for unit, value in zip(explanation.units, values, strict=True)
        ],
        columns=["text_index", "target", "unit", "start", "end", "special", "attribution"],
    )
    return table.drop(columns="text_index") if text_indices is None else table
