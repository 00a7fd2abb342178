"""AbsaModels without spaCy: documents that have what SetFit and this library ask of spaCy's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from setfit import AbsaModel, SetFitModel
from setfit.span.modeling import AspectModel, PolarityModel

from tests.models import tiny_model

NOUNS = ("parcel", "refund", "food")


@dataclass(frozen=True)
class Span:
    """Words ``start`` to ``end`` of a document."""

    doc: Doc
    start: int
    end: int

    @property
    def start_char(self) -> int:
        return self.doc.words[self.start][0]

    @property
    def end_char(self) -> int:
        return self.doc.words[self.end - 1][1]

    @property
    def text(self) -> str:
        return self.doc.text[self.start_char : self.end_char]


class Doc:
    """A text and where its words are."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.words = [match.span() for match in re.finditer(r"\w+|[^\w\s]", text)]

    def __getitem__(self, index: Any) -> Span:
        start, end, _ = index.indices(len(self.words)) if isinstance(index, slice) else (index, index + 1, 1)
        return Span(self, start, end)

    def __iter__(self) -> Iterator[Span]:
        return (self[index] for index in range(len(self)))

    def __len__(self) -> int:
        return len(self.words)

    def char_span(self, start: int, end: int) -> Span | None:
        starts, ends = ([word[side] for word in self.words] for side in (0, 1))
        return (
            Span(self, starts.index(start), ends.index(end) + 1) if start in starts and end in ends else None
        )


def nouns(texts: Any) -> tuple[list[Doc], list[list[slice]]]:
    """Find every one of `NOUNS`, as SetFit's AspectExtractor finds nouns."""
    docs = [Doc(text) for text in texts]
    return docs, [[slice(k, k + 1) for k in range(len(doc)) if doc[k].text in NOUNS] for doc in docs]


def absa_model(
    source: SetFitModel | None = None, contexts: tuple[int, int] = (0, 3), extractor: Any = nouns
) -> AbsaModel:
    """Build an AbsaModel whose two models are tiny."""
    first, second = source or tiny_model("bert", "binary"), source or tiny_model("bert")
    return AbsaModel(
        extractor,
        AspectModel(
            model_body=first.model_body,
            model_head=first.model_head,
            labels=["no aspect", "aspect", "third"],
            span_context=contexts[0],
        ),
        PolarityModel(
            model_body=second.model_body,
            model_head=second.model_head,
            labels=["negative", "neutral", "positive"],
            span_context=contexts[1],
        ),
    )
