"""Every way in leads to the same function, or to one clear sentence."""

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer
from setfit import AbsaModel
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from setfit_explain import Explainer, explain
from setfit_explain.errors import ModelError, UnsupportedModelError
from tests.models import CLASSES, LONG, TEXTS, tiny_body, tiny_model


class Embedder(TransformerMixin, BaseEstimator):
    """A first step as a user would write it."""

    def __init__(self, body: SentenceTransformer, normalize=False, shift=0.0):
        self.body, self.normalize, self.shift = body, normalize, shift

    def fit(self, _texts, _classes=None):
        return self

    def transform(self, texts):
        embeddings = self.body.encode(
            list(texts), normalize_embeddings=self.normalize, show_progress_bar=False
        )
        return embeddings + self.shift

    def __sklearn_is_fitted__(self):
        return True


def first_step(kind):
    body = tiny_body("bert")
    if kind == "function":
        return FunctionTransformer(body.encode, kw_args={"show_progress_bar": False})
    return Embedder(body, normalize=kind == "normalized")


@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("kind", ["function", "own", "normalized"])
def test_a_pipeline_that_embeds_first_is_explained(kind, scaled):
    others = [StandardScaler()] if scaled else []
    names = [("late", "early", "lost")[k] for k in CLASSES]
    pipeline = make_pipeline(first_step(kind), *others, LogisticRegression(C=10)).fit(list(TEXTS), names)
    explanation = explain(pipeline, LONG)
    assert explanation.classes == tuple(pipeline.classes_)
    np.testing.assert_allclose(explanation.score, pipeline.predict_proba([LONG])[0], atol=1e-6)
    assert explanation.converged.all()


def test_a_pipeline_is_left_as_found():
    step = first_step("own")
    step.body.train()
    pipeline = make_pipeline(step, LogisticRegression()).fit(list(TEXTS), CLASSES)
    step.body.train()  # encode, in fit, has switched it
    explain(pipeline, LONG)
    assert step.body.training


def test_a_first_step_that_does_more_than_encode_is_refused():
    pipeline = make_pipeline(Embedder(tiny_body("bert"), shift=0.5), LogisticRegression()).fit(
        list(TEXTS), CLASSES
    )
    with pytest.raises(UnsupportedModelError, match="gives other embeddings than its SentenceTransformer"):
        explain(pipeline, LONG)


def test_a_pipeline_without_a_sentence_transformer_is_refused():
    pipeline = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(list(TEXTS), CLASSES)
    with pytest.raises(UnsupportedModelError, match="TfidfVectorizer, holds no SentenceTransformer"):
        explain(pipeline, LONG)


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("config_setfit.json", b'{"labels": ["a"', r"config_setfit\.json' cannot be read"),
        ("config_setfit.json", b"\xff", r"config_setfit\.json' cannot be read"),
        ("config_setfit.json", b"[]", r"config_setfit\.json' cannot be read \(it holds a list\)"),
        ("model.safetensors", None, r"The body in .* cannot be loaded \(OSError: "),
        ("model.safetensors", b"damaged", r"The body in .* cannot be loaded \(SafetensorError: "),
        ("modules.json", b"{", r"The body in .* cannot be loaded \(JSONDecodeError: "),
    ],
)
def test_a_saved_model_with_a_damaged_file_is_refused_with_its_name(file, content, message, tmp_path):
    tiny_model("bert").save_pretrained(tmp_path / "model")
    place = tmp_path / "model" / file
    if content is None:
        place.unlink()
    else:
        place.write_bytes(content)
    with pytest.raises(ModelError, match=message + ".* Save or download the model again"):
        Explainer(tmp_path / "model")


def test_an_explainer_of_one_model_refuses_two_and_says_what_explains_both():
    with pytest.raises(UnsupportedModelError, match=r"explain\(model, texts\) and AbsaExplainer\(model\)"):
        Explainer(AbsaModel.__new__(AbsaModel))
