"""Explanations: immutable results over spans of the user's text. Needs no torch."""
