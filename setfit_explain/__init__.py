"""Which words made my few-shot classifier say that? Verified, additive explanations for SetFit models."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from setfit_explain._version import __version__

if TYPE_CHECKING:
    from setfit_explain.absa import AbsaExplainer
    from setfit_explain.attribution.integrated_gradients import IntegratedGradients
    from setfit_explain.attribution.occlusion import Occlusion
    from setfit_explain.embedding import explain_embedding
    from setfit_explain.explainer import Explainer
    from setfit_explain.explaining import explain
    from setfit_explain.explanation.explanation import Explanation
    from setfit_explain.explanation.explanation_set import ExplanationSet, Failure
    from setfit_explain.explanation.spans import SpanExplanation, SpanExplanationSet
    from setfit_explain.explanation.units import Unit

__all__ = [
    "AbsaExplainer",
    "Explainer",
    "Explanation",
    "ExplanationSet",
    "Failure",
    "IntegratedGradients",
    "Occlusion",
    "SpanExplanation",
    "SpanExplanationSet",
    "Unit",
    "__version__",
    "explain",
    "explain_embedding",
]

# Loaded on first use: importing the package stays quick, and saved explanations are read without torch.
_HOMES = {
    "AbsaExplainer": "setfit_explain.absa",
    "Explainer": "setfit_explain.explainer",
    "Explanation": "setfit_explain.explanation.explanation",
    "ExplanationSet": "setfit_explain.explanation.explanation_set",
    "Failure": "setfit_explain.explanation.explanation_set",
    "IntegratedGradients": "setfit_explain.attribution.integrated_gradients",
    "Occlusion": "setfit_explain.attribution.occlusion",
    "SpanExplanation": "setfit_explain.explanation.spans",
    "SpanExplanationSet": "setfit_explain.explanation.spans",
    "Unit": "setfit_explain.explanation.units",
    "explain": "setfit_explain.explaining",
    "explain_embedding": "setfit_explain.embedding",
}


def __getattr__(name: str) -> Any:
    if name == "evaluation":
        return import_module("setfit_explain.evaluation")
    if name not in _HOMES:
        raise AttributeError(f"module 'setfit_explain' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
