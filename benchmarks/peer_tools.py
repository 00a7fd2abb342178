"""The other tools, each over the same classifier as fairly as its interface allows, at its own defaults.

Imported in the peers' environment only.
"""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from numpy.polynomial.legendre import leggauss
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import BertPreTrainedModel
from transformers.modeling_outputs import SequenceClassifierOutput

from benchmarks.bare import Bare
from benchmarks.classifiers import Trained
from benchmarks.peers import Tool

LIME_SAMPLES = 1000
SEED_NODES = 100

INTERPRETO = "Interpreto, IntegratedGradients"
TRANSFORMERS_INTERPRET = "transformers-interpret"
KGOURGOU = "kgourgou's method"
CALLED_BY_CLASS = (TRANSFORMERS_INTERPRET, KGOURGOU)


def peer_tools(chosen: Trained, bare: Bare, targets: Sequence[int]) -> Mapping[str, Callable[[], Tool]]:
    """Give each tool's maker by name; a maker may fail.

    Parameters
    ----------
    chosen
        The classifier.
    bare
        The same in plain torch.
    targets
        Classes that tools with one call a class are called for.
    """
    return {
        INTERPRETO: lambda: interpreto(bare, chosen.model.labels),
        TRANSFORMERS_INTERPRET: lambda: transformers_interpret(bare, chosen.model.labels, targets),
        "shap, partition": lambda: shap_partition(chosen),
        f"LIME, {LIME_SAMPLES} samples": lambda: lime(chosen),
        KGOURGOU: lambda: lambda texts: [after_layer_norm(bare, text, targets) for text in texts],
    }


class BareForSequenceClassification(BertPreTrainedModel):
    """The bare classifier in the dress of transformers, which Interpreto goes by the class's name to see."""

    def __init__(self, bare: Bare, labels: Sequence[str]) -> None:
        config = deepcopy(bare.encoder.config)
        config.id2label = dict(enumerate(labels))
        config.label2id = {label: column for column, label in enumerate(labels)}
        super().__init__(config)
        self.bare = deepcopy(bare)

    @property
    def bert(self) -> nn.Module:
        """The encoder, where ``base_model_prefix`` has it."""
        return self.bare.encoder

    def forward(self, attention_mask: Tensor | None = None, **inputs: Tensor) -> SequenceClassifierOutput:
        """Logits ``(rows, classes)``."""
        return SequenceClassifierOutput(logits=self.bare.logits(attention_mask, **inputs))


def interpreto(bare: Bare, labels: Sequence[str]) -> Tool:
    """Make its method, on probabilities; all classes share a forward pass."""
    from interpreto import IntegratedGradients
    from interpreto.attributions import InferenceModes

    method = IntegratedGradients(
        BareForSequenceClassification(bare, labels),
        deepcopy(bare.tokenizer),
        inference_mode=InferenceModes.SOFTMAX,
        device=torch.device("cpu"),
    )
    return lambda texts: method(list(texts), torch.arange(len(labels)).repeat(len(texts), 1))


def transformers_interpret(bare: Bare, labels: Sequence[str], targets: Sequence[int]) -> Tool:
    """Make its explainer, called for one class after another."""
    from transformers_interpret import SequenceClassificationExplainer

    explainer = SequenceClassificationExplainer(BareForSequenceClassification(bare, labels), bare.tokenizer)
    return lambda texts: [explainer(text, index=target) for text in texts for target in targets]


def shap_partition(chosen: Trained) -> Tool:
    """Make its explainer over ``predict_proba``, for all classes at once."""
    import shap

    masker = shap.maskers.Text(deepcopy(chosen.model.model_body.tokenizer))
    explainer = shap.explainers.Partition(_asked(chosen), masker, output_names=list(chosen.model.labels))
    return lambda texts: explainer(list(texts), silent=True)


def lime(chosen: Trained) -> Tool:
    """Make its explainer over ``predict_proba``, for all classes at once."""
    from lime.lime_text import LimeTextExplainer

    explainer = LimeTextExplainer(class_names=chosen.model.labels, random_state=0)
    columns = range(chosen.classes)
    return lambda texts: [
        explainer.explain_instance(text, _asked(chosen), labels=columns, num_samples=LIME_SAMPLES)
        for text in texts
    ]


def after_layer_norm(bare: Bare, text: str, targets: Sequence[int]) -> NDArray[Any]:
    """Integrate as kgourgou/setfit-integrated-gradients does, ``(targets, tokens)``.

    Its path starts at zero behind the embeddings' LayerNorm, with 100 Gauss-Legendre nodes, one pass
    each, and the mean over the dimensions is a token's number. It knows one class; here it is called for each.
    """
    embeddings = bare.encoder.embeddings(bare.ids(text))
    start = torch.zeros_like(embeddings)
    start[:, [0, -1]] = embeddings[:, [0, -1]]
    nodes, weights = leggauss(SEED_NODES)
    rows = []
    for target in targets:
        total = torch.zeros_like(embeddings)
        for node, weight in zip((nodes + 1) / 2, weights / 2, strict=True):
            point = (start + float(node) * (embeddings - start)).requires_grad_()
            hidden = bare.encoder.encoder(point).last_hidden_state
            (gradient,) = torch.autograd.grad(bare.head(hidden.mean(1)).softmax(-1)[0, target], point)
            total += float(weight) * gradient
        rows.append((total * (embeddings - start))[0].mean(-1))
    return np.asarray(torch.stack(rows).numpy())


def _asked(chosen: Trained) -> Callable[[Sequence[str]], NDArray[Any]]:
    def predict_proba(texts: Sequence[str]) -> NDArray[Any]:
        return chosen.model.predict_proba(list(texts), as_numpy=True, show_progress_bar=False)

    return predict_proba
