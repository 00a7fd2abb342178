"""Other libraries read our explanations, and show what we would show."""

import builtins
import warnings

import matplotlib as mpl
import numpy as np
import pytest
from captum.attr import visualization
from matplotlib import pyplot as plt

from setfit_explain.errors import MissingExtraError, TargetError
from setfit_explain.explanation import Unit

mpl.use("Agg")
with warnings.catch_warnings():  # shap's own colour maps are made in a way that matplotlib will drop
    warnings.simplefilter("ignore", PendingDeprecationWarning)
    import shap

BUCKETS = (Unit("[special tokens]", 0, 0, "special"),)
ONES = np.ones((2, 2))


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_shap_reads_values_that_add_up(explanation) -> None:
    exported = explanation.to_shap()
    assert isinstance(exported, shap.Explanation)
    sums = exported.base_values + exported.values.sum(axis=0)
    np.testing.assert_allclose(sums, explanation.score + explanation.delta, atol=1e-12)
    assert list(exported.data) == [unit.text for unit in explanation.units]
    assert list(exported.output_names) == list(explanation.targets)
    assert exported[:, 0].values.tolist() == explanation.attributions[0].tolist()


def test_captum_draws_the_records(explanation) -> None:
    records = explanation.to_captum_records()
    assert [record.attr_class for record in records] == list(explanation.targets)
    np.testing.assert_array_equal(records[1].word_attributions, explanation.attributions[1])
    assert records[0].attr_score == pytest.approx(explanation.attributions[0].sum())
    assert records[0].convergence_score == explanation.delta[0]
    slots = visualization.VisualizationDataRecord.__slots__
    assert all(hasattr(records[0], name) for name in slots)
    drawn = visualization.visualize_text(records).data
    assert all(target in drawn for target in explanation.targets)


def test_what_captum_draws_executes_nothing(make_explanation) -> None:
    attack = "<script>alert(1)</script>"
    units = (Unit(attack, 0, len(attack)), *BUCKETS)
    evil = make_explanation(
        text=attack, units=units, targets=(attack, "b"), attributions=ONES, true_label=attack
    )
    records = evil.to_captum_records()
    assert "<script" not in visualization.visualize_text(records).data


def test_bars_are_the_units_in_reading_order(explanation) -> None:
    axes = explanation.plot(explanation.targets[1])
    widths = [bar.get_width() for bar in axes.patches]
    np.testing.assert_allclose(widths, explanation.attributions[1])
    assert [label.get_text() for label in axes.get_yticklabels()] == [unit.text for unit in explanation.units]
    assert axes.yaxis_inverted()
    assert explanation.targets[1] in axes.get_title()


def test_a_figure_can_be_drawn_on_given_axes(explanation) -> None:
    _, axes = plt.subplots()
    assert explanation.plot(ax=axes) is axes


def test_a_users_text_is_no_formula(make_explanation) -> None:
    text = r"$\frac{1}{0}$"
    units = (Unit(text, 0, len(text)), *BUCKETS)
    axes = make_explanation(text=text, units=units, attributions=ONES).plot()
    axes.figure.canvas.draw()
    assert axes.get_yticklabels()[0].get_text() == text


def test_a_figure_of_a_target_that_was_not_explained_is_refused(explanation) -> None:
    with pytest.raises(TargetError, match="was not explained"):
        explanation.plot("nothing")


@pytest.mark.parametrize(("method", "package"), [("to_shap", "shap"), ("plot", "matplotlib")])
def test_a_missing_package_is_named_with_its_extra(explanation, method, package, monkeypatch) -> None:
    real = builtins.__import__

    def missing(name, *arguments, **options):
        if name.split(".")[0] == package:
            raise ImportError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", missing)
    extra = {"matplotlib": "plot"}.get(package, package)
    with pytest.raises(MissingExtraError, match=rf"pip install 'setfit-explain\[{extra}\]'"):
        getattr(explanation, method)()
