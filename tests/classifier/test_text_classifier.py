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


def test_a_token_that_begins_with_the_space_after_the_prompt_is_text():
    body = tiny_body("roberta")
    body.prompts, body.default_prompt_name = {"classify": "classify: "}, "classify"
    assert "Ġparcel" in body.tokenizer.get_vocab()
    assert reproduces(fitted(body), "parcel is late").units[0].text == "parcel"


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
    bound = Explainer(model).classifier.bind(LONG)
    compiled.clear()
    bound(bound.word_embeddings)
    assert not compiled, "a compiled call would ignore the hook"


class Lookup(nn.Module):
    """The word embeddings of a body and nothing more, looked up in one of several ways."""

    def __init__(self, transformer, way="plain"):
        super().__init__()
        self.tokenizer = transformer.tokenizer
        self.lookup = transformer.auto_model.embeddings.word_embeddings
        self.preprocess = getattr(transformer, "preprocess", None)  # what sentence-transformers 6 calls
        self.tokenize = transformer.tokenize  # and what 5 calls
        self.max_seq_length = 64
        self.way = way

    def forward(self, features):
        ids = features["input_ids"]
        if self.way == "length first":
            found = self.lookup(ids.T).transpose(0, 1)
        elif self.way == "fixed window":
            found = self.lookup(nn.functional.pad(ids, (0, 64 - ids.shape[1])))[:, : ids.shape[1]]
        elif self.way == "twice":
            found = self.lookup(ids) + self.lookup(ids)
        else:
            found = self.lookup(ids)
        features["token_embeddings"] = found
        return features


def lookup_model(way="plain"):
    source = tiny_body("bert")
    return fitted(SentenceTransformer(modules=[Lookup(source[0], way), source[1]], device="cpu"))


@pytest.mark.parametrize("way", ["plain", "length first", "fixed window"])
def test_a_linear_body_has_its_closed_form(way):
    # With a linear body and the logit scale, attribution_t = weight . map (e_t - baseline) / tokens, exactly.
    model = lookup_model(way)
    explainer = Explainer(model, output="logit", granularity="token", baseline="unk")
    explanation = explainer(LONG)
    bound = explainer.classifier.bind(LONG)
    displacement = (bound.word_embeddings - explainer.baseline(LONG))[0].double().numpy()
    expected = model.model_head.coef_ @ displacement.T / len(displacement)
    in_text = bound.encoded.is_text
    np.testing.assert_allclose(explanation.attributions[:, :-1], expected[:, in_text], atol=1e-6)
    assert explanation.settings["nodes"] == 21


def test_a_body_that_looks_the_ids_up_twice_is_refused():
    with pytest.raises(UnsupportedBodyError, match=r"'0.lookup' 2 times in one forward pass"):
        Explainer(lookup_model("twice"))


def test_truncation_on_the_left_names_the_beginning():
    body = tiny_body("bert")
    body.max_seq_length = 9
    body.tokenizer.truncation_side = "left"
    explanation = reproduces(fitted(body))
    start, end = explanation.truncated_span
    assert start == 0
    assert LONG[:end].rstrip() == LONG[: explanation.units[0].start].rstrip()
    assert explanation.units[-2].end == len(LONG)


def test_lower_casing_by_the_body_keeps_the_users_letters(tmp_path):
    source = tiny_body("roberta")
    source.save(str(tmp_path))
    first = modules.Transformer(str(tmp_path), do_lower_case=True)
    body = SentenceTransformer(modules=[first, source[1]], device="cpu")
    assert body.encode(["WHERE"]).tolist() == body.encode(["where"]).tolist()
    text = "WHERE is My Parcel?"
    explanation = reproduces(fitted(body), text)
    assert [unit.text for unit in explanation.units[:-1]] == ["WHERE", "is", "My", "Parcel", "?"]


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


def test_a_tokenizer_of_another_kind_is_refused():
    class Slow:
        def __init__(self, fast):
            self.fast = fast

        def __call__(self, *arguments, **options):
            return self.fast(*arguments, **options)

        def __getattr__(self, name):
            return getattr(self.__dict__["fast"], name)

    source = tiny_body("bert")
    first = Lookup(source[0])
    first.tokenizer = Slow(first.tokenizer)
    model = fitted(SentenceTransformer(modules=[first, source[1]], device="cpu"))
    with pytest.raises(UnsupportedBodyError, match="The body's tokenizer Slow gives no token ids"):
        Explainer(model)


def test_a_body_that_rewrites_the_text_is_refused():
    source = tiny_body("bert")
    first = Lookup(source[0])
    for name in ("preprocess", "tokenize"):
        original = getattr(first, name)
        setattr(
            first,
            name,
            lambda texts, original=original, **options: original(
                [text.replace("fox", "wolf of the woods") for text in texts], **options
            ),
        )
    model = fitted(SentenceTransformer(modules=[first, source[1]], device="cpu"))
    with pytest.raises(UnsupportedBodyError, match="other token ids than its tokenizer does"):
        Explainer(model)


def test_a_bag_of_words_body_is_refused():
    body = SentenceTransformer(modules=[modules.BoW(vocab=["refund", "parcel", "thanks"])], device="cpu")
    with pytest.raises(UnsupportedBodyError, match="BoW"):
        Explainer((body, LogisticRegression().fit(body.encode(list(TEXTS)), CLASSES)))


def test_a_head_of_another_dimension_is_refused():
    head = LogisticRegression().fit(np.random.default_rng(0).standard_normal((9, 7)), CLASSES)
    with pytest.raises(UnsupportedModelError, match="which have 32 dimensions"):
        Explainer((tiny_body("bert"), head))


def test_a_model_that_computes_something_else_is_refused_at_once(monkeypatch):
    model = fitted(tiny_body("bert"))
    monkeypatch.setattr(model, "predict_proba", lambda *_, **__: np.array([[0.2, 0.3, 0.5]]))
    with pytest.raises(VerificationError, match="on the text itself"):
        Explainer(model)


def test_white_space_that_was_cut_is_not_worth_a_mention():
    body = tiny_body("roberta")
    body.max_seq_length = body.tokenize(["where is it"])["input_ids"].shape[1]
    assert reproduces(fitted(body), "where is it \n \n ").truncated_span is None
    assert reproduces(fitted(body), "where is it, why").truncated_span == (11, 16)


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


def test_the_bound_classifier_keeps_the_callers_grad_mode():
    bound = Explainer(tiny_model("bert")).classifier.bind(LONG)
    words = bound.word_embeddings.requires_grad_()
    assert bound(words).requires_grad
    with torch.no_grad():
        assert not bound(words).requires_grad


def test_the_converted_head_is_a_module_for_captum():
    model = minilm_model("three")
    head = Explainer(model).classifier.head
    embedding = torch.as_tensor(model.encode([LONG]))
    _, delta = IntegratedGradients(head).attribute(
        embedding, target=2, n_steps=64, return_convergence_delta=True
    )
    np.testing.assert_allclose(head(embedding), model.predict_proba([LONG], as_numpy=True), atol=1e-6)
    assert abs(float(delta)) < 1e-6
