"""A saved head is read without running code from its file."""

import os
import pickle
from contextlib import suppress

import joblib
import numpy as np
import pytest
import torch
from setfit import SetFitHead
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from setfit_explain.errors import ModelError, UnsafePickleError
from setfit_explain.heads.conversion import to_torch_head
from setfit_explain.heads.pickles import load_head
from setfit_explain.heads.verification import head_probabilities
from tests.heads.rows import DIM, NAMES, RANDOM, ROWS, fit, fitted

FILE = "head.pkl"


@pytest.mark.parametrize("name", ROWS)
def test_every_row_is_read_without_trust(name, tmp_path):
    joblib.dump(fitted(name), tmp_path / FILE)
    again = load_head(tmp_path / FILE, trust_pickle=False)
    np.testing.assert_array_equal(head_probabilities(again, RANDOM), head_probabilities(fitted(name), RANDOM))


@pytest.mark.parametrize("name", ["multinomial", "network", "grid search", "chain", "calibrated"])
def test_a_compressed_head_is_read_without_trust(name, tmp_path):
    joblib.dump(fitted(name), tmp_path / FILE, compress=3)
    again = load_head(tmp_path / FILE, trust_pickle=False)
    np.testing.assert_array_equal(head_probabilities(again, RANDOM), head_probabilities(fitted(name), RANDOM))


@pytest.mark.parametrize(
    "head",
    [
        fit(LogisticRegression(), NAMES.astype(object)),
        fit(GridSearchCV(LogisticRegression(), {"C": [1, 2]}, scoring="f1_macro", cv=3), NAMES),
    ],
    ids=["object classes", "search by another score"],
)
def test_variants_of_supported_heads_are_read_without_trust(head, tmp_path):
    joblib.dump(head, tmp_path / FILE)
    again = load_head(tmp_path / FILE, trust_pickle=False)
    np.testing.assert_array_equal(again.predict_proba(RANDOM), head.predict_proba(RANDOM))


def test_a_constant_member_is_read_without_trust(tmp_path):
    truth = np.stack([RANDOM[:, 0] > 0, np.ones(len(RANDOM))], 1).astype(int)
    head = fit(OneVsRestClassifier(LogisticRegression()), truth, RANDOM)
    joblib.dump(head, tmp_path / FILE)
    again = load_head(tmp_path / FILE, trust_pickle=False)
    np.testing.assert_array_equal(again.predict_proba(RANDOM), head.predict_proba(RANDOM))


def test_a_setfit_head_is_read_without_trust(tmp_path):
    head = SetFitHead(DIM, 3, device="cpu")
    joblib.dump(head, tmp_path / FILE)
    again = load_head(tmp_path / FILE, trust_pickle=False)
    embeddings = torch.as_tensor(RANDOM)
    assert torch.equal(to_torch_head(again)(embeddings), to_torch_head(head)(embeddings))


class Calls:
    """Calls a function when it is unpickled."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call

    def __call__(self):
        """Only so that pickle takes what one call returns as the function of the next."""


def makes(folder):
    return Calls(os.mkdir, str(folder))


def in_a_storage(folder):
    return Calls(torch.storage._load_from_bytes, pickle.dumps(makes(folder), protocol=2))


def through_getattr(folder):
    return Calls(
        Calls(getattr, Calls(__import__, "builtins"), "eval"), f"__import__('os').mkdir({str(folder)!r})"
    )


def in_a_pipeline(folder):
    pipeline = fit(make_pipeline(StandardScaler(), LogisticRegression()), NAMES)
    pipeline.steps.insert(1, ("step", makes(folder)))
    return pipeline


def in_a_masked_array(folder):
    search = fit(GridSearchCV(LogisticRegression(), {"C": [1]}, cv=3), NAMES)
    search.cv_results_["param_C"] = np.ma.MaskedArray(np.array([makes(folder)], dtype=object))
    return search


def in_a_random_state(folder):
    from numpy.random import _pickle

    return Calls(_pickle.__dict__["__randomstate_ctor"], str(folder), os.mkdir)


def in_a_function_transformer(folder):
    return make_pipeline(FunctionTransformer(os.mkdir, kw_args={"x": str(folder)}), LogisticRegression())


ATTACKS = {
    "os.mkdir": (makes, r"posix\.mkdir"),
    "os.system": (lambda folder: Calls(os.system, f"mkdir {folder}"), r"posix\.system"),
    "eval": (lambda folder: Calls(eval, f"__import__('os').mkdir({str(folder)!r})"), r"builtins\.eval"),
    "eval through getattr": (through_getattr, r"builtins\.getattr"),
    "object array": (lambda folder: np.array([makes(folder)], dtype=object), r"posix\.mkdir"),
    "masked array": (in_a_masked_array, r"posix\.mkdir"),
    "pipeline step": (in_a_pipeline, r"posix\.mkdir"),
    "random state": (in_a_random_state, r"posix\.mkdir"),
    "function transformer": (in_a_function_transformer, r"FunctionTransformer"),
}


@pytest.mark.parametrize("name", ATTACKS)
@pytest.mark.parametrize("compress", [0, 3])
def test_code_in_a_head_is_named_and_not_run(name, compress, tmp_path):
    attack, named = ATTACKS[name]
    joblib.dump(attack(tmp_path / "ran"), tmp_path / FILE, compress=compress)
    with pytest.raises(UnsafePickleError, match=rf"names .*{named}.*trust_pickle=True"):
        load_head(tmp_path / FILE, trust_pickle=False)
    assert not (tmp_path / "ran").exists()


def test_code_in_a_torch_storage_is_not_run(tmp_path):
    joblib.dump(in_a_storage(tmp_path / "ran"), tmp_path / FILE)
    with pytest.raises(UnsafePickleError, match=r"torch storage with more than numbers.*trust_pickle=True"):
        load_head(tmp_path / FILE, trust_pickle=False)
    assert not (tmp_path / "ran").exists()


def test_a_name_inside_an_allowed_one_is_refused(tmp_path):
    # Protocol 4 follows dots: a harmless class's globals hold what its module imported.
    module, name = b"sklearn.pipeline", b"Pipeline.__init__.__globals__"
    strings = b"".join(b"\x8c" + bytes([len(text)]) + text for text in (module, name))
    (tmp_path / FILE).write_bytes(b"\x80\x04" + strings + b"\x93.")
    with pytest.raises(UnsafePickleError, match=r"Pipeline\.__init__\.__globals__"):
        load_head(tmp_path / FILE, trust_pickle=False)


@pytest.mark.parametrize(
    "attack", [makes, through_getattr, in_a_storage, in_a_pipeline, in_a_random_state, in_a_masked_array]
)
def test_these_attacks_do_run_where_the_file_is_trusted(attack, tmp_path):
    joblib.dump(attack(tmp_path / "ran"), tmp_path / FILE)
    with suppress(Exception):  # what they return is no head; that they ran is what counts
        load_head(tmp_path / FILE, trust_pickle=True)
    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize("trust_pickle", [False, True])
def test_a_damaged_file_is_an_error_with_its_name(trust_pickle, tmp_path):
    joblib.dump(fitted("multinomial"), tmp_path / FILE)
    for content in ((tmp_path / FILE).read_bytes()[:200], b"not a pickle"):
        (tmp_path / FILE).write_bytes(content)
        with pytest.raises(ModelError, match=r"head\.pkl.*cannot be read"):
            load_head(tmp_path / FILE, trust_pickle=trust_pickle)
