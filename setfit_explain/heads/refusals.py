"""Rows of the table: estimators whose probabilities are steps, so that no gradient explains them."""

from sklearn.ensemble import (
    AdaBoostClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.multiclass import OneVsOneClassifier
from sklearn.neighbors import KNeighborsClassifier, RadiusNeighborsClassifier
from sklearn.tree import DecisionTreeClassifier

from setfit_explain.heads.table import convert, refuse

for _kind in (
    AdaBoostClassifier,
    DecisionTreeClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    KNeighborsClassifier,
    OneVsOneClassifier,
    RadiusNeighborsClassifier,
    RandomForestClassifier,
):
    convert.register(_kind, refuse)
