"""Peak memory above the loaded model: many texts, many lengths, many classes, a long text; each in its own process.

It is read from Linux' ``/proc``.
"""

import re
from argparse import Namespace
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from benchmarks.classifiers import Trained, trained
from benchmarks.process import prepare
from benchmarks.report import Report, Row, options
from setfit_explain import Explainer

CLASSES = (2, 64, 150)
LONG = 512
WORDS = 4
MIXED, LENGTHS = 300, range(6, 121)
"""Texts of mixed lengths, in words."""
MEBIBYTE = 1024

_READING = f"""Peak resident memory of a process while it makes an explainer and explains all classes with the default settings,
above what the process holds once the model is loaded and has answered one text. The many texts are cut to {WORDS} words and numbered so
that the run ends; all their explanations are kept, or, streamed, none. The mixed lengths are {LENGTHS.start} to {LENGTHS.stop - 1} words, streamed."""


def main() -> None:
    """Run and write ``memory.md``."""
    arguments = options(__doc__, texts=(10_000, 50))
    report = Report("memory", "Memory")
    report.say(_READING)
    rows = []
    for case in (
        "many texts",
        "many texts, streamed",
        "mixed lengths, streamed",
        "many classes",
        "a long text",
        "many classes, a long text",
    ):
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
            rows.append(process.submit(measure, case, arguments).result())
            print(rows[-1], flush=True)
    report.table("peaks", rows)
    report.write(arguments.out)


def measure(case: str, arguments: Namespace) -> Row:
    """Measure one case in this process, which must have done nothing before."""
    prepare()
    classifiers = trained(arguments, CLASSES)
    chosen = classifiers[-1] if case.startswith("many classes") else classifiers[0]
    texts = _texts(case, chosen, arguments.texts)
    model = chosen.model
    del classifiers
    model.predict_proba(["word"])
    held = _kilobytes("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak so far is forgotten
    explainer = Explainer(model, show_progress=False)
    if case.endswith("streamed"):
        for _ in explainer.stream(texts):
            pass
    else:
        explainer(texts)
    peak = _kilobytes("VmHWM")  # before anything else is held
    longest = max(len(ids) for ids in model.model_body.tokenizer(texts, truncation=True)["input_ids"])
    return {
        "case": case,
        "texts": len(texts),
        "classes": chosen.classes,
        "tokens, at most": longest,
        "the process before, MiB": round(held / MEBIBYTE),
        "peak above, MiB": round((peak - held) / MEBIBYTE),
    }


def _texts(case: str, chosen: Trained, count: int) -> list[str]:
    if case.startswith("many texts"):
        cut = [" ".join(text.split()[:WORDS]) for text in chosen.texts]
        return [f"{cut[i % len(cut)]} {i}" for i in range(count)]  # a text that came twice is computed once
    if case.startswith("mixed lengths"):
        words = " ".join(chosen.texts).split()
        starts = range(0, 37 * MIXED, 37)
        lengths = [LENGTHS[(53 * i) % len(LENGTHS)] for i in range(MIXED)]
        return [
            " ".join(words[(start + k) % len(words)] for k in range(length))
            for start, length in zip(starts, lengths, strict=True)
        ]
    if case == "many classes":
        return chosen.some(5)
    chosen.model.model_body.max_seq_length = LONG
    return [chosen.of_length(LONG)]


def _kilobytes(name: str) -> int:
    found = re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    if found is None:
        raise OSError(f"/proc/self/status has no {name}.")
    return int(found[1])


if __name__ == "__main__":
    main()
