"""Drawings of words and numbers. Knows no explanation class and needs no torch."""
