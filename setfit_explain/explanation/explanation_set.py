"""Explanations of many texts, in the caller's order, and the texts that could not be explained."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TextIO, overload

from setfit_explain.errors import OptionError, SchemaError
from setfit_explain.explanation import figures, label_studio, parquet, serialization
from setfit_explain.explanation.agreement import Agreement, agreements, same_text
from setfit_explain.explanation.checks import checked_items
from setfit_explain.explanation.explanation import Explanation
from setfit_explain.explanation.failure import Failure
from setfit_explain.explanation.model_card import model_card_section
from setfit_explain.explanation.panels import item_panel, report_panels
from setfit_explain.explanation.spreadsheet import to_csv
from setfit_explain.explanation.streams import item_from_dict, item_to_dict, json_lines, read_json_lines
from setfit_explain.explanation.strength import UnitStrength, unit_strengths
from setfit_explain.explanation.tables import explanation_table
from setfit_explain.views import html, terminal
from setfit_explain.views.panel import Item

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from matplotlib.axes import Axes
    from rich.console import RenderableType

__all__ = ["ExplanationSet", "Failure", "UnitStrength"]

_SUFFIXES = (".jsonl", ".parquet")
_SHOWN = 20


class ExplanationSet(Sequence[Explanation | Failure]):
    """Explanations of many texts; immutable, in the caller's order.

    Parameters
    ----------
    items
        An explanation or a failure for each text.

    Raises
    ------
    InputError
        If they are no list of these.
    """

    __slots__ = ("_items",)

    def __init__(self, items: Iterable[Explanation | Failure] = ()) -> None:
        self._items = checked_items(items, Explanation, Failure)

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
        return unit_strengths(self.explanations, target)[:n]

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
    def to_csv(self, to: None = None) -> str: ...
    @overload
    def to_csv(self, to: str | Path) -> Path: ...
    @overload
    def to_csv(self, to: TextIO) -> None: ...
    def to_csv(self, to: str | Path | TextIO | None = None) -> str | Path | None:
        """Write one row for each text, target and unit, for spreadsheets: see `write_csv`.

        Parameters
        ----------
        to
            A path, written all or nothing, or a file open for text; ``None`` returns the rows as one string.
        """
        return to_csv(self._items, to)

    def to_label_studio(self, target: str | int | None = None, n: int = 5) -> list[dict[str, Any]]:
        """Return a Label Studio task for each text, with its ``n`` strongest units."""
        return label_studio.tasks(self._items, target, n)

    def to_model_card(self, n: int = 5) -> str:
        """Return a section of Markdown: the ``n`` strongest units of each target, and how exact they are."""
        return model_card_section(self.explanations, n, failures=len(self.failures))

    def plot(
        self,
        target: str | int | None = None,
        *,
        kind: str = "distribution",
        unit: str | None = None,
        ax: "Axes | None" = None,
    ) -> "Axes":
        """Draw a figure of all texts and return its Axes.

        Parameters
        ----------
        target
            A target's name or index; ``None`` for each text's own shown target as bars, and for every target as
            a distribution.
        kind
            ``"distribution"``: a point for each attribution, class by class. ``"bar"``: the `strongest_units`.
            ``"convergence"``: the error of one text, explained with more and more nodes.
        unit
            The word whose attributions are distributed, in any case; ``None`` for all units of the texts.
        ax
            Axes to draw on; ``None`` for those of a new figure.

        Raises
        ------
        MissingExtraError
            If matplotlib is not installed.
        OptionError
            If the kind is unknown, or what is asked does not fit it: a unit in no text, several methods.
        TargetError
            If a text was not explained for ``target``.
        """
        return figures.set_figure(self, target, kind, unit, ax)

    @overload
    def to_html(self, path: None = None, *, title: str = ...) -> str: ...
    @overload
    def to_html(self, path: str | Path, *, title: str = ...) -> Path: ...
    def to_html(self, path: str | Path | None = None, *, title: str = "Why these predictions?") -> str | Path:
        """Draw a standalone page of all texts on one colour scale; it reaches no network and needs no script.

        It has an overview with filters, and for each text a switch of classes and its numbers in a table. A
        text by several methods, one after the other, is drawn as one, with a column each method. At most 12 classes of a text are drawn,
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
        items = [item_to_dict(item) for item in self._items]
        return serialization.to_json({**serialization.header(serialization.SET), "items": items}, indent)

    @classmethod
    def from_json(cls, content: str) -> Self:
        """Rebuild a set from ``to_json``.

        Raises
        ------
        SchemaError
            If ``content`` is not JSON, or not a saved set of a known version.
        """
        data = serialization.from_json(content)
        serialization.check_header(data, serialization.SET)
        if not isinstance(data.get("items"), list):
            raise SchemaError("A saved explanation set lacks its list of items.")
        return cls(item_from_dict(item) for item in data["items"])

    def to_json_lines(self) -> str:
        """Return a header line, then one line of ASCII JSON for each text: what ``save`` writes."""
        return "".join(json_lines(self._items, len(self)))

    def to_arrow(self) -> "pa.Table":
        """Return one row for each text and target, with its units as a list of structs.

        The settings that all explanations share are in the table's metadata too.

        Raises
        ------
        MissingExtraError
            If pyarrow is not installed.
        """
        return parquet.to_table(map(item_to_dict, self._items))

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
        return cls(map(item_from_dict, parquet.from_table(table)))

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
            return parquet.write_table(map(item_to_dict, self._items), path)
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
        return cls(read_json_lines(path))

    def _section(self) -> html.Section:
        return html.Section(
            panels=report_panels(self.explanations),
            failures=tuple(html.FailurePanel(**asdict(item)) for item in self.failures),
        )

    def _repr_html_(self) -> str:
        drawn, rest = self._drawn()
        return html.render_fragments(drawn) + html.render_rest(rest)

    def __rich__(self) -> "RenderableType":
        return terminal.render_all(*self._drawn())

    def __str__(self) -> str:
        return terminal.to_string(self.__rich__())

    def __repr__(self) -> str:
        return f"<ExplanationSet: {len(self.explanations)} explained, {len(self.failures)} failed>"

    def _drawn(self) -> tuple[list[Item], list[str]]:
        """Return what a notebook and a terminal draw, and say in lines what they do not: nothing is left out silently."""
        texts = same_text(self.explanations)
        shown, hidden = texts[:_SHOWN], len(texts) - _SHOWN
        lines = [
            f"The text at index {item.index} was not explained: {item.error}: {item.message}"
            for item in self.failures
        ]
        if hidden > 0:
            lines.append(f"{hidden} more texts are not shown here; to_html(path) draws all.")
        if not self._items:
            lines.append("No texts.")
        if len(texts) > 1:  # that of one text is drawn with it
            targets = {item.targets[item.shown_target] for group in shown for item in group}
            lines += [str(found) for found in self.agreement() if found.target in targets]
        return list(map(item_panel, shown)), lines


def _suffix(path: str | Path) -> str:
    suffix = Path(path).suffix
    if suffix not in _SUFFIXES:
        raise OptionError(f"File {str(path)!r} has another suffix. Accepted: {', '.join(_SUFFIXES)}.")
    return suffix
