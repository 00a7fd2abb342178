"""What each unit does to the sentence embedding: one integration that explains any number of linear heads."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from torch import nn

from setfit_explain.attribution.integrated_gradients import IntegratedGradients
from setfit_explain.classifier.outputs import Output, ScoreFunction
from setfit_explain.errors import ConvergenceWarning, InputError, OptionError
from setfit_explain.explainer import Explainer
from setfit_explain.explanation.units import group_tokens
from setfit_explain.heads.torch_head import Link, TorchHead

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from setfit_explain.classifier.text_classifier import TextClassifier
    from setfit_explain.classifier.tokenized import Text
    from setfit_explain.explanation.units import Unit


@dataclass(frozen=True, eq=False)
class EmbeddingExplanation:
    """The Jacobian of the sentence embedding, integrated along the path from the baseline to a text.

    ``values.sum(0) + baseline_embedding == embedding + delta``.

    Parameters
    ----------
    text
        The text explained.
    units
        Spans of the text, then the buckets of special and prompt tokens.
    values
        What each unit adds to each dimension, shape ``(units, dim)``.
    embedding, baseline_embedding
        Of the text and of the baseline, shape ``(dim,)``.
    delta, error_estimate, converged
        Per dimension, as in an `Explanation`, shape ``(dim,)``.
    settings
        What was used, in plain values.
    notes
        What a reader has to know, in sentences.
    """

    text: str
    units: tuple[Unit, ...]
    values: NDArray[np.float64]
    embedding: NDArray[np.float64]
    baseline_embedding: NDArray[np.float64]
    delta: NDArray[np.float64]
    error_estimate: NDArray[np.float64]
    converged: NDArray[np.bool_]
    settings: Mapping[str, str | int | float | bool | None]
    notes: tuple[str, ...]

    def through(self, weight: ArrayLike) -> NDArray[np.float64]:
        """Explain linear scores ``weight @ embedding``.

        Parameters
        ----------
        weight
            Of shape ``(targets, dim)``, or ``(dim,)`` for one target.

        Returns
        -------
        array
            Attributions, shape ``(targets, units)``. For a logistic head's ``coef_`` these are those of its
            ``output="logit"``; for another text's embedding, of the similarity to it.

        Raises
        ------
        InputError
            The weights have another shape, or are not all finite numbers.
        """
        found: NDArray[np.float64] = _checked_weight(weight, len(self.embedding)) @ self.values.T
        return found


def explain_embedding(explainer: Explainer, text: Text) -> EmbeddingExplanation:
    """Explain every dimension of a text's sentence embedding at once.

    Parameters
    ----------
    explainer
        Whose body, baseline, granularity and quadrature are used, each dimension to its tolerance.
    text
        One text.

    Raises
    ------
    InputError
        It is not an Explainer that was given, but a model, say.
    OptionError
        The explainer's method is not integrated gradients.
    TextError
        As for a call of the explainer.

    Warns
    -----
    ConvergenceWarning
        The error of some dimensions is above the tolerance.

    Examples
    --------
    ::

        found = explain_embedding(Explainer(model), "I was charged twice")
        found.through(model.model_head.coef_)  # (classes, units), in logits
    """
    if not isinstance(explainer, Explainer):
        raise InputError(
            f"explain_embedding needs an Explainer, got {type(explainer).__name__}. Of a model make one, which is "
            "verified once for all texts: explain_embedding(Explainer(model), text)."
        )
    names, (method, *others) = ", ".join(explainer.methods), explainer.methods.values()
    if others or not isinstance(method, IntegratedGradients):
        raise OptionError(f"Method {names!r} does not explain embeddings; integrated_gradients does.")
    encoded = explainer.classifier.encode(text)
    with explainer.classifier.body.session():
        dim = explainer.classifier.body.embed((encoded.features, 1)).shape[1]
    classifier = _with_head(explainer.classifier, TorchHead(nn.Identity(), Link.NONE, range(dim)))
    granularity = explainer.granularity if encoded.spelled else "token"
    grouping = group_tokens(encoded.text, encoded.spans, encoded.kinds, granularity)
    score = ScoreFunction(classifier.head, Output.LOGIT, tuple(range(dim)))
    attribute = method.prepare(classifier, explainer.internal_batch_size)
    found = attribute(encoded, grouping.membership, score)
    if not found.converged.all():
        warnings.warn(
            f"{np.sum(~found.converged)} of {dim} dimensions did not converge to the tolerance; they are marked "
            "converged=False. Leave n_steps out, or give a larger tolerance or more nodes "
            "(method=IntegratedGradients(max_nodes=...)).",
            ConvergenceWarning,
            stacklevel=2,
        )
    return EmbeddingExplanation(
        text=encoded.text,
        units=grouping.units,
        values=found.values.T,
        embedding=found.score,
        baseline_embedding=found.baseline_score,
        delta=found.delta,
        error_estimate=found.error_estimate,
        converged=found.converged,
        settings=MappingProxyType({**classifier.precision_setting, **found.settings}),
        notes=found.notes + encoded.notes,
    )


def _checked_weight(weight: ArrayLike, dim: int) -> NDArray[np.float64]:
    """Return weights as ``(targets, dim)``."""
    accepted = f"Accepted: finite numbers of shape ({dim},) or (targets, {dim}), such as model_head.coef_."
    try:
        given = np.asarray(weight, np.float64)
    except (TypeError, ValueError, RuntimeError) as error:  # the last is torch's, of what requires a gradient
        raise InputError(
            f"The weight, of type {type(weight).__name__}, is no array of numbers: {error}. {accepted}"
        ) from error
    if given.ndim not in (1, 2) or given.shape[-1] != dim:
        raise InputError(f"The weight has the shape {given.shape}. {accepted}")
    if wrong := int((~np.isfinite(given)).sum()):
        raise InputError(f"{wrong} of the weight's {given.size} numbers are NaN or infinite. {accepted}")
    return np.atleast_2d(given)


def _with_head(classifier: TextClassifier, head: TorchHead) -> TextClassifier:
    """Copy a classifier, and what it is a copy of in another precision, with another head."""
    changed = copy(classifier)
    changed.head = head
    if classifier.original is not None:
        changed.original = _with_head(classifier.original, head)
    return changed
