"""Explanations of many texts, in the caller's order, and the texts that could not be explained."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, overload

from setfit_explain.errors import OptionError, SchemaError
from setfit_explain.explanation import parquet, serialization
from setfit_explain.explanation.agreement import Agreement, agreements
from setfit_explain.explanation.explanation import Explanation
from setfit_explain.explanation.panels import report_panels, text_panel
from setfit_explain.explanation.tables import explanation_table
from setfit_explain.views import html, scale, terminal

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from rich.console import RenderableType

_SUFFIXES = (".jsonl", ".parquet")
_KIND = "explanation_set"
_ARROW_SETTINGS = ("output", "method", "granularity", "model_fingerprint")
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Failure:
    """A text that could not be explained.

    Parameters
    ----------
    index
        The text's position in what the caller passed.
    text
        The text.
    error
        Class name of the error.
    message
        What the error said.
    """

    index: int
    text: str
    error: str
    message: str


@dataclass(frozen=True, slots=True)
class UnitStrength:
    """What one unit did over many texts.

    Parameters
    ----------
    unit
        The unit's text, case folded.
    count
        How often it occurred.
    mean, total
        Mean and sum of its signed attributions.
    """

    unit: str
    count: int
    mean: float
    total: float


class ExplanationSet(Sequence[Explanation | Failure]):
    """Explanations of many texts; immutable, in the caller's order.

    Parameters
    ----------
    items
        An explanation or a failure for each text.
    """

    __slots__ = ("_items",)

    def __init__(self, items: Iterable[Explanation | Failure] = ()) -> None:
        self._items = tuple(items)

    @overload
    def __getitem__(self, index: int) -> Explanation | Failure: ...
    @overload
    def __getitem__(self, index: slice) -> "ExplanationSet": ...
    def __getitem__(self, index: int | slice) -> "Explanation | Failure | ExplanationSet":
        return ExplanationSet(self._items[index]) if isinstance(index, slice) else self._items[index]

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[Explanation | Failure]:
        return iter(self._items)

    def __eq__(self, other: object) -> bool:
        return self._items == other._items if isinstance(other, ExplanationSet) else NotImplemented

    @property
    def explanations(self) -> tuple[Explanation, ...]:
        """The texts that were explained."""
        return tuple(item for item in self._items if isinstance(item, Explanation))

    @property
    def failures(self) -> tuple[Failure, ...]:
        """The texts that could not be explained."""
        return tuple(item for item in self._items if isinstance(item, Failure))

    def strongest_units(self, target: str | int | None = None, n: int = 10) -> list[UnitStrength]:
        """Return the units that pushed most towards ``target`` on average over all texts.

        Parameters
        ----------
        target
            A target's name or index; ``None`` takes each text's own shown target.
        n
            How many units.

        Returns
        -------
        list of UnitStrength
            By falling mean, then falling count. The buckets of special and prompt tokens are left out.

        Raises
        ------
        TargetError
            If a text was not explained for ``target``.
        """
        values: defaultdict[str, list[float]] = defaultdict(list)
        for explanation in self.explanations:
            row = explanation.attributions[explanation.target_index(target)].tolist()
            for unit, value in zip(explanation.units, row, strict=True):
                if unit.special is None:
                    values[unit.text.casefold()].append(value)
        strengths = [UnitStrength(u, len(v), sum(v) / len(v), sum(v)) for u, v in values.items()]
        return sorted(strengths, key=lambda item: (-item.mean, -item.count, item.unit))[:n]

    def agreement(self) -> list[Agreement]:
        """Compare methods: how alike they rank the units of the texts that both explained.

        Compared are explanations of one text that follow one another, each by another method, as a list of
        methods gives them. Special tokens and prompts are left out. Where a method gives no sign, strengths
        are compared; attention, which explains no class, is compared with every target of the other.

        Returns
        -------
        list of Agreement
            One for each pair of methods and each target that both explained, averaged over the texts; empty
            where no text was explained by two methods.
        """
        return agreements(self.explanations)

    def to_dataframe(self) -> "pd.DataFrame":
        """Return one row for each explained text, target and unit, with the text's ``text_index``.

        Raises
        ------
        MissingExtraError
            If pandas is not installed.
        """
        indices = [index for index, item in enumerate(self._items) if isinstance(item, Explanation)]
        return explanation_table(self.explanations, indices)

    @overload
    def to_html(self, path: None = None, *, title: str = ...) -> str: ...
    @overload
    def to_html(self, path: str | Path, *, title: str = ...) -> Path: ...
    def to_html(self, path: str | Path | None = None, *, title: str = "Why these predictions?") -> str | Path:
        """Draw a standalone page of all texts on one colour scale; it reaches no network and needs no script.

        It has an overview with filters, and for each text a switch of classes and its numbers in a table. A
        text by several methods, one after the other, is drawn as one. At most 12 classes of a text are drawn,
        those answered, true and with the highest scores, and the numbers of its 60 strongest units are
        written out; what is left out is counted. `save` keeps everything.

        Returns
        -------
        str or Path
            The page where ``path`` is ``None``, else the path written, all or nothing.
        """
        page = html.stream_report([self._section()], title)
        return "".join(page) if path is None else serialization.write_atomically(path, page)

    def to_json(self, indent: int | None = None) -> str:
        """Return the whole set as ASCII JSON; the same set gives the same bytes."""
        items = [_item_to_dict(item) for item in self._items]
        return serialization.to_json({**serialization.header(_KIND), "items": items}, indent)

    @classmethod
    def from_json(cls, content: str) -> Self:
        """Rebuild a set from ``to_json``.

        Raises
        ------
        SchemaError
            If ``content`` is not JSON, or not a saved set of a known version.
        """
        data = serialization.from_json(content)
        serialization.check_header(data, _KIND)
        if not isinstance(data.get("items"), list):
            raise SchemaError("A saved explanation set lacks its list of items.")
        return cls(_item_from_dict(item) for item in data["items"])

    def to_json_lines(self) -> str:
        """Return a header line, then one line of ASCII JSON for each text: what ``save`` writes."""
        first = {**serialization.header(_KIND), "count": len(self)}
        lines = [first, *map(_item_to_dict, self._items)]
        return "".join(serialization.to_json(line) + "\n" for line in lines)

    def to_arrow(self) -> "pa.Table":
        """Return one row for each text and target, with its units as a list of structs.

        The settings that all explanations share are in the table's metadata too.

        Raises
        ------
        MissingExtraError
            If pyarrow is not installed.
        """
        return parquet.to_table(map(_item_to_dict, self._items), self._arrow_header())

    @classmethod
    def from_arrow(cls, table: "pa.Table") -> Self:
        """Rebuild a set from ``to_arrow``; columns that it does not know, such as a key, are left out.

        Raises
        ------
        MissingExtraError
            If pyarrow is not installed.
        SchemaError
            If the version is unknown, or the rows of a text are not complete and in order.
        """
        return cls(map(_item_from_dict, parquet.from_table(table)))

    def save(self, path: str | Path) -> Path:
        """Write the set as JSON lines or as Parquet, all or nothing, and return the path.

        Raises
        ------
        OptionError
            If the file name ends in neither ``.jsonl`` nor ``.parquet``.
        MissingExtraError
            If it is ``.parquet`` and pyarrow is not installed.
        """
        if _suffix(path) == ".parquet":
            return parquet.write_table(map(_item_to_dict, self._items), self._arrow_header(), path)
        return serialization.write_atomically(path, self.to_json_lines())

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a set that ``save`` wrote.

        Raises
        ------
        OptionError
            If the file name ends in neither ``.jsonl`` nor ``.parquet``.
        MissingExtraError
            If it is ``.parquet`` and pyarrow is not installed.
        SchemaError
            If the file is not a complete saved set of a known version.
        """
        if _suffix(path) == ".parquet":
            return cls.from_arrow(parquet.read_table(path))
        try:
            lines = Path(path).read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError as error:
            raise SchemaError(f"{str(path)!r} is not UTF-8, so not a saved explanation set.") from error
        if not lines:
            raise SchemaError(
                f"{str(path)!r} is empty. Accepted: a header line, then one line for each text."
            )
        first = serialization.from_json(lines[0])
        serialization.check_header(first, _KIND)
        if first.get("count") != len(lines) - 1:
            raise SchemaError(
                f"{str(path)!r} holds {len(lines) - 1} texts but its header says {first.get('count')!r}. "
                "It was cut or edited."
            )
        return cls(_item_from_dict(serialization.from_json(line)) for line in lines[1:])

    def _arrow_header(self) -> dict[str, Any]:
        of_each = [
            {*item.settings.items(), *((name, getattr(item, name)) for name in _ARROW_SETTINGS)}
            for item in self.explanations
        ]
        shared = dict(sorted(set.intersection(*of_each))) if of_each else {}
        return {**serialization.header(_KIND), "count": len(self), "settings": shared}

    def _section(self) -> html.Section:
        return html.Section(
            panels=report_panels(self.explanations),
            failures=tuple(html.FailurePanel(**asdict(item)) for item in self.failures),
        )

    def _repr_html_(self) -> str:
        panels = [text_panel(item) for item in self.explanations[:_SHOWN]]
        bounds = scale.shared_bounds(panels)
        fragments = [html.render_fragment(panel, bounds) for panel in panels]
        return "".join(fragments) + html.render_rest(self._rest())

    def __rich__(self) -> "RenderableType":
        panels = [text_panel(item) for item in self.explanations[:_SHOWN]]
        return terminal.render_all(panels, self._rest())

    def __str__(self) -> str:
        return terminal.to_string(self.__rich__())

    def __repr__(self) -> str:
        return f"<ExplanationSet: {len(self.explanations)} explained, {len(self.failures)} failed>"

    def _rest(self) -> list[str]:
        """Say in lines what is not drawn, so that nothing is left out silently."""
        lines = [
            f"The text at index {item.index} was not explained: {item.error}: {item.message}"
            for item in self.failures
        ]
        hidden = len(self.explanations) - _SHOWN
        if hidden > 0:
            lines.append(f"{hidden} more texts are not shown here; to_html(path) draws all.")
        if not self._items:
            lines.append("No texts.")
        shown = {item.targets[item.shown_target] for item in self.explanations[:_SHOWN]}
        return lines + [str(found) for found in self.agreement() if found.target in shown]


def _suffix(path: str | Path) -> str:
    suffix = Path(path).suffix
    if suffix not in _SUFFIXES:
        raise OptionError(f"File {str(path)!r} has another suffix. Accepted: {', '.join(_SUFFIXES)}.")
    return suffix


def _item_to_dict(item: Explanation | Failure) -> dict[str, Any]:
    if isinstance(item, Explanation):
        return item.to_dict()
    return {**serialization.header("failure"), **asdict(item)}


def _item_from_dict(data: Any) -> Explanation | Failure:
    if isinstance(data, dict) and data.get("kind") == "failure":
        serialization.check_header(data, "failure")
        types = {field.name: field.type for field in fields(Failure)}
        given = {key: value for key, value in data.items() if key not in serialization.header("failure")}
        if {key: type(value) for key, value in given.items()} != types:
            raise SchemaError(f"A saved failure has {given!r}. Accepted: {', '.join(types)}, and no other.")
        return Failure(**given)
    return Explanation.from_dict(data)
