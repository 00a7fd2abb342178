"""`Explainer`: from a model and texts to explanations. Assembles, does no mathematics."""

from __future__ import annotations

import reprlib
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from setfit_explain._version import versions
from setfit_explain.arguments import listed_texts, resolve_methods, targets_per_text
from setfit_explain.classifier.labels import label_name, predicted, resolve_targets, target_name
from setfit_explain.classifier.loading import load_model
from setfit_explain.classifier.outputs import Output, ScoreFunction, check_output
from setfit_explain.classifier.precision import PRECISIONS
from setfit_explain.classifier.text_classifier import TextClassifier
from setfit_explain.classifier.tokenized import TokenizedText, is_tokenized, read_text, read_tokenized
from setfit_explain.errors import ConvergenceWarning, OptionError, TargetError, TextError
from setfit_explain.explanation.explanation import Explanation
from setfit_explain.explanation.explanation_set import ExplanationSet, Failure
from setfit_explain.explanation.segmentation import check_granularity, granularity_name
from setfit_explain.explanation.units import group_tokens
from setfit_explain.views.progress import progress_bar

if TYPE_CHECKING:
    from setfit_explain.attribution.method import AttributionMethod
    from setfit_explain.classifier.tokenized import Text
    from setfit_explain.explanation.segmentation import Granularity

LATELY = 256
"""How many explanations of one call are held in case their text comes again."""


class Explainer:
    """A model, loaded and verified once, that explains texts.

    Safe to call from several threads; they take turns at the model.

    Parameters
    ----------
    model
        A SetFitModel, a pair (SentenceTransformer, fitted scikit-learn classifier), a scikit-learn
        Pipeline whose first step embeds texts with a SentenceTransformer, the folder of a saved
        SetFitModel, or its hub id. It is left as found.
    targets
        Which classes to explain: ``"all"``, ``"predicted"``, ``"top:k"``, a class by name or column
        index, a pair ``(a, b)`` for "why a rather than b", or a list of classes and pairs.
    output
        The scale: ``"probability"``, ``"log_probability"``, ``"log_odds"`` (both in nats) or ``"logit"``.
        Contrasts of two classes are always ``log p_a - log p_b``. A head with only a decision function
        has ``"logit"`` alone, one with only probabilities has the others.
    method
        ``"integrated_gradients"``; ``"occlusion"``, which needs no gradient and so serves every head; or a
        method object such as ``IntegratedGradients(n_steps=50)``. A list of them compares them: each text is
        explained by each, so that even one text gives a set. All names are in `setfit_explain.arguments.METHODS`.
    baseline, reference_texts, special_tokens, tolerance, n_steps, n_samples, seed
        Settings of the method named, see `IntegratedGradients`; None for its defaults. Of a list, each method
        takes those that it knows. A method object carries its own.
    granularity
        ``"word"``, ``"token"``, ``"sentence"``, or a function from a text to its (start, end) spans.
    internal_batch_size
        Most rows in one forward pass; None for as many as fit a budget of tokens. It does not change
        the result.
    precision
        ``"float32"``, ``"bfloat16"``, ``"float64"`` or ``"float16"``: explain a copy of the body in that format;
        None for the body's own. Every explanation says how far the copy's answer is from the model's own
        (``reproduction_error``) and its derivatives from the model's (``settings["precision_error"]``,
        relative, measured at one place of the path).
    show_progress
        Whether to draw a progress bar on stderr; None for "on a terminal, with two texts or more".
    on_error
        ``"raise"``, or ``"record"`` to keep a `Failure` in place of a text that cannot be explained.
    trust_pickle
        Whether a saved head may run code when it is read; see `UnsafePickleError`.

    Attributes
    ----------
    classifier
        The verified classifier; ``classifier.bind(text)`` and ``classifier.head`` are modules for Captum.

    Raises
    ------
    ModelError
        The model cannot be explained, or its rebuilt probabilities differ from its own.
    OptionError
        A setting is unknown or contradicts another.

    Examples
    --------
    ::

        explainer = Explainer("my-setfit-model", output="log_odds")
        print(explainer("I was charged twice"))
    """

    def __init__(
        self,
        model: Any,
        *,
        targets: Any = "all",
        output: str = "probability",
        method: str | AttributionMethod | Sequence[str | AttributionMethod] = "integrated_gradients",
        baseline: Any = None,
        reference_texts: Sequence[str] | None = None,
        special_tokens: str | None = None,
        tolerance: float | None = None,
        n_steps: int | None = None,
        n_samples: int | None = None,
        seed: int | None = None,
        granularity: Granularity = "word",
        internal_batch_size: int | None = None,
        precision: str | None = None,
        show_progress: bool | None = None,
        on_error: str = "raise",
        trust_pickle: bool = False,
    ) -> None:
        if on_error not in ("raise", "record"):
            raise OptionError(f"on_error={on_error!r} is not known. Accepted: raise, record.")
        if internal_batch_size is not None and internal_batch_size < 1:
            raise OptionError(f"internal_batch_size must be at least 1, got {internal_batch_size!r}.")
        if precision is not None and precision not in PRECISIONS:
            raise OptionError(f"precision={precision!r} is not known. Accepted: {', '.join(PRECISIONS)}.")
        check_granularity(granularity)
        self.targets = targets
        self.output = Output.of(output)
        settings = {
            "baseline": baseline,
            "reference_texts": reference_texts,
            "special_tokens": special_tokens,
            "tolerance": tolerance,
            "n_steps": n_steps,
            "n_samples": n_samples,
            "seed": seed,
        }
        self.methods = resolve_methods(
            method, {name: value for name, value in settings.items() if value is not None}
        )
        self.compares = isinstance(method, list | tuple)
        self.granularity = granularity
        self.show_progress = show_progress
        self.on_error = on_error
        classifier = TextClassifier(
            load_model(model, trust_pickle=trust_pickle),
            differentiable=any(each.needs_gradient for each in self.methods.values()),
        )
        self.classifier = classifier if precision is None else classifier.in_precision(PRECISIONS[precision])
        check_output(self.output, self.classifier.head)
        with self.classifier.body.session():
            self._attributors = {
                name: each.prepare(self.classifier, internal_batch_size)
                for name, each in self.methods.items()
            }
        self._versions = versions()

    @overload
    def __call__(  # type: ignore[overload-overlap]  # a str is an Iterable[str] too; the first match counts
        self, texts: str, *, targets: Any = None, true_labels: Any = None
    ) -> Explanation: ...
    @overload
    def __call__(
        self, texts: Iterable[str], *, targets: Any = None, true_labels: Any = None
    ) -> ExplanationSet: ...

    def __call__(
        self, texts: str | Iterable[str], *, targets: Any = None, true_labels: Any = None
    ) -> Explanation | ExplanationSet:
        """Explain one text, or many in their order.

        Parameters
        ----------
        texts
            A string, or any iterable of strings such as a list or a datasets column. Also a BatchEncoding
            that the body's own tokenizer made: the answer explained is the model's to its token ids.
        targets
            As in `Explainer`, or one list of targets a text; None for the explainer's own.
        true_labels
            The text's class name, or one a text; shown beside the prediction.

        Returns
        -------
        Explanation or ExplanationSet
            One for a string or a flat list of token ids, a set for an iterable or rows of token ids. With a list
            of methods always a set: of each text one explanation a method, one text after the other.

        Raises
        ------
        TextError
            A text is not a string or cannot be read (with ``on_error="raise"``).
        TargetError
            A target is not a class of the model.
        VerificationError
            The rebuilt probabilities of a text differ from the model's own by more than 1e-5.

        Warns
        -----
        ConvergenceWarning
            The error of some explanation is above the tolerance; it is marked ``converged=False``.
        """
        given: Any = read_tokenized(texts) if isinstance(texts, Mapping) and is_tokenized(texts) else texts
        if isinstance(given, str | TokenizedText):
            wanted = self.targets if targets is None else targets
            explanations = [self._explain(given, wanted, true_labels, name) for name in self.methods]
            _warn_of_errors(explanations)
            return ExplanationSet(explanations) if self.compares else explanations[0]
        listed = listed_texts(given)
        wanted = targets_per_text(self.targets if targets is None else targets, len(listed))
        labels = [None] * len(listed) if true_labels is None else list(true_labels)
        if len(labels) != len(listed):
            raise OptionError(f"There are {len(labels)} true_labels for {len(listed)} texts.")
        if self.on_error == "raise":
            for index, text in enumerate(listed):
                read_text(text, f"Text {index}")
        shown = False if self.show_progress is None and len(listed) < 2 else self.show_progress
        with progress_bar("explaining", shown=shown) as tell:
            items = []
            for item in self._explain_all(zip(listed, wanted, labels, strict=True)):
                items.append(item)
                tell(len(items), len(listed) * len(self.methods))
        _warn_of_errors([item for item in items if isinstance(item, Explanation)])
        return ExplanationSet(items)

    def stream(self, texts: Iterable[Any], *, targets: Any = None) -> Iterator[Explanation | Failure]:
        """Explain texts as they come, in their order, and keep none: for more texts than memory holds.

        Parameters
        ----------
        texts
            Any iterable of texts, also an endless one.
        targets
            As in `Explainer`, for every text; None for the explainer's own.

        Yields
        ------
        Explanation or Failure
            One a text, with a list of methods one a text and method; a `Failure` with ``on_error="record"`` only.

        Raises
        ------
        SetFitExplainError
            As in a call, when the text's turn comes. Whether an explanation converged is told by its own
            ``converged``, without a warning.

        Examples
        --------
        ::

            with open("explanations.jsonl", "w") as file:
                for explanation in explainer.stream(open("texts.txt")):
                    print(explanation.to_json(), file=file)
        """
        wanted = self.targets if targets is None else targets
        if isinstance(texts, str):
            raise TextError("stream takes an iterable of texts; explain one text with explainer(text).")
        yield from self._explain_all((text, wanted, None) for text in texts)

    def baseline(self, text: Text) -> Any:
        """Baseline embeddings ``(1, tokens, dim)`` of a text, as a tensor, to hand to a Captum method.

        Of a list of methods, the first one's.
        """
        attributor = next(iter(self._attributors.values()))
        return attributor.baseline(self.classifier.encode(text)).unsqueeze(0)

    def _explain_all(self, rows: Iterable[tuple[Any, Any, Any]]) -> Iterator[Explanation | Failure]:
        """Explain (text, targets, true label) one by one; a text that was there lately is not computed again."""
        lately: dict[Any, Explanation] = {}
        jobs = ((index, row, method) for index, row in enumerate(rows) for method in self.methods)
        for index, (text, targets, label), method in jobs:
            key = (text, repr(targets), method) if isinstance(text, str) else None
            if key in lately:
                yield replace(lately[key], true_label=label_name(label, self.classifier.model.labels))
                continue
            item = self._explain_or_record(index, text, targets, label, method)
            if key is not None and isinstance(item, Explanation):
                lately[key] = item
                if len(lately) > LATELY:
                    del lately[next(iter(lately))]
            yield item

    def _explain_or_record(
        self, index: int, text: Any, targets: Any, label: Any, method: str
    ) -> Explanation | Failure:
        try:
            return self._explain(text, targets, label, method)
        except Exception as error:
            # A target that does not exist is the caller's slip, not one text's. Anything else is recorded,
            # an out-of-memory error too: the other texts must not be lost.
            if self.on_error == "raise" or isinstance(error, TargetError):
                error.add_note(f"While explaining text {index}.")
                raise
            return Failure(
                index, text if isinstance(text, str) else reprlib.repr(text), type(error).__name__, str(error)
            )

    def _explain(self, text: Any, wanted: Any, true_label: Any, method: str) -> Explanation:
        with self.classifier.body.session():
            return self._explain_in_session(text, wanted, true_label, method)

    def _explain_in_session(self, text: Text, wanted: Any, true_label: Any, method: str) -> Explanation:
        classifier = self.classifier
        encoded = classifier.encode(text)
        own_answer = classifier.own_answer(encoded)
        targets = resolve_targets(wanted, classifier.classes, own_answer, multi_label=classifier.multi_label)
        granularity = self.granularity if encoded.spelled else "token"
        grouping = group_tokens(encoded.text, encoded.spans, encoded.kinds, granularity)
        score = ScoreFunction(classifier.head, self.output, targets)
        result = self._attributors[method](encoded, grouping.membership, score)
        difference = classifier.check(result.probabilities, own_answer)
        answer = predicted(own_answer, multi_label=classifier.multi_label)
        return Explanation(
            text=encoded.text,
            units=grouping.units,
            classes=classifier.classes,
            targets=result.rows or tuple(target_name(target, classifier.classes) for target in targets),
            attributions=result.values,
            score=result.score,
            baseline_score=result.baseline_score,
            delta=result.delta,
            error_estimate=result.error_estimate,
            converged=result.converged,
            probabilities=own_answer
            if classifier.head.has_probabilities
            else np.full_like(own_answer, np.nan),
            predicted=tuple(classifier.classes[column] for column in answer),
            true_label=label_name(true_label, classifier.model.labels),
            output=self.output.value,
            method=method,
            granularity=granularity_name(granularity),
            settings=result.settings,
            truncated_span=encoded.truncated_span,
            reproduction_error=difference,
            notes=result.notes + encoded.notes,
            versions=self._versions,
            model_fingerprint=classifier.fingerprint,
        )


def _warn_of_errors(explanations: list[Explanation]) -> None:
    unsure = sum(not explanation.converged.all() for explanation in explanations)
    if unsure:
        warnings.warn(
            f"{unsure} of {len(explanations)} explanations did not converge to the tolerance; they are marked "
            "converged=False. Another baseline, a larger tolerance or more nodes "
            "(method=IntegratedGradients(max_nodes=...)) may help.",
            ConvergenceWarning,
            stacklevel=3,
        )
