"""Which words made my few-shot classifier say that? Verified, additive explanations for SetFit models."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from setfit_explain._version import __version__

if TYPE_CHECKING:
    from setfit_explain.absa import AbsaExplainer
    from setfit_explain.attribution.attention_rollout import AttentionRollout
    from setfit_explain.attribution.deeplift import DeepLift
    from setfit_explain.attribution.expected_gradients import ExpectedGradients
    from setfit_explain.attribution.gradient_shap import GradientShap
    from setfit_explain.attribution.input_x_gradient import InputXGradient
    from setfit_explain.attribution.integrated_gradients import IntegratedGradients
    from setfit_explain.attribution.kernel_shap import KernelShap
    from setfit_explain.attribution.leave_one_in import LeaveOneIn, LeaveOneOutIn
    from setfit_explain.attribution.lime import Lime
    from setfit_explain.attribution.occlusion import Occlusion
    from setfit_explain.attribution.partition_shap import PartitionShap
    from setfit_explain.attribution.saliency import Saliency, SmoothGrad, SquareGrad, VarGrad
    from setfit_explain.attribution.shapley_sampling import ShapleySampling
    from setfit_explain.attribution.sobol import Sobol
    from setfit_explain.embedding import explain_embedding
    from setfit_explain.explainer import Explainer
    from setfit_explain.explaining import explain
    from setfit_explain.explanation.comparison import Comparison, compare
    from setfit_explain.explanation.explanation import Explanation
    from setfit_explain.explanation.explanation_set import ExplanationSet
    from setfit_explain.explanation.failure import Failure
    from setfit_explain.explanation.spans import SpanExplanation, SpanExplanationSet
    from setfit_explain.explanation.units import Unit

__all__ = [
    "AbsaExplainer",
    "AttentionRollout",
    "Comparison",
    "DeepLift",
    "ExpectedGradients",
    "Explainer",
    "Explanation",
    "ExplanationSet",
    "Failure",
    "GradientShap",
    "InputXGradient",
    "IntegratedGradients",
    "KernelShap",
    "LeaveOneIn",
    "LeaveOneOutIn",
    "Lime",
    "Occlusion",
    "PartitionShap",
    "Saliency",
    "ShapleySampling",
    "SmoothGrad",
    "Sobol",
    "SpanExplanation",
    "SpanExplanationSet",
    "SquareGrad",
    "Unit",
    "VarGrad",
    "__version__",
    "compare",
    "explain",
    "explain_embedding",
]

# Loaded on first use: importing the package stays quick, and saved explanations are read without torch.
_HOMES = {
    "AbsaExplainer": "setfit_explain.absa",
    "AttentionRollout": "setfit_explain.attribution.attention_rollout",
    "DeepLift": "setfit_explain.attribution.deeplift",
    "ExpectedGradients": "setfit_explain.attribution.expected_gradients",
    "Comparison": "setfit_explain.explanation.comparison",
    "Explainer": "setfit_explain.explainer",
    "Explanation": "setfit_explain.explanation.explanation",
    "ExplanationSet": "setfit_explain.explanation.explanation_set",
    "Failure": "setfit_explain.explanation.failure",
    "GradientShap": "setfit_explain.attribution.gradient_shap",
    "InputXGradient": "setfit_explain.attribution.input_x_gradient",
    "IntegratedGradients": "setfit_explain.attribution.integrated_gradients",
    "KernelShap": "setfit_explain.attribution.kernel_shap",
    "LeaveOneIn": "setfit_explain.attribution.leave_one_in",
    "LeaveOneOutIn": "setfit_explain.attribution.leave_one_in",
    "Lime": "setfit_explain.attribution.lime",
    "PartitionShap": "setfit_explain.attribution.partition_shap",
    "ShapleySampling": "setfit_explain.attribution.shapley_sampling",
    "Sobol": "setfit_explain.attribution.sobol",
    "Occlusion": "setfit_explain.attribution.occlusion",
    "Saliency": "setfit_explain.attribution.saliency",
    "SmoothGrad": "setfit_explain.attribution.saliency",
    "SpanExplanation": "setfit_explain.explanation.spans",
    "SpanExplanationSet": "setfit_explain.explanation.spans",
    "SquareGrad": "setfit_explain.attribution.saliency",
    "Unit": "setfit_explain.explanation.units",
    "VarGrad": "setfit_explain.attribution.saliency",
    "compare": "setfit_explain.explanation.comparison",
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
