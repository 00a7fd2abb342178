"""The demonstration: a few-shot classifier with a hidden artefact, found and mended."""
