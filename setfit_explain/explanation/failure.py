"""A text that could not be explained: what stands in its place among explanations."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Failure:
    """A text that could not be explained.

    Parameters
    ----------
    index
        The text's position in what the caller passed.
    text
        The text.
    error
        Class name of the error.
    message
        What the error said.
    """

    index: int
    text: str
    error: str
    message: str
