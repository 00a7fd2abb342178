"""``--resume``: killed at any moment, a run goes on, and ends as if it had never been interrupted."""

import json
import random
import shutil
import time

import pytest

from setfit_explain import ExplanationSet
from setfit_explain.cli import running
from setfit_explain.cli.shards import Shards
from setfit_explain.cli.writing import Destination
from tests.cli.processes import Forked
from tests.models import LONG, TEXTS

ROWS = [
    {"text": text}
    for text in [*TEXTS, LONG, None, TEXTS[0], "late", "parcel", "refund now", "thanks a lot", ""]
]
SIZE = 2
FAST = ("--tolerance", "0.5", "--target", "predicted")


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "data.jsonl"
    path.write_text("\n".join(map(json.dumps, ROWS)))
    return path


def resumed(model, data, out, *options):
    return ("explain", model, data, "-o", out, "--resume", "--shard-size", SIZE, *FAST, *options)


def shards_of(out):
    return sorted(out.with_name(f"{out.name}.shards").glob("shard-*.jsonl"))


def test_a_run_killed_at_any_moment_and_resumed_ends_byte_equal_to_an_unbroken_one(
    run, model, data, tmp_path
):
    whole, out = tmp_path / "whole.jsonl", tmp_path / "out.jsonl"
    assert run("explain", model, data, "-o", whole, *FAST)[0] == 5, "a row is not a text"
    generator, seen = random.Random(0), []
    while not out.exists():
        child = Forked(*resumed(model, data, out))
        due = len(shards_of(out)) + generator.randint(0, 2)
        deadline = time.monotonic() + 60
        while len(shards_of(out)) < due and not out.exists() and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(generator.uniform(0, 0.05))
        child.close()  # SIGKILL
        seen.append(len(shards_of(out)))
        assert len(seen) < 60
    assert len({number for number in seen if 0 < number < 9}) >= 3, f"killed amidst: {seen}"
    assert run(*resumed(model, data, out))[0] == 5
    assert out.read_bytes() == whole.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data.jsonl", "out.jsonl", "whole.jsonl"]


@pytest.fixture
def interrupted(run, model, data, tmp_path, monkeypatch):
    """Give the output of a run that a Ctrl-C ended after two shards, and what it said."""
    out, write = tmp_path / "out.jsonl", Shards.write

    def writing(shards, number, items):
        if number == 2:
            next(items)
            raise KeyboardInterrupt
        write(shards, number, items)

    with monkeypatch.context() as patch:
        patch.setattr(Shards, "write", writing)
        code, _, err = run(*resumed(model, data, out))
    assert code == 130
    assert "the same command goes on from it" in err
    assert not out.exists()
    return out


def test_what_is_there_is_not_computed_again(run, model, data, interrupted, monkeypatch):
    stream, asked = running._stream, []
    monkeypatch.setattr(
        running, "_stream", lambda *rest, **more: asked.append(more["first"]) or stream(*rest, **more)
    )
    assert len(shards_of(interrupted)) == 2
    assert run(*resumed(model, data, interrupted))[0] == 5
    assert asked == [4, 6, 8, 10, 12, 14, 16]
    found = ExplanationSet.load(interrupted)
    assert [item.text for item in found] == [str(row["text"]) for row in ROWS]
    assert [item.index for item in found.failures] == [10]


def test_another_setting_is_refused_with_what_it_was(run, model, data, interrupted):
    code, _, err = run(*resumed(model, data, interrupted, "--scale", "log_odds", "--baseline", "pad"))
    assert code == 2
    assert "setting baseline was None and is 'pad'; setting output was 'probability' and is 'log_odds'" in err
    assert "remove the folder to begin anew" in err
    code, _, err = run(*resumed(model, data, interrupted, "--shard-size", 3))
    assert code == 2
    assert "--shard-size was 2 and is 3" in err
    assert run(*resumed(model, data, interrupted, "--internal-batch-size", 4))[0] == 5, "it changes no result"


def test_other_texts_are_refused(run, model, data, interrupted):
    data.write_text(data.read_text().replace("money", "honey"))
    code, _, err = run(*resumed(model, data, interrupted))
    assert code == 2
    assert "the texts changed" in err
    code, _, err = run(*resumed(model, data, interrupted, "--limit", 5))
    assert code == 2
    assert len(shards_of(interrupted)) == 2


@pytest.mark.parametrize("file", ["tokenizer_config.json", "model_head.pkl", "README.md"])
def test_another_model_is_refused_by_any_of_its_files_but_its_notes(
    run, model, data, tmp_path, interrupted, file
):
    other = tmp_path / "model"
    shutil.copytree(model, other)
    if file == "model_head.pkl":
        head = (other / file).read_bytes()
        (other / file).write_bytes(head + b"\0")
    else:
        (other / file).write_text((other / file).read_text() + "\n")
    code, _, err = run(*resumed(other, data, interrupted))
    assert code == (5 if file == "README.md" else 2)
    assert ("the model changed" in err) == (file != "README.md")


def test_another_version_is_refused(run, model, data, interrupted, monkeypatch):
    monkeypatch.setattr("setfit_explain._version.__version__", "9.9")
    code, _, err = run(*resumed(model, data, interrupted))
    assert code == 2
    assert "version of setfit-explain was" in err


@pytest.mark.parametrize("damage", ["cut", "empty", "foreign"])
def test_a_shard_that_is_not_whole_is_computed_again(run, model, data, interrupted, damage):
    whole = shards_of(interrupted)[1].read_text()
    shards_of(interrupted)[1].write_text(
        {"cut": whole[: whole.rindex("{")], "empty": "", "foreign": "{}\n"}[damage]
    )
    assert run(*resumed(model, data, interrupted))[0] == 5
    assert len(ExplanationSet.load(interrupted)) == len(ROWS)


@pytest.mark.parametrize("place", ["writing", "removing"])
def test_a_run_that_dies_at_its_end_is_ended_by_the_next(run, model, data, tmp_path, monkeypatch, place):
    out = tmp_path / "out.jsonl"

    def killed(destination, *_):
        destination.path.with_name("half-written").touch()  # a killed process tidies nothing away
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        if place == "writing":
            patch.setattr(Destination, "write", killed)
        else:
            patch.setattr(Shards, "remove", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
        assert run(*resumed(model, data, out))[0] == 130
    assert len(shards_of(out)) == 9
    assert out.exists() == (place == "removing")
    assert run(*resumed(model, data, out))[0] == 5
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data.jsonl", "out.jsonl"]
    assert len(ExplanationSet.load(out)) == len(ROWS)


@pytest.mark.parametrize("suffix", ["csv", "parquet", "html"])
def test_every_format_is_the_same_with_and_without_shards(run, model, data, tmp_path, suffix):
    whole, out = tmp_path / f"whole.{suffix}", tmp_path / f"out.{suffix}"
    few = ("--limit", 5, *FAST)
    run("explain", model, data, "-o", whole, *few)
    with data.open("rb") as file:
        command = (
            "explain",
            model,
            "-",
            "--input-format",
            "jsonl",
            "-o",
            out,
            "--resume",
            "--shard-size",
            2,
            *few,
        )
        assert run(*command, stdin=file.read())[0] == 0
    assert out.read_bytes() == whole.read_bytes()


def test_resume_needs_a_file(run, model, data):
    code, _, err = run("explain", model, data, "--resume")
    assert code == 2
    assert "--resume needs a file to write; name it with --to." in err


def test_no_texts_make_an_empty_set(run, model, tmp_path):
    (tmp_path / "data.csv").write_text("text\n")
    out = tmp_path / "out.jsonl"
    assert run("explain", model, tmp_path / "data.csv", "-o", out, "--resume")[0] == 0
    assert len(ExplanationSet.load(out)) == 0


def test_several_methods_explain_each_text_one_after_the_other(run, model, data, tmp_path):
    whole, out = tmp_path / "whole.jsonl", tmp_path / "out.jsonl"
    both = ("--method", "occlusion", "--method", "integrated_gradients", "--limit", 5, *FAST)
    assert run("explain", model, data, "-o", whole, *both)[0] == 0
    command = ("explain", model, data, "-o", out, "--resume", "--shard-size", 2, *both)
    assert run(*command)[0] == 0
    assert out.read_bytes() == whole.read_bytes()
    found = [(item.text, item.method) for item in ExplanationSet.load(out)]
    assert found == [(text, name) for text in TEXTS[:5] for name in ("occlusion", "integrated_gradients")]
