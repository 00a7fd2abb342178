"""`AbsaExplainer`: both models of a SetFit AbsaModel, explained span by span on the user's sentences."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any

from setfit_explain.arguments import listed_texts
from setfit_explain.classifier.listing import is_list_like
from setfit_explain.classifier.loading import is_absa_model
from setfit_explain.classifier.tokenized import read_text
from setfit_explain.errors import OptionError, TextError, UnsupportedModelError
from setfit_explain.explainer import Explainer
from setfit_explain.explanation.explanation import Explanation
from setfit_explain.explanation.segmentation import check_granularity
from setfit_explain.explanation.spans import SpanExplanationSet, SpanInSentence, explain_span

if TYPE_CHECKING:
    from setfit_explain.explanation.segmentation import Granularity
    from setfit_explain.explanation.spans import Part, Span

    SpanGiven = str | tuple[int, int]

PARTS: tuple[Part, Part] = ("aspect", "polarity")


class AbsaExplainer:
    """A SetFit AbsaModel, loaded and verified once, that explains spans of sentences.

    Both models of an AbsaModel read the span (the polarity model with three words around it), a colon and
    the sentence. Their answers to that string are explained, on the words of the sentence.

    Parameters
    ----------
    model
        An AbsaModel. It is left as found.
    granularity
        ``"word"``, ``"token"``, ``"sentence"``, or a function from a text to its (start, end) spans.
    **options
        All other keyword arguments of `Explainer`; they hold for both models.

    Attributes
    ----------
    aspect, polarity
        The explainers of the two models, for strings such as ``"food:The food was cold"``.

    Raises
    ------
    ModelError
        One of the models cannot be explained.
    OptionError
        A setting is unknown or contradicts another.

    Examples
    --------
    ::

        explanations = AbsaExplainer(model)("The great food was cold")
        for found in explanations.polarity:
            print(found.span.text, found.explanation.top(n=3))
    """

    def __init__(self, model: Any, *, granularity: Granularity = "word", **options: Any) -> None:
        check_granularity(granularity)
        if not is_absa_model(model):
            raise UnsupportedModelError(
                f"AbsaExplainer explains an AbsaModel, got {type(model).__name__}. Load one with "
                "AbsaModel.from_pretrained(...); Explainer explains every other model."
            )
        self.granularity = granularity
        self.model = model
        self.aspect = Explainer(model.aspect_model, granularity="token", **options)
        self.polarity = Explainer(model.polarity_model, granularity="token", **options)
        if self.aspect.compares:
            raise OptionError("Spans are explained by one method at a time; give one method, not a list.")
        if not all(method.additive for method in self.aspect.methods.values()):
            raise OptionError(
                f"Method {', '.join(self.aspect.methods)!r} does not add up, so what a word did in its two places cannot be "
                "added. Use one that does, such as integrated_gradients or kernel_shap, or explain model.polarity_model "
                "by itself."
            )

    def __call__(
        self, texts: str | Iterable[str], *, spans: Sequence[Any] | None = None
    ) -> SpanExplanationSet:
        """Explain the spans of one text or many.

        Parameters
        ----------
        texts
            A string, or any iterable of strings such as a list or a datasets column.
        spans
            The spans of the text, each a part of it (its first occurrence is meant) or a pair (start, end)
            of characters; for many texts a list of such lists. None for the candidates that the model's own
            aspect extractor finds.

        Returns
        -------
        SpanExplanationSet
            For each span what the aspect model answers and what the polarity model answers, whatever it is.

        Raises
        ------
        TextError
            A text is not a string, or a span is not one in it.
        OptionError
            There is no list of spans for each text.
        UnsupportedModelError
            The aspect extractor is needed and there is none.
        """
        sentences = [texts] if isinstance(texts, str) else listed_texts(texts)
        for index, sentence in enumerate(sentences):
            if not isinstance(read_text(sentence, f"Text {index}"), str):
                raise TextError(f"Text {index} is tokenised; spans are found in strings only.")
        given = [spans] if isinstance(texts, str) and spans is not None else spans
        if given is not None:
            _check_lists(given, len(sentences))
        jobs = [
            (part, span)
            for spans_of_sentence in self._find(sentences, given)
            for by_part in spans_of_sentence
            for part, span in by_part.items()
        ]
        explainers = {"aspect": self.aspect, "polarity": self.polarity}
        answers = {
            part: iter(explainers[part]([span.rendered for name, span in jobs if name == part]))
            for part in PARTS
        }
        return SpanExplanationSet(
            explain_span(part, span, answer, self.granularity) if isinstance(answer, Explanation) else answer
            for part, span in jobs
            for answer in [next(answers[part])]
        )

    def _find(
        self, sentences: list[str], given: Sequence[Sequence[SpanGiven]] | None
    ) -> list[list[dict[Part, SpanInSentence]]]:
        """Spans of each sentence, as each model is given them."""
        models = {"aspect": self.model.aspect_model, "polarity": self.model.polarity_model}
        if given is not None:
            places = [
                [_place(sentence, span) for span in spans]
                for sentence, spans in zip(sentences, given, strict=True)
            ]
            if not any(model.span_context for model in models.values()):  # no words to count, no spaCy needed
                return [
                    [dict.fromkeys(PARTS, SpanInSentence(sentence, place, place)) for place in row]
                    for sentence, row in zip(sentences, places, strict=True)
                ]
        extractor = self.model.aspect_extractor
        if not callable(extractor):
            raise UnsupportedModelError(
                f"The AbsaModel's aspect_extractor is {type(extractor).__name__}, so neither spans nor the words "
                "around them can be found. Load it with AbsaModel.from_pretrained(..., spacy_model=...), or give "
                "spans=[...] to models whose span_context is 0."
            )
        docs, found = extractor(sentences)
        if given is not None:
            found = [[_tokens(doc, place) for place in row] for doc, row in zip(docs, places, strict=True)]
        return [
            [{part: _in_context(models[part], doc, tokens) for part in PARTS} for tokens in row]
            for doc, row in zip(docs, found, strict=True)
        ]


def _check_lists(given: Sequence[Any], texts: int) -> None:
    """Raise `OptionError` unless there is a list of spans for each text."""
    if not is_list_like(given) or not all(map(is_list_like, given)):
        raise OptionError(
            "The spans of a text are a list, such as ['food'] or [(0, 4)], and those of many texts a list of lists; got "
            f"{reprlib.repr(given)}."
        )
    if len(given) != texts:
        raise OptionError(f"There are {len(given)} lists of spans for {texts} texts.")


def _place(sentence: str, span: SpanGiven) -> Span:
    """Characters of a span that the caller gave."""
    if isinstance(span, str):
        start = sentence.find(span)
        if start < 0 or not span:
            raise TextError(f"Span {span!r} is not a part of the text {sentence!r}.")
        return start, start + len(span)
    edges = [*span] if is_list_like(span) else []
    if len(edges) != 2 or not all(isinstance(edge, Integral) for edge in edges):
        raise TextError(
            f"Span {span!r} is neither a part of the text nor a pair (start, end) of characters. The spans of a text are "
            "a list, such as ['food'] or [(0, 4)]."
        )
    start, end = edges
    if not 0 <= start < end <= len(sentence):
        raise TextError(f"Span {span!r} is not inside a text of {len(sentence)} characters.")
    return start, end


def _tokens(doc: Any, place: Span) -> slice:
    """Words of a spaCy document that characters are."""
    span = doc.char_span(*place)
    if span is None:
        raise TextError(
            f"Span {doc.text[slice(*place)]!r} does not begin and end where spaCy's words do: "
            f"{', '.join(repr(word.text) for word in doc)}."
        )
    return slice(span.start, span.end)


def _in_context(model: Any, doc: Any, tokens: slice) -> SpanInSentence:
    """Cut a span out as one model is given it, with the words around it."""
    width = model.span_context
    span, context = doc[tokens], doc[max(tokens.start - width, 0) : tokens.stop + width]
    found = SpanInSentence(doc.text, (span.start_char, span.end_char), (context.start_char, context.end_char))
    (own,) = model.prepend_aspects([doc], [[tokens]])
    if own != found.rendered:
        raise UnsupportedModelError(
            f"The {type(model).__name__} reads {own!r} where SetFit's own makes {found.rendered!r}, so its words "
            "cannot be found in the sentence. Explain it by itself, on the strings that it reads."
        )
    return found
