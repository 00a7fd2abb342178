"""Batches hold what there is memory for, whatever the body."""

import gc
from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from setfit_explain import Explainer
from setfit_explain.attribution import batches
from setfit_explain.attribution.batches import row_slices
from tests.models import TEXTS, minilm_model, tiny_model


@given(st.integers(0, 300), st.integers(0, 600), st.none() | st.integers(1, 50), st.floats(0, 1e9))
def test_batches_cover_all_rows_within_the_budgets_and_are_of_about_one_size(rows, tokens, most, kept):
    found = row_slices(rows, tokens, most, kept)
    sizes = [len(range(rows)[each]) for each in found]
    assert sum(sizes) == rows
    assert [each.start for each in found] == [sum(sizes[:k]) for k in range(len(sizes))]
    for size in sizes:
        assert 1 <= size <= (most or max(1, batches.TOKEN_BUDGET // max(1, tokens)))
        assert most or size == 1 or size * tokens * kept <= batches.MEMORY_BUDGET
    if most:
        assert len(sizes) == -(-rows // most)  # as few as can be
    assert not sizes or max(sizes) - min(sizes) < len(sizes)


@pytest.mark.parametrize("model", [minilm_model("binary"), tiny_model("bert")])
def test_what_a_token_keeps_is_the_growth_of_the_graph(model):
    """Each layer of BERT's kind keeps queries, keys, values, the attended, what two LayerNorms read and what GELU reads."""
    classifier = Explainer(model).classifier
    config = model.model_body[0].auto_model.config
    layer = 6 * config.hidden_size + config.intermediate_size
    known = config.num_hidden_layers * layer * 4
    assert known <= classifier.bytes_per_token <= 1.2 * known + 400  # means, deviations, the mask, the pooled


def test_double_precision_keeps_twice_as_much():
    model = tiny_model("bert")
    single = Explainer(model).classifier.bytes_per_token
    double = Explainer(model, precision="float64").classifier.bytes_per_token
    assert double == pytest.approx(2 * single, rel=0.1)


class Kept:
    """Counts the bytes that autograd keeps, each memory once, and none that is held anyway."""

    def __init__(self, held):
        self.held = {tensor.untyped_storage().data_ptr() for tensor in held}
        self.references, self.bytes, self.peak = Counter(), 0, 0

    def pack(self, tensor):
        return Saved(self, tensor)

    def count(self, storage, change):
        place = storage.data_ptr()
        before = self.references[place]
        self.references[place] += change
        if place not in self.held and 0 in (before, before + change):
            self.bytes += change * storage.nbytes()
            self.peak = max(self.peak, self.bytes)


class Saved:
    def __init__(self, kept, tensor):
        self.kept, self.tensor = kept, tensor.detach()  # what holds its own graph is never freed
        kept.count(tensor.untyped_storage(), 1)

    def __del__(self):
        self.kept.count(self.tensor.untyped_storage(), -1)


@pytest.mark.parametrize("method", ["integrated_gradients", "smoothgrad"])
def test_what_is_kept_for_backward_passes_stays_within_the_budget(method, monkeypatch):
    explainer = Explainer(tiny_model("bert"), method=method)
    classifier = explainer.classifier
    held = [*classifier.body.module.parameters(), *classifier.head.parameters(), *classifier.head.buffers()]
    row = classifier.bytes_per_token * max(len(classifier.encode(text).ids) for text in TEXTS)
    monkeypatch.setattr(batches, "MEMORY_BUDGET", 4 * row)
    kept = Kept(held)
    with torch.autograd.graph.saved_tensors_hooks(kept.pack, lambda saved: saved.tensor):
        explainer(list(TEXTS))
    assert 2 * row < kept.peak < 5 * row, "the head keeps a little, too"
    assert kept.bytes == 0


def test_counting_leaves_nothing_behind():
    """Of a graph that is never gone through, what saves its own output must not hold the rest."""
    model = tiny_model("bert")
    Explainer(model)
    gc.collect()
    before = sum(type(each) is torch.Tensor for each in gc.get_objects())
    for _ in range(3):
        Explainer(model)
    gc.collect()
    assert sum(type(each) is torch.Tensor for each in gc.get_objects()) <= before + 3
