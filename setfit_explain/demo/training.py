"""Training the demonstration's few-shot classifier on its examples."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from setfit_explain.demo.data import Example
from setfit_explain.evaluation.training import STEPS, StepListener, train_few_shot

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from setfit import SetFitModel


def train(
    body: "SentenceTransformer",
    examples: Sequence[Example],
    *,
    seed: int,
    steps: int = STEPS,
    on_step: StepListener | None = None,
) -> "SetFitModel":
    """Train ``body`` and a logistic-regression head on ``examples``, as `train_few_shot` does."""
    texts, labels = [example.text for example in examples], [example.label for example in examples]
    return train_few_shot(body, texts, labels, seed=seed, steps=steps, on_step=on_step)
