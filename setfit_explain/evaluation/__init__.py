"""Evaluation: how far to believe explanations, by metrics that stand beside a random and a reversed control."""

from setfit_explain.evaluation.case import REMOVALS
from setfit_explain.evaluation.contestants import Refusal
from setfit_explain.evaluation.evaluating import Evaluation, evaluate
from setfit_explain.evaluation.measuring import Direction, Estimate, Measurement, estimate
from setfit_explain.evaluation.metric import ALIASES, FAITHFULNESS, PLAUSIBILITY, Metric
from setfit_explain.evaluation.planted import (
    Artefact,
    PlantedShortcut,
    plant_shortcut,
    planted_casing,
    planted_prefix,
    planted_suffix,
    planted_word,
)
from setfit_explain.evaluation.robustness import (
    across_baselines,
    across_seeds,
    agreement,
    max_sensitivity,
    usual_baselines,
)
from setfit_explain.evaluation.sanity import body_randomisation, head_randomisation, label_shuffled_refit
from setfit_explain.evaluation.studies import STUDIES
from setfit_explain.evaluation.training import few_shot_trainer

__all__ = [
    "ALIASES",
    "FAITHFULNESS",
    "PLAUSIBILITY",
    "REMOVALS",
    "STUDIES",
    "Artefact",
    "Direction",
    "Estimate",
    "Evaluation",
    "Measurement",
    "Metric",
    "PlantedShortcut",
    "Refusal",
    "across_baselines",
    "across_seeds",
    "agreement",
    "body_randomisation",
    "estimate",
    "evaluate",
    "few_shot_trainer",
    "head_randomisation",
    "label_shuffled_refit",
    "max_sensitivity",
    "plant_shortcut",
    "planted_casing",
    "planted_prefix",
    "planted_suffix",
    "planted_word",
    "usual_baselines",
]
