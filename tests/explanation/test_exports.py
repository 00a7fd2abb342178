"""Other libraries read our explanations, and show what we would show."""

import builtins
import warnings

import matplotlib as mpl
import numpy as np
import pytest
from captum.attr import visualization
from matplotlib import pyplot as plt

from setfit_explain import explain
from setfit_explain.errors import InputError, MissingExtraError, TargetError
from setfit_explain.explanation import Unit
from tests.models import tiny_model

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
    assert list(exported.feature_names) == [unit.text for unit in explanation.units]
    assert list(exported.data) == ["I ", "loved ", "it", "!", "[special tokens]"]
    assert list(exported.output_names) == list(explanation.targets)
    assert exported[:, 0].values.tolist() == explanation.attributions[0].tolist()


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::PendingDeprecationWarning")
def test_shap_draws_one_target_and_several(explanation) -> None:
    exported = explanation.to_shap()
    assert "loved" in shap.plots.text(exported, display=False)
    one = exported[:, "positive"]
    assert one.base_values == explanation.baseline_score[1]
    assert shap.plots.text(one, display=False).count("loved") >= 2
    for draw in (shap.plots.waterfall, shap.plots.bar):
        axes = draw(one, show=False)
        assert "loved" in {part for label in axes.get_yticklabels() for part in label.get_text().split()}


def test_what_shap_joins_is_the_text(make_explanation) -> None:
    text, units = "  a b ", (Unit("a", 2, 3), Unit("b", 4, 5))
    exported = make_explanation(text=text, units=units, attributions=ONES).to_shap()
    assert "".join(exported.data) == text
    with pytest.raises(InputError, match="without units"):
        make_explanation(units=(), attributions=np.zeros((2, 0))).to_shap()


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


@pytest.mark.parametrize(
    ("method", "title"),
    [
        ("attention_rollout", "attention (strength, without a sign, of no class)"),
        ("saliency", "refund (strength, without a sign)"),
        ("sobol", "refund (share of the variance, without a sign)"),
        ("integrated_gradients", "refund"),
    ],
)
def test_other_libraries_are_told_what_has_no_sign_or_class(method, title) -> None:
    explanation = explain(tiny_model("bert"), "late parcel", method=method)
    assert explanation.to_captum_records()[0].attr_class == title
    exported = explanation.to_shap()
    assert exported.output_names[0] == title
    assert np.isnan(exported.base_values).all() == (method != "integrated_gradients")


def test_captum_is_told_of_several_answers_and_of_none(make_explanation) -> None:
    both = make_explanation(predicted=("negative", "positive"), true_label=("a", "b")).to_captum_records()[0]
    assert (both.pred_class, both.pred_prob, both.true_class) == ("negative, positive", 0.9375, "a, b")
    none = make_explanation(
        predicted=(), true_label=None, probabilities=[np.nan, np.nan]
    ).to_captum_records()[0]
    assert (none.pred_class, none.pred_prob, none.true_class) == ("", 0.0, "")
    assert none.raw_input_ids[-1] == "[special tokens]"
    assert visualization.visualize_text([both, none]).data


def test_gradio_is_given_the_whole_text_and_shares_of_the_largest_attribution(explanation) -> None:
    # The form of https://www.gradio.app/docs/gradio/highlightedtext: list[tuple[str, str | float | None]].
    pairs = explanation.to_highlighted_text("positive")
    largest = 0.375
    assert pairs == [
        ("I", 0.0), (" ", None), ("loved", 1.0), (" ", None), ("it", -0.0625 / largest), ("!", 0.0625 / largest),
    ]  # fmt: skip
    assert explanation.to_highlighted_text("positive", bound=0.75)[2] == ("loved", 0.5)
    assert explanation.to_highlighted_text(0, bound=0.25)[2] == ("loved", -1.0)


def test_gradio_is_given_numbers_and_texts_that_json_holds(make_explanation) -> None:
    text = "\ud800x y"
    odd = make_explanation(
        text=text,
        units=(Unit("\ud800x", 0, 2), Unit("y", 3, 4), *BUCKETS),
        attributions=np.array([[np.nan, np.inf, 9.0], [0.5, 0.25, 9.0]]),
    )
    assert odd.to_highlighted_text(0) == [("\ufffdx", 0.0), (" ", None), ("y", 1.0)]
    assert odd.to_highlighted_text(1) == [("\ufffdx", 1.0), (" ", None), ("y", 0.5)]


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
    text = r"$\nosuch{$"  # which drawing as a formula would refuse
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
