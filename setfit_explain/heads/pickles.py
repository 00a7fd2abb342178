"""Reading a saved head without running code that its file brings along.

SetFit stores the head with joblib, whose ``load`` calls whatever the pickle names (setfit #630).
Here only the classes that a supported head consists of are looked up; anything else is refused.
"""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import joblib
import torch
from joblib.numpy_pickle import NumpyUnpickler

from setfit_explain.errors import ModelError, UnsafePickleError

_HARMLESS = {
    "_codecs": {"encode"},
    "collections": {"OrderedDict"},
    "joblib.numpy_pickle": {"NumpyArrayWrapper"},
    "numpy": {"dtype", "ndarray"},
    "numpy._core.multiarray": {"_reconstruct", "scalar"},
    "numpy.core.multiarray": {"_reconstruct", "scalar"},
    "setfit.modeling": {"SetFitHead"},
    "sklearn.linear_model._logistic": {"LogisticRegression", "LogisticRegressionCV"},
    "sklearn.multiclass": {"OneVsRestClassifier", "_ConstantPredictor"},
    "sklearn.pipeline": {"Pipeline"},
    "sklearn.preprocessing._data": {"MaxAbsScaler", "MinMaxScaler", "RobustScaler", "StandardScaler"},
    "sklearn.preprocessing._label": {"LabelBinarizer"},
    "torch": {"device"},
    "torch._utils": {"_rebuild_parameter", "_rebuild_tensor_v2"},
    "torch.nn.modules.linear": {"Linear"},
}


def load_head(file: Path, *, trust_pickle: bool) -> Any:
    """Read the head that SetFit saved.

    Parameters
    ----------
    file
        The ``model_head.pkl``.
    trust_pickle
        Read it with joblib, running whatever code it names.

    Raises
    ------
    UnsafePickleError
        The file names something that no supported head needs, and ``trust_pickle`` is False.
    ModelError
        The file is damaged.
    """
    if trust_pickle:
        return joblib.load(file)
    try:
        with file.open("rb") as handle:
            return _RestrictedUnpickler(str(file), handle, ensure_native_byte_order=True).load()
    except (pickle.UnpicklingError, EOFError, ValueError, AttributeError, IndexError, KeyError) as error:
        raise ModelError(f"The head {str(file)!r} cannot be read: {error}") from error


class _RestrictedUnpickler(NumpyUnpickler):  # type: ignore[misc]  # joblib ships no types
    """joblib's own reader, with a list of what it may look up."""

    def find_class(self, module: str, name: str) -> Any:
        """Look a class up, or raise `UnsafePickleError`."""
        if (module, name) == ("torch.storage", "_load_from_bytes"):
            return _load_storage
        if name in _HARMLESS.get(module, ()):
            return super().find_class(module, name)
        raise UnsafePickleError(
            f"The saved head names {module}.{name}, which is not part of a supported head; reading it would run "
            "code from the file. If you trust its origin, pass trust_pickle=True (--trust-pickle)."
        )


def _load_storage(data: bytes) -> Any:
    """Stand in for torch's own function, which would unpickle without limits."""
    return torch.load(io.BytesIO(data), weights_only=True)
