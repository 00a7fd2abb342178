"""Attributions that are no method of the library: other tools at their defaults, and ideas for a better method."""

import importlib
import re
from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.bare import Bare
from benchmarks.labelled import Subject
from benchmarks.peer_tools import LIME_SAMPLES, BareForSequenceClassification, after_layer_norm
from setfit_explain import Explainer, Occlusion, Saliency, SmoothGrad
from setfit_explain.evaluation.contestants import Foreign

Floats = NDArray[np.float64]
Spans = Sequence[tuple[int, int]]
Maker = Callable[[Subject], Foreign]


def on_units(pieces: Iterable[tuple[int, int, float]], units: Spans) -> Floats:
    """Give each unit the sum of the pieces' values; a piece belongs to the unit that holds most of it."""
    values = np.zeros(len(units))
    for start, end, value in pieces:
        shared = [min(end, stop) - max(start, first) for first, stop in units]
        if shared and max(shared) > 0:
            values[int(np.argmax(shared))] += value
    return values


def located(text: str, parts: Sequence[str]) -> list[tuple[int, int]]:
    """Find parts one after another in a text; one that is not there has no length."""
    spans, place = [], 0
    for part in parts:
        found = text.lower().find(part.strip().lower(), place)
        start = place if found < 0 else found
        place = start if found < 0 else found + len(part.strip())
        spans.append((start, place))
    return spans


def _interpreto(kind: str) -> Maker:
    def make(subject: Subject) -> Foreign:
        from interpreto import attributions

        bare = Bare(Explainer(subject.classifier), subject.model)
        method = getattr(attributions, kind)(
            BareForSequenceClassification(bare, subject.model.labels),
            deepcopy(bare.tokenizer),
            device=torch.device("cpu"),
        )

        def explain(text: str, spans: Spans, column: int) -> Floats:
            (found,) = method(text, torch.tensor([column]))
            values = np.asarray(found.attributions.detach()).reshape(-1).tolist()
            places = located(text, list(found.elements))
            return on_units([(*place, value) for place, value in zip(places, values, strict=True)], spans)

        return explain

    return make


def _transformers_interpret(subject: Subject) -> Foreign:
    from transformers_interpret import SequenceClassificationExplainer

    bare = Bare(Explainer(subject.classifier), subject.model)
    explainer = SequenceClassificationExplainer(
        BareForSequenceClassification(bare, subject.model.labels), bare.tokenizer
    )

    def explain(text: str, spans: Spans, column: int) -> Floats:
        values = [value for _, value in explainer(text, index=column)]
        places = bare.tokenizer(text, return_offsets_mapping=True)["offset_mapping"]
        return on_units([(*place, value) for place, value in zip(places, values, strict=True)], spans)

    return explain


def _shap_partition(subject: Subject) -> Foreign:
    shap = importlib.import_module("shap")
    masker = shap.maskers.Text(deepcopy(subject.model.model_body.tokenizer))
    explainer = shap.explainers.Partition(_asked(subject), masker)

    def explain(text: str, spans: Spans, column: int) -> Floats:
        found = explainer([text], silent=True)
        places = located(text, [str(part) for part in found.data[0]])
        values = found.values[0][:, column].tolist()
        return on_units([(*place, value) for place, value in zip(places, values, strict=True)], spans)

    return explain


def _lime(subject: Subject) -> Foreign:
    lime_text = importlib.import_module("lime.lime_text")
    explainer = lime_text.LimeTextExplainer(random_state=0)

    def explain(text: str, spans: Spans, column: int) -> Floats:
        found = explainer.explain_instance(text, _asked(subject), labels=(column,), num_samples=LIME_SAMPLES)
        pieces = [
            (match.start(), match.end(), float(value))
            for word, value in found.as_list(label=column)
            for match in re.finditer(rf"(?<!\w){re.escape(word)}(?!\w)", text)
        ]
        return on_units(pieces, spans)

    return explain


def _kgourgou(subject: Subject) -> Foreign:
    bare = Bare(Explainer(subject.classifier), subject.model)

    def explain(text: str, spans: Spans, column: int) -> Floats:
        (values,) = after_layer_norm(bare, text, [column])
        places = bare.tokenizer(text, return_offsets_mapping=True)["offset_mapping"]
        return on_units(
            [(*place, value) for place, value in zip(places, values.tolist(), strict=True)], spans
        )

    return explain


def _asked(subject: Subject) -> Callable[[Sequence[str]], NDArray[Any]]:
    def predict_proba(texts: Sequence[str]) -> NDArray[Any]:
        return subject.model.predict_proba(list(texts), as_numpy=True, show_progress_bar=False)

    return predict_proba


PEERS: dict[str, Maker] = {
    **{
        f"Interpreto's {kind}": _interpreto(kind)
        for kind in ("IntegratedGradients", "Saliency", "SmoothGrad", "Occlusion", "Sobol")
    },
    "shap's Partition": _shap_partition,
    f"LIME, {LIME_SAMPLES} samples": _lime,
    "transformers-interpret": _transformers_interpret,
    "kgourgou's method": _kgourgou,
}
"""Other tools at their defaults."""


def mean_of(*settings: dict[str, Any]) -> Maker:
    """Average explanations of the library by several settings; all are in the units of the score."""

    def make(subject: Subject) -> Foreign:
        explainers = [Explainer(subject.classifier, show_progress=False, **options) for options in settings]

        def explain(text: str, spans: Spans, column: int) -> Floats:
            found = [
                explainer(text, targets=[column]).attributions[0, : len(spans)] for explainer in explainers
            ]
            return np.asarray(np.mean(found, axis=0))

        return explain

    return make


def by_subject(options: Callable[[Subject], dict[str, Any]]) -> Maker:
    """Explain with settings of the library that depend on the classifier."""
    return lambda subject: mean_of(options(subject))(subject)


BOTH = ["mask", "delete"]
"""The two ways to take a unit out that differ most."""

CANDIDATES: dict[str, dict[str, Any] | Maker] = {
    "integrated gradients, 8 nodes": {"n_steps": 8},
    "integrated gradients from mean, mask, pad and unk, 8 nodes each": mean_of(
        *({"n_steps": 8, "baseline": how} for how in ("auto", "mask", "pad", "unk"))
    ),
    "integrated gradients and leave_one_out_in, averaged": mean_of({}, {"method": "leave_one_out_in"}),
    "leave_one_out_in from mask and delete, averaged": {"method": "leave_one_out_in", "baseline": BOTH},
    "occlusion from mask and delete, averaged": {"method": "occlusion", "baseline": BOTH},
    "integrated gradients, and leave_one_out_in from mask and delete, averaged": mean_of(
        {}, {"method": "leave_one_out_in", "baseline": BOTH}
    ),
    "shapley_sampling, 64": {"method": "shapley_sampling", "n_samples": 64},
    "shapley_sampling from mask and delete, 64 each": {
        "method": "shapley_sampling",
        "n_samples": 64,
        "baseline": BOTH,
    },
    "partition_shap, 64": {"method": "partition_shap", "n_samples": 64},
}
"""Ideas for a better method at the cost of the default: options of `Explainer`, or made from several explainers."""

MIXTURES: dict[str, dict[str, Any] | Maker] = {
    "occlusion from delete and leave_one_in from mask, averaged": mean_of(
        {"method": "occlusion", "baseline": "delete"}, {"method": "leave_one_in", "baseline": "mask"}
    ),
    "integrated gradients and occlusion from delete, averaged": mean_of(
        {}, {"method": "occlusion", "baseline": "delete"}
    ),
    "integrated gradients, 8 nodes, and leave_one_out_in from delete, averaged": mean_of(
        {"n_steps": 8}, {"method": "leave_one_out_in", "baseline": "delete"}
    ),
    "integrated gradients from mean and mask, 8 nodes each, and leave_one_out_in, averaged": mean_of(
        {"n_steps": 8}, {"n_steps": 8, "baseline": "mask"}, {"method": "leave_one_out_in"}
    ),
}
"""More of them: two methods that fail differently, at the cost of one."""

OTHERS: dict[str, dict[str, Any] | Maker] = {
    "expected_gradients from stretches of the training texts": by_subject(
        lambda subject: {"method": "expected_gradients", "reference_texts": subject.texts}
    ),
    "gradient_shap from stretches of the training texts": by_subject(
        lambda subject: {"method": "gradient_shap", "reference_texts": subject.texts}
    ),
    "occlusion, windows of two words": {"method": Occlusion(window=2)},
    "saliency, the sum": {"method": Saliency(reduction="sum")},
    "smoothgrad, the sum": {"method": SmoothGrad(reduction="sum")},
}
"""Settings of the methods' own."""
