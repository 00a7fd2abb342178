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
from joblib.numpy_pickle_utils import _validate_fileobject_and_memmap

from setfit_explain.errors import ModelError, UnsafePickleError

# Classes whose construction only stores its arguments, and functions that only compute: a pickle can call
# any of these, with any arguments.
HARMLESS = {
    "_codecs": {"encode"},
    "collections": {"OrderedDict"},
    "joblib.numpy_pickle": {"NumpyArrayWrapper"},
    "numpy": {"dtype", "ndarray"},
    "numpy._core.multiarray": {"_reconstruct", "scalar"},
    "numpy.core.multiarray": {"_reconstruct", "scalar"},
    "numpy.ma": {"MaskedArray"},
    "numpy.ma.core": {"MaskedArray", "_mareconstruct"},
    "numpy.random._mt19937": {"MT19937"},
    "numpy.random._pickle": {"__bit_generator_ctor", "__randomstate_ctor"},
    "setfit.modeling": {"SetFitHead"},
    "sklearn._loss._loss": {"CyHalfBinomialLoss"},
    "sklearn.calibration": {
        "CalibratedClassifierCV",
        "_CalibratedClassifier",
        "_SigmoidCalibration",
        "_TemperatureScaling",
    },
    "sklearn.decomposition._pca": {"PCA"},
    "sklearn.decomposition._truncated_svd": {"TruncatedSVD"},
    "sklearn.discriminant_analysis": {"LinearDiscriminantAnalysis", "QuadraticDiscriminantAnalysis"},
    "sklearn.ensemble._bagging": {"BaggingClassifier"},
    "sklearn.ensemble._voting": {"VotingClassifier"},
    "sklearn.feature_selection._rfe": {"RFE"},
    "sklearn.feature_selection._univariate_selection": {
        "SelectKBest",
        "SelectPercentile",
        "chi2",
        "f_classif",
    },
    "sklearn.feature_selection._variance_threshold": {"VarianceThreshold"},
    "sklearn.frozen._frozen": {"FrozenEstimator"},
    "sklearn.linear_model._logistic": {"LogisticRegression", "LogisticRegressionCV"},
    "sklearn.linear_model._perceptron": {"Perceptron"},
    "sklearn.linear_model._ridge": {"RidgeClassifier", "RidgeClassifierCV"},
    "sklearn.linear_model._sgd_fast": {"Hinge", "Log", "SquaredHinge"},
    "sklearn.linear_model._stochastic_gradient": {"SGDClassifier"},
    "sklearn.metrics._classification": {"accuracy_score", "balanced_accuracy_score", "f1_score"},
    "sklearn.metrics._scorer": {"_PassthroughScorer", "_Scorer"},
    "sklearn.model_selection._search": {"GridSearchCV", "RandomizedSearchCV"},
    "sklearn.model_selection._split": {"KFold", "StratifiedKFold"},
    "sklearn.multiclass": {"OneVsRestClassifier", "_ConstantPredictor"},
    "sklearn.multioutput": {"ClassifierChain", "MultiOutputClassifier"},
    "sklearn.naive_bayes": {"GaussianNB"},
    "sklearn.neural_network._multilayer_perceptron": {"MLPClassifier"},
    "sklearn.neural_network._stochastic_optimizers": {"AdamOptimizer", "SGDOptimizer"},
    "sklearn.pipeline": {"Pipeline"},
    "sklearn.preprocessing._data": {
        "MaxAbsScaler",
        "MinMaxScaler",
        "Normalizer",
        "RobustScaler",
        "StandardScaler",
    },
    "sklearn.preprocessing._label": {"LabelBinarizer", "LabelEncoder"},
    "sklearn.preprocessing._polynomial": {"PolynomialFeatures"},
    "sklearn.svm._classes": {"LinearSVC", "SVC"},
    "sklearn.utils._bunch": {"Bunch"},
    "sklearn.utils._metadata_requests": {"MetadataRequest", "MethodMetadataRequest"},
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
    try:
        if trust_pickle:
            return joblib.load(file)
        with file.open("rb") as handle, _validate_fileobject_and_memmap(handle, str(file)) as (plain, _):
            return _RestrictedUnpickler(str(file), plain, ensure_native_byte_order=True).load()
    except (pickle.UnpicklingError, EOFError, ValueError, AttributeError, IndexError, KeyError) as error:
        raise ModelError(
            f"The head {str(file)!r} cannot be read ({type(error).__name__}: {error}). Save or download the model "
            "again."
        ) from error


class _RestrictedUnpickler(NumpyUnpickler):  # type: ignore[misc]  # joblib ships no types
    """joblib's own reader, with a list of what it may look up."""

    def find_class(self, module: str, name: str) -> Any:
        """Look a class up, or raise `UnsafePickleError`."""
        if (module, name) == ("torch.storage", "_load_from_bytes"):
            return _load_storage
        if name in HARMLESS.get(module, ()):
            return super().find_class(module, name)
        raise UnsafePickleError(
            f"The saved head names {module}.{name}, which is not part of a supported head; reading it would run "
            "code from the file. If you trust its origin, pass trust_pickle=True (--trust-pickle)."
        )


def _load_storage(data: bytes) -> Any:
    """Stand in for torch's own function, which would unpickle without limits."""
    try:
        return torch.load(io.BytesIO(data), weights_only=True)
    except pickle.UnpicklingError as error:
        raise UnsafePickleError(
            "The saved head holds a torch storage with more than numbers in it; reading it would run code from "
            "the file. If you trust its origin, pass trust_pickle=True (--trust-pickle)."
        ) from error
