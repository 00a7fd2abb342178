"""Other tools beside ours on the same classifiers and texts, in an environment of their own."""

import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from benchmarks.bare import Bare, converged, relative_error, tokens_of
from benchmarks.captum import STATISTICS, as_exact
from benchmarks.captum_loop import TIMED_CLASSES, CaptumLoop, timed_classes
from benchmarks.classifiers import Trained, trained
from benchmarks.process import prepare
from benchmarks.report import PACKAGES, Report, Row, options
from benchmarks.timing import in_turns
from setfit_explain import Explainer

CLASSES = (2, 6, 64, 77, 150)
PEERS = ("interpreto", "lime", "shap", "transformers-interpret")
ROOT = Path(__file__).parent.parent
FIXED = 50
OURS = "setfit_explain, default"
CAPTUM = "Captum"
FLOOR = f"bare floor, one class, {FIXED} nodes"

Tool = Callable[[Sequence[str]], object]
"""Explains texts, for all classes or those that are timed."""

_READING = f"""Seconds a text for all classes, float32, one thread; tools at their own defaults. Those that integrate along our path
are held to our error (95th percentile over texts and classes of the worst token, relative to the largest attribution).
The others compute other quantities, so only their time can be compared: Interpreto's gradients are
absolute values, which do not add up; transformers-interpret integrates from `[PAD]`, with other positions and segments, and divides by
the norm; shap and LIME ask the model about texts with words left out; kgourgou's path starts at zero behind the first
LayerNorm. Of tools with one call a class, {TIMED_CLASSES} classes at most are timed and multiplied."""


def main() -> None:
    """Run in the peers' environment, made if it is not there; write ``peers.md``."""
    arguments = options(__doc__, texts=(2, 1), rounds=(5, 1))
    run_among_peers(arguments.cache)
    prepare()
    report = Report("peers", "Other tools", PEERS)
    report.say(_READING)
    for chosen in trained(arguments, CLASSES):
        report.say(f"## {chosen.name}")
        report.table(chosen.name.replace(", K = ", "-"), beside(chosen, arguments.texts, arguments.rounds))
    report.write(arguments.out)


def beside(chosen: Trained, texts: int, rounds: int) -> list[Row]:
    """Measure all tools on one classifier."""
    from benchmarks.peer_tools import CALLED_BY_CLASS

    some = chosen.some(texts)
    bare = Bare(Explainer(chosen.model), chosen.model)
    targets = timed_classes(chosen.classes)
    ours, errors = on_our_path(chosen, bare, some, targets)
    others, failed = usable_peers(chosen, bare, some, targets)
    tools = ours | {FLOOR: lambda texts: [bare.path(text).floor(FIXED) for text in texts]} | others
    work = {name: float(len(some)) for name in tools}
    for name in work:
        if name.startswith((CAPTUM, *CALLED_BY_CLASS)):
            work[name] *= len(targets) / chosen.classes
    times = in_turns(tools, [some], rounds, work)
    rows: list[Row] = [
        {
            "tool": name,
            "error": errors.get(name, ""),
            "s a text": times.median(name),
            "times ours": times.ratio(name, OURS),
        }
        for name in tools
    ]
    return rows + [
        {"tool": name, "error": "", "s a text": reason, "times ours": ""} for name, reason in failed.items()
    ]


def on_our_path(
    chosen: Trained, bare: Bare, texts: Sequence[str], targets: Sequence[int]
) -> tuple[dict[str, Tool], dict[str, float]]:
    """Give the tools that integrate along our path, Captum as exact as our default, and their errors."""
    percentile = STATISTICS["95th percentile"]
    loop = CaptumLoop(bare)
    references = [converged(bare, text) for text in texts]
    explainers = {
        OURS: Explainer(chosen.model, granularity="token", show_progress=False),
        f"setfit_explain, {FIXED} nodes": Explainer(
            chosen.model, n_steps=FIXED, granularity="token", show_progress=False
        ),
    }
    errors = {}
    for name, explainer in explainers.items():
        pairs = zip(explainer(texts), references, strict=True)
        errors[name] = percentile(np.concatenate([relative_error(tokens_of(e), r) for e, r in pairs]))
    nodes, error = as_exact(bare, texts, references, percentile, errors[OURS])
    loops: dict[str, Tool] = {
        f"{CAPTUM}, a call a class and text, {nodes} nodes": lambda texts: [
            loop.one_by_one(text, nodes, targets) for text in texts
        ],
        f"{CAPTUM}, a call a class, texts batched, {nodes} nodes": partial(
            loop.batched, n_steps=nodes, targets=targets
        ),
    }
    return explainers | loops, errors | dict.fromkeys(loops, error)


def usable_peers(
    chosen: Trained, bare: Bare, texts: Sequence[str], targets: Sequence[int]
) -> tuple[dict[str, Tool], dict[str, str]]:
    """Give the peers that explain the first text, and of the others why not."""
    from benchmarks.peer_tools import peer_tools

    usable, failed = {}, {}
    for name, make in peer_tools(chosen, bare, targets).items():
        try:
            tool = make()
            tool(texts[:1])
        except Exception as reason:  # noqa: BLE001 - a tool that cannot is told of, not a reason to stop
            failed[name] = f"fails: {type(reason).__name__}: {str(reason)[:100]!r}"
        else:
            usable[name] = tool
    return usable, failed


def run_among_peers(cache: Path) -> None:
    """Unless the peers are installed here, run the same command in an environment where they are, and exit."""
    if any(find_spec(name.replace("-", "_")) is None for name in PEERS):
        python = _environment(cache / "peers")
        command = [python, "-m", f"benchmarks.{Path(sys.argv[0]).stem}", *sys.argv[1:]]
        sys.exit(subprocess.run(command, check=False).returncode)


def _environment(folder: Path) -> Path:
    """Make a virtual environment with the peers and our own versions of what they share; give its Python."""
    python = folder / "bin" / "python"
    if (folder / "installed").exists():
        return python
    print(f"installing the peers into {folder}", flush=True)
    subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
    pins = re.findall(
        rf"^(?:{'|'.join(PACKAGES)})==.*$", (ROOT / "constraints.txt").read_text(), re.MULTILINE
    )
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as constraints:
        constraints.write("\n".join(pins))
        constraints.flush()
        install = [python, "-m", "pip", "install", "--quiet", "--constraint", constraints.name]
        # torch first and exactly, as in the makefile: a range would fetch several GB of CUDA packages.
        subprocess.run([*install, "torch"], check=True)
        subprocess.run(
            [
                *install,
                "--requirement",
                ROOT / "benchmarks" / "peers.txt",
                "--editable",
                f"{ROOT}[demo,plot]",
            ],
            check=True,
        )
    (folder / "installed").touch()
    return python


if __name__ == "__main__":
    main()
