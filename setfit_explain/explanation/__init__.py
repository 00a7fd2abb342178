"""Explanations: immutable results over spans of the user's text. Needs no torch."""

from setfit_explain.explanation.comparison import Comparison, compare
from setfit_explain.explanation.explanation import Explanation
from setfit_explain.explanation.explanation_set import ExplanationSet, UnitStrength
from setfit_explain.explanation.failure import Failure
from setfit_explain.explanation.units import Unit

__all__ = ["Comparison", "Explanation", "ExplanationSet", "Failure", "Unit", "UnitStrength", "compare"]
