"""Beside Captum's LayerIntegratedGradients at equal measured error, in float32 and in bfloat16."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from benchmarks.bare import Bare, converged, relative_error, tokens_of
from benchmarks.captum_loop import TIMED_CLASSES, CaptumLoop, timed_classes
from benchmarks.classifiers import Trained, trained
from benchmarks.process import prepare
from benchmarks.report import Report, Row, options
from benchmarks.timing import in_turns
from setfit_explain import Explainer

CLASSES = (2, 6, 20, 64, 77, 150)
Statistic = Callable[[NDArray[np.float64]], float]
STATISTICS: dict[str, Statistic] = {
    "95th percentile": lambda errors: float(np.percentile(errors, 95)),
    "median": lambda errors: float(np.median(errors)),
}
LADDER = (1, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44, 48, 52, 56, 60, 64, 72, 80, 96, 128, 160, 192, 256)
"""Node counts between which the fewest are sought."""
ROUNDING = 1e-4
MANY, FEWEST = 100, 3
"""Texts times classes that are compared at most, and texts at least: the converged integrals of all classes take long."""


_FLOAT32 = f"""## In float32

Captum's LayerIntegratedGradients, one call a class, along the same path. A user of Captum chooses one number of
nodes for all texts; it is the smallest at which the errors over these texts and classes are at most ours at the default
tolerance, first by their 95th percentile (nearly every explanation is as good as ours), then by their median (the
typical one is). An error is that of the worst token, relative to the largest attribution of the class, against a
converged integral computed by other code. Of more than {TIMED_CLASSES} classes, {TIMED_CLASSES} calls are timed and multiplied."""
_BFLOAT16 = """## In bfloat16

The same for `precision="bfloat16"`, whose error is the format's own, on more texts, of which those of one length share batches. Captum
runs in float32, with as many nodes as give the error of bfloat16."""
_RANKS = """*Spearman* is the rank correlation of a class's tokens with the converged integral, the median over texts and classes and in round
brackets their 5th percentile."""


def main() -> None:
    """Run and write ``captum.md``."""
    arguments = options(__doc__, texts=(4, 2), rounds=(5, 2), classes=(150, 64))
    prepare()
    report = Report("captum", "Beside Captum at equal error")
    report.say(_RANKS)
    classifiers = trained(arguments, [count for count in CLASSES if count <= arguments.classes])
    sections: dict[str, tuple[str, Callable[[Trained], list[Row]]]] = {
        "float32": (_FLOAT32, partial(equal_error, texts=arguments.texts, rounds=arguments.rounds)),
        "bfloat16": (
            _BFLOAT16,
            partial(equal_error, texts=4 * arguments.texts, rounds=arguments.rounds, precision="bfloat16"),
        ),
    }
    for name, (text, measure) in sections.items():
        report.say(text)
        rows = []
        for chosen in classifiers:
            measured = measure(chosen)
            print(*measured, sep="\n", flush=True)
            rows += measured
        report.table(name, rows)
        report.write(arguments.out)


def equal_error(chosen: Trained, texts: int, rounds: int, precision: str | None = None) -> list[Row]:
    """Our default beside a loop of Captum's over the classes that is as exact; each takes the whole list."""
    explainer = Explainer(chosen.model, granularity="token", precision=precision, show_progress=False)
    plain = Explainer(chosen.model, granularity="token")
    bare, loop = Bare(plain, chosen.model), CaptumLoop(Bare(plain, chosen.model))
    some = chosen.some(min(texts, max(FEWEST, MANY // chosen.classes)))
    references = [converged(bare, text) for text in some]
    explanations = list(explainer(some))
    errors = np.concatenate(
        [relative_error(tokens_of(e), r) for e, r in zip(explanations, references, strict=True)]
    )
    ranks = [
        float(spearmanr(ours, expected).statistic)
        for explanation, reference in zip(explanations, references, strict=True)
        for ours, expected in zip(tokens_of(explanation), reference, strict=True)
    ]
    targets = timed_classes(chosen.classes)
    matched = {
        criterion: as_exact(bare, some, references, statistic, statistic(errors))
        for criterion, statistic in STATISTICS.items()
    }
    methods: dict[str, Callable[[Sequence[str]], object]] = {"ours": explainer}
    for nodes, _ in matched.values():
        check_same_integral(loop, bare, some[0], nodes)
        methods[f"{nodes}"] = partial(captum, loop, n_steps=nodes, targets=targets)
    work = dict.fromkeys(methods, len(some) * len(targets) / chosen.classes) | {"ours": float(len(some))}
    times = in_turns(methods, [some], rounds, work)
    return [
        {
            "classifier": chosen.name,
            "texts": len(some),
            "error compared": criterion,
            "our nodes": float(np.mean([e.settings["nodes"] for e in explanations])),
            "Spearman": f"{np.median(ranks):.4f} ({np.percentile(ranks, 5):.3f})",
            "our error": STATISTICS[criterion](errors),
            "Captum's nodes": nodes,
            "Captum's error": captum_error,
            "ours, s a text": times.median("ours"),
            "Captum, s a text": times.median(f"{nodes}"),
            "Captum / ours": times.ratio(f"{nodes}", "ours"),
        }
        for criterion, (nodes, captum_error) in matched.items()
    ]


def captum(loop: CaptumLoop, texts: Sequence[str], n_steps: int, targets: Sequence[int]) -> None:
    """Explain one text after another."""
    for text in texts:
        loop.one_by_one(text, n_steps, targets)


def as_exact(
    bare: Bare,
    texts: Sequence[str],
    references: Sequence[NDArray[np.float64]],
    statistic: Statistic,
    error: float,
) -> tuple[int, float]:
    """Fewest nodes at which Captum's rule is as exact, and its error there."""
    paths = [bare.path(text) for text in texts]

    def reached(nodes: int) -> float:
        errors = [relative_error(path.integrate(nodes), r) for path, r in zip(paths, references, strict=True)]
        return statistic(np.concatenate(errors))

    for fewer, nodes in pairwise(LADDER):
        if (found := reached(nodes)) <= error:
            for between in range(fewer + 1, nodes):
                if (closer := reached(between)) <= error:
                    return between, closer
            return nodes, found
    raise ValueError(f"Gauss-Legendre with {LADDER[-1]} nodes does not reach an error of {error:.1g}.")


def check_same_integral(loop: CaptumLoop, bare: Bare, text: str, nodes: int) -> None:
    """Raise unless Captum's numbers are those of the bare rule with as many nodes, by which they were chosen."""
    expected = bare.path(text).integrate(nodes)[:1]
    difference = relative_error(loop.one_by_one(text, nodes, [0]), expected).max()
    if difference > ROUNDING:
        raise ValueError(f"Captum's attributions differ from the bare rule's by {difference:.1g}.")


if __name__ == "__main__":
    main()
