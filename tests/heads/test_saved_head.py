"""A head written as tensors and JSON is the same head, and a file can name nothing to execute."""

import json
from copy import deepcopy

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file
from setfit import SetFitHead
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from torch import nn

import setfit_explain.classifier.loading  # noqa: F401 - registers SetFitHead
from setfit_explain.errors import ModelError, UnsupportedHeadError
from setfit_explain.heads.conversion import to_torch_head
from setfit_explain.heads.saved_head import read_head, write_head
from setfit_explain.heads.torch_head import Link, TorchHead
from setfit_explain.heads.verification import head_probabilities
from tests.heads.rows import (
    DIM,
    LARGE,
    MULTI,
    NAMES,
    RANDOM,
    ROWS,
    SATURATED,
    THREE,
    TRAIN,
    ZERO,
    fit,
    fitted,
)


def written(head, folder):
    write_head(head, folder, DIM)
    return read_head(folder)


def assert_same(again, head):
    assert (again.link, again.has_logits) == (head.link, head.has_logits)
    assert [(type(value), value) for value in again.classes] == [(type(v), v) for v in head.classes]
    assert repr(again) == repr(head)
    state, again_state = head.state_dict(), again.state_dict()
    assert list(again_state) == list(state)
    assert all(torch.equal(again_state[name], state[name]) for name in state)
    for embeddings in map(torch.as_tensor, (RANDOM, ZERO, LARGE, SATURATED)):
        assert torch.equal(again.decide(embeddings), head.decide(embeddings))
        assert torch.equal(again(embeddings), head(embeddings))


@pytest.mark.parametrize("name", ROWS)
def test_every_row_is_read_as_it_was_written(name, tmp_path):
    head = to_torch_head(fitted(name))
    assert_same(written(head, tmp_path), head)


@pytest.mark.parametrize("multi_label", [False, True])
def test_a_setfit_head_is_read_as_it_was_written(multi_label, tmp_path):
    torch.manual_seed(0)
    head = to_torch_head(SetFitHead(DIM, 3, multitarget=multi_label, temperature=0.7, device="cpu"))
    assert_same(written(head, tmp_path), head)


def test_a_constant_member_is_read_as_it_was_written(tmp_path):
    truth = np.stack([MULTI[:, 0], np.ones(len(MULTI), int)], 1)
    head = to_torch_head(fit(OneVsRestClassifier(LogisticRegression()), truth))
    assert_same(written(head, tmp_path), head)


@pytest.mark.parametrize(
    "classes",
    [
        NAMES,
        NAMES.astype(object),
        THREE,
        THREE == 1,
        THREE.astype(float),
        np.array(["ß\ud800", 'a"b\n', ""])[THREE],
    ],
    ids=["strings", "objects", "integers", "truth values", "floats", "any Unicode"],
)
def test_classes_keep_their_types(classes, tmp_path):
    head = to_torch_head(fit(LogisticRegression(), classes))
    assert_same(written(head, tmp_path), head)


def test_numpys_own_classes_become_pythons(tmp_path):
    linear = to_torch_head(fitted("multinomial"))
    head = TorchHead(linear.decision, linear.link, [np.int64(3), np.str_("a"), np.bool_(True)])
    assert [(type(value), value) for value in written(head, tmp_path).classes] == [
        (int, 3),
        (str, "a"),
        (bool, True),
    ]


@pytest.mark.parametrize("value", [None, (1, 2), float("nan"), object])
def test_classes_that_json_cannot_hold_are_refused(value, tmp_path):
    linear = to_torch_head(fitted("multinomial"))
    with pytest.raises(UnsupportedHeadError, match=r"classes .* cannot be written as data; strings"):
        write_head(TorchHead(linear.decision, linear.link, [0, 1, value]), tmp_path, DIM)


def test_a_module_of_the_users_is_refused(tmp_path):
    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(DIM, 3)

        def predict_proba(self, embeddings):
            return self.layer(embeddings).softmax(-1)

    with pytest.raises(UnsupportedHeadError, match="a torch module of your own cannot"):
        write_head(to_torch_head(Own()), tmp_path, DIM)
    assert list(tmp_path.iterdir()) == []


def test_a_subclass_of_a_known_module_is_refused(tmp_path):
    class Linear(nn.Linear):
        """May compute anything."""

    head = TorchHead(Linear(DIM, 1), Link.BINARY, (0, 1))
    with pytest.raises(UnsupportedHeadError, match="holds a Linear, which cannot be written"):
        write_head(head, tmp_path, DIM)


def test_a_head_that_was_read_is_a_head_like_any_other(tmp_path):
    read = written(to_torch_head(fitted("Bayes")), tmp_path)
    again = to_torch_head(read)
    assert again is not read
    assert_same(again, read)
    expected = fitted("Bayes").predict_proba(RANDOM)
    np.testing.assert_allclose(head_probabilities(read, RANDOM), expected, atol=1e-12)


BY_HAND = {
    "format": "setfit-explain head",
    "version": 1,
    "dimension": 2,
    "head": {
        "kind": "head",
        "settings": {"link": "BINARY", "classes": ["no", "yes"], "has_logits": True},
        "tensors": {},
        "children": {
            "decision": {
                "kind": "sequential",
                "settings": {},
                "tensors": {},
                "children": {
                    "0": {
                        "kind": "affine",
                        "settings": {},
                        "tensors": {"center": [2], "scale": []},
                        "children": {},
                    },
                    "1": {
                        "kind": "linear",
                        "settings": {"in_features": 2, "out_features": 1},
                        "tensors": {"weight": [1, 2], "bias": [1]},
                        "children": {},
                    },
                },
            }
        },
    },
}
TENSORS = {
    "decision.0.center": np.array([1.0, -1.0]),
    "decision.0.scale": np.array(2.0),
    "decision.1.weight": np.array([[3.0, -4.0]]),
    "decision.1.bias": np.array([0.5]),
}


def by_hand(folder, document=BY_HAND, tensors=TENSORS):
    (folder / "head.json").write_text(json.dumps(document))
    save_file(tensors, folder / "head.safetensors")
    return folder


def test_files_of_version_1_keep_their_meaning(tmp_path):
    head = read_head(by_hand(tmp_path))
    embeddings = np.array([[0.0, 0.0], [2.0, -3.0], [0.25, 1.0]])
    logits = ((embeddings - [1, -1]) / 2) @ [3, -4] + 0.5
    expected = 1 / (1 + np.exp(np.stack([logits, -logits], 1)))
    np.testing.assert_allclose(head(torch.as_tensor(embeddings)).numpy(), expected, rtol=1e-14)
    assert head.classes == ("no", "yes")


def changed(*path, to):
    """The document with one value replaced, added, or (``to`` is None) taken away."""
    document = deepcopy(BY_HAND)
    *parents, last = path
    place = document
    for name in parents:
        place = place[name]
    if to is None:
        del place[last]
    else:
        place[last] = to
    return document


DECISION = ("head", "children", "decision")
LINEAR = (*DECISION, "children", "1")
AFFINE = (*DECISION, "children", "0")
CLASSES = ("head", "settings", "classes")


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "not written by setfit-explain convert"),
        (changed("format", to="another"), "not written by setfit-explain convert"),
        (changed("version", to=2), "of version 2, and this setfit-explain reads version 1"),
        (changed("head", to=None), "it: found format, version, dimension, expected"),
        (changed("head", to="os.system"), "head: found str, expected kind"),
        (changed("dimension", to="2"), "'dimension' is '2' instead of an integer"),
        (changed("dimension", to=3), "do not fit one another"),
        (changed("dimension", to=-1), "do not fit one another"),
        (changed(*LINEAR, "kind", to="os.system"), "head.decision.1 is of the unknown kind 'os.system'"),
        (changed(*LINEAR, "kind", to="Linear"), r"unknown kind 'Linear' \(known: affine, "),
        (changed(*LINEAR, "kind", to=["linear"]), "unknown kind"),
        (changed(*LINEAR, "settings", "__class__", to="x"), "settings of head.decision.1: found .*__class__"),
        (changed(*LINEAR, "settings", "in_features", to=True), "is True instead of an integer"),
        (changed(*LINEAR, "settings", "in_features", to=None), "found out_features, expected in_features"),
        (changed(*LINEAR, "tensors", "weight", to=[2, 1]), r"shape \[1, 2\] instead of .* shape \[2, 1\]"),
        (changed(*LINEAR, "tensors", "forward", to=[1]), "tensors of head.decision.1: found .*forward"),
        (changed(*LINEAR, "children", "x", to={}), "children of head.decision.1: found x, expected nothing"),
        (changed(*DECISION, "children", "forward", to={}), "children of head.decision: found 0, 1, forward"),
        (changed(*DECISION, "children", "0", to=None), "children of head.decision: found 1, expected 0"),
        (changed(*AFFINE, "children", to=[]), "children of head.decision.0: found list"),
        (changed(*CLASSES, to=["no", None]), "instead of a list of strings, finite numbers"),
        (changed(*CLASSES, to="no"), "instead of a list of strings"),
        (changed(*CLASSES, to=["no", "maybe", "yes"]), r"shape \(2, 1\), and it has 3 classes"),
        (changed("head", "settings", "link", to="__class__"), "instead of one of BINARY, SOFTMAX"),
        (changed("head", "settings", "link", to=["BINARY"]), "instead of one of BINARY, SOFTMAX"),
        (changed("head", "settings", "has_logits", to=1), "is 1 instead of true or false"),
        (changed("head", to=BY_HAND["head"]["children"]["decision"]), "has no tensor '0.center'"),
    ],
)
def test_a_document_that_is_wrong_is_refused_with_the_place(document, message, tmp_path):
    with pytest.raises(ModelError, match=rf"(?s)head\.json.*{message}.*setfit-explain convert"):
        read_head(by_hand(tmp_path, document))


def test_an_outermost_module_that_is_no_head_is_refused(tmp_path):
    document = changed("head", to=BY_HAND["head"]["children"]["decision"])
    tensors = {name.removeprefix("decision."): tensor for name, tensor in TENSORS.items()}
    with pytest.raises(ModelError, match="outermost module is no head"):
        read_head(by_hand(tmp_path, document, tensors))


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"extra": np.zeros(1)}, "tensors that no module takes: extra"),
        (
            {"decision.1.bias": np.zeros(1, "float32")},
            r"torch\.float32 of shape \[1\] instead of torch\.float64",
        ),
        ({"decision.1.bias": np.zeros(3)}, r"of shape \[3\] instead of torch\.float64 of shape \[1\]"),
    ],
)
def test_tensors_that_are_not_the_documents_are_refused(tensors, message, tmp_path):
    with pytest.raises(ModelError, match=message):
        read_head(by_hand(tmp_path, tensors=TENSORS | tensors))


@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        ("head.json", lambda content: content[:-9], "Expecting"),
        ("head.json", lambda _: b"\xff", "codec can't decode"),
        ("head.json", lambda _: b'{"head":' * 100_000, "recursion"),
        ("head.safetensors", lambda content: content[:-1], "cannot be read"),
        ("head.safetensors", lambda _: b"", "cannot be read"),
        ("head.safetensors", None, "No such file"),
    ],
)
def test_a_damaged_or_missing_file_is_refused(file, change, message, tmp_path):
    path = by_hand(tmp_path) / file
    if change is None:
        path.unlink()
    else:
        path.write_bytes(change(path.read_bytes()))
    with pytest.raises(ModelError, match=rf"(?s)head\.json' cannot be read: .*{message}|{message}"):
        read_head(tmp_path)


@pytest.mark.parametrize("name", ["columns", "features"])
def test_a_column_that_the_embeddings_do_not_have_is_refused(name, tmp_path):
    row = {"columns": "best columns", "features": "bagging"}[name]
    write_head(to_torch_head(fitted(row)), tmp_path, DIM)
    tensors = dict(load_file(tmp_path / "head.safetensors"))
    indices = next(key for key, value in tensors.items() if value.dtype == np.int64)
    tensors[indices] = tensors[indices] + DIM
    save_file(tensors, tmp_path / "head.safetensors")
    with pytest.raises(ModelError, match="do not fit one another: index"):
        read_head(tmp_path)


def test_the_estimator_and_its_file_do_not_share_memory(tmp_path):
    estimator = fit(LogisticRegression(), NAMES, TRAIN)
    head = written(to_torch_head(estimator), tmp_path)
    before = head(torch.as_tensor(RANDOM))
    (tmp_path / "head.safetensors").write_bytes(bytes((tmp_path / "head.safetensors").stat().st_size))
    assert torch.equal(head(torch.as_tensor(RANDOM)), before)
