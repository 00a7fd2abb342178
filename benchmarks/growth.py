"""How the time of an explanation grows with tokens, classes, texts and tolerance."""

from collections.abc import Sequence
from functools import partial

import numpy as np

from benchmarks.bare import Bare, converged, relative_error, tokens_of
from benchmarks.captum_loop import CaptumLoop, timed_classes
from benchmarks.classifiers import Trained, growing, trained
from benchmarks.plots import Panel, draw
from benchmarks.process import prepare
from benchmarks.report import Report, Row, options
from benchmarks.timing import in_turns
from setfit_explain import Explainer

FIXED = 50
CAPTUM = "Captum, a call a class"
TOKENS = (8, 16, 32, 64, 128, 256, 512)
CLASSES = (2, 4, 8, 16, 32, 64, 100, 150)
TEXTS = (1, 4, 16, 64)
TOLERANCES = (0.1, 0.03, 0.01, 0.003, 0.001, 0.0003)
CURVES = ("default", f"{FIXED} nodes", "floor", "one by one", CAPTUM)
TITLES = {
    "tokens": "Tokens: seconds a text, two classes",
    "classes": "Classes: seconds a text",
    "texts": "Texts: seconds of the whole list, two classes",
    "tolerance": "Tolerance: seconds a text",
}
SHORT = 3
"""How many of the sizes a quick run has."""

_READING = f"""Seconds of processor time, one thread, medians of rounds taken in turns; float32, all classes. *Default* stops at the
default tolerance; *{FIXED} nodes* is `n_steps={FIXED}`; the *floor* is a plain torch loop over {FIXED} nodes for one class."""


def main() -> None:
    """Run and write ``growth.md`` and ``growth.png``."""
    arguments = options(__doc__, texts=(3, 2), rounds=(5, 2))
    prepare()
    few = trained(arguments, (2,))[0]
    some = trained(arguments, (6, 20))[0]
    sizes = SHORT if arguments.quick else None
    report = Report("growth", "Growth")
    report.say(_READING)
    tables = {
        "tokens": by_tokens(few, TOKENS[:sizes], arguments.rounds),
        "classes": by_classes(growing(arguments, CLASSES[:sizes]), arguments.texts, arguments.rounds),
        "texts": by_texts(few, TEXTS[:sizes], arguments.rounds),
        "tolerance": by_tolerance(some, TOLERANCES[:sizes], arguments.texts, arguments.rounds),
    }
    draw([_panel(name, rows) for name, rows in tables.items()], arguments.out / "growth.png")
    report.picture("Seconds against tokens, classes, texts and tolerance")
    for name, rows in tables.items():
        report.say(f"## {TITLES[name]}")
        report.table(name, rows)
    report.write(arguments.out)


def by_tokens(chosen: Trained, sizes: Sequence[int], rounds: int) -> list[Row]:
    """Explain one text of each length."""
    chosen.model.model_body.max_seq_length = max(TOKENS)
    default, fixed = Explainer(chosen.model), Explainer(chosen.model, n_steps=FIXED)
    bare = Bare(default, chosen.model)
    rows = []
    for size in sizes:
        text = chosen.of_length(size)
        times = in_turns(
            {
                "default": default,
                f"{FIXED} nodes": fixed,
                "floor": lambda text: bare.path(text).floor(FIXED),
            },
            [text],
            rounds,
        )
        rows.append(
            {
                "tokens": bare.ids(text).numel(),
                "nodes": default(text).settings["nodes"],
                **times.medians(),
                f"{FIXED} nodes / floor": times.ratio(f"{FIXED} nodes", "floor"),
            }
        )
    return rows


def by_classes(classifiers: Sequence[Trained], texts: int, rounds: int) -> list[Row]:
    """Explain under heads of more and more classes."""
    rows = []
    for chosen in classifiers:
        default, fixed = Explainer(chosen.model), Explainer(chosen.model, n_steps=FIXED)
        bare = Bare(default, chosen.model)
        loop = CaptumLoop(bare)
        targets = timed_classes(chosen.classes)
        times = in_turns(
            {
                "default": default,
                f"{FIXED} nodes": fixed,
                "floor": lambda text, bare=bare: bare.path(text).floor(FIXED),
                CAPTUM: partial(loop.one_by_one, n_steps=FIXED, targets=targets),
            },
            chosen.some(texts),
            rounds,
            {CAPTUM: len(targets) / chosen.classes},
        )
        rows.append(
            {
                "classes": chosen.classes,
                **times.medians(),
                f"{FIXED} nodes / floor": times.ratio(f"{FIXED} nodes", "floor"),
            }
        )
    return rows


def by_texts(chosen: Trained, sizes: Sequence[int], rounds: int) -> list[Row]:
    """Explain lists of more and more texts; the seconds are the whole list's."""
    explainer = Explainer(chosen.model, show_progress=False)
    rows = []
    for size in sizes:
        times = in_turns(
            {"default": explainer, "one by one": lambda texts: [explainer(text) for text in texts]},
            [chosen.some(size)],
            rounds,
        )
        rows.append(
            {"texts": size, **times.medians(), "default / one by one": times.ratio("default", "one by one")}
        )
    return rows


def by_tolerance(chosen: Trained, tolerances: Sequence[float], texts: int, rounds: int) -> list[Row]:
    """Ask for less and less error; the true one is shown beside it."""
    explainers = {
        tolerance: Explainer(chosen.model, tolerance=tolerance, granularity="token")
        for tolerance in tolerances
    }
    some = chosen.some(texts)
    times = in_turns({str(tolerance): explainer for tolerance, explainer in explainers.items()}, some, rounds)
    bare = Bare(explainers[tolerances[0]], chosen.model)
    references = [converged(bare, text) for text in some]
    rows = []
    for tolerance, explainer in explainers.items():
        explanations = [explainer(text) for text in some]
        errors = [relative_error(tokens_of(e), r) for e, r in zip(explanations, references, strict=True)]
        rows.append(
            {
                "tolerance": tolerance,
                "default": times.median(str(tolerance)),
                "nodes": float(np.mean([e.settings["nodes"] for e in explanations])),
                "largest true error": float(max(map(np.max, errors))),
            }
        )
    return rows


def _panel(name: str, rows: Sequence[Row]) -> Panel:
    """Draw the columns named in `CURVES`."""
    x = [float(str(row[name])) for row in rows]
    curves = {curve: [float(str(row[curve])) for row in rows] for curve in CURVES if curve in rows[0]}
    return Panel(TITLES[name], name, "seconds", x, curves)


if __name__ == "__main__":
    main()
