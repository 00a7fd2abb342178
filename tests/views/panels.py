"""Panels made by hand."""

from typing import Any

from setfit_explain.views.panel import TargetPanel, TextPanel

ATTACKS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'><svg/onload=alert(1)>",
    "</style><script>alert(1)</script>",
    "</title></p></div></details>",
    "{{ 7*7 }}{% raw %}",
    "javascript:alert(1)",
    "<!-- --><![CDATA[",
    "&lt;b&gt;&amp;",
    "\x1b[31mred\x1b]8;;http://evil\x07link\x1b\\",
    "[bold red]markup[/bold red][link=http://evil]x[/link]",
    "a\x00b\x08c\x7fd\x9be",
    "\u202eevil\u2066x",
    "\ud800 \udfff",
    "row\rover",
]


def build_target(name: str = "positive", **changes: Any) -> TargetPanel:
    """Return a target of the panel below, with fields replaced by ``changes``."""
    fields: dict[str, Any] = {
        "name": name,
        "towards": f"towards {name}",
        "away": f"away from {name}",
        "score": 0.9,
        "baseline_score": 0.5,
        "delta": 0.001,
        "error_estimate": 0.002,
        "converged": True,
        "values": (0.3, -0.2, 0.001, 0.3),
        "special_token_share": 0.0,
    }
    return TargetPanel(**(fields | changes))


def build_panel(**changes: Any) -> TextPanel:
    """Return a panel of a short text with 4 units, with fields replaced by ``changes``."""
    fields: dict[str, Any] = {
        "text": "Loved  it,\nnever bored",
        "spans": ((0, 5), (7, 9), (9, 10), (11, 22)),
        "buckets": (),
        "targets": (build_target("negative", values=(-0.3, 0.2, -0.001, -0.3)), build_target()),
        "shown": 1,
        "probabilities": (("negative", 0.1), ("positive", 0.9)),
        "predicted": ("positive",),
        "true_label": ("positive",),
        "output": "probability",
        "truncated_span": None,
        "notes": ("Mind this.",),
        "footer": "integrated gradients · 64 steps",
    }
    return TextPanel(**(fields | changes))


def attacked_panel(attack: str) -> TextPanel:
    """Return a panel with ``attack`` in every string that a user or a model's labels can fill."""
    return build_panel(
        text=f"a {attack} b",
        spans=((0, 1), (2, 2 + len(attack)), (3 + len(attack), 4 + len(attack))),
        buckets=(attack,),
        targets=(build_target(attack), build_target("positive", converged=False)),
        probabilities=((attack, 0.9), ("positive", 0.1)),
        predicted=(attack,),
        true_label=(attack,),
        notes=(attack,),
        footer=attack,
    )
