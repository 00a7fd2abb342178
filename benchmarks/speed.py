"""Speed beside the bare floor and beside Captum at equal measured error, and exactness in float32."""

import copy
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

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
SCALES = ("probability", "log_probability", "log_odds", "logit")
FIXED = 50
LADDER = (2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 18, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 128, 160, 192, 256)
"""Node counts that Captum is offered."""
ROUNDING = 1e-4
MANY = 20
"""Of more classes three texts are compared: the converged integrals of all classes take long."""


_FIXED_NODES = f"""## All classes beside the floor

The floor is a plain torch loop: one class, {FIXED} Gauss-Legendre nodes in one batch, float32, frozen parameters, no
padding, nothing checked. Ours explains every class with the same nodes, and verifies the text."""
_EQUAL_ERROR = f"""## Beside Captum at equal error

Captum's LayerIntegratedGradients, one call a class, along the same path. A user of Captum chooses one number of
nodes for all texts; it is the smallest at which the errors over these texts and classes are at most ours at the default
tolerance, first by their 95th percentile (nearly every explanation is as good as ours), then by their median (the
typical one is). An error is that of the worst token, relative to the largest attribution of the class, against a
converged integral computed by other code. Of more than {TIMED_CLASSES} classes, {TIMED_CLASSES} calls are timed and multiplied."""
_BFLOAT16 = """## In bfloat16, beside Captum at equal error

The same for `precision="bfloat16"`, whose error is the format's own, on more texts, of which those of one length share batches. Captum
runs in float32, with as many nodes as give the error of bfloat16."""
_LISTS = """## A list beside one call a text

Held-out texts of mixed lengths."""
_PRECISION = f"""## Float32 beside float64

Both with {FIXED} nodes; the largest difference of any token, relative to the largest attribution of its class."""


def main() -> None:
    """Run and write ``speed.md``."""
    arguments = options(__doc__, texts=(5, 2), rounds=(5, 2))
    prepare()
    report = Report("speed", "Speed")
    classifiers = trained(arguments, CLASSES)
    sections: dict[str, tuple[str, Callable[[Trained], list[Row]]]] = {
        "floor": (_FIXED_NODES, partial(fixed_nodes, texts=arguments.texts, rounds=arguments.rounds)),
        "captum": (_EQUAL_ERROR, partial(equal_error, texts=arguments.texts, rounds=arguments.rounds)),
        "bfloat16": (_BFLOAT16, partial(half, texts=4 * arguments.texts, rounds=arguments.rounds)),
        "lists": (_LISTS, partial(listed, texts=4 * arguments.texts, rounds=arguments.rounds)),
        "precision": (_PRECISION, partial(precision, texts=min(2, arguments.texts))),
    }
    for name, (text, measure) in sections.items():
        report.say(text)
        rows = []
        for chosen in classifiers[:2] if name == "lists" else classifiers:
            measured = measure(chosen)
            print(*measured, sep="\n", flush=True)
            rows += measured
        report.table(name, rows)
        report.write(arguments.out)


def fixed_nodes(chosen: Trained, texts: int, rounds: int) -> list[Row]:
    """All classes with 50 nodes beside one class in the bare loop."""
    scales = SCALES if chosen.classes == 2 else SCALES[:1]
    bare = Bare(Explainer(chosen.model), chosen.model)
    methods: dict[str, Callable[[str], object]] = {"floor": lambda text: bare.path(text).floor(FIXED)}
    methods |= {scale: Explainer(chosen.model, output=scale, n_steps=FIXED) for scale in scales}
    times = in_turns(methods, chosen.some(texts), rounds)
    return [
        {
            "classifier": chosen.name,
            "output": scale,
            "floor, s a text": times.median("floor"),
            "all classes, s a text": times.median(scale),
            "floors": times.ratio(scale, "floor"),
        }
        for scale in scales
    ]


def equal_error(chosen: Trained, texts: int, rounds: int, precision: str | None = None) -> list[Row]:
    """Our default beside a loop of Captum's over the classes that is as exact; each takes the whole list."""
    explainer = Explainer(chosen.model, granularity="token", precision=precision, show_progress=False)
    plain = Explainer(chosen.model, granularity="token")
    bare, loop = Bare(plain, chosen.model), CaptumLoop(Bare(plain, chosen.model))
    some = chosen.some(texts if chosen.classes <= MANY else min(texts, 3))
    references = [converged(bare, text) for text in some]
    explanations = list(explainer(some))
    errors = np.concatenate(
        [relative_error(tokens_of(e), r) for e, r in zip(explanations, references, strict=True)]
    )
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
            "our error": STATISTICS[criterion](errors),
            "Captum's nodes": nodes,
            "Captum's error": captum_error,
            "ours, s a text": times.median("ours"),
            "Captum, s a text": times.median(f"{nodes}"),
            "Captum / ours": times.ratio(f"{nodes}", "ours"),
        }
        for criterion, (nodes, captum_error) in matched.items()
    ]


def half(chosen: Trained, texts: int, rounds: int) -> list[Row]:
    """Compare a copy in bfloat16 likewise, where a loop over the classes is not too long."""
    return equal_error(chosen, texts, rounds, "bfloat16") if chosen.classes <= MANY else []


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
    """Fewest nodes of `LADDER` at which Captum's rule is as exact, and its error there."""
    paths = [bare.path(text) for text in texts]
    for nodes in LADDER:
        errors = [relative_error(path.integrate(nodes), r) for path, r in zip(paths, references, strict=True)]
        found = statistic(np.concatenate(errors))
        if found <= error:
            return nodes, found
    raise ValueError(f"Gauss-Legendre with {LADDER[-1]} nodes does not reach an error of {error:.1g}.")


def check_same_integral(loop: CaptumLoop, bare: Bare, text: str, nodes: int) -> None:
    """Raise unless Captum's numbers are those of the bare rule with as many nodes, by which they were chosen."""
    expected = bare.path(text).integrate(nodes)[:1]
    difference = relative_error(loop.one_by_one(text, nodes, [0]), expected).max()
    if difference > ROUNDING:
        raise ValueError(f"Captum's attributions differ from the bare rule's by {difference:.1g}.")


def listed(chosen: Trained, texts: int, rounds: int) -> list[Row]:
    """Time a list of texts of mixed lengths beside one call a text."""
    explainer = Explainer(chosen.model, show_progress=False)
    some = chosen.some(texts)
    times = in_turns(
        {
            "one by one": lambda texts: [explainer(text) for text in texts],
            "as a list": explainer,
        },
        [some],
        rounds,
    )
    lengths = [chosen.model.model_body.tokenizer(text)["input_ids"] for text in some]
    return [
        {
            "classifier": chosen.name,
            "texts": len(some),
            "tokens": f"{min(map(len, lengths))} to {max(map(len, lengths))}",
            "as a list, s": times.median("as a list"),
            "one by one, s": times.median("one by one"),
            "list / one by one": times.ratio("as a list", "one by one"),
        }
    ]


def precision(chosen: Trained, texts: int) -> list[Row]:
    """Float32 beside float64 at the same nodes, relative to the largest attribution of the class."""
    double = copy.deepcopy(chosen.model)
    double.model_body.double()
    some = chosen.some(texts)
    ours, exact = (
        list(Explainer(model, n_steps=FIXED, granularity="token", show_progress=False)(some))
        for model in (chosen.model, double)
    )
    errors = [relative_error(a.attributions, b.attributions).max() for a, b in zip(ours, exact, strict=True)]
    return [
        {"classifier": chosen.name, "texts": len(some), "largest relative difference": float(max(errors))}
    ]


if __name__ == "__main__":
    main()
