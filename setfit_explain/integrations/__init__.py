"""The explainer within other engines."""
