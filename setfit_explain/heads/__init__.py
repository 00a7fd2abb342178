"""Fitted scikit-learn heads become equivalent torch modules."""
