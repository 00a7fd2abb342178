"""The version, read by the build and by every saved explanation."""

from importlib.metadata import version

__version__ = "0.1.0"

_PACKAGES = ("torch", "transformers", "sentence-transformers", "setfit", "scikit-learn", "captum")


def versions() -> dict[str, str]:
    """Versions of the packages that make an explanation."""
    return {"setfit-explain": __version__} | {name: version(name) for name in _PACKAGES}
