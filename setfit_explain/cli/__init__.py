"""The command line: ``setfit-explain explain | check | demo``."""

from setfit_explain.cli.app import main

__all__ = ["main"]
