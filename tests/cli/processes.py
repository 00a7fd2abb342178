"""The command line in a process of its own, forked: it has the libraries loaded already."""

import os
import signal
import sys
import time

from setfit_explain.cli import main


class Forked:
    """A running command line.

    Parameters
    ----------
    arguments
        As on the command line.
    stderr
        Its stderr; None to drop it.
    """

    def __init__(self, *arguments, stderr=None):
        its_in, our_in = os.pipe()
        our_out, its_out = os.pipe()
        null = os.open(os.devnull, os.O_RDWR)
        ends = (its_in, its_out, null if stderr is None else stderr)
        self.pid = os.fork()
        if not self.pid:
            os.close(our_in)
            _become(arguments, ends)
        for end in (its_in, its_out, null):
            os.close(end)
        self.stdin, self.stdout = os.fdopen(our_in, "w"), os.fdopen(our_out)
        self._status = None

    def send(self, number):
        os.kill(self.pid, number)

    def wait(self, seconds=60):
        """Return the exit code; that of a signal is negative."""
        deadline = time.monotonic() + seconds
        while self._status is None and time.monotonic() < deadline:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._status = os.waitstatus_to_exitcode(status)
            time.sleep(0.001)
        return self._status

    def close(self):
        if self._status is None:
            self.send(signal.SIGKILL)
            self.wait()
        for file in (self.stdin, self.stdout):
            file.close()


def _become(arguments, ends):
    code = 99
    try:
        for number, end in enumerate(ends):
            os.dup2(end, number)
        sys.stdin, sys.stdout, sys.stderr = os.fdopen(0), os.fdopen(1, "w"), os.fdopen(2, "w")
        signal.signal(signal.SIGINT, signal.default_int_handler)
        sys.argv = ["setfit-explain", *map(str, arguments)]
        main()
    except SystemExit as exit_:
        code = exit_.code
    finally:
        for file in (sys.stdout, sys.stderr):
            file.flush()
        os._exit(code)
