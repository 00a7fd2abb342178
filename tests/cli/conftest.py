"""What the tests of the command line share."""

import io
import sys

import pytest

from setfit_explain.cli import main


@pytest.fixture
def run(capsys, monkeypatch):
    """Run the command line; gives the exit code, stdout and stderr."""

    def command(*arguments, stdin=None):
        monkeypatch.setattr(sys, "argv", ["setfit-explain", *map(str, arguments)])
        if stdin is not None:
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        with pytest.raises(SystemExit) as exit_:
            main()
        captured = capsys.readouterr()
        return exit_.value.code, captured.out, captured.err

    return command
