"""Where the time of an explanation goes: what each pass costs in floors, and which operations take it."""

from collections import defaultdict
from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.profiler import ProfilerActivity, profile

from benchmarks.bare import Bare, BarePath
from benchmarks.classifiers import Trained, trained
from benchmarks.process import prepare
from benchmarks.report import Report, Row, options
from benchmarks.speed import FIXED
from benchmarks.timing import in_turns
from setfit_explain import Explainer

CLASSES = (2, 6, 20, 64, 77, 150)
VECTORS = 6
"""Backward passes that are taken one by one, and at once."""
KINDS: Mapping[str, tuple[str, ...]] = {
    "matrix products": ("aten::addmm", "aten::mm", "aten::bmm", "aten::baddbmm"),
    "attention": (
        "aten::_scaled_dot_product_flash_attention_for_cpu",
        "aten::_scaled_dot_product_flash_attention_for_cpu_backward",
    ),
    "GELU": ("aten::gelu", "aten::gelu_backward"),
    "LayerNorm": ("aten::native_layer_norm", "aten::native_layer_norm_backward"),
}
"""Operations of torch by kind; everything else is *the rest*."""

_PASSES = f"""The same {FIXED} points of the path, in floors of each text. *Forward* asks for the answers alone; *floor* has the backward
pass of one class, too; each *further* backward pass is another class from the same forward pass. *One by one* are {VECTORS} backward
passes after one forward pass, and *vmapped* the same {VECTORS} at once (`is_grads_batched`, with attention in plain operations, for the
fused kernel has no batching rule). *Bound* is what the passes alone
cost: one floor, and a further backward pass for each class after the second (the last one follows from the others). *All
classes* is the library with `n_steps={FIXED}`: besides the passes, or forward mode where that is cheaper, it asks the model
for its *own answer*, which the score must be, and for the scores at *both ends* of the path, which the attributions must add up to."""
_OPERATIONS = f"""## Operations

Processor time of torch's operations in `n_steps={FIXED}`, all classes, from its profiler, without what is between them; each in shares of all
of the operations that float32 takes for the same texts, so that the rows of bfloat16 show what it saves, and where."""
PRECISIONS = (None, "bfloat16")


def main() -> None:
    """Run and write ``parts.md``."""
    arguments = options(__doc__, texts=(5, 2), rounds=(5, 2), many=(16, 2))
    prepare()
    report = Report("parts", "Where the time goes")
    report.say(_PASSES)
    classifiers = trained(arguments, CLASSES)
    report.table("passes", [passes(chosen, arguments.texts, arguments.rounds) for chosen in classifiers])
    report.say(_OPERATIONS)
    report.table("operations", [row for chosen in classifiers for row in operations(chosen, arguments.many)])
    report.write(arguments.out)


def passes(chosen: Trained, texts: int, rounds: int) -> Row:
    """Time the passes of the bare classifier beside the library."""
    explainer = Explainer(chosen.model, n_steps=FIXED)
    bare = Bare(explainer, chosen.model)
    methods: dict[str, Callable[[str], object]] = {
        "forward": lambda text: forward(bare.path(text)),
        "floor": lambda text: bare.path(text).floor(FIXED),
        "two classes": lambda text: backward(bare.path(text), 2),
        "four classes": lambda text: backward(bare.path(text), 4),
        "one by one": lambda text: backward(bare.path(text), VECTORS),
        "vmapped": lambda text: vmapped(bare.path(text), VECTORS),
        "own answer": lambda text: chosen.model.predict_proba([text]),
        "ends": lambda text: ends(bare.path(text)),
        "all classes": explainer,
    }
    times = in_turns(methods, chosen.some(texts), rounds)
    floor = times.rounds["floor"]
    further = float(np.median((times.rounds["four classes"] - times.rounds["two classes"]) / 2 / floor))
    return {
        "classifier": chosen.name,
        "forward": times.ratio("forward", "floor"),
        "further backward": further,
        "one by one": times.ratio("one by one", "floor"),
        "vmapped": times.ratio("vmapped", "floor"),
        "own answer": times.ratio("own answer", "floor"),
        "both ends": times.ratio("ends", "floor"),
        "bound": 1 + further * max(0, chosen.classes - 2),
        "all classes": times.ratio("all classes", "floor"),
    }


def forward(path: BarePath) -> None:
    """Ask for the answers at the points."""
    with torch.no_grad():
        for points in path.points(FIXED):
            path.bare(points)


def ends(path: BarePath) -> None:
    """Ask for the answers at both ends of the path."""
    with torch.no_grad():
        path.bare(torch.cat([path.start, path.start + path.displacement]))


def backward(path: BarePath, classes: int) -> None:
    """Differentiate so many classes at the points, one pass each."""
    for points in path.points(FIXED):
        points.requires_grad_()
        probabilities = path.bare(points)
        for target in range(classes):
            torch.autograd.grad(probabilities[:, target % path.bare.classes].sum(), points, retain_graph=True)


def vmapped(path: BarePath, vectors: int) -> None:
    """Differentiate so many combinations of classes at the points, in one vectorised pass."""
    for points in path.points(FIXED):
        points.requires_grad_()
        with sdpa_kernel(SDPBackend.MATH):
            probabilities = path.bare(points)
            chosen = torch.ones(vectors, *probabilities.shape)
            torch.autograd.grad(probabilities, points, chosen, is_grads_batched=True)


def operations(chosen: Trained, texts: int) -> list[Row]:
    """Share the time of torch's operations out by their kinds, in each precision."""
    totals = [by_kind(chosen, texts, precision) for precision in PRECISIONS]
    whole = sum(totals[0].values())
    return [
        {"classifier": chosen.name, "precision": precision or "float32"}
        | {kind: f"{total[kind] / whole:.0%}" for kind in (*KINDS, "the rest")}
        | {"all": f"{sum(total.values()) / whole:.0%}"}
        for precision, total in zip(PRECISIONS, totals, strict=True)
    ]


def by_kind(chosen: Trained, texts: int, precision: str | None) -> Mapping[str, float]:
    """Microseconds of torch's operations of each kind."""
    explainer = Explainer(chosen.model, n_steps=FIXED, precision=precision, show_progress=False)
    some = chosen.some(texts)
    explainer(some)
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        explainer(some)
    kinds = {name: kind for kind, names in KINDS.items() for name in names}
    totals: dict[str, float] = defaultdict(float)
    for event in profiler.key_averages():
        if event.key.startswith("aten::"):
            totals[kinds.get(event.key, "the rest")] += event.self_cpu_time_total
    return totals


if __name__ == "__main__":
    main()
