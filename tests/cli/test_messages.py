"""What is said on stderr where it is no terminal, and the exit codes of errors."""

from types import SimpleNamespace

import pytest

from setfit_explain import errors
from setfit_explain.cli.messages import Exit, Lines
from setfit_explain.views.progress import _RateColumn


def test_a_log_gets_a_line_a_minute_with_rate_and_time_left(capsys):
    now = [0.0]
    tell = Lines("explaining", clock=lambda: now[0])
    for seconds, done in [(0, 1000), (30, 1030), (59, 1059), (61, 1061), (90, 1090), (122, 1122)]:
        now[0] = seconds
        tell(done, 101_122)
    assert capsys.readouterr().err.splitlines() == [
        "explaining: 1061 of 101122, 1/s, 1 d 3 h 48 min left",
        "explaining: 1122 of 101122, 1/s, 1 d 3 h 47 min left",
    ]


def test_a_pipe_of_unknown_length_has_no_time_left(capsys):
    now = [0.0]
    tell = Lines("explaining", clock=lambda: now[0])
    tell(0, None)
    now[0] = 100.0
    tell(25, None)
    assert capsys.readouterr().err == "explaining: 25, 0.25/s\n"


@pytest.mark.parametrize(
    ("done", "shown"),
    [(1234.5, "1234/s"), (99.7, "100/s"), (12.4, "12/s"), (9.96, "10/s"), (0.0251, "0.025/s")],
)
def test_a_rate_is_written_out_in_the_line_and_the_bar(capsys, done, shown):
    now = [0.0]
    tell = Lines("explaining", clock=lambda: now[0])
    tell(0, None)
    now[0] = 100.0
    tell(done * 100, None)
    assert capsys.readouterr().err.endswith(f", {shown}\n")
    assert _RateColumn().render(SimpleNamespace(speed=done)).plain == shown


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.OptionError, 2),
        (errors.TargetError, 3),
        (errors.SchemaError, 3),
        (errors.VerificationError, 4),
        (errors.MissingExtraError, 1),
    ],
)
def test_every_error_has_its_exit_code(error, code):
    assert Exit.of(error("")) == code
