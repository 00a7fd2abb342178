"""Other ways from "no word" to a text than one straight line: ideas for a better method, each at the cost of the default."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.bare import Bare
from benchmarks.elsewhere import Floats, Maker, Spans, by_subject, mean_of, on_units
from benchmarks.labelled import Subject
from setfit_explain import Explainer
from setfit_explain.evaluation.contestants import Foreign

NODES = 24
WIDEST = 4.0
"""Standard deviation of the strongest blur, in tokens."""
FOUR = ("mean", "mask", "pad", "unk")

Seeds = np.random.Generator
Attribute = Callable[[Bare, Tensor, NDArray[np.intp], int, Seeds], Floats]
"""From the embeddings of a text's tokens ``(tokens, dim)`` and the unit of each, -1 for none, to a number for each token."""


def along(bare: Bare, corners: Tensor, column: int) -> Floats:
    """Integrate the gradient along a path of straight pieces ``(pieces + 1, tokens, dim)``, at the middle of each."""
    return _collect(bare, (corners[1:] + corners[:-1]) / 2, corners.diff(dim=0), column)


def from_many(bare: Bare, words: Tensor, starts: Tensor, column: int) -> Floats:
    """Ask at one point on each of the straight lines from ``starts``, ``(lines, tokens, dim)``, evenly spread over [0, 1]."""
    lines = words - starts
    places = ((torch.arange(len(lines)) + 0.5) / len(lines)).reshape(-1, 1, 1)
    return _collect(bare, starts + places * lines, lines / len(lines), column)


def _collect(bare: Bare, points: Tensor, steps: Tensor, column: int) -> Floats:
    points = points.detach().requires_grad_()
    (gradients,) = torch.autograd.grad(bare(points)[:, column].sum(), points)
    total: Floats = (gradients * steps).sum((0, 2)).double().numpy()
    return total


def blurred(bare: Bare, words: Tensor, units: NDArray[np.intp], column: int, _: Seeds) -> Floats:
    """From the running mean of the text itself, ever less blurred (Xu, Venugopalan, Sundararajan 2020, arXiv 2004.03383)."""
    places = torch.arange(len(words), dtype=words.dtype)
    distances = (places[:, None] - places).square()
    widths = WIDEST * torch.linspace(1, 0, NODES + 1).clamp(min=1e-3)
    blurs = torch.softmax(-distances / (2 * widths.square().reshape(-1, 1, 1)), -1)
    return along(bare, _of_words(blurs @ words, words, units), column)


def one_after_another(bare: Bare, words: Tensor, units: NDArray[np.intp], column: int, draw: Seeds) -> Floats:
    """Word by word from the baseline, in a random order and in its reverse."""
    start = _of_words(bare.baseline.expand(1, *words.shape), words, units)[0]
    order = draw.permutation(units.max() + 1)
    pieces = max(2, NODES // (2 * len(order)))
    paths = []
    for each in (order, order[::-1]):
        rank = np.append(np.argsort(each), -1)[
            units
        ]  # of what is of no unit -1, so that it is there from the start
        done = torch.arange(len(each) * pieces + 1).reshape(-1, 1) / pieces
        share = (done - torch.as_tensor(rank)).clamp(0, 1).unsqueeze(-1)
        paths.append(along(bare, start + share * (words - start), column))
    return np.asarray(np.mean(paths, axis=0))


def discretised(bare: Bare, words: Tensor, units: NDArray[np.intp], column: int, _: Seeds) -> Floats:
    """Past rows of the embedding table near the line, where they are on the way (Sanyal, Ren 2021, arXiv 2108.13654)."""
    table = bare.encoder.get_input_embeddings().weight
    lengths = table.square().sum(1)
    corners = [_of_words(bare.baseline.expand(1, *words.shape), words, units)[0]]
    for left in range(NODES, 1, -1):
        here = corners[-1]
        point = here + (words - here) / left
        near = table[(lengths - 2 * point @ table.T).argmin(1)]
        between = (near - here) * (words - near) >= 0
        corners.append(torch.where(between, near, point))
    return along(bare, torch.stack([*corners, words]), column)


def several_baselines(bare: Bare, words: Tensor, units: NDArray[np.intp], column: int, _: Seeds) -> Floats:
    """From mean, mask, pad and unk in turns."""
    tokens = bare.tokenizer
    table = bare.encoder.get_input_embeddings().weight
    rows = [bare.baseline] + [table[getattr(tokens, f"{name}_token_id")] for name in FOUR[1:]]
    starts = torch.stack([rows[node % len(rows)] for node in range(NODES)])[:, None]
    return from_many(bare, words, _of_words(starts.expand(-1, *words.shape), words, units), column)


def random_tokens(bare: Bare, words: Tensor, units: NDArray[np.intp], column: int, draw: Seeds) -> Floats:
    """From tokens drawn uniformly from the vocabulary."""
    table = bare.encoder.get_input_embeddings().weight
    rows = table[torch.as_tensor(draw.integers(len(table), size=(NODES, len(words))))]
    return from_many(bare, words, _of_words(rows, words, units), column)


def _of_words(points: Tensor, words: Tensor, units: NDArray[np.intp]) -> Tensor:
    """Keep what is of no unit, such as special tokens, as it is."""
    return torch.where(torch.as_tensor(units >= 0)[:, None], points, words)


def by_path(attribute: Attribute) -> Maker:
    """Make a method of it."""

    def make(subject: Subject) -> Foreign:
        bare = Bare(Explainer(subject.classifier), subject.model)

        def explain(text: str, spans: Spans, column: int) -> Floats:
            places = bare.tokenizer(
                text, truncation=True, max_length=bare.max_length, return_offsets_mapping=True
            )["offset_mapping"]
            one = [on_units([(start, end, 1.0)], spans) for start, end in places]
            units = np.array([int(each.argmax()) if each.any() else -1 for each in one])
            words = bare.encoder.get_input_embeddings()(bare.ids(text))[0]
            found = attribute(bare, words, units, column, np.random.default_rng(len(text)))
            values = np.zeros(len(spans))
            np.add.at(values, units[units >= 0], found[units >= 0])
            return values

        return explain

    return make


def _calibrated(subject: Subject) -> Foreign:
    """Integrated gradients and occlusion, the geometric mean of their sizes, with the sign of the first."""
    both = [mean_of(options)(subject) for options in ({}, {"method": "occlusion", "baseline": "delete"})]

    def explain(text: str, spans: Spans, column: int) -> Floats:
        integrated, lost = (method(text, spans, column) for method in both)
        return np.asarray(np.sign(integrated) * np.sqrt(np.abs(integrated * lost)))

    return explain


PATHS: dict[str, dict[str, Any] | Maker] = {
    "path: blurred": by_path(blurred),
    "path: one word after another, in two orders": by_path(one_after_another),
    "path: discretised": by_path(discretised),
    "path: from mean, mask, pad and unk in turns": by_path(several_baselines),
    "path: from random tokens": by_path(random_tokens),
    "integrated gradients from the training texts' mean": by_subject(
        lambda subject: {"reference_texts": subject.texts}
    ),
    "integrated gradients from the plain mean of the vocabulary": by_subject(
        lambda subject: {
            "baseline": subject.model.model_body[0].auto_model.get_input_embeddings().weight.mean(0)
        }
    ),
    "integrated gradients times occlusion, the root": _calibrated,
}
"""More ideas, as `CANDIDATES`."""
