"""Differences of gradient methods and attention to their oracles, on small models: rows of docs/methods.md."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from captum import attr
from transformers import AutoModel

from setfit_explain import (
    ExpectedGradients,
    Explainer,
    GradientShap,
    InputXGradient,
    IntegratedGradients,
    explain,
)
from setfit_explain.attribution.gradient_shap import Sampling
from setfit_explain.attribution.random_paths import generator
from tests.attribution.bent import bent_model, dense
from tests.attribution.test_attention_rollout import rolled_out
from tests.attribution.test_deeplift import Twin
from tests.attribution.test_expected_gradients import REFERENCES, exact_mean_over_stretches
from tests.bodies.architectures import static_body
from tests.bodies.vocabularies import word_piece
from tests.models import TEXTS, _saved_transformer, fitted, tiny_model

TEXT = TEXTS[1]
NAMED = ["mean", "mask", "pad", "unk"]
NODES, SAMPLES, MANY = 50, 50, 4096


@dataclass(frozen=True)
class Row:
    """What a table says of a method beside what its class says.

    Parameters
    ----------
    oracle
        What it is compared with, in words.
    error
        Measures the largest difference to that, relative to the largest attribution.
    cost
        Forward passes of a text (of n units, where that matters), for all classes.
    """

    oracle: str
    error: Callable[[], float]
    cost: str


@dataclass(frozen=True)
class GradientRow(Row):
    """What is said of a gradient method: to what its attributions add up, and which of several ways to use it this is."""

    adds_up: str
    variant: str = ""


def relative(actual: np.ndarray, expected: np.ndarray) -> float:
    """Largest difference, relative to the largest of what is expected."""
    return float(np.abs(actual - expected).max() / np.abs(expected).max())


def by_unit(explainer: Explainer, per_token: np.ndarray) -> np.ndarray:
    """Put the special tokens of ``(classes, tokens)`` into one bucket behind those of the text."""
    text = explainer.classifier.encode(TEXT).is_text
    return np.column_stack([per_token[:, text], per_token[:, ~text].sum(1)])


def against_captum(
    explainer: Explainer, of_class: Callable[[Any, Any, int], Any], finish: Callable[..., Any] | None = None
) -> float:
    """Difference to what Captum gives for each class of the bound text; ``finish`` works on (class, tokens, dim)."""
    bound = explainer.classifier.bind(TEXT)
    words = bound.word_embeddings.requires_grad_()
    found = [of_class(bound, words, column)[0].detach().double().numpy() for column in range(3)]
    if finish is None:
        return relative(explainer(TEXT).attributions, by_unit(explainer, np.stack(found).sum(-1)))
    return relative(explainer(TEXT).attributions, finish(explainer, np.stack(found)))


def norms(explainer: Explainer, gradients: np.ndarray) -> np.ndarray:
    """Euclidean norms of the gradients ``(classes, tokens, dim)`` of each unit."""
    return np.sqrt(by_unit(explainer, (gradients**2).sum(-1)))


def of_tokens(method: Any) -> Explainer:
    """Explain tokens with a method."""
    return Explainer(tiny_model("bert"), method=method, granularity="token")


def integrated_error() -> float:
    """Difference of integrated gradients to Captum's at the same nodes."""
    explainer = of_tokens(IntegratedGradients(n_steps=NODES, baseline="mask", tolerance=1.0))

    def captum(bound: Any, words: Any, column: int) -> Any:
        start = explainer.baseline(TEXT)
        return attr.IntegratedGradients(bound).attribute(words, start, target=column, n_steps=NODES)

    return against_captum(explainer, captum)


def saliency_error() -> float:
    """Difference of saliency to the norms of Captum's."""
    return against_captum(
        of_tokens("saliency"),
        lambda bound, words, column: attr.Saliency(bound).attribute(words, target=column, abs=False),
        norms,
    )


def input_x_gradient_error() -> float:
    """Difference of input times gradient to Captum's."""
    return against_captum(
        of_tokens(InputXGradient(special_tokens="replace")),
        lambda bound, words, column: attr.InputXGradient(bound).attribute(words, target=column),
    )


def noise_error(name: str, kind: str) -> Callable[[], float]:
    """Difference of a mean over noise to Captum's noise tunnel with the same noise."""

    def captum(bound: Any, words: Any, column: int) -> Any:
        torch.manual_seed(0)
        spread = words.detach().double().std(correction=0).item()
        return attr.NoiseTunnel(attr.Saliency(bound)).attribute(
            words, nt_type=kind, nt_samples=SAMPLES, stdevs=0.5 * spread, target=column, abs=False
        )

    def summed(explainer: Explainer, found: np.ndarray) -> np.ndarray:
        unbiased = SAMPLES / (SAMPLES - 1) if kind == "vargrad" else 1.0
        return by_unit(explainer, found.sum(-1)) * unbiased

    return lambda: against_captum(of_tokens(name), captum, norms if kind == "smoothgrad" else summed)


def gradient_shap_error() -> float:
    """Difference of gradient SHAP to Captum's at the same places."""
    explainer, random = of_tokens(GradientShap(baseline="mask", n_samples=SAMPLES)), generator(0)
    torch.randint(1, (SAMPLES,), generator=random)  # which of one baseline
    places = Sampling(SAMPLES, 0).places(random)

    def captum(bound: Any, words: Any, column: int) -> Any:
        start = explainer.baseline(TEXT)
        with patch("numpy.random.uniform", lambda *_: places):
            return attr.GradientShap(bound).attribute(words, start, n_samples=SAMPLES, target=column)

    return against_captum(explainer, captum)


def listed_error() -> float:
    """Difference of expected gradients of a list to the mean of integrated gradients."""
    each = [explain(tiny_model("bert"), TEXT, baseline=name).attributions for name in NAMED]
    found = explain(tiny_model("bert"), TEXT, method="expected_gradients", baseline=NAMED)
    return relative(found.attributions, np.mean(each, axis=0))


def sampled_error() -> float:
    """Difference of expected gradients of reference texts to the mean over all of their stretches."""
    found = explain(bent_model(), TEXT, method=ExpectedGradients(reference_texts=REFERENCES, n_samples=MANY))
    return relative(found.attributions, exact_mean_over_stretches())


def deeplift_error() -> float:
    """Difference of DeepLIFT to Captum's."""
    model = fitted(static_body(word_piece(), dense(torch.nn.Tanh())))
    explainer = Explainer(model, method="deeplift", output="logit", granularity="token")
    words, start = explainer.classifier.bind(TEXT).word_embeddings, explainer.baseline(TEXT)
    captum = [attr.DeepLift(Twin(model)).attribute(words, start, target=column) for column in range(3)]
    expected = np.stack([found[0].sum(-1).detach().numpy() for found in captum])
    return relative(explainer(TEXT).attributions, expected)


def rollout_error() -> float:
    """Difference of attention rollout to the paper's recursion."""
    explainer = of_tokens("attention_rollout")
    eager = AutoModel.from_pretrained(_saved_transformer("bert"), attn_implementation="eager").eval()
    features = explainer.classifier.body.tokenizer(TEXT, return_tensors="pt")
    pooled = rolled_out(eager, {name: each for name, each in features.items() if name != "modality"}).mean(0)
    return relative(explainer(TEXT).attributions, by_unit(explainer, pooled[None]))


TUNNEL = "Captum's NoiseTunnel, the same noise"
SAMPLED = "n_samples, and as many forward"
ROWS = (
    ("integrated_gradients", GradientRow("Captum's, the same 50 nodes", integrated_error, "nodes", "yes")),
    ("saliency", GradientRow("norms of Captum's", saliency_error, "1", "no")),
    (
        "input_x_gradient",
        GradientRow(
            "Captum's", input_x_gradient_error, "1, and 2 forward", "no, but where the score is linear"
        ),
    ),
    ("smoothgrad", GradientRow(TUNNEL, noise_error("smoothgrad", "smoothgrad"), "n_samples", "no")),
    ("squaregrad", GradientRow(TUNNEL, noise_error("squaregrad", "smoothgrad_sq"), "n_samples", "no")),
    (
        "vargrad",
        GradientRow(f"{TUNNEL}, times n / (n - 1)", noise_error("vargrad", "vargrad"), "n_samples", "no"),
    ),
    (
        "gradient_shap",
        GradientRow("Captum's, the same places", gradient_shap_error, SAMPLED, "up to the sampling"),
    ),
    (
        "expected_gradients",
        GradientRow(
            "mean of the integrated gradients", listed_error, "nodes of each baseline", "yes", ", a list"
        ),
    ),
    (
        "expected_gradients",
        GradientRow(
            f"integrated gradients from every stretch, averaged: the difference is that of {MANY} samples",
            sampled_error,
            SAMPLED,
            "up to the sampling",
            ", sampled",
        ),
    ),
    ("deeplift", GradientRow("Captum's, on a twin in plain torch", deeplift_error, "1", "yes")),
    (
        "attention_rollout",
        GradientRow(
            "the paper's recursion on transformers' own attentions", rollout_error, "1 forward", "to 1"
        ),
    ),
)
"""Methods by name, and what their rows say; one has two."""
