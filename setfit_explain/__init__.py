"""Which words made my few-shot classifier say that?"""

from setfit_explain._version import __version__

__all__ = ["__version__"]
