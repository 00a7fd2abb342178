"""A head in a skops file is read, and whatever could run code in one is named and not built."""

import json
import operator
import os
import sys
from functools import partial
from itertools import count
from zipfile import ZipFile

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from skops import io

from setfit_explain.errors import MissingExtraError, ModelError, UnsafePickleError
from setfit_explain.heads.skops_files import load_skops_head
from setfit_explain.heads.verification import head_probabilities
from tests.heads.rows import NAMES, RANDOM, ROWS, fit, fitted


@pytest.fixture
def file(tmp_path):
    return tmp_path / "model_head.skops"


@pytest.mark.parametrize("name", ROWS)
def test_every_row_is_read_without_trust(name, file):
    io.dump(fitted(name), file)
    again = load_skops_head(file, trust_pickle=False)
    np.testing.assert_array_equal(head_probabilities(again, RANDOM), head_probabilities(fitted(name), RANDOM))


class Own(LogisticRegression):
    """A type that is not scikit-learn's; building it leaves a trace."""

    def __setstate__(self, state):
        os.mkdir(state["marker"])  # noqa: PTH102 - the call that the test looks for
        self.__dict__.update(state)


def own_type(folder):
    head = Own()
    head.__dict__.update(fit(LogisticRegression(), NAMES).__dict__, marker=str(folder))
    return head


def a_step(function, **arguments):
    return make_pipeline(FunctionTransformer(function, kw_args=arguments), LogisticRegression())


ATTACKS = {
    "own type": (own_type, r"test_skops_files\.Own"),
    "function": (lambda folder: a_step(os.mkdir, path=str(folder)), r"posix\.mkdir"),
    "system": (lambda folder: a_step(os.system, command=f"mkdir {folder}"), r"posix\.system"),
    "lambda": (lambda folder: a_step(lambda _: folder.mkdir()), r"test_skops_files\.<lambda>"),
    "partial": (lambda folder: a_step(partial(os.mkdir, str(folder))), r"functools\.partial"),
    "method": (lambda folder: a_step(fit(LogisticRegression(), NAMES).fit, y=str(folder)), r"LogisticRegression\.fit"),
    "operator": (lambda _: a_step(operator.methodcaller("fit")), r"operator\.methodcaller"),
}  # fmt: skip


@pytest.mark.parametrize("name", ATTACKS)
def test_types_that_no_head_needs_are_named_and_not_built(name, file, tmp_path):
    attack, named = ATTACKS[name]
    io.dump(attack(tmp_path / "ran"), file)
    with pytest.raises(UnsafePickleError, match=rf"model_head\.skops' names .*{named}.*trust_pickle=True"):
        load_skops_head(file, trust_pickle=False)
    assert not (tmp_path / "ran").exists()


def test_an_own_type_is_built_where_the_file_is_trusted(file, tmp_path):
    io.dump(own_type(tmp_path / "ran"), file)
    assert isinstance(load_skops_head(file, trust_pickle=True), Own)
    assert (tmp_path / "ran").exists()


IDS = count(1)


def node(loader, module, name, **content):
    return {"__loader__": loader, "__module__": module, "__class__": name, "__id__": next(IDS), **content}


def text(value):
    return node("JsonNode", "builtins", "str", content=json.dumps(value), is_json=True)


def many(kind, *items):
    return node(f"{kind.title()}Node", "builtins", kind, content=list(items))


def by_hand(tree, file):
    """Write what ``skops.io.dump`` never would."""
    schema = json.loads(ZipFile(_dumped(file)).read("schema.json"))
    kept = {name: schema[name] for name in ("protocol", "_skops_version") if name in schema}
    with ZipFile(file, "w") as archive:
        archive.writestr("schema.json", json.dumps({**tree, **kept}))


def _dumped(file):
    io.dump(1, file)
    return file


BY_HAND = {
    "constructor": lambda folder: node(
        "ConstructorFromReduceNode", "posix", "mkdir", content=many("tuple", text(folder))
    ),
    "constructor in a list": lambda folder: many(
        "list", node("ConstructorFromReduceNode", "os", "mkdir", content=many("tuple", text(folder)))
    ),
    "reduce": lambda folder: node(
        "LossNode",
        "posix",
        "mkdir",
        content=node("DictNode", "builtins", "dict", key_types=many("list"), content={}),
        __reduce__={"args": many("tuple", text(folder))},
    ),
    "key of a dictionary": lambda folder: node(
        "DictNode",
        "builtins",
        "dict",
        key_types=many("list", node("FunctionNode", "posix", "mkdir")),
        content={folder: text(1)},
    ),
    "object": lambda folder: node("ObjectNode", "posix", "mkdir", content=many("tuple", text(folder))),
    "a harmless type's global": lambda folder: node(
        "ConstructorFromReduceNode",
        "sklearn.pipeline",
        "Pipeline.__init__.__globals__",
        content=many("tuple", text(folder)),
    ),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_a_call_written_by_hand_is_not_made(name, file, tmp_path):
    by_hand(BY_HAND[name](str(tmp_path / "ran")), file)
    with pytest.raises(UnsafePickleError, match=r"names .*(mkdir|__globals__)"):
        load_skops_head(file, trust_pickle=False)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ["constructor", "constructor in a list", "reduce", "key of a dictionary"])
def test_these_calls_are_made_where_the_file_is_trusted(name, file, tmp_path):
    by_hand(BY_HAND[name](str(tmp_path / "ran")), file)
    load_skops_head(file, trust_pickle=True)
    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize("change", [lambda content: content[:-30], lambda _: b"", lambda _: b"PK\x05\x06"])
def test_a_damaged_file_is_an_error_with_its_name(change, file):
    io.dump(fitted("multinomial"), file)
    file.write_bytes(change(file.read_bytes()))
    with pytest.raises(ModelError, match=r"model_head\.skops' cannot be read"):
        load_skops_head(file, trust_pickle=False)


def test_without_skops_the_pip_line_is_named(file, monkeypatch):
    io.dump(fitted("multinomial"), file)
    monkeypatch.setitem(sys.modules, "skops", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'setfit-explain\[skops\]'"):
        load_skops_head(file, trust_pickle=False)
