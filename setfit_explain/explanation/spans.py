"""Explanations of spans: a model that reads a span, a colon and its sentence, explained on the sentence.

SetFit's ABSA models are given such a string. Every word of the span is in it twice, and what both places
did to the score belongs to the one word that the user wrote.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, overload

import numpy as np
from numpy.typing import NDArray

from setfit_explain.errors import InputError
from setfit_explain.explanation.aggregation import aggregate
from setfit_explain.explanation.checks import checked_items, same_fields
from setfit_explain.explanation.explanation import Explanation
from setfit_explain.explanation.explanation_set import ExplanationSet, Failure
from setfit_explain.explanation.segmentation import Granularity, granularity_name
from setfit_explain.explanation.units import Kind, group_tokens
from setfit_explain.views import html, terminal

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import RenderableType

Span = tuple[int, int]
Part = Literal["aspect", "polarity"]

_COLON = ":"
_NOTHING = "No span was found."


@dataclass(frozen=True)
class SpanInSentence:
    """A span of a sentence, as a span model is given it.

    Parameters
    ----------
    sentence
        The user's text.
    span
        Characters of the span that is asked about.
    prepended
        Characters that are put before the sentence: the span and the words of its context.

    Raises
    ------
    InputError
        The span or its context lies outside the sentence.
    """

    sentence: str
    span: Span
    prepended: Span

    def __post_init__(self) -> None:
        if (
            not 0
            <= self.prepended[0]
            <= self.span[0]
            < self.span[1]
            <= self.prepended[1]
            <= len(self.sentence)
        ):
            raise InputError(
                f"Span {self.span} with its context {self.prepended} is not inside a text of "
                f"{len(self.sentence)} characters."
            )

    @property
    def text(self) -> str:
        """The span's own characters."""
        return self.sentence[slice(*self.span)]

    @property
    def rendered(self) -> str:
        """The string that the model reads."""
        return f"{self.sentence[slice(*self.prepended)]}{_COLON}{self.sentence}"

    def place(self, start: int, end: int) -> Span | None:
        """Return the characters of the sentence that those of the rendered string are; None for the colon's."""
        colon = self.prepended[1] - self.prepended[0]
        if end <= colon:
            return start + self.prepended[0], end + self.prepended[0]
        after = colon + len(_COLON)
        return (start - after, end - after) if start >= after else None


@dataclass(frozen=True, eq=False, kw_only=True)
class SpanExplanation:
    """What made one model of an AbsaModel answer as it did for one span.

    Parameters
    ----------
    model
        ``"aspect"``: is the span an aspect? ``"polarity"``: what is said of it?
    span
        The span and its sentence.
    explanation
        On the sentence: what a word did in both places of the string that the model reads, added. What
        stands between them is in a bucket of its own, so that the numbers add up to the score.
    prepended
        The part of ``explanation.attributions`` that the words before the colon have, of the same shape
        ``(targets, units)``; the rest is that of the sentence.
    rendered
        On the string as the model reads it, with both places apart.
    """

    model: Part
    span: SpanInSentence
    explanation: Explanation
    prepended: NDArray[np.float64]
    rendered: Explanation

    def __eq__(self, other: object) -> bool:
        return same_fields(self, other) if isinstance(other, SpanExplanation) else NotImplemented

    def __repr__(self) -> str:
        return f"<SpanExplanation of {self.span.text!r} by the {self.model} model: {self.explanation!r}>"


def explain_span(
    model: Part, span: SpanInSentence, by_token: Explanation, granularity: Granularity
) -> SpanExplanation:
    """Carry an explanation of the rendered string, with a unit a token, over to the sentence.

    A token that reaches over the colon, of which no part of the sentence can be told, is counted as the
    colon's.

    Raises
    ------
    InputError
        The explanation is of another string.
    """
    if by_token.text != span.rendered:
        raise InputError(f"The explanation is of {by_token.text!r}, not of {span.rendered!r}.")
    note = (
        f"What the {model} model answers for the span {span.text!r} (characters {span.span[0]} to "
        f"{span.span[1]}). It reads the span twice: before the sentence, and in it."
    )
    by_token = dataclasses.replace(
        by_token,
        granularity=granularity_name(granularity),
        settings=dict(by_token.settings) | {"model": model, "span": span.text, "span_start": span.span[0]},
        notes=(note, *by_token.notes),
    )
    units = by_token.units
    apart = group_tokens(
        span.rendered,
        np.array([(unit.start, unit.end) for unit in units]),
        [unit.special or "text" for unit in units],
        granularity,
    )
    places = [span.place(unit.start, unit.end) if unit.special is None else None for unit in units]
    kinds: list[Kind] = [
        unit.special or ("separator" if place is None else "text")
        for unit, place in zip(units, places, strict=True)
    ]
    added = group_tokens(span.sentence, np.array([place or (0, 0) for place in places]), kinds, granularity)
    before = [
        kind == "text" and unit.end <= len(span.rendered) - len(span.sentence)
        for unit, kind in zip(units, kinds, strict=True)
    ]
    return SpanExplanation(
        model=model,
        span=span,
        explanation=dataclasses.replace(
            by_token,
            text=span.sentence,
            units=added.units,
            attributions=aggregate(by_token.attributions, added.membership, len(added.units)),
            truncated_span=_cut(span, by_token.truncated_span),
        ),
        prepended=aggregate(by_token.attributions * before, added.membership, len(added.units)),
        rendered=dataclasses.replace(
            by_token,
            units=apart.units,
            attributions=aggregate(by_token.attributions, apart.membership, len(apart.units)),
        ),
    )


def _cut(span: SpanInSentence, truncated: Span | None) -> Span | None:
    """Part of the sentence that the model did not read behind the colon."""
    if truncated is None:
        return None
    after = len(span.rendered) - len(span.sentence)
    start, end = (max(0, edge - after) for edge in truncated)
    return (start, end) if start < end else None


class SpanExplanationSet(Sequence[SpanExplanation | Failure]):
    """Explanations of spans, in the order of the texts and of the spans in them; immutable.

    Parameters
    ----------
    items
        For each span the aspect model's, then the polarity model's.

    Raises
    ------
    InputError
        If they are no list of these.
    """

    __slots__ = ("_items",)

    def __init__(self, items: Iterable[SpanExplanation | Failure] = ()) -> None:
        self._items = checked_items(items, SpanExplanation, Failure)

    @overload
    def __getitem__(self, index: int) -> SpanExplanation | Failure: ...
    @overload
    def __getitem__(self, index: slice) -> "SpanExplanationSet": ...
    def __getitem__(self, index: int | slice) -> "SpanExplanation | Failure | SpanExplanationSet":
        return SpanExplanationSet(self._items[index]) if isinstance(index, slice) else self._items[index]

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[SpanExplanation | Failure]:
        return iter(self._items)

    def __eq__(self, other: object) -> bool:
        return self._items == other._items if isinstance(other, SpanExplanationSet) else NotImplemented

    @property
    def explanations(self) -> tuple[SpanExplanation, ...]:
        """The spans that were explained, by either model."""
        return tuple(item for item in self._items if isinstance(item, SpanExplanation))

    @property
    def failures(self) -> tuple[Failure, ...]:
        """The spans that could not be explained."""
        return tuple(item for item in self._items if isinstance(item, Failure))

    @property
    def aspect(self) -> tuple[SpanExplanation, ...]:
        """What the aspect model answers, a span each."""
        return tuple(item for item in self.explanations if item.model == "aspect")

    @property
    def polarity(self) -> tuple[SpanExplanation, ...]:
        """What the polarity model answers, a span each."""
        return tuple(item for item in self.explanations if item.model == "polarity")

    @property
    def on_sentences(self) -> ExplanationSet:
        """On the sentences, with everything that a set of explanations can do, such as ``save``."""
        return self._set(rendered=False)

    @property
    def rendered(self) -> ExplanationSet:
        """On the strings that the models read."""
        return self._set(rendered=True)

    def to_html(self, path: str | Path | None = None, *, title: str = "Why these aspects?") -> str | Path:
        """Draw a standalone page: on each sentence, and then on the string that the model reads.

        Returns
        -------
        str or Path
            The page where ``path`` is ``None``, else the path written, all or nothing.
        """
        both: list[Explanation | Failure] = []
        for item in self._items:
            both += [item] if isinstance(item, Failure) else [item.explanation, item.rendered]
        return ExplanationSet(both).to_html(path, title=title)

    def to_dataframe(self) -> "pd.DataFrame":
        """Return one row for each span, model, target and unit.

        Column ``item`` is the place in this set; ``prepended`` and ``in_sentence`` are the attribution's parts.

        Raises
        ------
        MissingExtraError
            If pandas is not installed.
        """
        table = self.on_sentences.to_dataframe().rename(columns={"text_index": "item"})
        items = self.explanations
        sizes = [item.prepended.size for item in items]
        spans = [item.span for item in items]
        table.insert(1, "model", np.repeat([item.model for item in items], sizes))
        table.insert(2, "span", np.repeat([span.text for span in spans], sizes))
        table.insert(3, "span_start", np.repeat([span.span[0] for span in spans], sizes))
        table["prepended"] = np.concatenate([item.prepended.ravel() for item in items] or [np.zeros(0)])
        table["in_sentence"] = table["attribution"] - table["prepended"]
        return table

    def _set(self, *, rendered: bool) -> ExplanationSet:
        return ExplanationSet(
            item if isinstance(item, Failure) else item.rendered if rendered else item.explanation
            for item in self._items
        )

    def _repr_html_(self) -> str:
        return self.on_sentences._repr_html_() if self._items else html.render_rest([_NOTHING])

    def __rich__(self) -> "RenderableType":
        return self.on_sentences.__rich__() if self._items else terminal.render_all([], [_NOTHING])

    def __str__(self) -> str:
        return terminal.to_string(self.__rich__())

    def __repr__(self) -> str:
        return f"<SpanExplanationSet: {len(self.explanations)} explained, {len(self.failures)} failed>"
