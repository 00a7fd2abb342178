"""Texts of one length share batches: fewer passes, the same numbers, and no text is lost by another."""

import numpy as np
import pytest

from setfit_explain import Explainer
from setfit_explain.classifier.body import Body
from tests.models import LONG, TEXTS, tiny_model

TOGETHER = (*TEXTS, LONG, "", "refund", "delay", *(f"{word} {TEXTS[0]}" for word in ("late", "my", "the")))


@pytest.fixture
def batches(monkeypatch):
    """Rows of each forward pass."""
    seen = []
    embed = Body.embed
    monkeypatch.setattr(
        Body, "embed", lambda body, *parts: seen.append([rows for _, rows in parts]) or embed(body, *parts)
    )
    return seen


@pytest.mark.parametrize("architecture", ["bert", "roberta", "mpnet"])
@pytest.mark.parametrize("targets", ["all", "predicted"])
@pytest.mark.parametrize("size", [None, 7])
def test_texts_together_have_the_numbers_of_each_alone(architecture, targets, size):
    explainer = Explainer(
        tiny_model(architecture), targets=targets, output="log_odds", internal_batch_size=size
    )
    for one, text in zip(explainer(list(TOGETHER)), TOGETHER, strict=True):
        alone = explainer(text)
        assert one.text == text
        assert one.targets == alone.targets
        assert one.settings["nodes"] == alone.settings["nodes"]
        np.testing.assert_allclose(one.attributions, alone.attributions, atol=2e-6)
        np.testing.assert_allclose(one.error_estimate, alone.error_estimate, atol=2e-6)


def test_texts_of_one_length_share_batches_and_no_batch_has_more_rows_than_were_asked_for(batches):
    words = ["refund", "order", "parcel", "money"]
    lengths = {len(Explainer(tiny_model("bert")).classifier.encode(word).ids) for word in words}
    assert len(lengths) == 1
    batches.clear()
    Explainer(tiny_model("bert"))(words)
    assert [21, 20, 20, 20] in batches, "the node at their baseline once"
    batches.clear()
    explainer = Explainer(tiny_model("bert"), internal_batch_size=30)
    batches.clear()
    explainer(words)
    assert [each for each in batches if len(each) > 1] == [[21, 6], [14, 13], [7, 20]]  # 81 rows in three


def test_a_copy_in_another_precision_is_compared_in_common_batches_too(batches):
    explainer = Explainer(tiny_model("bert"), precision="float64")
    words = ["refund", "order", "parcel"]
    alone = [explainer(word) for word in words]
    batches.clear()
    together = explainer(words)
    assert batches.count([1, 1, 1]) == 1, "by the model, at one place where the copy's derivatives are known"
    for one, other in zip(together, alone, strict=True):
        assert one.settings["precision_error"] == pytest.approx(other.settings["precision_error"], rel=0.5)


def test_a_text_that_fails_does_not_lose_those_of_its_batch(monkeypatch):
    explainer = Explainer(tiny_model("bert"), on_error="record")
    broken = explainer.classifier.encode("order").ids.tolist()
    decide = type(explainer.classifier).decide_rows

    def failing(classifier, parts, words):
        if any(encoded.ids.tolist() == broken for encoded, _ in parts):
            raise RuntimeError("out of memory")
        return decide(classifier, parts, words)

    monkeypatch.setattr(type(explainer.classifier), "decide_rows", failing)
    found = explainer(["refund", "order", "parcel"])
    assert [failure.index for failure in found.failures] == [1]
    assert "out of memory" in found.failures[0].message
    assert [explanation.text for explanation in found if hasattr(explanation, "units")] == [
        "refund",
        "parcel",
    ]
