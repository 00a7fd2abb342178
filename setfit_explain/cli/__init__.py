"""The command line: ``setfit-explain explain | report | compare | evaluate | check | convert | demo``."""

from setfit_explain.cli.app import main

__all__ = ["main"]
