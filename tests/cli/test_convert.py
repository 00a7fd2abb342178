"""``setfit-explain convert``: a folder without a pickle, or a message and no folder."""

from pathlib import Path

import joblib
import pytest
from setfit import SetFitModel
from sklearn.preprocessing import FunctionTransformer

from setfit_explain import ExplanationSet
from tests.models import LONG


def test_a_converted_folder_is_explained_as_the_original(run, model, tmp_path):
    code, out, err = run("convert", model, tmp_path / "safe")
    assert (code, out) == (0, "")
    assert f"Wrote {tmp_path / 'safe'}" in err
    assert float(err.split("answers: ")[1].split()[0]) < 1e-6
    explanations = []
    for folder in (Path(model), tmp_path / "safe"):
        target = tmp_path / f"{folder.name}.jsonl"
        assert run("explain", folder, "-t", LONG, "-o", target)[0] == 0
        explanations += ExplanationSet.load(target)
    first, second = explanations
    assert first.attributions.tolist() == second.attributions.tolist()
    assert first.classes == second.classes == ("refund", "delay", "praise")
    code, out, _ = run("check", tmp_path / "safe")
    assert code == 0
    assert "refund, delay, praise" in out


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_an_existing_place_is_exit_code_2_and_left_as_found(run, model, tmp_path, kind):
    place = tmp_path / "taken"
    if kind == "folder":
        place.mkdir()
        (place / "mine.txt").write_text("mine")
    else:
        place.write_text("mine")
    code, _, err = run("convert", model, place)
    assert code == 2
    assert "exists and is not an empty folder. Name another one, or remove it." in err
    assert (place / "mine.txt" if kind == "folder" else place).read_text() == "mine"
    assert list(tmp_path.iterdir()) == [place]


def test_a_place_in_no_folder_is_exit_code_2(run, model, tmp_path):
    code, _, err = run("convert", model, tmp_path / "absent" / "safe")
    assert code == 2
    assert "does not exist. Make it first." in err
    assert list(tmp_path.iterdir()) == []


def test_a_head_with_code_is_converted_only_with_trust_and_needs_none_afterwards(run, model, tmp_path):
    original = SetFitModel.from_pretrained(model)
    original.model_head.callback = FunctionTransformer(len)  # nothing that the head needs
    original.save_pretrained(tmp_path / "original")
    assert joblib.load(tmp_path / "original" / "model_head.pkl").callback.func is len
    code, _, err = run("convert", tmp_path / "original", tmp_path / "safe")
    assert (code, (tmp_path / "safe").exists()) == (4, False)
    assert "FunctionTransformer" in err
    assert "--trust-pickle" in err
    assert run("convert", tmp_path / "original", tmp_path / "safe", "--trust-pickle")[0] == 0
    assert run("explain", tmp_path / "safe", "-t", LONG)[0] == 0
