"""The notebook's fragment, as JupyterLab and GitHub show it to readers who did not run the notebook."""

import re
from collections.abc import Callable
from dataclasses import replace

from setfit_explain.views.html import render_fragment, render_rest
from setfit_explain.views.panel import Agreement, ComparisonPanel
from tests.views.markup import read
from tests.views.panels import ATTACKS, attacked_panel, build_panel, build_target

from .conftest import Visit

Sanitize = Callable[[str], str]


def fragment() -> str:
    panel = build_panel(
        buckets=("[special tokens]",),
        targets=(
            build_target(
                "negative", values=(-0.3, 0.2, 0.0, -0.1, 0.2), special_token_share=0.25, converged=False
            ),
            build_target(values=(0.3, -0.2, 0.0, 0.1, 0.2)),
        ),
        truncated_span=(10, 22),
        spans=((0, 5), (7, 8), (8, 9), (9, 10)),
    )
    both = ComparisonPanel(
        (replace(panel, method="occlusion"), replace(panel, method="lime")),
        (Agreement("positive", "occlusion", "lime", 0.5),),
    )
    return render_fragment(panel) + render_rest(["One failed."]) + render_fragment(both)


def test_jupyterlabs_sanitizer_leaves_the_fragment_as_it_is(jupyterlab_sanitizer: Sanitize) -> None:
    before, after = read(fragment()), read(jupyterlab_sanitizer(fragment()))
    assert [element.tag for element in after.elements] == [element.tag for element in before.elements]
    for kept, element in zip(after.elements, before.elements, strict=True):
        assert kept.text == element.text
        assert kept.attributes.keys() == element.attributes.keys()
        for name, value in element.attributes.items():
            assert kept.attributes[name].replace(" ", "").strip(";") == value.replace(" ", "").strip(";")


def test_jupyterlabs_sanitizer_finds_nothing_to_remove_from_hostile_texts(
    jupyterlab_sanitizer: Sanitize,
) -> None:
    markup = "".join(render_fragment(attacked_panel(attack)) for attack in ATTACKS)
    after = read(jupyterlab_sanitizer(markup))
    assert [element.tag for element in after.elements] == [element.tag for element in read(markup).elements]


def test_github_drops_the_styles_and_signs_and_numbers_remain(visit: Visit) -> None:
    """GitHub's renderer lets no style attribute through."""
    page = visit("<!doctype html><meta charset=utf-8>" + re.sub(r' style="[^"]*"', "", fragment()))
    shown = " ".join(page.locator("body").inner_text().split())
    for expected in (
        "positive 0.900 predicted",
        "Loved+0.30 i−0.20",
        "pushes away from positive −0.300",
        "+0.300 pushes towards positive",
        "score 0.900 = baseline 0.500",
        "NOT CONVERGED",
        "the model never saw 12 of 22 characters",
        "One failed.",
    ):
        assert expected in shown
    assert "pushes away from negative" not in shown  # folded
    page.locator("summary", has_text="negative").first.click()
    assert "pushes away from negative" in page.locator("body").inner_text()
