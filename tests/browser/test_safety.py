"""Nothing that a user wrote is run, and nothing leaves the file."""

import pytest

from setfit_explain.views.html import FailurePanel, Section, render_report
from tests.views.panels import ATTACKS, attacked_panel

from .conftest import Visit

# Each would say so: in a dialog, on the console, by a request, or in the name of the page.
MORE_ATTACKS = [
    "<img src=x onerror=alert(1)>",
    "<svg><script>console.log(1)</script></svg>",
    "<iframe srcdoc='<script>parent.alert(1)</script>'></iframe>",
    "<details open ontoggle=alert(1)>",
    "<style>@import 'http://example.test/x.css'; * { background: url(http://example.test/x) }</style>",
    "<link rel=stylesheet href=http://example.test/x>",
    "<base href=http://example.test/><a href=x>y</a>",
    "<meta http-equiv=refresh content='0;url=http://example.test/'>",
    "</script><script>alert(1)</script>",
    "<b class=z8 data-z='\"' style='--from:url(http://example.test)'>",
    '" onmouseover="alert(1)" autofocus onfocus="alert(1)',
    "`${alert(1)}`",
    "a3 b-1",
]


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_no_attack_is_executed(visit: Visit, script: bool) -> None:
    attacks = [*ATTACKS, *MORE_ATTACKS]
    sections = [
        Section(
            title=attack,
            paragraphs=(attack,),
            panels=(attacked_panel(attack),),
            failures=(FailurePanel(0, attack, attack, attack),),
        )
        for attack in attacks
    ]
    page = visit(
        render_report(sections, "<script>alert(1)</script>"),
        name="<img src=x onerror=alert(1)>.html",
        java_script_enabled=script,
    )
    assert page.title() == "<script>alert(1)</script>"
    assert page.locator(".card").count() == 2 * len(attacks)
    assert page.locator("img, iframe, object, embed, svg, base, link, script").count() == 1
    if script:
        for unit in page.locator(".text b").all()[:: len(attacks) // 3]:
            unit.hover()
        page.locator("#search").fill("<img")
        page.locator("#order").select_option("unsure")
    assert page.locator("body img").count() == 0


def test_the_browser_refuses_every_other_script(visit: Visit, complaints: list[str]) -> None:
    """Were a text to become markup, the policy would still stop it, and this test would notice."""
    markup = render_report([Section(panels=(attacked_panel("harmless"),))], "Why?")
    page = visit(markup.replace("</main>", "<script>document.title = 'taken over'</script></main>"))
    assert page.title() == "Why?"
    assert "violates the following Content Security Policy directive" in complaints.pop()
