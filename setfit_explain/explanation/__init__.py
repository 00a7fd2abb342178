"""Explanations: immutable results over spans of the user's text. Needs no torch."""

from setfit_explain.explanation.explanation import Explanation
from setfit_explain.explanation.explanation_set import ExplanationSet, UnitStrength
from setfit_explain.explanation.failure import Failure
from setfit_explain.explanation.units import Unit

__all__ = ["Explanation", "ExplanationSet", "Failure", "Unit", "UnitStrength"]
