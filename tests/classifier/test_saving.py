"""A saved model is the same model, in a folder that holds no code, or there is no folder."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file
from setfit import SetFitHead, SetFitModel
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from torch import nn

from setfit_explain import Explainer
from setfit_explain.classifier import saving
from setfit_explain.classifier.saving import save_model
from setfit_explain.errors import OptionError, UnsupportedHeadError, VerificationError
from tests.models import CLASSES, LABELS, LONG, TEXTS, fitted, tiny_body, tiny_model

NAMES = [LABELS[k] for k in CLASSES]


def pair(estimator, classes=CLASSES):
    body = tiny_body("bert")
    return body, estimator.fit(body.encode(list(TEXTS), show_progress_bar=False), classes)


def pipeline():
    body = tiny_body("bert")
    first = FunctionTransformer(
        body.encode, kw_args={"show_progress_bar": False, "normalize_embeddings": True}
    )
    return make_pipeline(first, StandardScaler(), LogisticRegression(C=10)).fit(list(TEXTS), NAMES)


def differentiable():
    torch.manual_seed(0)
    return SetFitModel(tiny_body("bert"), SetFitHead(32, 3, device="cpu"), labels=list(LABELS))


MODELS = {
    "three classes": lambda: tiny_model("bert"),
    "two classes": lambda: tiny_model("mpnet", "binary"),
    "multi-label": lambda: tiny_model("roberta", "multi_label"),
    "normalized": lambda: fitted(tiny_body("bert"), normalize_embeddings=True),
    "truncated": lambda: fitted(short(tiny_body("bert"))),
    "prompt": lambda: fitted(prompted(tiny_body("bert"))),
    "pair": lambda: pair(GaussianNB(), NAMES),
    "pair of truth values": lambda: pair(LogisticRegression(), np.array(CLASSES) == 1),
    "decision function": lambda: pair(RidgeClassifier()),
    "pipeline": pipeline,
    "differentiable head": differentiable,
}
if transformers.__version__ >= "5":  # transformers 4 reads every body in single precision
    MODELS["half precision"] = lambda: fitted(tiny_body("bert").half())


def short(body):
    body.max_seq_length = 8
    return body


def prompted(body):
    body.prompts["query"] = "parcel: "
    body.default_prompt_name = "query"
    return body


@pytest.mark.parametrize("name", MODELS)
def test_the_saved_model_is_explained_as_the_original(name, tmp_path):
    model = MODELS[name]()
    difference = save_model(model, tmp_path / "safe")
    output = "logit" if name == "decision function" else "probability"
    first, second = (
        Explainer(m, output=output, tolerance=0.5, n_steps=None) for m in (model, tmp_path / "safe")
    )
    assert first.classifier.fingerprint == second.classifier.fingerprint
    original, again = first(LONG), second(LONG)
    assert original.classes == again.classes
    assert original.truncated_span == again.truncated_span
    np.testing.assert_array_equal(original.attributions, again.attributions)
    np.testing.assert_array_equal(original.score, again.score)
    answers = [explainer.classifier.predict_proba(LONG) for explainer in (first, second)]
    np.testing.assert_allclose(*answers, atol=1e-6)
    assert 0 <= difference < 1e-6


def test_the_saved_folder_holds_tensors_and_text_only(tmp_path):
    save_model(tiny_model("bert"), tmp_path / "safe")
    files = {
        path.relative_to(tmp_path / "safe"): path for path in (tmp_path / "safe").rglob("*") if path.is_file()
    }
    assert {Path("head.json"), Path("head.safetensors"), Path("config_setfit.json")} <= set(files)
    assert not any("model_head" in path.name for path in files)
    for path in files.values():
        if path.suffix == ".safetensors":
            assert load_file(path)
        else:
            json.loads(path.read_text("utf-8"))
    settings = json.loads(files[Path("config_setfit.json")].read_text())
    assert settings == {"normalize_embeddings": False, "labels": list(LABELS)}


def test_saving_a_saved_model_writes_the_same_head(tmp_path):
    save_model(tiny_model("bert"), tmp_path / "first")
    assert save_model(tmp_path / "first", tmp_path / "second") == 0
    for name in ("head.json", "head.safetensors", "config_setfit.json"):
        assert (tmp_path / "second" / name).read_bytes() == (tmp_path / "first" / name).read_bytes()


def test_the_model_is_left_as_found(tmp_path):
    model = fitted(tiny_body("bert"))
    model.model_body.train()
    before = {name: tensor.clone() for name, tensor in model.model_body.state_dict().items()}
    settings = model.model_body.tokenizer.padding_side, model.model_body.max_seq_length
    save_model(model, tmp_path / "safe")
    assert model.model_body.training
    assert (model.model_body.tokenizer.padding_side, model.model_body.max_seq_length) == settings
    assert all(torch.equal(before[name], tensor) for name, tensor in model.model_body.state_dict().items())


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "safe").mkdir()
    save_model(tiny_model("bert"), tmp_path / "safe")
    assert (tmp_path / "safe" / "head.json").is_file()
    with pytest.raises(OptionError, match="is not an empty folder"):
        save_model(tiny_model("bert"), tmp_path / "safe")
    assert [path.name for path in tmp_path.iterdir()] == ["safe"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError("disk full"), UnsupportedHeadError("x")])
@pytest.mark.parametrize("step", ["write_head", "_compare"])
def test_an_interrupted_saving_leaves_nothing(error, step, tmp_path, monkeypatch):
    def fail(*_, **__):
        assert len(list(tmp_path.iterdir())) == 1
        raise error

    monkeypatch.setattr(saving, step, fail)
    with pytest.raises(type(error) if isinstance(error, Exception) else error):
        save_model(tiny_model("bert"), tmp_path / "safe")
    assert list(tmp_path.iterdir()) == []


def test_another_model_read_back_is_refused(tmp_path, monkeypatch):
    def write_another(head, folder, dimension):
        with torch.no_grad():
            head.decision.bias += torch.tensor([1e-3, 0, 0])
        write_head(head, folder, dimension)

    write_head = saving.write_head
    monkeypatch.setattr(saving, "write_head", write_another)
    with pytest.raises(
        VerificationError, match=r"is another one when it is read.* predict_proba by .* for '"
    ):
        save_model(tiny_model("bert"), tmp_path / "safe")
    assert list(tmp_path.iterdir()) == []


class Own(nn.Module):
    """A user's head."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(32, 3)

    def predict_proba(self, embeddings):
        return self.layer(embeddings).softmax(-1)


def test_a_head_that_is_code_is_refused(tmp_path):
    with pytest.raises(UnsupportedHeadError, match="a torch module of your own cannot"):
        save_model((tiny_body("bert"), Own()), tmp_path / "safe")
    assert list(tmp_path.iterdir()) == []
