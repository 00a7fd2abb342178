"""Estimators to fit: one a row of the table of heads, and its variants."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cache
from inspect import signature
from typing import Any

import numpy as np
from sklearn import calibration
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.ensemble import BaggingClassifier, VotingClassifier
from sklearn.feature_selection import SelectKBest, VarianceThreshold
from sklearn.linear_model import (
    LogisticRegression,
    LogisticRegressionCV,
    Perceptron,
    RidgeClassifier,
    RidgeClassifierCV,
    SGDClassifier,
)
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    PolynomialFeatures,
    RobustScaler,
    StandardScaler,
)
from sklearn.svm import SVC, LinearSVC

DIM = 12
_RNG = np.random.default_rng(0)
TRAIN = _RNG.standard_normal((90, DIM))
THREE = np.arange(90) % 3
TRAIN[THREE == 1, 0] += 2
TRAIN[THREE == 2, 1] += 2
MULTI = np.stack([TRAIN[:, k] > 0 for k in range(3)], 1).astype(int)
TWO = THREE == 0
NAMES = np.array(["zebra", "ant", "mole"])[THREE]
MISSING = np.array([7, 3, 5])[THREE]

RANDOM = _RNG.standard_normal((40, DIM))
ZERO = np.zeros((1, DIM))
LARGE = 1e3 * _RNG.standard_normal((5, DIM))
SATURATED = 30 * TRAIN[:6]

# scikit-learn 1.8 warns without these, and 1.7 does not know them.
NEW_ARGUMENTS = (
    {"l1_ratios": (0,), "use_legacy_attributes": False}
    if "use_legacy_attributes" in signature(LogisticRegressionCV).parameters
    else {}
)


@dataclass(frozen=True)
class Row:
    """An estimator to fit, and its classes."""

    estimator: Any
    classes: Any


LOGISTIC = LogisticRegression()
NETWORK = MLPClassifier((9,), max_iter=40, random_state=0)
PROBABILISTIC = {
    "binary": Row(LOGISTIC, TWO),
    "binary liblinear": Row(LogisticRegression(solver="liblinear"), TWO),
    "multinomial": Row(LOGISTIC, THREE),
    "multinomial newton-cg, no penalty": Row(LogisticRegression(solver="newton-cg", C=np.inf), THREE),
    "multinomial saga": Row(LogisticRegression(solver="saga", max_iter=2000), THREE),
    "string classes": Row(LOGISTIC, NAMES),
    "unordered integer classes": Row(LOGISTIC, MISSING),
    "cross-validated": Row(
        LogisticRegressionCV(Cs=3, cv=3, scoring="accuracy", **NEW_ARGUMENTS),
        THREE,
    ),
    "one-vs-rest": Row(OneVsRestClassifier(LOGISTIC), THREE),
    "one-vs-rest binary": Row(OneVsRestClassifier(LOGISTIC), TWO),
    "one-vs-rest multi-label": Row(OneVsRestClassifier(LOGISTIC), MULTI),
    "one-vs-rest of SGD": Row(OneVsRestClassifier(SGDClassifier(loss="log_loss", random_state=0)), NAMES),
    "one-vs-rest of Bayes multi-label": Row(OneVsRestClassifier(GaussianNB()), MULTI),
    "one-vs-rest of pipelines": Row(OneVsRestClassifier(make_pipeline(PCA(5), LOGISTIC)), MULTI),
    "SGD binary": Row(SGDClassifier(loss="log_loss", random_state=0), TWO),
    "SGD": Row(SGDClassifier(loss="log_loss", random_state=0), MISSING),
    "linear discriminant binary": Row(LinearDiscriminantAnalysis(), TWO),
    "linear discriminant": Row(LinearDiscriminantAnalysis(), NAMES),
    "quadratic discriminant binary": Row(QuadraticDiscriminantAnalysis(), TWO),
    "quadratic discriminant": Row(QuadraticDiscriminantAnalysis(), NAMES),
    "Bayes binary": Row(GaussianNB(), TWO),
    "Bayes": Row(GaussianNB(priors=(0.2, 0.3, 0.5)), MISSING),
    "network binary": Row(NETWORK, TWO),
    "network": Row(NETWORK, NAMES),
    "network multi-label": Row(NETWORK, MULTI),
    "deep network": Row(MLPClassifier((9, 7), activation="tanh", max_iter=40, random_state=0), MISSING),
    "logistic network": Row(MLPClassifier((9,), activation="logistic", max_iter=40, random_state=0), THREE),
    "standard scaler": Row(make_pipeline(StandardScaler(), LOGISTIC), THREE),
    "standard scaler without mean": Row(make_pipeline(StandardScaler(with_mean=False), LOGISTIC), THREE),
    "standard scaler without deviation": Row(make_pipeline(StandardScaler(with_std=False), LOGISTIC), THREE),
    "min-max scaler": Row(make_pipeline(MinMaxScaler((-1, 3)), LOGISTIC), THREE == 1),
    "max-abs scaler": Row(make_pipeline(MaxAbsScaler(), LOGISTIC), THREE),
    "robust scaler": Row(make_pipeline(RobustScaler(), "passthrough", LOGISTIC), THREE),
    "robust scaler without centre": Row(make_pipeline(RobustScaler(with_centering=False), LOGISTIC), THREE),
    "robust scaler without scale": Row(make_pipeline(RobustScaler(with_scaling=False), LOGISTIC), THREE),
    "two scalers, one-vs-rest": Row(
        make_pipeline(StandardScaler(), MaxAbsScaler(), OneVsRestClassifier(LOGISTIC)), MULTI
    ),
    "normalizer l2": Row(make_pipeline(Normalizer(), LOGISTIC), NAMES),
    "normalizer l1": Row(make_pipeline(Normalizer("l1"), LOGISTIC), THREE),
    "normalizer max": Row(make_pipeline(Normalizer("max"), LOGISTIC), THREE),
    "PCA": Row(make_pipeline(PCA(5), LOGISTIC), THREE),
    "PCA whitened": Row(make_pipeline(PCA(5, whiten=True), LOGISTIC), NAMES),
    "truncated SVD": Row(make_pipeline(TruncatedSVD(5, random_state=0), LOGISTIC), THREE),
    "best columns": Row(make_pipeline(SelectKBest(k=4), LOGISTIC), THREE),
    "varying columns": Row(make_pipeline(VarianceThreshold(0.9), LOGISTIC), THREE),
    "polynomials": Row(make_pipeline(PolynomialFeatures(2), LogisticRegression(max_iter=500)), THREE),
    "interactions": Row(
        make_pipeline(
            SelectKBest(k=4), PolynomialFeatures(3, interaction_only=True, include_bias=False), LOGISTIC
        ),
        NAMES,
    ),
    "calibrated": Row(CalibratedClassifierCV(LOGISTIC, cv=3), NAMES),
    "calibrated binary": Row(CalibratedClassifierCV(LOGISTIC, cv=3), TWO),
    "calibrated once": Row(CalibratedClassifierCV(LinearSVC(), cv=3, ensemble=False), MISSING),
    "calibrated Bayes": Row(CalibratedClassifierCV(GaussianNB(), cv=3), NAMES),
    "calibrated Bayes binary": Row(CalibratedClassifierCV(GaussianNB(), cv=3), TWO),
    "grid search": Row(GridSearchCV(LOGISTIC, {"C": [0.1, 1]}, cv=3), NAMES),
    "random search": Row(RandomizedSearchCV(LOGISTIC, {"C": [0.1, 1]}, n_iter=2, cv=3, random_state=0), TWO),
    "soft voting": Row(
        VotingClassifier([("a", LOGISTIC), ("b", GaussianNB()), ("c", NETWORK)], voting="soft"),
        NAMES,
    ),
    "weighted voting": Row(
        VotingClassifier(
            [("a", LOGISTIC), ("b", "drop"), ("c", LinearDiscriminantAnalysis()), ("d", NETWORK)],
            voting="soft",
            weights=[3, 9, 1.5, 0],
        ),
        TWO,
    ),
    "bagging": Row(BaggingClassifier(LOGISTIC, 5, max_features=7, random_state=0), NAMES),
    # Without sample weights, a bootstrap sample is really drawn, and may lack a class.
    "bagging with classes missing": Row(
        BaggingClassifier(LinearDiscriminantAnalysis(), 9, max_samples=5, random_state=0), MISSING
    ),
    "one output a label": Row(MultiOutputClassifier(LOGISTIC), MULTI),
    "one network a label": Row(MultiOutputClassifier(NETWORK), MULTI),
    "one mixture a label": Row(MultiOutputClassifier(CalibratedClassifierCV(LOGISTIC, cv=3)), MULTI),
    "one output": Row(MultiOutputClassifier(LOGISTIC), MULTI[:, :1]),
    "chain": Row(ClassifierChain(LOGISTIC, chain_method="predict_proba"), MULTI),
    "chain in another order": Row(
        ClassifierChain(LOGISTIC, order=[2, 0, 1], chain_method="predict_proba"), MULTI
    ),
}
if hasattr(calibration, "_TemperatureScaling"):  # scikit-learn 1.8
    PROBABILISTIC |= {
        "temperature": Row(CalibratedClassifierCV(LOGISTIC, cv=3, method="temperature"), NAMES),
        "temperature binary": Row(CalibratedClassifierCV(LOGISTIC, cv=3, method="temperature"), TWO),
        "temperature once": Row(
            CalibratedClassifierCV(NETWORK, cv=3, method="temperature", ensemble=False), THREE
        ),
        "temperature of Bayes binary": Row(
            CalibratedClassifierCV(GaussianNB(), cv=3, method="temperature"),
            TWO,
        ),
    }
DECISION_ONLY = {
    "linear SVC binary": Row(LinearSVC(), TWO),
    "linear SVC": Row(LinearSVC(), NAMES),
    "ridge binary": Row(RidgeClassifier(), TWO),
    "ridge": Row(RidgeClassifier(), MISSING),
    "ridge cross-validated": Row(RidgeClassifierCV(), NAMES),
    "perceptron": Row(Perceptron(random_state=0), NAMES),
    "hinge SGD": Row(SGDClassifier(random_state=0), TWO),
    "one-vs-rest of linear SVC": Row(OneVsRestClassifier(LinearSVC()), NAMES),
    "SVC linear": Row(SVC(kernel="linear"), TWO),
    "SVC rbf": Row(SVC(), NAMES == "ant"),
    "one-vs-rest of SVC": Row(OneVsRestClassifier(SVC()), NAMES),
    "scaled linear SVC": Row(make_pipeline(StandardScaler(), LinearSVC()), NAMES),
}
ROWS = PROBABILISTIC | DECISION_ONLY


@cache
def fitted(name: str, precision: str = "float64") -> Any:
    """Fit a row on embeddings of a precision; shared, so a test must not change it."""
    return fit(ROWS[name].estimator, ROWS[name].classes, TRAIN.astype(precision))


def fit(estimator: Any, classes: Any, embeddings: Any = TRAIN) -> Any:
    """Fit a copy of an estimator."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # few iterations are enough here, and old versions deprecate a lot
        return clone(estimator).fit(embeddings, classes)
