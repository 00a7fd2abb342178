"""The explanation of one text: an immutable record that adds up, and what can be done with it."""

import dataclasses
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self, TextIO, overload

import numpy as np
from numpy.typing import NDArray

from setfit_explain.errors import InputError
from setfit_explain.explanation import figures, serialization
from setfit_explain.explanation.checks import (
    Setting,
    check_span,
    check_units,
    find_target,
    frozen_array,
    plain_setting,
    same_fields,
)
from setfit_explain.explanation.exports import (
    CaptumRecord,
    captum_records,
    highlighted_text,
    shap_explanation,
)
from setfit_explain.explanation.panels import text_panel
from setfit_explain.explanation.spreadsheet import to_csv
from setfit_explain.explanation.tables import explanation_table
from setfit_explain.explanation.units import Unit
from setfit_explain.views import html, terminal

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from rich.console import RenderableType

Floats = NDArray[np.float64]

_PER_TARGET = ("score", "baseline_score", "delta", "error_estimate")


@dataclass(frozen=True, eq=False, kw_only=True)
class Explanation:
    """Which units of a text made the classifier score its classes as it did.

    For every target ``attributions.sum(axis=1) + baseline_score == score + delta``, where these are numbers. A
    positive attribution pushed the target's score up, a negative one pushed it down.

    Parameters
    ----------
    text
        The user's text, untouched.
    units
        Spans of the text in reading order, then the buckets of special and prompt tokens.
    classes
        All classes of the classifier, in the order of its probabilities.
    targets
        The names explained: classes, or "a vs b" for the contrast of two.
    attributions
        Signed, in the unit of ``output``, of shape ``(targets, units)``.
    score, baseline_score
        What the classifier scores the text and the baseline, of shape ``(targets,)``; NaN where the method explains
        no class, or compares with no baseline's score.
    delta
        Convergence delta with Captum's sign, of shape ``(targets,)``; NaN where there is nothing to add up to.
    error_estimate
        Estimated numerical error, of shape ``(targets,)``; NaN where it was not estimated.
    converged
        Whether the error is within the tolerance asked, of shape ``(targets,)``: delta and estimate of methods that
        add up, the estimate of others. True where no tolerance was asked, as of methods that draw at random unless
        you ask for one: then ``error_estimate`` alone says how exact they are.
    probabilities
        The classifier's answer, of shape ``(classes,)``; NaN where its head has only a decision function.
    predicted
        The class answered; for a multi-label classifier any number of them, also none.
    true_label
        What it should have answered, or ``None`` where that is not known.
    output
        The scale explained, such as ``"probability"``.
    method, granularity, settings
        How the attributions were made.
    truncated_span
        The characters cut by the model's maximum length, or ``None``.
    reproduction_error
        Largest difference between the rebuilt probabilities and the model's own.
    notes
        Warnings that every view shows.
    versions
        Versions of the packages involved.
    model_fingerprint
        Identifies the model's weights.

    Raises
    ------
    InputError
        If shapes do not fit each other, or a unit is not a slice of the text.
    """

    text: str
    units: tuple[Unit, ...]
    classes: tuple[str, ...]
    targets: tuple[str, ...]
    attributions: Floats
    score: Floats
    baseline_score: Floats
    delta: Floats
    error_estimate: Floats
    converged: NDArray[np.bool_]
    probabilities: Floats
    predicted: tuple[str, ...]
    true_label: str | tuple[str, ...] | None
    output: str
    method: str
    granularity: str
    settings: Mapping[str, Setting]
    truncated_span: tuple[int, int] | None
    reproduction_error: float
    notes: tuple[str, ...]
    versions: Mapping[str, str]
    model_fingerprint: str

    def __post_init__(self) -> None:
        rows: tuple[int, ...] = (len(self.targets),)
        shapes = dict.fromkeys((*_PER_TARGET, "converged"), rows)
        shapes |= {"attributions": (*rows, len(self.units)), "probabilities": (len(self.classes),)}
        for name, shape in shapes.items():
            kind = np.bool_ if name == "converged" else np.float64
            object.__setattr__(self, name, frozen_array(name, getattr(self, name), shape, kind))
        for name in ("units", "classes", "targets", "predicted", "notes"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if self.true_label is not None and not isinstance(self.true_label, str):
            object.__setattr__(self, "true_label", tuple(self.true_label))
        settings = {name: plain_setting(name, value) for name, value in self.settings.items()}
        object.__setattr__(self, "settings", MappingProxyType(settings))
        object.__setattr__(self, "versions", MappingProxyType(dict(self.versions)))
        object.__setattr__(self, "reproduction_error", float(self.reproduction_error))
        if not self.targets:
            raise InputError("An explanation has no target. Accepted: one or more.")
        check_units(self.text, self.units)
        check_span(self.text, self.truncated_span)

    @property
    def special_token_share(self) -> Floats:
        """The buckets' share of the sum of ``|attributions|``, of shape ``(targets,)``; 0 when all are 0."""
        sizes = np.abs(self.attributions)
        with np.errstate(invalid="ignore", over="ignore"):
            total = sizes.sum(axis=1)
            in_buckets = sizes[:, [unit.special is not None for unit in self.units]].sum(axis=1)
            share: Floats = np.divide(in_buckets, total, out=np.zeros_like(total), where=total > 0)
        return share

    @property
    def completeness_gap(self) -> Floats:
        """``attributions.sum(1) + baseline_score - score - delta``, of shape ``(targets,)``: about 0."""
        with np.errstate(invalid="ignore", over="ignore"):
            gap: Floats = self.attributions.sum(axis=1) + self.baseline_score - self.score - self.delta
        return gap

    @property
    def shown_target(self) -> int:
        """Index of the target that views open at first: the predicted class, else the first target."""
        return next((self.targets.index(name) for name in self.predicted if name in self.targets), 0)

    def target_index(self, target: str | int | None = None) -> int:
        """Return the row of ``target``: a name, an index, or ``None`` for the one that views show first.

        Raises
        ------
        TargetError
            If that target was not explained.
        """
        if target is None:
            return self.shown_target
        return find_target(self.targets, target)

    def for_target(self, target: str | int | None = None) -> list[tuple[str, float]]:
        """Return (unit text, attribution) of every unit in reading order, buckets last.

        Raises
        ------
        TargetError
            If that target was not explained.
        """
        values = self.attributions[self.target_index(target)].tolist()
        return [(unit.text, value) for unit, value in zip(self.units, values, strict=True)]

    def top(self, target: str | int | None = None, n: int = 5) -> list[tuple[str, float]]:
        """Return the ``n`` units with the largest absolute attribution, the strongest first.

        Raises
        ------
        TargetError
            If that target was not explained.
        """
        named = self.for_target(target)
        sizes = np.nan_to_num(np.abs([value for _, value in named]), nan=0.0, posinf=np.inf)
        return [named[index] for index in np.argsort(-sizes, kind="stable")[:n]]

    def to_dict(self) -> dict[str, Any]:
        """Return strings, numbers, lists and dicts only: what ``to_json`` writes."""
        return serialization.explanation_to_dict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Rebuild an explanation from ``to_dict``.

        Raises
        ------
        SchemaError
            If ``data`` is not a saved explanation of a known version.
        """
        return serialization.build(cls, data)

    def to_json(self, indent: int | None = None) -> str:
        """Return the explanation as ASCII JSON; the same explanation gives the same bytes."""
        return serialization.to_json(self.to_dict(), indent)

    @classmethod
    def from_json(cls, content: str) -> Self:
        """Rebuild an explanation from ``to_json``.

        Raises
        ------
        SchemaError
            If ``content`` is not JSON, or not a saved explanation of a known version.
        """
        return cls.from_dict(serialization.from_json(content))

    def to_dataframe(self) -> "pd.DataFrame":
        """Return one row for each target and unit: target, unit, start, end, special, attribution.

        Raises
        ------
        MissingExtraError
            If pandas is not installed.
        """
        return explanation_table([self])

    @overload
    def to_csv(self, to: None = None) -> str: ...
    @overload
    def to_csv(self, to: str | Path) -> Path: ...
    @overload
    def to_csv(self, to: TextIO) -> None: ...
    def to_csv(self, to: str | Path | TextIO | None = None) -> str | Path | None:
        """Write a row for each target and unit for spreadsheets, as ``ExplanationSet.to_csv`` does."""
        return to_csv([self], to)

    def to_highlighted_text(
        self, target: str | int | None = None, *, bound: float | None = None
    ) -> list[tuple[str, float | None]]:
        """Return (part of the text, share of ``bound`` from -1 to 1) for ``gradio.HighlightedText``.

        Parameters
        ----------
        target
            A target's name or index; ``None`` for the one that views show first.
        bound
            The attribution in full colour; ``None`` for this text's largest. Between units stands ``None``. Of a
            method without a sign no share is negative, and a positive one speaks for no class.
        """
        return highlighted_text(self, target, bound)

    def to_captum_records(self) -> list[CaptumRecord]:
        """Return one record a target for ``captum.attr.visualization.visualize_text``."""
        return captum_records(self)

    def to_shap(self) -> Any:
        """Return a ``shap.Explanation``: values ``(units, targets)``, base values ``(targets,)``.

        Raises
        ------
        MissingExtraError
            If shap is not installed.
        """
        return shap_explanation(self)

    def plot(self, target: str | int | None = None, *, kind: str = "bar", ax: "Axes | None" = None) -> "Axes":
        """Draw a figure and return its Axes.

        Parameters
        ----------
        target
            A target's name or index; ``None`` for the one that views show first. A heat map takes none.
        kind
            ``"bar"``: the strongest units. ``"waterfall"``: from the baseline's score to the text's.
            ``"heat_map"``: all targets.
        ax
            Axes to draw on; ``None`` for those of a new figure.

        Raises
        ------
        MissingExtraError
            If matplotlib is not installed.
        OptionError
            If the kind is unknown, or a heat map is given a target.
        TargetError
            If that target was not explained.
        """
        return figures.text_figure(self, target, kind, ax)

    @overload
    def to_html(self, path: None = None, *, title: str = ...) -> str: ...
    @overload
    def to_html(self, path: str | Path, *, title: str = ...) -> Path: ...
    def to_html(self, path: str | Path | None = None, *, title: str = "Why this prediction?") -> str | Path:
        """Draw a standalone page that reaches no network and needs no script.

        Parameters
        ----------
        path
            Where to write it, all or nothing; ``None`` returns the page itself.
        title
            The page's heading.

        Returns
        -------
        str or Path
            The page, or the path written.
        """
        page = html.render_report([html.Section(panels=(text_panel(self),))], title)
        return page if path is None else serialization.write_atomically(path, page)

    def _repr_html_(self) -> str:
        return html.render_fragment(text_panel(self))

    def __rich__(self) -> "RenderableType":
        return terminal.render(text_panel(self))

    def __str__(self) -> str:
        return terminal.to_string(terminal.render(text_panel(self)))

    def __repr__(self) -> str:
        strongest = ", ".join(f"{text!r}: {value:+.3f}" for text, value in self.top(n=3))
        return f"<Explanation of {self.targets[self.shown_target]!r}: {strongest}>"

    def __eq__(self, other: object) -> bool:
        return same_fields(self, other) if isinstance(other, Explanation) else NotImplemented

    def __reduce__(self) -> tuple[Any, ...]:
        # A MappingProxyType cannot be pickled, and unpickled arrays would be writable again.
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        values |= {"settings": dict(self.settings), "versions": dict(self.versions)}
        return functools.partial(Explanation, **values), ()
