"""What the table of heads refuses, and rows that no scikit-learn estimator alone describes."""

import numpy as np
import pytest
import torch
from setfit import SetFitHead
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.linear_model import LogisticRegression, Perceptron, RidgeClassifier, SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, QuantileTransformer
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier
from torch import nn

import setfit_explain.classifier.loading  # noqa: F401 - registers SetFitHead
from setfit_explain.classifier.outputs import Output, ScoreFunction
from setfit_explain.errors import (
    HeadNotDifferentiableError,
    HeadNotFittedError,
    OptionError,
    UnsupportedHeadError,
)
from setfit_explain.heads.conversion import to_torch_head
from setfit_explain.heads.verification import head_probabilities
from tests.heads.rows import DECISION_ONLY, DIM, MULTI, RANDOM, ROWS, THREE, TRAIN, TWO, ZERO, fit, fitted

LOGISTIC = LogisticRegression()


def test_a_constant_member_of_one_vs_rest_is_kept():
    always = MULTI.copy()
    always[:, 1], always[:, 2] = 1, 0
    estimator = fit(OneVsRestClassifier(LOGISTIC), always)
    head = to_torch_head(estimator)
    np.testing.assert_allclose(head(torch.as_tensor(RANDOM)), estimator.predict_proba(RANDOM), atol=1e-12)
    assert torch.isfinite(head.log_probabilities(head.decide(torch.as_tensor(RANDOM)))).all()


def test_one_vs_rest_may_have_constant_members_only():
    estimator = fit(OneVsRestClassifier(LOGISTIC), np.tile([1, 0], (len(TRAIN), 1)))
    np.testing.assert_allclose(
        to_torch_head(estimator)(torch.as_tensor(RANDOM)), estimator.predict_proba(RANDOM), atol=1e-12
    )


@pytest.mark.parametrize("multitarget", [False, True])
@pytest.mark.parametrize("temperature", [1.0, 0.5, None])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_setfit_head_keeps_its_temperature_and_eps(multitarget, temperature, dtype):
    torch.manual_seed(0)
    original = SetFitHead(
        DIM, 3, temperature=temperature or 1.0, eps=0.1, multitarget=multitarget, device="cpu"
    ).to(dtype)
    original.linear.weight.data *= 20
    embeddings = torch.as_tensor(np.vstack([RANDOM, ZERO]), dtype=dtype)
    expected = original.predict_proba(embeddings).detach()
    actual = to_torch_head(original)(embeddings)
    accepted = {torch.float32: 2e-6, torch.float64: 1e-9, torch.bfloat16: 0.1}[dtype]
    torch.testing.assert_close(actual, expected.double(), rtol=0, atol=accepted)
    assert original.linear.weight.requires_grad
    assert original.linear.weight.dtype == dtype


def test_an_old_heads_leftover_multi_class_attribute_is_not_believed():
    estimator = fit(LogisticRegression(), THREE)
    estimator.multi_class = "ovr"  # as in a pickle from before scikit-learn 1.8, which ignores it
    np.testing.assert_allclose(
        to_torch_head(estimator)(torch.as_tensor(RANDOM)), estimator.predict_proba(RANDOM), atol=1e-12
    )


def test_the_torch_head_does_not_share_the_estimators_memory():
    estimator = fit(ROWS["Bayes"].estimator, THREE)
    head = to_torch_head(estimator)
    before = head(torch.as_tensor(RANDOM))
    estimator.theta_ += 1
    assert torch.equal(head(torch.as_tensor(RANDOM)), before)


class Own(nn.Module):
    """A head as a user would write it."""

    def __init__(self, *, labels=False):
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.Sequential(nn.Linear(DIM, 8), nn.Dropout(0.5), nn.Tanh(), nn.Linear(8, 3))
        self.labels = labels

    def predict_proba(self, embeddings):
        logits = self.layers(embeddings)
        return logits.sigmoid() if self.labels else logits.softmax(-1)


@pytest.mark.parametrize("labels", [False, True])
def test_a_users_own_torch_head_is_converted_and_left_as_found(labels):
    own = Own(labels=labels)
    head = to_torch_head(own)
    assert own.training
    assert all(parameter.dtype == torch.float32 and parameter.requires_grad for parameter in own.parameters())
    assert head.multi_label is labels
    assert not head.has_logits
    assert list(head.classes) == [0, 1, 2]
    expected = head_probabilities(own.eval(), RANDOM)
    np.testing.assert_allclose(head(torch.as_tensor(RANDOM)), expected, atol=2e-6)


def test_a_users_torch_head_may_name_its_classes():
    own = Own()
    own.classes_ = ["ant", "mole", "zebra"]
    assert to_torch_head(own).classes == ("ant", "mole", "zebra")


def test_a_torch_head_without_predict_proba_is_asked_for_one():
    with pytest.raises(UnsupportedHeadError, match=r"Linear does not say.*predict_proba\(embeddings\)"):
        to_torch_head(nn.Linear(DIM, 3))


def test_a_torch_head_that_detaches_is_refused():
    class Detached(Own):
        def predict_proba(self, embeddings):
            return super().predict_proba(embeddings).detach()

    with pytest.raises(
        HeadNotDifferentiableError, match=r"No gradient passes through Detached\.predict_proba"
    ):
        to_torch_head(Detached())


STEPS = {
    "tree": DecisionTreeClassifier(),
    "forest": RandomForestClassifier(5),
    "boosting": GradientBoostingClassifier(n_estimators=3),
    "histogram boosting": HistGradientBoostingClassifier(max_iter=3),
    "boosted trees": AdaBoostClassifier(n_estimators=3),
    "neighbours": KNeighborsClassifier(),
    "one-vs-one": OneVsOneClassifier(LOGISTIC),
    "isotonic": CalibratedClassifierCV(LOGISTIC, method="isotonic", cv=3),
    "calibrated forest": CalibratedClassifierCV(RandomForestClassifier(5), cv=3),
    "hard voting": VotingClassifier([("a", LOGISTIC)]),
    "voting with a tree": VotingClassifier([("a", LOGISTIC), ("b", DecisionTreeClassifier())], voting="soft"),
    "bagged trees": BaggingClassifier(n_estimators=3),
    "bagged votes": BaggingClassifier(LinearSVC(), n_estimators=3),
    "pipeline": make_pipeline(MinMaxScaler(), KNeighborsClassifier()),
    "search": GridSearchCV(DecisionTreeClassifier(), {"max_depth": [1]}, cv=2),
    "SVC of three classes": SVC(),
}


@pytest.mark.parametrize("name", STEPS)
def test_a_head_that_answers_in_steps_is_refused_and_what_serves_it_is_named(name):
    estimator = fit(STEPS[name], THREE)
    with pytest.raises(HeadNotDifferentiableError, match=r"no gradient.*occlusion.*LogisticRegression"):
        to_torch_head(estimator)


def test_a_chain_of_hard_labels_is_refused():
    chain = fit(ClassifierChain(LOGISTIC), MULTI)
    with pytest.raises(HeadNotDifferentiableError, match="chain_method='predict_proba'"):
        to_torch_head(chain)


UNSUPPORTED = {
    "Gaussian process": (GaussianProcessClassifier(), THREE, "'occlusion' needs no equivalent"),
    "modified Huber": (SGDClassifier(loss="modified_huber"), THREE, "loss='log_loss' is supported"),
    "ridge of several labels": (RidgeClassifier(), MULTI, "several labels at once"),
    "one-vs-rest multi-label of linear SVC": (
        OneVsRestClassifier(LinearSVC()),
        MULTI,
        "single-label classes",
    ),
    "one linear SVC a label": (MultiOutputClassifier(LinearSVC()), MULTI, "no probabilities"),
    "outputs of three classes": (MultiOutputClassifier(LOGISTIC), np.stack([THREE, THREE], 1), "0 or 1"),
    "outputs that are no labels": (
        MultiOutputClassifier(LOGISTIC),
        np.array(["no", "yes"])[MULTI],
        "classes no, yes; each output must be",
    ),
    "chain of decisions": (
        ClassifierChain(LOGISTIC, chain_method="decision_function"),
        MULTI,
        "'decision_function'.* is not supported; chain_method='predict_proba' is",
    ),
    "polynomial kernel": (SVC(kernel="poly"), TWO, "linear and rbf are"),
    "clipping": (make_pipeline(MinMaxScaler(clip=True), LOGISTIC), THREE, "clip=False"),
    "unknown step": (
        make_pipeline(QuantileTransformer(n_quantiles=9), LOGISTIC),
        THREE,
        r"QuantileTransformer.*PCA.*StandardScaler",
    ),
    "no classifier": (
        KMeans(2, n_init=1),
        None,
        r"KMeans.*LogisticRegression, MLPClassifier.*a torch module",
    ),
}


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_what_has_no_exact_equivalent_is_refused_with_what_would_do(name):
    estimator, classes, message = UNSUPPORTED[name]
    with pytest.raises(UnsupportedHeadError, match=message):
        to_torch_head(fit(estimator, classes))


@pytest.mark.parametrize("name", ROWS)
def test_an_unfitted_head_is_refused(name):
    with pytest.raises(HeadNotFittedError, match=r"is not fitted\. Train the model"):
        to_torch_head(clone(ROWS[name].estimator))


def test_a_search_that_kept_no_winner_counts_as_unfitted():
    search = fit(GridSearchCV(LOGISTIC, {"C": [1]}, refit=False, cv=3), THREE)
    with pytest.raises(HeadNotFittedError):
        to_torch_head(search)


@pytest.mark.parametrize("name", DECISION_ONLY)
def test_a_decision_function_has_no_probability_scales(name):
    head = to_torch_head(fitted(name))
    decision = head.decide(torch.as_tensor(RANDOM))
    for scale in (head.log_probabilities, head.log_odds):
        with pytest.raises(OptionError, match="output='logit'"):
            scale(decision)


def test_a_bag_has_members_that_never_saw_some_class():
    seen = [len(member.classes_) for member in fitted("bagging with classes missing").estimators_]
    assert min(seen) < 3, "or the row of that name tests nothing"


def test_a_mixture_has_no_logit():
    head = to_torch_head(fitted("bagging"))
    with pytest.raises(OptionError, match="has no decision function"):
        head.logits(head.decide(torch.as_tensor(RANDOM)))
    with pytest.raises(OptionError, match="this head has none"):
        ScoreFunction(head, Output.LOGIT, (0,))


def test_perceptrons_unlike_networks_have_no_probabilities():
    assert not to_torch_head(fit(Perceptron(), TWO)).has_probabilities
