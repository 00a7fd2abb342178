"""What the tests of the command line share."""

import io
import sys

import pytest

from setfit_explain.cli import main
from tests.models import fitted, tiny_body


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    """Give the folder of a saved model; shared, so a test must not change it."""
    folder = tmp_path_factory.mktemp("model") / "saved"
    fitted(tiny_body("bert")).save_pretrained(folder)
    return str(folder)


@pytest.fixture
def run(capsys, monkeypatch):
    """Run the command line; gives the exit code, stdout and stderr."""

    def command(*arguments, stdin=None):
        monkeypatch.setattr(sys, "argv", ["setfit-explain", *map(str, arguments)])
        if stdin is not None:
            data = stdin.encode() if isinstance(stdin, str) else stdin
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        with pytest.raises(SystemExit) as exit_:
            main()
        captured = capsys.readouterr()
        return exit_.value.code, captured.out, captured.err

    return command
