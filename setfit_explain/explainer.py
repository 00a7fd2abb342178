"""`Explainer`: from a model and texts to explanations. Assembles, does no mathematics."""

from __future__ import annotations

import reprlib
import warnings
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import repeat
from typing import TYPE_CHECKING, Any, overload

from setfit_explain.arguments import (
    check_one_a_text,
    check_texts,
    listed_texts,
    one_a_text,
    resolve_methods,
    side_by_side,
    targets_per_text,
)
from setfit_explain.assembling import Assembler
from setfit_explain.attribution.whole_numbers import check_whole_number
from setfit_explain.classifier.labels import label_name
from setfit_explain.classifier.outputs import Output, check_output
from setfit_explain.classifier.precision import PRECISIONS
from setfit_explain.classifier.text_classifier import verified_classifier
from setfit_explain.classifier.tokenized import TokenizedText, is_tokenized, read_text, read_tokenized
from setfit_explain.errors import ConvergenceWarning, OptionError, TargetError, TextError
from setfit_explain.explanation.explanation import Explanation
from setfit_explain.explanation.explanation_set import ExplanationSet, Failure
from setfit_explain.explanation.segmentation import check_granularity
from setfit_explain.views.progress import progress_bar

if TYPE_CHECKING:
    from setfit_explain.attribution.method import AttributionMethod
    from setfit_explain.classifier.tokenized import Text
    from setfit_explain.explanation.segmentation import Granularity

LATELY = 256
"""How many explanations of one call are held in case their text comes again."""

READ_AHEAD, READ_AHEAD_CHARACTERS = 64, 4096
"""How far texts are read ahead, so that those of one length share batches: about as much as fills ten of them."""


class Explainer:
    """A model, loaded and verified once, that explains texts.

    Safe to call from several threads; they take turns at the model.

    Parameters
    ----------
    model
        A SetFitModel, a pair (SentenceTransformer, fitted scikit-learn classifier), a scikit-learn
        Pipeline whose first step embeds texts with a SentenceTransformer, the folder of a saved
        SetFitModel, or its hub id. It is left as found. Or the ``classifier`` of another explainer, verified already.
    targets
        Which classes to explain: ``"all"``, ``"predicted"``, ``"top:k"``, a class by name or column
        index, a pair ``(a, b)`` for "why a rather than b", or a list of classes and pairs.
    output
        The scale: ``"probability"``, ``"log_probability"``, ``"log_odds"`` (both in nats) or ``"logit"``.
        Contrasts of two classes are always ``log p_a - log p_b``. A head with only a decision function
        has ``"logit"`` alone, one with only probabilities has the others.
    method
        ``"integrated_gradients"``; one that needs no gradient and so serves every head, such as ``"occlusion"`` or
        ``"kernel_shap"``; any other name in `setfit_explain.arguments.METHODS`; or a method object such as
        ``IntegratedGradients(n_steps=50)``. A list of them compares them: each text is explained by each, so
        that even one text gives a set.
    baseline, reference_texts, special_tokens, tolerance, n_steps, n_samples, seed
        Settings of the method named, see `IntegratedGradients`, `RemovalMethod` and `SamplingMethod`; None
        for its defaults. Of a list, each method takes those that it knows. A method object carries its own.
    granularity
        ``"word"``, ``"token"``, ``"sentence"``, or a function from a text to its (start, end) spans.
    internal_batch_size
        Most rows in one forward pass; None for as many as fit a budget of tokens and of memory. It does not change
        the result.
    precision
        ``"float32"``, ``"bfloat16"``, ``"float64"`` or ``"float16"``: explain a copy of the body in that format;
        None for the body's own. Every explanation says how far the copy's answer is from the model's own
        (``reproduction_error``); integrated gradients also how far its derivatives are from the model's
        (``settings["precision_error"]``, relative, measured at one place of the path for the target with the largest
        attribution), which ``error_estimate`` does not hold: that is of the integral of the copy.
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
        if internal_batch_size is not None:
            check_whole_number("internal_batch_size", internal_batch_size, 1)
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
        self.internal_batch_size = internal_batch_size
        self.show_progress = show_progress
        self.on_error = on_error
        classifier = verified_classifier(
            model,
            differentiable=any(each.needs_gradient for each in self.methods.values()),
            trust_pickle=trust_pickle,
        )
        self.classifier = classifier if precision is None else classifier.in_precision(PRECISIONS[precision])
        check_output(self.output, self.classifier.head)
        with self.classifier.body.session():
            attributors = {
                name: each.prepare(self.classifier, internal_batch_size)
                for name, each in self.methods.items()
            }
        self._assembler = Assembler(self.classifier, self.output, granularity, attributors)

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
            The text's class by name or number, or one a text; shown beside the prediction. It may be a class that the
            model does not have.

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
            A target is not a class of the model, or a true label no label at all.
        VerificationError
            The rebuilt probabilities of a text differ from the model's own by more than 1e-5.

        Warns
        -----
        ConvergenceWarning
            The error of some explanation is above the tolerance; it is marked ``converged=False``.
        """
        given: Any = read_tokenized(texts) if isinstance(texts, Mapping) and is_tokenized(texts) else texts
        if isinstance(given, str | TokenizedText):
            name = self._label_name(true_labels)
            [found] = self._assembler.explanations([(given, self.targets if targets is None else targets)])
            if failed := _failures(found):
                raise failed[0]
            explanations = [replace(each, true_label=name) for each in found if isinstance(each, Explanation)]
            _warn_of_errors(explanations)
            return ExplanationSet(explanations) if self.compares else explanations[0]
        listed = listed_texts(given)
        wanted = targets_per_text(self.targets if targets is None else targets, len(listed))
        labels = [self._label_name(label) for label in one_a_text("true_labels", true_labels, len(listed))]
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

    def stream(
        self,
        texts: Iterable[Any],
        *,
        targets: Any = None,
        true_labels: Iterable[Any] | None = None,
        read_ahead: int = READ_AHEAD,
    ) -> Iterator[Explanation | Failure]:
        """Explain texts as they come, in their order, and keep none: for more texts than memory holds.

        Parameters
        ----------
        texts
            Any iterable of texts, also an endless one.
        targets
            As in `Explainer`, for every text; None for the explainer's own.
        true_labels
            The texts' class names, read side by side with them; shown beside the predictions.
        read_ahead
            Most texts that are read before the first of them is explained, so that those of one length share
            batches; fewer where they are long. 1 for a source that waits, such as a queue.

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

            from setfit_explain.explanation.streams import json_lines

            with open("explanations.jsonl", "w") as file:
                file.writelines(json_lines(explainer.stream(open("texts.txt"))))
        """
        wanted = self.targets if targets is None else targets
        if isinstance(texts, str):
            raise TextError("stream takes an iterable of texts; explain one text with explainer(text).")
        check_texts(texts)
        if true_labels is not None:
            check_one_a_text("true_labels", true_labels)
        check_whole_number("read_ahead", read_ahead, 1)
        pairs = zip(texts, repeat(None)) if true_labels is None else side_by_side(texts, true_labels)
        rows = ((text, wanted, self._label_name(label)) for text, label in pairs)
        yield from self._explain_all(rows, read_ahead, LATELY)

    def baseline(self, text: Text) -> Any:
        """Baseline embeddings ``(1, tokens, dim)`` of a text, as a tensor, to hand to a Captum method.

        Of a list of methods, the first one's.
        """
        attributor = next(iter(self._assembler.attributors.values()))
        return attributor.baseline(self.classifier.encode(text)).unsqueeze(0)

    def _explain_all(
        self,
        rows: Iterable[tuple[Any, Any, Any]],
        read_ahead: int = READ_AHEAD,
        remembered: int | None = None,
    ) -> Iterator[Explanation | Failure]:
        """Explain (text, targets, name of its true label) in their order.

        A text that was there is not computed again; None remembers all of them, as a caller does who keeps them.
        """
        lately: dict[Hashable, list[Explanation | Exception]] = {}
        for window in self._windows(rows, read_ahead):
            keys: list[Hashable] = [
                (text, repr(targets)) if isinstance(text, str) else index
                for index, (text, targets, _) in window
            ]
            new = {
                key: (text, targets)
                for key, (_, (text, targets, _)) in zip(keys, window, strict=True)
                if key not in lately
            }
            computed = dict(zip(new, self._assembler.explanations(list(new.values())), strict=True))
            for key, (index, (text, _, label)) in zip(keys, window, strict=True):
                for found in computed.get(key) or lately[key]:
                    yield self._with_label(found, label, index, text)
            lately |= {key: each for key, each in computed.items() if not _failures(each)}
            if remembered is not None:
                for key in list(lately)[:-remembered]:
                    del lately[key]

    def _windows(self, rows: Iterable[Any], read_ahead: int) -> Iterator[list[tuple[int, Any]]]:
        """Take rows, numbered, until they fill some batches; one at a time where methods take one at a time."""
        most = read_ahead if self._assembler.joint else 1
        window, length = list[tuple[int, Any]](), 0
        for numbered in enumerate(rows):
            window.append(numbered)
            length += len(str(numbered[1][0]))
            if len(window) == most or length >= READ_AHEAD_CHARACTERS:
                yield window
                window, length = [], 0
        if window:
            yield window

    def _label_name(self, label: Any) -> str | tuple[str, ...] | None:
        return label_name(label, self.classifier.model.labels)

    def _with_label(
        self, found: Explanation | Exception, label: Any, index: int, text: Any
    ) -> Explanation | Failure:
        if isinstance(found, Explanation):
            return replace(found, true_label=label)
        # A target that does not exist is the caller's slip, not one text's. Anything else is recorded,
        # an out-of-memory error too: the other texts must not be lost.
        if self.on_error == "raise" or isinstance(found, TargetError):
            found.add_note(f"While explaining text {index}.")
            raise found
        shown = text if isinstance(text, str) else reprlib.repr(text)
        return Failure(index, shown, type(found).__name__, str(found))


def _failures(found: list[Explanation | Exception]) -> list[Exception]:
    return [each for each in found if isinstance(each, Exception)]


def _warn_of_errors(explanations: list[Explanation]) -> None:
    unsure = sum(not explanation.converged.all() for explanation in explanations)
    if unsure:
        warnings.warn(
            f"{unsure} of {len(explanations)} explanations did not converge to the tolerance; they are marked "
            "converged=False. Another baseline, a larger tolerance, more nodes "
            "(method=IntegratedGradients(max_nodes=...)) or more n_samples may help.",
            ConvergenceWarning,
            stacklevel=3,
        )
