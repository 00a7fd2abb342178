"""Reports for the tests: every kind of text, answer and warning in a few cards."""

from setfit_explain.views.html import FailurePanel, Section, render_report
from setfit_explain.views.panel import Agreement, ComparisonPanel, TextPanel
from tests.views.panels import build_panel, build_target

RIGHT_TO_LEFT = "أحب هذا الفيلم"
CHINESE = "我喜欢这部电影"


def panels() -> tuple[TextPanel | ComparisonPanel, ...]:
    """Return a right and a wrong text, one in Arabic that did not converge, one in Chinese, and two methods."""
    wrong = build_panel(
        text="Bored it",
        spans=((0, 5), (6, 8)),
        targets=(build_target("negative", values=(0.2, 0.1)), build_target(values=(-0.2, 0.6))),
        probabilities=(("negative", 0.4), ("positive", 0.6)),
        true_label=("negative",),
        notes=(),
    )
    arabic = build_panel(
        text=RIGHT_TO_LEFT,
        spans=((0, 3), (4, 7), (8, 14)),
        targets=(
            build_target("negative", values=(0.3, 0.0, -0.1), converged=False),
            build_target(values=(-0.3, 0.0, 0.1)),
        ),
        shown=0,
        predicted=("negative",),
        probabilities=(("negative", 0.7), ("positive", 0.3)),
        true_label=None,
        notes=(),
    )
    chinese = build_panel(
        text=CHINESE,
        spans=tuple((at, at + 1) for at in range(len(CHINESE))),
        targets=(build_target(values=(0.0, 0.2, 0.4, 0.0, 0.0, 0.0, -0.1)),),
        shown=0,
        truncated_span=None,
        notes=(),
    )
    methods = tuple(
        build_panel(
            text="Two ways",
            spans=((0, 3), (4, 8)),
            method=name,
            notes=(),
            targets=(
                build_target("negative", values=(first, -first)),
                build_target(values=(-first, first)),
            ),
        )
        for name, first in (("integrated gradients", 0.1), ("occlusion", 5.0))
    )
    agreement = Agreement("positive", "integrated gradients", "occlusion", 0.875)
    return build_panel(), wrong, arabic, chinese, ComparisonPanel(methods, (agreement,))


def report() -> str:
    """Return the page of those texts and of one that could not be explained."""
    failure = FailurePanel(5, "no tokens here", "TextError", "No tokens.")
    return render_report([Section(title="All", panels=panels(), failures=(failure,))], "Why?")


def steps() -> str:
    """Return a page with a unit on every step of the scale."""
    values = tuple(step / 8 for step in range(-8, 9))
    text = "".join(chr(ord("a") + at) + " " for at in range(len(values)))
    spans = tuple((2 * at, 2 * at + 1) for at in range(len(values)))
    return render_report(
        [
            Section(
                panels=(build_panel(text=text, spans=spans, targets=(build_target(values=values),), shown=0),)
            )
        ],
        "Why?",
    )
