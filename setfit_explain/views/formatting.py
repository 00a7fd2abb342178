"""Formatting: numbers as short strings, and any text as characters that are safe to show."""

import math
import re

_UNSAFE = re.compile(r"\r\n?|[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")
_FIRST_PICTURE = 0x2400


def printable(text: str) -> str:
    """Return ``text`` with nothing in it that a terminal, a browser or UTF-8 could stumble over.

    ASCII control characters become their pictures (escape becomes ␛), characters that reorder others are
    named in brackets, and lone surrogates and the remaining control characters become U+FFFD.
    """
    return _UNSAFE.sub(lambda match: _visible(match[0]), text)


def _visible(character: str) -> str:
    code = ord(character[0])
    if character[0] == "\r":
        return "\n"
    if code < 0x20:
        return chr(_FIRST_PICTURE + code)
    if code == 0x7F:
        return "\N{SYMBOL FOR DELETE}"
    if 0x202A <= code <= 0x2069:
        return f"[U+{code:04X}]"
    return "\N{REPLACEMENT CHARACTER}"


def visible_name(text: str) -> str:
    """Return ``text`` to stand alone in a list: printable, with nothing but white space drawn as ␣."""
    return "␣" * len(text) if text.isspace() else printable(text)


def number(value: float) -> str:
    """Return ``value`` to 3 decimals, or to its first digit where that would show only zeros."""
    return _first_digit(value) if _vanishes(value, 3) else f"{value + 0.0:.3f}"


def signed(value: float, decimals: int = 3) -> str:
    """Return ``value`` with its sign, always; to its first digit where decimals would show only zeros."""
    if _vanishes(value, decimals):
        return ("+" if value > 0 else "") + _first_digit(value)
    return f"{value + 0.0:+.{decimals}f}"


def per_second(rate: float) -> str:
    """Return a rate to whole steps, or below ten to 2 digits."""
    return f"{rate:.0f}/s" if rate >= 10 else f"{rate:.2g}/s"


def minus(text: str) -> str:
    """Return a number with a true minus sign, as wide as the plus."""
    return text.replace("-", "\N{MINUS SIGN}")


def _vanishes(value: float, decimals: int) -> bool:
    return math.isfinite(value) and 0 < abs(value) < 0.5 * 10**-decimals


def _first_digit(value: float) -> str:
    return f"{value:.1g}"


def excerpt(text: str, length: int) -> str:
    """Return at most ``length`` characters of ``text`` on one line, with … where something is left out."""
    line = " ".join(text[: 4 * length].split())
    if len(line) <= length and len(text) <= 4 * length:
        return line
    return line[: length - 1].rstrip() + "…"
