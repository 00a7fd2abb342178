"""`explain`: one call from any model and texts to explanations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypedDict, Unpack, overload

from setfit_explain.absa import AbsaExplainer
from setfit_explain.arguments import resolve_methods
from setfit_explain.classifier.loading import is_absa_model
from setfit_explain.classifier.outputs import Output
from setfit_explain.errors import OptionError
from setfit_explain.explainer import Explainer

if TYPE_CHECKING:
    from setfit_explain.attribution.method import AttributionMethod
    from setfit_explain.explanation.explanation import Explanation
    from setfit_explain.explanation.explanation_set import ExplanationSet
    from setfit_explain.explanation.segmentation import Granularity
    from setfit_explain.explanation.spans import SpanExplanationSet


class Options(TypedDict, total=False):
    """The keyword arguments of `Explainer`, for `explain`."""

    targets: Any
    output: str
    method: str | AttributionMethod | Sequence[str | AttributionMethod]
    baseline: Any
    reference_texts: Sequence[str] | None
    special_tokens: str | None
    tolerance: float | None
    n_steps: int | None
    n_samples: int | None
    seed: int | None
    granularity: Granularity
    internal_batch_size: int | None
    precision: str | None
    show_progress: bool | None
    on_error: str
    trust_pickle: bool


_OF_THE_METHOD = (
    "baseline",
    "reference_texts",
    "special_tokens",
    "tolerance",
    "n_steps",
    "n_samples",
    "seed",
)
"""Those of `Options` that are a method's own."""


def check_options(options: Mapping[str, Any], whose: str = "") -> None:
    """Raise `OptionError` for what no model could mend: a name that is unknown, a scale, or a method's setting."""
    for option in options:
        if option not in Options.__annotations__:
            raise OptionError(
                f"{option!r}{whose} is not known. Accepted: {', '.join(Options.__annotations__)}."
            )
    Output.of(options.get("output", "probability"))
    settings = {own: options[own] for own in _OF_THE_METHOD if options.get(own) is not None}
    resolve_methods(options.get("method", "integrated_gradients"), settings)


@overload
def explain(
    model: Any, texts: str, *, true_labels: Any = None, **options: Unpack[Options]
) -> Explanation: ...
@overload
def explain(
    model: Any, texts: Iterable[str], *, true_labels: Any = None, **options: Unpack[Options]
) -> ExplanationSet: ...


def explain(
    model: Any, texts: str | Iterable[str], *, true_labels: Any = None, **options: Unpack[Options]
) -> Explanation | ExplanationSet | SpanExplanationSet:
    """Explain what a few-shot classifier answers for one text or many.

    Parameters
    ----------
    model
        A SetFitModel, a pair (SentenceTransformer, fitted scikit-learn classifier), a scikit-learn
        Pipeline whose first step embeds texts with a SentenceTransformer, an AbsaModel, the folder of a
        saved SetFitModel, or its hub id. It is left as found.
    texts
        A string, or any iterable of strings such as a list or a datasets column. Also a BatchEncoding
        that the body's own tokenizer made: the answer explained is the model's to its token ids.
    true_labels
        The text's class name, or one a text; shown beside the prediction.
    **options
        All other keyword arguments of `Explainer`, such as ``targets``, ``output``, ``baseline``,
        ``granularity`` and ``tolerance``.

    Returns
    -------
    Explanation, ExplanationSet or SpanExplanationSet
        One for a string, a set in the same order for an iterable; for an AbsaModel, of either, what it
        answers for each span that its aspect extractor finds, see `AbsaExplainer`. A list of methods gives a
        set: each text by each method, one text after the other. A positive attribution pushed the
        target's score up; over all units they sum to the difference between the text's score and the
        baseline's, plus the convergence delta.

    Raises
    ------
    SetFitExplainError
        See `Explainer` and its call.

    Examples
    --------
    ::

        print(explain(model, "I was charged twice for one order"))
        explain(model, texts, targets="predicted", output="log_odds").to_html("report.html")
        explain(model, texts, method=["integrated_gradients", "occlusion"]).agreement()
    """
    if is_absa_model(model):
        if true_labels is not None:
            raise OptionError("true_labels are of texts, and an AbsaModel answers for spans; leave them out.")
        return AbsaExplainer(model, **options)(texts)
    return Explainer(model, **options)(texts, true_labels=true_labels)
