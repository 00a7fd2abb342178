"""Rows of the table: estimators that pass the question on to another one."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from setfit_explain.heads.table import convert
from setfit_explain.heads.torch_head import TorchHead
from setfit_explain.heads.transformers import as_layer


@convert.register
def _(estimator: Pipeline) -> TorchHead:
    steps = [step for _, step in estimator.steps if step not in (None, "passthrough")]
    head = convert(steps[-1])
    return head.after(*(as_layer(step) for step in steps[:-1]))


@convert.register(GridSearchCV)
@convert.register(RandomizedSearchCV)
def _(estimator: Any) -> TorchHead:
    check_is_fitted(estimator, "best_estimator_")
    return convert(estimator.best_estimator_)


with suppress(ImportError):  # scikit-learn 1.6
    from sklearn.frozen import FrozenEstimator

    @convert.register(FrozenEstimator)
    def _(estimator: Any) -> TorchHead:
        check_is_fitted(estimator.estimator)
        return convert(estimator.estimator)
