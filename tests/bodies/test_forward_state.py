"""Bodies that keep something of their last forward pass are explained, and left as found."""

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer

from setfit_explain import Explainer
from tests.bodies.architectures import BODIES, body_of, named
from tests.models import LONG, TEXTS, fitted


class Rotated(torch.nn.Module):
    """Turns token embeddings by their position, with tables that are made anew for each length."""

    def __init__(self, transformer):
        super().__init__()
        self.first = transformer
        self.tokenizer = transformer.tokenizer
        self.preprocess = getattr(transformer, "preprocess", None)  # what sentence-transformers 6 calls
        self.tokenize = transformer.tokenize  # and what 5 calls
        self.keeps = True
        self.cosine = None
        self.register_buffer("sine", None)

    def forward(self, features):
        features = self.first(features)
        tokens = features["token_embeddings"]
        if self.cosine is None or not self.keeps or len(self.cosine) != tokens.shape[1]:
            angle = torch.arange(tokens.shape[1]).unsqueeze(1) / 9
            self.cosine, self.sine = angle.cos(), angle.sin()
        features["token_embeddings"] = tokens * self.cosine + tokens.roll(1, 2) * self.sine
        return features


def test_tables_that_encode_left_in_inference_mode_do_not_stop_gradients():
    first, pooling = body_of(named("Bert"))
    model = fitted(SentenceTransformer(modules=[Rotated(first), pooling], device="cpu"))
    rotated, explainer = model.model_body[0], Explainer(model)
    for text in (LONG, TEXTS[0], LONG):
        model.predict_proba([text])
        assert rotated.cosine.is_inference()
        explanation = explainer(text)
        rotated.keeps = False
        np.testing.assert_allclose(explanation.attributions, explainer(text).attributions, atol=1e-7)
        rotated.keeps = True


@pytest.mark.parametrize("training", [True, False])
def test_block_sparse_attention_is_explained_and_survives_short_texts(training):
    model = fitted(BODIES["BigBird, block-sparse"]())
    bird = model.model_body[0].auto_model
    bird.train(training)
    explainer = Explainer(model)
    alone = explainer(LONG)
    assert explainer(["refund", LONG])[1] == alone
    assert {module.attention_type for module in bird.modules() if hasattr(module, "attention_type")} == {
        "block_sparse"
    }
    assert {module.training for module in bird.modules()} == {training}
    np.testing.assert_allclose(alone.probabilities, model.predict_proba([LONG], as_numpy=True)[0], atol=1e-6)
    bird.set_attention_type("original_full")
    assert np.abs(explainer(LONG).attributions - alone.attributions).max() > 1e-3
