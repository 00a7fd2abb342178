"""A saved model's head is read from the safest file that is there, and no other file is opened."""

import os
import shutil

import joblib
import numpy as np
import pytest
from setfit import SetFitModel
from sklearn.linear_model import LogisticRegression
from skops import io

import setfit_explain.classifier.loading as loading
from setfit_explain import Explainer
from setfit_explain.classifier.saving import save_model
from setfit_explain.errors import ModelError, ModelNotFoundError, UnsafePickleError
from tests.models import LONG, TEXTS, fitted, tiny_body

FILES = (("head.json", "head.safetensors"), ("model_head.skops",), ("head.skops",), ("model_head.pkl",))


@pytest.fixture(scope="module")
def heads():
    """A head of its own for each file, all of the same body."""
    body = tiny_body("bert")
    embeddings = body.encode(list(TEXTS), show_progress_bar=False)
    return body, [
        LogisticRegression(C=10).fit(embeddings, [name * (k % 2 + 1) for k in range(len(TEXTS))])
        for name in "abcd"
    ]


@pytest.fixture
def folder(heads, tmp_path):
    """A folder with every file that a head can be in."""
    body, (own, skops, other_skops, pickled) = heads
    SetFitModel(model_body=body, model_head=pickled).save_pretrained(tmp_path / "model")
    io.dump(skops, tmp_path / "model" / "model_head.skops")
    io.dump(other_skops, tmp_path / "model" / "head.skops")
    save_model((body, own), tmp_path / "own")
    for name in FILES[0]:
        shutil.copy(tmp_path / "own" / name, tmp_path / "model")
    return tmp_path / "model"


class Harmful:
    """Leaves a trace when it is unpickled."""

    def __init__(self, place):
        self.place = place

    def __reduce__(self):
        return os.mkdir, (str(self.place),)


@pytest.mark.parametrize("trust_pickle", [False, True])
def test_the_safest_file_is_read_first(heads, folder, trust_pickle):
    body, estimators = heads
    embedding = body.encode([LONG], show_progress_bar=False)
    for files, estimator in zip(FILES, estimators, strict=True):
        explainer = Explainer(folder, trust_pickle=trust_pickle)
        assert explainer.classifier.classes == tuple(estimator.classes_)
        answer = explainer.classifier.predict_proba(LONG)
        np.testing.assert_allclose(answer, estimator.predict_proba(embedding)[0], atol=1e-6)
        for file in files:
            (folder / file).unlink()
    with pytest.raises(ModelNotFoundError, match=r"has no head\.json, model_head\.skops, .*model_head\.pkl"):
        Explainer(folder)


@pytest.mark.parametrize("files", FILES[:3])
def test_a_pickle_beside_a_safe_file_is_not_opened(files, folder):
    for others in FILES:
        if others != files:
            for file in others:
                (folder / file).unlink()
    joblib.dump(Harmful(folder / "ran"), folder / "model_head.pkl")
    Explainer(folder, trust_pickle=True)
    assert not (folder / "ran").exists()


@pytest.mark.parametrize(
    ("file", "content", "error"),
    [
        ("head.safetensors", None, ModelError),
        ("head.json", b"{}", ModelError),
        ("model_head.skops", b"", ModelError),
    ],
)
def test_a_damaged_safe_file_is_refused_and_no_other_is_read_instead(file, content, error, folder):
    if file == "model_head.skops":
        (folder / "head.json").unlink()
    if content is None:
        (folder / file).unlink()
    else:
        (folder / file).write_bytes(content)
    with pytest.raises(error, match="cannot be read"):
        Explainer(folder, trust_pickle=True)


def test_a_harmful_pickle_is_refused_without_a_trace(folder):
    for files in FILES[:3]:
        for file in files:
            (folder / file).unlink()
    joblib.dump(Harmful(folder / "ran"), folder / "model_head.pkl")
    with pytest.raises(UnsafePickleError, match=r"names posix\.mkdir"):
        Explainer(folder)
    assert not (folder / "ran").exists()


def test_a_model_of_the_hub_needs_no_pickle(tmp_path, monkeypatch):
    model = fitted(tiny_body("bert"))
    save_model(model, tmp_path / "safe")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        "huggingface_hub.snapshot_download", {"user/model": str(tmp_path / "safe")}.__getitem__
    )
    assert loading.load_model("user/model").labels == model.labels
    np.testing.assert_array_equal(
        Explainer("user/model")(LONG, targets=0).attributions, Explainer(model)(LONG, targets=0).attributions
    )
