"""Any fitted head as a function that can be asked, not differentiated: for methods that only perturb."""

from __future__ import annotations

import pickle
from functools import partial
from typing import TYPE_CHECKING, Any

import joblib
import numpy as np
import torch
from torch import Tensor, nn

from setfit_explain.errors import HeadNotFittedError, ModelError, UnsupportedHeadError, VerificationError
from setfit_explain.heads.conversion import to_torch_head
from setfit_explain.heads.torch_head import Link, TorchHead
from setfit_explain.heads.verification import head_probabilities, verify_head

if TYPE_CHECKING:
    from numpy.typing import NDArray


class _Asked(nn.Module):
    """Embeddings -> the estimator's own answer, as decision values that give it back through the link.

    Parameters
    ----------
    estimator
        A fitted estimator.
    link
        SOFTMAX: logarithms of the probabilities. SIGMOID: their log-odds. NONE: the decision function.
    digest
        Tells the estimator from others, in the classifier's fingerprint.
    """

    def __init__(self, estimator: Any, link: Link, digest: str) -> None:
        super().__init__()
        self.held = (estimator,)  # a torch module is not registered: casting this head must not cast it
        self.link = link
        self.register_buffer("digest", torch.tensor(list(digest.encode())))

    def forward(self, embeddings: Tensor) -> Tensor:
        answer = torch.as_tensor(head_probabilities(self.held[0], embeddings.detach().cpu().numpy()))
        match self.link:
            case Link.SOFTMAX:
                answer = answer.log()
            case Link.SIGMOID:
                answer = answer.logit()
        return answer.to(embeddings.device)


def to_any_head(estimator: Any, dim: int) -> TorchHead:
    """Convert a fitted head exactly where that is possible, else wrap it as it is.

    A subclass with an answer of its own converts as its parent, and is found by comparing the two.

    Parameters
    ----------
    estimator
        A fitted scikit-learn classifier, or anything with its ``predict_proba`` or ``decision_function``.
    dim
        Dimension of the embeddings.

    Raises
    ------
    HeadNotFittedError
        The estimator was never fitted.
    UnsupportedHeadError
        It has neither ``predict_proba`` nor ``decision_function``, or does not name its classes.
    """
    try:
        head = to_torch_head(estimator)
        verify_head(head, partial(head_probabilities, estimator), dim)
    except HeadNotFittedError:
        raise
    except (UnsupportedHeadError, VerificationError) as error:
        return _wrap(estimator, dim, error)
    return head


def is_wrapped(head: TorchHead) -> bool:
    """Whether the estimator itself is asked, so that no gradient goes through the head."""
    return isinstance(head.decision, _Asked)


def _wrap(estimator: Any, dim: int, refusal: ModelError) -> TorchHead:
    has_probabilities = hasattr(estimator, "predict_proba")
    if not has_probabilities and not hasattr(estimator, "decision_function"):
        raise UnsupportedHeadError(
            f"The head {type(estimator).__name__} has neither predict_proba nor decision_function, so there is "
            "no score to explain."
        ) from refusal
    probes = np.random.default_rng(0).standard_normal((8, dim))
    probabilities = head_probabilities(estimator, probes)
    if not has_probabilities:
        link = Link.NONE
    elif hasattr(estimator, "predict"):
        link = Link.SIGMOID if np.ndim(estimator.predict(probes)) == 2 else Link.SOFTMAX
    else:
        link = Link.SOFTMAX if np.allclose(probabilities.sum(1), 1, atol=1e-5) else Link.SIGMOID
    columns = range(probabilities.shape[1])
    classes = columns if link is Link.SIGMOID else getattr(estimator, "classes_", columns)
    asked = _Asked(estimator, link, _digest(estimator, probabilities))
    return TorchHead(asked, link, np.asarray(classes).tolist(), has_logits=not has_probabilities)


def _digest(estimator: Any, answers: NDArray[np.float64]) -> str:
    """Hash all of the estimator; where it cannot be pickled, as with a lambda in it, its answers on the probes."""
    try:
        return str(joblib.hash(estimator))
    except (pickle.PicklingError, AttributeError, TypeError):
        return str(joblib.hash(answers))
