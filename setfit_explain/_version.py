"""The version, read by the build and by every saved explanation."""

__version__ = "0.1.0"
