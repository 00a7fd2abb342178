"""Model card: what a classifier goes by, as a section of Markdown.

Units and labels are anyone's text: every punctuation mark of theirs is escaped with a backslash, which CommonMark
reads as the mark itself, so that none becomes markup, HTML, a link, the end of a table's cell, or a template.
"""

import re
import string
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from setfit_explain.explanation.panels import accepts_any_error, value_scale
from setfit_explain.explanation.strength import (
    check_explains_class,
    check_one_method,
    shared_notes,
    unit_strengths,
)
from setfit_explain.views.formatting import excerpt, signed, visible_name

if TYPE_CHECKING:
    from setfit_explain.explanation.explanation import Explanation

_PUNCTUATION = re.compile(f"[{re.escape(string.punctuation)}]")
_NAME, _NOTE = 40, 1000


def model_card_section(explained: "Sequence[Explanation]", n: int = 5, *, failures: int = 0) -> str:
    """Return the section: the ``n`` strongest units of every target, and how exact the numbers are.

    Parameters
    ----------
    explained
        Explanations of the texts that the section speaks of.
    n
        How many units towards a target, and away from it.
    failures
        How many texts besides could not be explained.

    Raises
    ------
    OptionError
        If they are by several methods, whose numbers do not compare, or by one that explains no class.
    """
    check_one_method(explained)
    check_explains_class(explained, "a model card")
    lines = ["## What the classifier goes by", ""]
    if not explained:
        return "\n".join([*lines, "No text was explained.", ""])
    signed = all(explanation.settings.get("signed") is not False for explanation in explained)
    sides = ("Towards it", "Away from it") if signed else ("Strongest for it, up or down",)
    units = _listed(explanation.granularity for explanation in explained)
    to_what = " to the score of each class" if signed else ""
    lines += [
        f"The units of text ({units}) that moved its scores most over {len(explained)} texts, on average: the mean "
        f"{_scales(explained)}{to_what}, and how often the unit occurred.",
        "",
        f"| Class | {' | '.join(sides)} |",
        "|:---" * (1 + len(sides)) + "|",
        *_rows(explained, n, len(sides)),
        "",
        *(line for note in shared_notes(explained) for line in (_escaped(note, _NOTE), "")),
        "Attributions say what moved the scores of this model, not what is true of the world.",
        "",
        "### How exact this is",
        "",
        "| Figure | Value |",
        "|:---|---:|",
        *(f"| {name} | {value} |" for name, value in _figures(explained, failures)),
        "",
    ]
    return "\n".join(lines)


def _scales(explained: "Sequence[Explanation]") -> str:
    """Return what the values are: parts of a score, with its unit, or what else."""
    found = (value_scale(each) or f"attribution ({each.output.replace('_', '-')})" for each in explained)
    return ", ".join(dict.fromkeys(found))


def _rows(explained: "Sequence[Explanation]", n: int, columns: int) -> Iterable[str]:
    for name in dict.fromkeys(name for explanation in explained for name in explanation.targets):
        ranked = unit_strengths((e for e in explained if name in e.targets), name)
        sides = (
            [unit for unit in ranked if unit.mean > 0][:n],
            [unit for unit in reversed(ranked) if unit.mean < 0][:n],
        )
        cells = (
            ", ".join(f"{_escaped(unit.unit)} {_mean(unit.mean, columns)} (×{unit.count})" for unit in side)
            for side in sides[:columns]
        )
        yield f"| {_escaped(name)} | {' | '.join(cell or '–' for cell in cells)} |"


def _mean(value: float, columns: int) -> str:
    return signed(value, 2) if columns > 1 else signed(value, 2).removeprefix("+")


def _figures(explained: "Sequence[Explanation]", failures: int) -> Iterable[tuple[str, str]]:
    held = [explanation for explanation in explained if not accepts_any_error(explanation)]
    within = f"{sum(bool(explanation.converged.all()) for explanation in held)} of {len(held)}"
    yield "Texts explained", f"{len(explained)} of {len(explained) + failures}"
    yield "Within the tolerance", within if held else "none was asked"
    yield "Largest convergence delta", _largest(explanation.delta for explanation in explained)
    yield "Largest error estimate", _largest(explanation.error_estimate for explanation in explained)
    yield (
        "Largest difference to the model's own answer",
        _largest(explanation.reproduction_error for explanation in explained),
    )
    yield "Method", _listed(explanation.method.replace("_", " ") for explanation in explained)
    yield "Baseline", _listed(str(explanation.settings.get("baseline", "none")) for explanation in explained)
    yield "Model", _listed(explanation.model_fingerprint[:12] for explanation in explained)


def _largest(values: Iterable[object]) -> str:
    sizes = np.abs(np.concatenate([np.ravel(np.asarray(value, dtype=float)) for value in values]))
    known = sizes[~np.isnan(sizes)]
    return f"{known.max():.1e}" if known.size else "not estimated"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(_escaped(name) for name in dict.fromkeys(names))


def _escaped(text: str, length: int = _NAME) -> str:
    return _PUNCTUATION.sub(lambda match: f"\\{match[0]}", excerpt(visible_name(text), length))
