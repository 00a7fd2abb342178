"""Everything that ``predict_proba`` does to a text is reproduced, or the body is refused."""

import numpy as np
import pytest
import torch
from captum.attr import FeatureAblation, GradientShap, IntegratedGradients, NoiseTunnel, Saliency
from sentence_transformers import SentenceTransformer
from sklearn.linear_model import LogisticRegression
from torch import nn

from setfit_explain import Explainer, explain
from setfit_explain.errors import UnsupportedBodyError, UnsupportedModelError, VerificationError
from tests.models import CLASSES, LONG, TEXTS, fitted, minilm_model, modules, tiny_body, tiny_model


def reproduces(model, text=LONG):
    explanation = explain(model, text, targets="predicted")
    np.testing.assert_allclose(
        explanation.probabilities, model.predict_proba([text], as_numpy=True)[0], atol=1e-6
    )
    return explanation


@pytest.mark.parametrize("architecture", ["bert", "mpnet", "roberta"])
def test_normalize_embeddings_is_reproduced(architecture):
    reproduces(fitted(tiny_body(architecture), normalize_embeddings=True))


def test_truncate_dim_is_reproduced():
    body = tiny_body("bert")
    body.truncate_dim = 20
    model = fitted(body, normalize_embeddings=True)
    assert model.model_head.coef_.shape[1] == 20
    reproduces(model)


@pytest.mark.parametrize("include_prompt", [True, False])
@pytest.mark.parametrize("architecture", ["bert", "mpnet", "roberta"])
def test_a_default_prompt_is_reproduced_and_kept_out_of_the_text(architecture, include_prompt):
    body = tiny_body(architecture, include_prompt=include_prompt)
    body.prompts, body.default_prompt_name = {"classify": "classify the order: "}, "classify"
    explanation = reproduces(fitted(body))
    assert "".join(unit.text for unit in explanation.units if unit.special is None) == LONG.replace(" ", "")
    assert [unit.special for unit in explanation.units[-2:]] == ["special", "prompt"]
    assert not explanation.attributions[:, -2:].any(), "special and prompt tokens keep their own embedding"


@pytest.mark.parametrize("pooling", ["cls", "max", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"])
def test_every_pooling_is_reproduced(pooling):
    reproduces(fitted(tiny_body("bert", pooling_mode=pooling)))


def test_dense_and_normalize_modules_are_reproduced():
    body = tiny_body("mpnet")
    torch.manual_seed(0)
    reproduces(
        fitted(SentenceTransformer(modules=[*body, modules.Dense(32, 16), modules.Normalize()], device="cpu"))
    )


def test_max_seq_length_cuts_the_text_and_says_what_was_cut():
    body = tiny_body("roberta")
    body.max_seq_length = 9
    explanation = reproduces(fitted(body))
    start, end = explanation.truncated_span
    assert end == len(LONG)
    last = max(unit.end for unit in explanation.units if unit.special is None)
    assert last == start
    assert 0 < start < len(LONG)


@pytest.mark.skipif(
    not hasattr(SentenceTransformer, "preprocess"),
    reason="encode of sentence-transformers 5 does not go through a compiled body",
)
def test_a_compiled_body_is_explained_all_the_same():
    model = fitted(tiny_body("bert"))
    expected = explain(model, LONG)
    compiled = []
    model.model_body._compiled_call_impl = lambda *inputs, **options: (
        compiled.append(1) or model.model_body._call_impl(*inputs, **options)
    )
    np.testing.assert_allclose(explain(model, LONG).attributions, expected.attributions, atol=1e-6)
    assert compiled, "predict_proba still goes through the compiled call"


def test_a_linear_body_has_its_closed_form():
    # With a linear body and the logit scale, attribution_t = weight . map (e_t - baseline) / tokens, exactly.
    class LinearEncoder(nn.Module):
        def __init__(self, transformer):
            super().__init__()
            self.tokenizer = transformer.tokenizer
            self.lookup = transformer.auto_model.embeddings.word_embeddings
            self.preprocess = getattr(transformer, "preprocess", None)  # what sentence-transformers 6 calls
            self.tokenize = transformer.tokenize  # and what 5 calls
            self.max_seq_length = 64

        def forward(self, features):
            features["token_embeddings"] = self.lookup(features["input_ids"])
            return features

    source = tiny_body("bert")
    model = fitted(SentenceTransformer(modules=[LinearEncoder(source[0]), source[1]], device="cpu"))
    explainer = Explainer(model, output="logit", granularity="token", baseline="unk")
    explanation = explainer(LONG)
    bound = explainer.classifier.bind(LONG)
    displacement = (bound.word_embeddings - explainer.baseline(LONG))[0].double().numpy()
    expected = model.model_head.coef_ @ displacement.T / len(displacement)
    in_text = bound.encoded.is_text
    np.testing.assert_allclose(explanation.attributions[:, :-1], expected[:, in_text], atol=1e-6)
    assert explanation.settings["nodes"] == 9


def test_a_pair_of_body_and_head_is_explained():
    body = tiny_body("bert")
    head = LogisticRegression().fit(body.encode(list(TEXTS)), [("x", "y", "z")[k] for k in CLASSES])
    explanation = explain((body, head), LONG)
    assert explanation.classes == ("x", "y", "z")
    np.testing.assert_allclose(explanation.score, head.predict_proba(body.encode([LONG]))[0], atol=1e-6)


def test_a_second_reader_of_the_ids_is_refused():
    body = tiny_body("bert")

    class Counting(nn.Module):
        def forward(self, features):
            features["sentence_embedding"] = (
                features["sentence_embedding"] + features["input_ids"].float().std()
            )
            return features

    model = fitted(SentenceTransformer(modules=[*body, Counting()], device="cpu"))
    with pytest.raises(UnsupportedBodyError, match="something else in the body reads the token ids"):
        Explainer(model)


def test_a_body_without_gradients_is_refused():
    model = fitted(tiny_body("bert"))
    model.model_body.backend = "onnx"
    with pytest.raises(
        UnsupportedBodyError, match=r"'onnx' backend, which has no gradients.*backend='torch'"
    ):
        Explainer(model)


def test_a_bag_of_words_body_is_refused():
    body = SentenceTransformer(modules=[modules.BoW(vocab=["refund", "parcel", "thanks"])], device="cpu")
    with pytest.raises(UnsupportedBodyError, match="BoW"):
        Explainer((body, LogisticRegression().fit(body.encode(list(TEXTS)), CLASSES)))


def test_a_head_of_another_dimension_is_refused():
    head = LogisticRegression().fit(np.random.default_rng(0).standard_normal((9, 7)), CLASSES)
    with pytest.raises(UnsupportedModelError, match="which have 32 dimensions"):
        Explainer((tiny_body("bert"), head))


def test_a_model_that_changed_since_is_refused():
    model = fitted(tiny_body("bert"))
    explainer = Explainer(model)
    model.model_head.coef_ = model.model_head.coef_ * 1.5
    with pytest.raises(VerificationError, match="make a new Explainer"):
        explainer(LONG)


CAPTUM = {
    "integrated gradients": lambda bound: IntegratedGradients(bound).attribute(
        bound.word_embeddings,
        baselines=torch.zeros_like(bound.word_embeddings),
        target=1,
        internal_batch_size=3,
    ),
    "gradient shap": lambda bound: GradientShap(bound).attribute(
        bound.word_embeddings, baselines=torch.zeros_like(bound.word_embeddings), target=1, n_samples=3
    ),
    "noise tunnel": lambda bound: NoiseTunnel(Saliency(bound)).attribute(
        bound.word_embeddings, target=1, nt_samples=4, nt_samples_batch_size=2, stdevs=0.01
    ),
    "feature ablation": lambda bound: FeatureAblation(bound).attribute(
        bound.word_embeddings,
        feature_mask=torch.arange(bound.word_embeddings.shape[1]).reshape(1, -1, 1),
        target=1,
        perturbations_per_eval=4,
    ),
}


@pytest.mark.parametrize("name", CAPTUM)
@pytest.mark.parametrize("architecture", ["bert", "mpnet", "roberta"])
def test_captums_methods_work_on_the_bound_classifier_unchanged(name, architecture):
    torch.manual_seed(0)
    bound = Explainer(tiny_model(architecture)).classifier.bind(LONG)
    attributions = CAPTUM[name](bound)
    assert attributions.shape == bound.word_embeddings.shape
    assert attributions.abs().sum() > 0


def test_captums_feature_ablation_of_a_token_is_the_drop_in_its_classs_probability():
    bound = Explainer(minilm_model("three")).classifier.bind(LONG)
    words = bound.word_embeddings
    attributions = CAPTUM["feature ablation"](bound)
    without = words.clone()
    without[0, 2] = 0
    expected = (bound(words) - bound(without))[0, bound.classes.index("delay")]
    assert attributions[0, 2, 0] == pytest.approx(float(expected), abs=1e-6)


def test_rows_of_the_bound_classifier_are_independent():
    bound = Explainer(tiny_model("mpnet")).classifier.bind(LONG)
    words = bound.word_embeddings
    rows = torch.cat([words, torch.zeros_like(words), -words])
    torch.testing.assert_close(bound(rows)[1:2], bound(rows[1:2]), atol=1e-6, rtol=0)


def test_the_converted_head_is_a_module_for_captum():
    model = minilm_model("three")
    head = Explainer(model).classifier.head
    embedding = torch.as_tensor(model.encode([LONG]))
    _, delta = IntegratedGradients(head).attribute(
        embedding, target=2, n_steps=64, return_convergence_delta=True
    )
    np.testing.assert_allclose(head(embedding), model.predict_proba([LONG], as_numpy=True), atol=1e-6)
    assert abs(float(delta)) < 1e-6
