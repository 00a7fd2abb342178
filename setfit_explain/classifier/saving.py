"""A model saved as a folder in which nothing can be executed, checked by reading it back."""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from setfit_explain.classifier.loading import load_model
from setfit_explain.classifier.text_classifier import TextClassifier
from setfit_explain.errors import OptionError, VerificationError
from setfit_explain.heads.conversion import to_torch_head
from setfit_explain.heads.saved_head import write_head
from setfit_explain.heads.verification import check_difference


def save_model(model: Any, folder: str | Path, *, trust_pickle: bool = False) -> float:
    """Save a model with its head as tensors and JSON instead of a pickle.

    The folder holds the body as sentence-transformers saves it, ``head.safetensors``, ``head.json`` and
    ``config_setfit.json``. It appears when all of it is written and checked, or not at all.

    Parameters
    ----------
    model
        Whatever `Explainer` takes.
    folder
        A new or empty folder, in one that exists.
    trust_pickle
        Whether the model's own saved head may run code when it is read.

    Returns
    -------
    float
        Largest difference of the saved model's answers to the model's own ``predict_proba`` on probe texts.

    Raises
    ------
    OptionError
        The folder cannot be made, or is not empty.
    ModelError
        The model cannot be explained, or its head not be written without code.
    VerificationError
        The saved model is not the same one.
    """
    place = _check_place(Path(folder))
    original = load_model(model, trust_pickle=trust_pickle)
    classifier = TextClassifier(original)
    with classifier.body.session():
        dimension = classifier.body.embed((classifier.body.features(classifier.probe_text), 1)).shape[1]
    with _appearing(place) as temporary:
        original.body.save(str(temporary), create_model_card=False)
        write_head(to_torch_head(original.head), temporary, dimension)
        labels = None if original.labels is None else [str(label) for label in original.labels]
        settings = {"normalize_embeddings": bool(original.normalize_embeddings), "labels": labels}
        (temporary / "config_setfit.json").write_text(json.dumps(settings, indent=2) + "\n", "ascii")
        return _compare(classifier, temporary)


def _check_place(folder: Path) -> Path:
    place = folder.resolve()
    if not place.parent.is_dir():
        raise OptionError(
            f"The folder {str(place.parent)!r}, in which to save, does not exist. Make it first."
        )
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise OptionError(
            f"{str(folder)!r} exists and is not an empty folder. Name another one, or remove it."
        )
    return place


@contextmanager
def _appearing(place: Path) -> Iterator[Path]:
    """Fill a folder next to ``place`` that takes its name at the end, and is gone after an error."""
    temporary = place.with_name(f".{place.name}.{secrets.token_hex(4)}.tmp")
    temporary.mkdir()
    try:
        yield temporary
        if place.is_dir():
            place.rmdir()  # empty; some systems rename to no existing folder
        temporary.rename(place)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _compare(classifier: TextClassifier, folder: Path) -> float:
    """Read the folder back, and return the largest difference of its answers to the classifier's model."""
    saved = load_model(folder)
    saved.body.to(classifier.body.device)
    again = TextClassifier(saved)
    if again.classes != classifier.classes:
        raise VerificationError(
            f"The saved model has the classes {', '.join(again.classes)} instead of {', '.join(classifier.classes)}."
        )
    probe = classifier.probe_text
    try:
        return max(
            check_difference(again.predict_proba(text), classifier.predict_proba(text), f"for {text!r}")
            for text in (probe, "Thanks!", " ".join([probe] * 3))
        )
    except VerificationError as error:
        raise VerificationError(
            "The model that was saved is another one when it is read, so it is not kept. SentenceTransformer.save "
            f"may not know a setting of the body that was changed in memory, such as its precision. {error}"
        ) from error
