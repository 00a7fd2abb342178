"""A comparison as a table for the terminal, as JSON lines, and as a page."""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from setfit_explain.explanation import serialization
from setfit_explain.explanation.panels import text_panel
from setfit_explain.views.formatting import excerpt, number, printable, signed, visible_name
from setfit_explain.views.html import Section, render_report

if TYPE_CHECKING:
    from setfit_explain.explanation.comparison import Comparison, TargetComparison, TextComparison
    from setfit_explain.explanation.units import Unit

Names = tuple[str, str]
"""What the user calls the first and the second."""

_TEXTS_LISTED = 20
_TEXTS_DRAWN = 50
_UNITS_LISTED = 10
_TEXT_WIDTH = 60
_NAME_WIDTH = 40


def table(comparison: "Comparison", names: Names) -> str:
    """Return what the terminal shows: the whole in figures, then classes, units and texts that changed."""
    console = Console()
    with console.capture() as captured:
        console.print(_tables(comparison, names))
    return captured.get()


def json_lines(comparison: "Comparison", names: Names) -> str:
    """Return a line for the whole, then one for each text."""
    first = {
        "kind": "comparison",
        "first": names[0],
        "second": names[1],
        "texts": len(comparison.texts),
        "changed": len(comparison.changed),
        "failed": comparison.failed,
        "only_first": comparison.only_first,
        "only_second": comparison.only_second,
        "labelled": len(comparison.labelled),
        "mended": len(comparison.mended),
        "broken": len(comparison.broken),
    }
    lines = [first, *map(_text_to_dict, comparison.texts)]
    return "".join(serialization.to_json(line) + "\n" for line in lines)


def page(comparison: "Comparison", names: Names) -> str:
    """Return a standalone page: the whole in sentences, then both explanations of each text that changed."""
    changed = comparison.changed[:_TEXTS_DRAWN]
    facts = [f"{name}: {value}" for name, value in _facts(comparison, names)]
    units = [
        f"{visible_name(unit.unit)}: mean attribution {signed(unit.first_mean)}, then {signed(unit.second_mean)} "
        f"(occurs {unit.count} times)"
        for unit in comparison.unit_changes(n=_UNITS_LISTED)
    ]
    sections = [
        Section(title="In figures", paragraphs=tuple(map(printable, facts))),
        Section(
            title="Units that changed most", paragraphs=tuple(units) or ("No unit's attributions changed.",)
        ),
        *(_changed_section(text, names) for text in changed),
    ]
    more = len(comparison.changed) - len(changed)
    if more:
        sections.append(Section(paragraphs=(f"{more} more texts changed; --output jsonl has all of them.",)))
    return render_report(sections, "What changed?")


def _changed_section(text: "TextComparison", names: Names) -> Section:
    return Section(
        title=printable(f"Was {_answer(text.first.predicted)}, is {_answer(text.second.predicted)}"),
        paragraphs=(printable(f"First {names[0]}, then {names[1]}."),),
        panels=(text_panel(text.first), text_panel(text.second)),
    )


def _facts(comparison: "Comparison", names: Names) -> Iterator[tuple[str, str]]:
    n = len(comparison.texts)
    yield "first", names[0]
    yield "second", names[1]
    left_out = {
        "only in the first": comparison.only_first,
        "only in the second": comparison.only_second,
        "failed": comparison.failed,
    }
    yield (
        "texts compared",
        ", ".join([str(n), *(f"{count} {what}" for what, count in left_out.items() if count)]),
    )
    if not n:
        return
    yield "predictions changed", _share(len(comparison.changed), n)
    if comparison.labelled:
        before, after = comparison.accuracies
        yield (
            "right answers",
            f"{before:.1%} → {after:.1%} ({len(comparison.mended)} mended, {len(comparison.broken)} broken, "
            f"of {len(comparison.labelled)} with a true label)",
        )
    own = comparison.of_target()
    if own:
        yield "same strongest unit", _share(sum(map(_same_strongest, own)), len(own))
        correlations = [member.rank_correlation for member in own if not math.isnan(member.rank_correlation)]
        if correlations:
            yield (
                "rank correlation of units",
                f"{np.mean(correlations):.3f} (mean over {len(correlations)} texts)",
            )


def _tables(comparison: "Comparison", names: Names) -> RenderableType:
    facts = Table.grid(padding=(0, 2))
    for name, value in _facts(comparison, names):
        facts.add_row(Text(name, style="bold"), Text(printable(value)))
    parts: list[RenderableType] = [facts]
    if comparison.targets:
        parts += [Text(), _class_table(comparison)]
    if units := comparison.unit_changes(n=_UNITS_LISTED):
        shown = Table("unit", "times", "first", "second", "change", box=None, title="Units of the first answer, by mean attribution", title_justify="left")  # fmt: skip
        for unit in units:
            shown.add_row(
                Text(excerpt(visible_name(unit.unit), _NAME_WIDTH)),
                str(unit.count),
                *(signed(value) for value in (unit.first_mean, unit.second_mean, unit.change)),
            )
        parts += [Text(), shown]
    if comparison.changed:
        parts += [Text(), _text_table(comparison)]
    return Group(*parts)


def _class_table(comparison: "Comparison") -> Table:
    shown = Table("class", "first", "second", "change", "largest", box=None, title="Scores, in the mean", title_justify="left")  # fmt: skip
    for target in comparison.targets:
        members = comparison.of_target(target)
        changes = [member.score_change for member in members]
        shown.add_row(
            Text(excerpt(printable(target), _NAME_WIDTH)),
            number(float(np.mean([member.first_score for member in members]))),
            number(float(np.mean([member.second_score for member in members]))),
            signed(float(np.mean(changes))),
            signed(max(changes, key=abs)),
        )
    return shown


def _text_table(comparison: "Comparison") -> Table:
    shown = Table("text", "first", "second", "strongest unit", box=None, title="Predictions that changed", title_justify="left")  # fmt: skip
    for text in comparison.changed[:_TEXTS_LISTED]:
        own = text.target()
        units = (own.first_strongest, own.second_strongest) if own is not None else (None, None)
        shown.add_row(
            Text(excerpt(printable(text.first.text), _TEXT_WIDTH)),
            *(Text(printable(_answer(side.predicted))) for side in (text.first, text.second)),
            Text(
                " → ".join(
                    "-" if unit is None else excerpt(visible_name(unit.text), _NAME_WIDTH) for unit in units
                )
            ),
        )
    more = len(comparison.changed) - _TEXTS_LISTED
    if more > 0:
        shown.caption = f"{more} more; --output jsonl has all of them."
    return shown


def _text_to_dict(text: "TextComparison") -> dict[str, Any]:
    label = text.first.true_label if text.first.true_label is not None else text.second.true_label
    return {
        "kind": "text_comparison",
        "text_index": text.index,
        "text": text.first.text,
        "true_label": list(label) if isinstance(label, tuple) else label,
        "first_predicted": list(text.first.predicted),
        "second_predicted": list(text.second.predicted),
        "changed": text.changed,
        "targets": [_target_to_dict(member) for member in text.targets],
    }


def _target_to_dict(member: "TargetComparison") -> dict[str, Any]:
    return {
        "target": member.target,
        "first_score": _plain(member.first_score),
        "second_score": _plain(member.second_score),
        "rank_correlation": _plain(member.rank_correlation),
        "first_strongest": None if member.first_strongest is None else member.first_strongest.text,
        "second_strongest": None if member.second_strongest is None else member.second_strongest.text,
        "units": [
            {
                "text": unit.text,
                "start": unit.start,
                "end": unit.end,
                "special": unit.special,
                "first": _plain(first),
                "second": _plain(second),
            }
            for unit, first, second in zip(
                member.units, member.first.tolist(), member.second.tolist(), strict=True
            )
        ],
    }


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _same_strongest(member: "TargetComparison") -> bool:
    def place(unit: "Unit | None") -> tuple[int, int] | None:
        return None if unit is None else (unit.start, unit.end)

    return place(member.first_strongest) == place(member.second_strongest)


def _answer(predicted: tuple[str, ...]) -> str:
    return ", ".join(predicted) or "no class"


def _share(part: int, whole: int) -> str:
    return f"{part} ({part / whole:.1%})"
