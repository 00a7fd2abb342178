"""The command line as a process among others: pipes, signals, terminals."""

import json
import os
import pty
import signal
import subprocess
import sys
import time

import pytest

from setfit_explain import ExplanationSet
from setfit_explain.cli.writing import SHOWN_ON_TERMINAL
from tests.cli.processes import Forked
from tests.models import LONG, TEXTS

FAST = ("--tolerance", "0.5", "--target", "predicted")


@pytest.fixture
def start():
    """Start the command line in a process; whatever is left of it is ended."""
    processes = []

    def starting(*arguments, **settings):
        processes.append(Forked(*arguments, **settings))
        return processes[-1]

    yield starting
    for process in processes:
        process.close()


def test_a_shells_pipe_ends_in_a_file_that_is_read_back(model, tmp_path):
    code = "from setfit_explain.cli import main; main()"
    command = [sys.executable, "-c", code, "explain", model, "-", "--output", "jsonl", *FAST]
    texts = "".join(f"{text}\n" for text in [LONG, "naïve \U0001f600"])
    done = subprocess.run(command, input=texts, capture_output=True, encoding="utf-8")
    assert (done.returncode, done.stderr) == (0, "")
    (tmp_path / "out.jsonl").write_text(done.stdout)
    assert [item.text for item in ExplanationSet.load(tmp_path / "out.jsonl")] == texts.splitlines()


def test_lines_are_explained_while_the_pipe_is_open_and_their_number_is_said_at_the_end(start, model):
    process, lines = start("explain", model, "-", "--output", "jsonl", *FAST), []
    for text in TEXTS[:2]:
        process.stdin.write(f"{text}\n")
        process.stdin.flush()
        lines += [process.stdout.readline() for _ in range(1 if lines else 2)]
    process.stdin.close()
    lines += process.stdout
    told = [json.loads(line) for line in lines]
    assert process.wait() == 0
    assert [line["kind"] for line in told] == ["explanation_set", "explanation", "explanation", "end"]
    assert [line.get("text") for line in told[1:3]] == list(TEXTS[:2])
    assert (told[0]["count"], told[3]["count"]) == (None, 2)


def test_what_a_terminal_shows_is_shown_while_the_pipe_is_open(start, model):
    process = start("explain", model, "-", "--output", "terminal", *FAST)
    process.stdin.write("parcel\n" * SHOWN_ON_TERMINAL)
    process.stdin.flush()
    shown = process.stdout.readline()
    process.stdin.write("refund\n")
    process.stdin.close()
    assert shown.strip()
    assert "1 more texts are not shown (0 failed)" in "".join(process.stdout)
    assert process.wait() == 0


def test_a_stream_that_was_cut_is_not_read_as_a_whole_one(run, model, tmp_path):
    _, out, _ = run("explain", model, "-", "--output", "jsonl", *FAST, stdin=f"{LONG}\nparcel\n")
    cut = tmp_path / "cut.jsonl"
    for lines in (1, 2):
        cut.write_text("".join(out.splitlines(keepends=True)[:-lines]))
        code, _, err = run("report", cut, "-o", tmp_path / "report.html")
        assert code == 3
        assert f"holds {3 - lines} texts but its last line says None. It was cut or edited." in err


def test_ctrl_c_leaves_no_file_and_is_exit_code_130(start, model, tmp_path):
    process = start("explain", model, "-", "-o", tmp_path / "out.jsonl", *FAST)
    process.stdin.write(f"{LONG}\n")
    process.stdin.flush()
    deadline = time.monotonic() + 60
    while not list(tmp_path.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.001)
    assert [path.name.startswith(".out.jsonl.") for path in tmp_path.iterdir()] == [True]
    process.send(signal.SIGINT)
    assert process.wait() == 130
    assert list(tmp_path.iterdir()) == []


def test_a_bar_with_rate_and_time_left_is_drawn_on_the_terminal_and_stdout_stays_clean(
    start, model, tmp_path
):
    (tmp_path / "texts.txt").write_text("".join(f"{text}\n" for text in TEXTS))
    terminal, its_end = pty.openpty()
    process = start("explain", model, tmp_path / "texts.txt", "--output", "jsonl", *FAST, stderr=its_end)
    (tmp_path / "out.jsonl").write_text(process.stdout.read())
    assert process.wait() == 0
    os.close(its_end)
    drawn = os.read(terminal, 1 << 16).decode()
    os.close(terminal)
    assert f"{len(TEXTS)}/{len(TEXTS)}" in drawn
    assert "/s" in drawn
    assert [item.text for item in ExplanationSet.load(tmp_path / "out.jsonl")] == list(TEXTS)
