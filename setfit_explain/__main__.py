"""The command line: ``python -m setfit_explain``."""

from setfit_explain.cli import main

if __name__ == "__main__":
    main()
