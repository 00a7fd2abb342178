"""Explanations made by hand, without any model."""

from typing import Any

import numpy as np

from setfit_explain.explanation import Explanation, Unit

UNSIGNED: dict[str, Any] = {
    "method": "saliency",
    "attributions": np.array([[0.0, 0.375, 0.0625, 0.0625, 0.125]] * 2),
    "settings": {"signed": False, "reduction": "norm"},
    "baseline_score": np.full(2, np.nan),
    "delta": np.full(2, np.nan),
}
"""What a method without signs and baselines changes."""

OF_NO_CLASS: dict[str, Any] = {
    "method": "attention_rollout",
    "targets": ("attention",),
    "attributions": np.array([[0.0, 0.375, 0.0625, 0.0625, 0.5]]),
    "settings": {"signed": False},
    "converged": np.ones(1, dtype=bool),
    "error_estimate": np.zeros(1),
    **dict.fromkeys(("score", "baseline_score", "delta"), np.full(1, np.nan)),
}
"""What a method that explains no class changes."""


def build_explanation(**changes: Any) -> Explanation:
    """Return a small binary explanation of "I loved it!", with fields replaced by ``changes``."""
    fields: dict[str, Any] = {
        "text": "I loved it!",
        "units": (
            Unit("I", 0, 1),
            Unit("loved", 2, 7),
            Unit("it", 8, 10),
            Unit("!", 10, 11),
            Unit("[special tokens]", 0, 0, "special"),
        ),
        "classes": ("negative", "positive"),
        "targets": ("negative", "positive"),
        "attributions": np.array(
            [[0.0, -0.375, 0.0625, -0.0625, -0.125], [0.0, 0.375, -0.0625, 0.0625, 0.125]]
        ),
        "score": np.array([0.0625, 0.9375]),
        "baseline_score": np.array([0.5, 0.5]),
        "delta": np.array([-0.0625, 0.0625]),
        "error_estimate": np.array([np.nan, 0.001]),
        "converged": np.array([True, False]),
        "probabilities": np.array([0.0625, 0.9375]),
        "predicted": ("positive",),
        "true_label": "positive",
        "output": "probability",
        "method": "integrated_gradients",
        "granularity": "word",
        "settings": {"n_steps": 64, "baseline": "mask", "tolerance": 0.01, "seed": None},
        "truncated_span": None,
        "reproduction_error": 1e-7,
        "notes": ("A note.",),
        "versions": {"setfit-explain": "0.1.0", "torch": "2.4.0"},
        "model_fingerprint": "abc",
    }
    return Explanation(**(fields | changes))
