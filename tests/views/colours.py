"""Colours judged by the standard's own words."""

import math


def channels(code: str) -> tuple[float, float, float]:
    return tuple(int(code[i : i + 2], 16) / 255 for i in (1, 3, 5))  # type: ignore[return-value]


def wcag(first: str, second: str) -> float:
    """Return the contrast ratio by WCAG 2.2's own words, with its threshold 0.04045."""

    def luminance(code: str) -> float:
        linear = [c / 12.92 if c <= 0.04045 else math.pow((c + 0.055) / 1.055, 2.4) for c in channels(code)]
        return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    ratio = (luminance(first) + 0.05) / (luminance(second) + 0.05)
    return max(ratio, 1 / ratio)
