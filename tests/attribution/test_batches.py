"""Batches hold what there is memory for, whatever the body."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from setfit_explain import Explainer
from setfit_explain.attribution import batches
from setfit_explain.attribution.batches import row_slices
from tests.models import minilm_model, tiny_model


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
