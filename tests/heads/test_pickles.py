"""A saved head is read without running code from its file."""

import io
import os

import joblib
import numpy as np
import pytest
import torch
from setfit import SetFitHead
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from setfit_explain.errors import ModelError, UnsafePickleError
from setfit_explain.heads.pickles import load_head

X = np.random.default_rng(0).standard_normal((30, 4))
CLASSES = np.array(["a", "b", "c"])[np.arange(30) % 3]


@pytest.mark.parametrize(
    "head",
    [
        LogisticRegression().fit(X, CLASSES),
        LogisticRegression().fit(X, CLASSES.astype(object)),
        OneVsRestClassifier(LogisticRegression()).fit(X, CLASSES),
        OneVsRestClassifier(LogisticRegression()).fit(X, (X[:, :2] > 0).astype(int)),
        make_pipeline(StandardScaler(), LogisticRegression()).fit(X, CLASSES),
    ],
    ids=["logistic", "object classes", "one-vs-rest", "multi-label", "pipeline"],
)
def test_supported_heads_are_read_without_trust(head, tmp_path):
    joblib.dump(head, tmp_path / "head.pkl")
    again = load_head(tmp_path / "head.pkl", trust_pickle=False)
    np.testing.assert_array_equal(again.predict_proba(X), head.predict_proba(X))


def test_a_setfit_head_is_read_without_trust(tmp_path):
    head = SetFitHead(4, 3, device="cpu")
    joblib.dump(head, tmp_path / "head.pkl")
    again = load_head(tmp_path / "head.pkl", trust_pickle=False)
    torch.testing.assert_close(again.predict_proba(torch.ones(1, 4)), head.predict_proba(torch.ones(1, 4)))


class Harmful:
    """Runs a command when it is unpickled."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (str(self.marker),)


@pytest.mark.parametrize("hide", [lambda harm: harm, lambda harm: np.array([harm], dtype=object)])
def test_code_in_a_pickle_is_not_run_unless_trusted(tmp_path, hide):
    joblib.dump(hide(Harmful(tmp_path / "ran")), tmp_path / "head.pkl")
    with pytest.raises(UnsafePickleError, match=r"names posix.mkdir.*trust_pickle=True"):
        load_head(tmp_path / "head.pkl", trust_pickle=False)
    assert not (tmp_path / "ran").exists()
    load_head(tmp_path / "head.pkl", trust_pickle=True)
    assert (tmp_path / "ran").exists()


class HarmfulStorage:
    """Hides a command in the bytes of a torch storage, which torch would unpickle in its turn."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        inner = io.BytesIO()
        torch.save(Harmful(self.marker), inner)
        return torch.storage._load_from_bytes, (inner.getvalue(),)


def test_code_within_a_torch_storage_is_not_run(tmp_path):
    joblib.dump(HarmfulStorage(tmp_path / "ran"), tmp_path / "head.pkl")
    with pytest.raises(ModelError, match="cannot be read"):
        load_head(tmp_path / "head.pkl", trust_pickle=False)
    assert not (tmp_path / "ran").exists()


def test_a_damaged_file_is_an_error_with_its_name(tmp_path):
    joblib.dump(LogisticRegression().fit(X, CLASSES), tmp_path / "head.pkl")
    (tmp_path / "head.pkl").write_bytes((tmp_path / "head.pkl").read_bytes()[:200])
    with pytest.raises(ModelError, match=r"head\.pkl.*cannot be read"):
        load_head(tmp_path / "head.pkl", trust_pickle=False)
