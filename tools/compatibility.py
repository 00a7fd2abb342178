"""Measure every head and body of the tests and write docs/compatibility.md: ``python -m tools.compatibility``."""

import warnings
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch

from setfit_explain import Explainer, IntegratedGradients
from setfit_explain.errors import OptionError
from setfit_explain.heads.conversion import to_torch_head
from setfit_explain.heads.verification import head_probabilities
from tests.bodies.architectures import BODIES, model_of
from tests.heads.rows import DECISION_ONLY, RANDOM, ROWS, SATURATED, ZERO, fitted

PAGE = Path(__file__).parent.parent / "docs" / "compatibility.md"
TEXT = "My parcel came late: I want a refund!"
BASELINES = ("mean", "mask", "pad", "unk", "zero")
PACKAGES = ("setfit", "sentence-transformers", "transformers", "torch", "scikit-learn")


def head_error(name: str, dtype: type) -> float:
    """Largest difference of a converted head to its estimator; of decision values relative to the largest."""
    embeddings = np.vstack([RANDOM, ZERO, SATURATED]).astype(dtype)
    expected = head_probabilities(fitted(name), embeddings)
    actual = to_torch_head(fitted(name))(torch.as_tensor(embeddings)).numpy()
    return float(np.abs(actual - expected).max() / np.abs(expected).max(initial=1))


def heads() -> Iterator[str]:
    """One line a head."""
    yield "| head | explained on | error, float64 embeddings | error, float32 embeddings |"
    yield "|---|---|---|---|"
    for name in ROWS:
        scale = "`logit` only" if name in DECISION_ONLY else "every output"
        yield f"| {name} | {scale} | {head_error(name, np.float64):.0e} | {head_error(name, np.float32):.0e} |"


def bodies() -> Iterator[str]:
    """One line a body."""
    yield f"| body | difference to `predict_proba` | {' | '.join(BASELINES)} |"
    yield "|---" * (2 + len(BASELINES)) + "|"
    for name in BODIES:
        model = model_of(name)
        cells = [verdict(model, baseline) for baseline in BASELINES]
        difference = Explainer(model)(TEXT).reproduction_error
        yield f"| {name} | {difference:.0e} | {' | '.join(cells)} |"


def verdict(model: object, baseline: str) -> str:
    """Relative error that is left from one baseline, and the nodes it took."""
    try:
        explainer = Explainer(model, baseline=baseline, granularity="token", targets="predicted")
    except OptionError:
        return "no such token"
    explanation = explainer(TEXT)
    largest = np.abs(explanation.attributions).max()
    error = max(abs(explanation.delta[0]), explanation.error_estimate[0]) / largest
    nodes = explanation.settings["nodes"]
    return (
        f"{error:.0e}, {nodes} nodes" if explanation.converged.all() else f"**not converged** ({error:.0e})"
    )


def page() -> str:
    """Put the whole page together."""
    return "\n".join(
        [
            "# Compatibility",
            "",
            "Written by `make compatibility` from a run, never by hand. Versions: "
            + ", ".join(f"{name} {version(name)}" for name in PACKAGES)
            + ".",
            "",
            "## Heads",
            "",
            "Largest difference of the converted head to the fitted estimator's own answer, in probability (of heads",
            "without probabilities: in the decision function, relative to its largest value), on random, zero and",
            "saturated embeddings.",
            "",
            *heads(),
            "",
            "## Bodies",
            "",
            "Tiny random models built from their configurations. For each baseline the error that is left, relative to",
            f"the largest attribution (accepted: {IntegratedGradients().tolerance}), and the nodes it took; `mean` is the default.",
            "",
            *bodies(),
            "",
        ]
    )


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    PAGE.write_text(page(), "utf-8")
