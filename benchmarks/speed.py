"""Speed beside the bare floor, of lists, and exactness in float32."""

import copy
from collections.abc import Callable
from functools import partial

from benchmarks.bare import Bare, relative_error
from benchmarks.classifiers import Trained, trained
from benchmarks.process import prepare
from benchmarks.report import Report, Row, options
from benchmarks.timing import in_turns
from setfit_explain import Explainer

CLASSES = (2, 6, 20, 64, 77, 150)
SCALES = ("probability", "log_probability", "log_odds", "logit")
FIXED = 50

_FIXED_NODES = f"""## All classes beside the floor

The floor is a plain torch loop: one class, {FIXED} Gauss-Legendre nodes in one batch, float32, frozen parameters, no
padding, nothing checked. Ours explains every class with the same nodes, and verifies the text."""
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
