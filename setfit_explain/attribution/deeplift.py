"""DeepLIFT with the Rescale rule (Shrikumar, Greenside, Kundaje 2017, arXiv 1704.02685), where its rules hold.

They hold for linear operations and for functions of one number that are modules of torch. Whether a body and head
consist of those is found by what the rules promise: contributions that add up exactly. Attention, LayerNorm, GELU and
normalised embeddings break it, and are refused.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from setfit_explain.attribution.baselines import Baseline, baseline_notes, make_baseline
from setfit_explain.attribution.jacobian import ForwardMode, Path
from setfit_explain.attribution.method import Attributions, Attributor
from setfit_explain.classifier.outputs import Output, ScoreFunction
from setfit_explain.errors import OptionError, UnsupportedBodyError
from setfit_explain.heads.torch_head import Link, TorchHead, to_float64

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from setfit_explain.classifier.encoding import EncodedText
    from setfit_explain.classifier.text_classifier import TextClassifier

RESCALED = (nn.ReLU, nn.ELU, nn.LeakyReLU, nn.Sigmoid, nn.Tanh, nn.Softplus)
"""Functions of one number that the Rescale rule is applied to: Captum's, but for pooling and softmax."""

NO_DIFFERENCE = 1e-10
"""Inputs that differ by less from the baseline's take the derivative for the multiplier, as in Captum."""

COMPLETENESS = 1e-4
"""How far contributions may be from adding up, relative to the decision values: above what float32 rounds."""


@dataclass(frozen=True, eq=False, kw_only=True)
class DeepLift:
    """Contributions to the difference of the decision function to that of a baseline, by the Rescale rule.

    One forward pass, and at most one backward pass a class. For bodies of word embeddings and dense layers, on
    ``output="logit"`` or another scale that is linear in the head's decision function.

    Parameters
    ----------
    baseline
        The reference: ``"auto"``, ``"mean"``, ``"mask"``, ``"pad"``, ``"unk"``, ``"zero"``, or a tensor ``(dim,)`` or
        ``(tokens, dim)``.
    reference_texts
        Texts whose token frequencies weight the ``"mean"`` baseline; None for an estimate.
    special_tokens
        ``"keep"``: special and prompt tokens have their own embedding in the baseline, so they get no
        attribution. ``"replace"``: they are replaced like words.
    """

    baseline: str | Tensor | NDArray[Any] = "auto"
    reference_texts: Sequence[str] | None = None
    special_tokens: str = "keep"

    name: ClassVar[str] = "deeplift"
    needs_gradient: ClassVar[bool] = True
    additive: ClassVar[bool] = True

    def prepare(self, classifier: TextClassifier, internal_batch_size: int | None) -> Attributor:  # noqa: ARG002 - it takes two rows
        """Look the baseline up once, and try whether the rules hold.

        Raises
        ------
        UnsupportedBodyError
            They do not: the contributions to a decision value do not add up.
        """
        baseline = make_baseline(classifier, self.baseline, self.special_tokens, self.reference_texts)
        prepared = _Prepared(classifier, baseline, _BackwardMode(classifier))
        _check_rules(prepared)
        return prepared


class _BackwardMode(ForwardMode):
    """No forward mode: the rules are for the backward pass."""

    @property
    def works(self) -> bool:
        return False


@dataclass(frozen=True, eq=False)
class _Prepared:
    """DeepLIFT for one classifier."""

    classifier: TextClassifier
    reference: Baseline
    backward_mode: _BackwardMode

    def baseline(self, encoded: EncodedText) -> Tensor:
        """Baseline embeddings ``(tokens, dim)`` of one text."""
        return self.reference.for_text(encoded, self.classifier.word_embeddings(encoded))

    def __call__(
        self, encoded: EncodedText, membership: NDArray[np.intp], score: ScoreFunction
    ) -> Attributions:
        """Attribute the scores of one text to its units."""
        values, decisions = self.contributions(encoded, membership, score)
        derivatives = score.derivative(decisions)
        if not torch.allclose(derivatives[0], derivatives[1]):
            raise OptionError(
                f"output={score.output.value!r} is no linear function of the head's decision function, and the rules "
                "of deeplift are for those. Explain output='logit'."
            )
        baseline_score, own_score = score(decisions).cpu().numpy()
        baseline_answer, answer = self.classifier.head.answer(decisions).cpu().numpy()
        delta = values.sum(1) - (own_score - baseline_score)
        scale = np.abs([own_score, baseline_score]).max(0)
        return Attributions(
            values=values,
            probabilities=answer,
            score=own_score,
            baseline_score=baseline_score,
            delta=delta,
            error_estimate=np.zeros(len(delta)),
            converged=np.abs(delta) <= COMPLETENESS * scale,
            settings={"baseline": self.reference.name, "special_tokens": self.reference.special_tokens},
            notes=baseline_notes(self.classifier, baseline_answer),
        )

    def contributions(
        self, encoded: EncodedText, membership: NDArray[np.intp], score: ScoreFunction
    ) -> tuple[NDArray[np.float64], Tensor]:
        """Contributions ``(targets, units)``, and the decision values of baseline and text ``(2, decisions)``."""
        words = to_float64(self.classifier.word_embeddings(encoded))
        start = to_float64(self.baseline(encoded))
        path = Path(self.classifier, encoded, start, words - start, membership, score, 2, self.backward_mode)
        with rescaled(self.classifier.body.module, self.classifier.head):
            slopes, decisions = path.differentiate(np.array([0.0, 1.0]))
        return slopes[1], decisions


@contextmanager
def rescaled(*modules: nn.Module) -> Iterator[None]:
    """Replace functions of one number, of which a forward pass gets two rows, by the line through both of them."""
    owner = threading.get_ident()

    def put(module: nn.Module, inputs: tuple[Tensor], output: Tensor) -> Tensor | None:
        # Another thread predicts with the same body.
        return _line(module, inputs, output) if threading.get_ident() == owner else None

    with ExitStack() as hooks:
        for part in {part for module in modules for part in module.modules() if isinstance(part, RESCALED)}:
            hooks.callback(part.register_forward_hook(put).remove)
        yield


def _line(module: nn.Module, inputs: tuple[Tensor], output: Tensor) -> Tensor:
    """Let the output be what it is, and its derivative the slope from the first row, the baseline, to the second."""
    given = inputs[0].detach().requires_grad_()
    with torch.enable_grad():
        (derivative,) = torch.autograd.grad(module.forward(given).sum(), given)
    run, rise = given[1] - given[0], output.detach()[1] - output.detach()[0]
    slope = torch.where(run.abs() < NO_DIFFERENCE, derivative[1], rise / run)
    return output.detach() + slope.detach() * (inputs[0] - inputs[0].detach())


def _check_rules(prepared: _Prepared) -> None:
    classifier = prepared.classifier
    encoded = classifier.encode(classifier.probe_text)
    # The decision values themselves, whatever the head makes of them.
    head = classifier.head
    columns = tuple(range(len(head.classes)))
    score = ScoreFunction(TorchHead(head.decision, Link.NONE, head.classes), Output.LOGIT, columns)
    tokens = np.arange(len(encoded.ids))
    values, decisions = prepared.contributions(encoded, tokens, score)
    baseline_score, own_score = score(decisions).cpu().numpy()
    missed = np.abs(values.sum(1) - (own_score - baseline_score)).max()
    scale = np.abs([own_score, baseline_score]).max()
    if missed > COMPLETENESS * scale:
        raise UnsupportedBodyError(
            "deeplift has rules for linear operations and "
            f"{', '.join(kind.__name__ for kind in RESCALED)}, and this model does something else, such as "
            f"attention, LayerNorm, GELU or normalising: contributions miss {missed / scale:.2g} of the decision "
            "value. method='integrated_gradients' explains it."
        )
