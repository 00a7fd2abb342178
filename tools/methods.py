"""Measure every method beside its oracle and write the tables of docs/methods.md: ``python -m tools.methods``."""

import re
import warnings
from collections.abc import Callable
from itertools import permutations
from pathlib import Path

import numpy as np
import shap
from captum.attr import Occlusion as CaptumOcclusion

from setfit_explain import Explainer, Occlusion, explain
from setfit_explain.arguments import METHODS
from setfit_explain.attribution.sampling import SamplingMethod
from tests.attribution.games import PLAYERS, game_of, presence, random_table, text_of
from tests.attribution.oracles import (
    lime_coefficients,
    lime_counts,
    mean_over,
    total_sobol_indices,
)
from tools.gradient_oracles import ROWS as GRADIENT_ROWS
from tools.gradient_oracles import Row, relative

PAGE = Path(__file__).parent.parent / "docs" / "methods.md"
TABLE = re.compile(r"(?<=<!-- table -->\n).*(?=<!-- end -->)", re.DOTALL)
GRADIENTS = re.compile(r"(?<=<!-- gradients -->\n).*(?=<!-- end of gradients -->)", re.DOTALL)

FEW = 6
LINKAGE = np.array([[1, 2, 1, 2], [4, 5, 1, 2], [0, 6, 2, 3], [3, 7, 2, 3], [8, 9, 3, 6]], float)
"""The tree of six words as SciPy writes one: pairs of nodes that become nodes 6, 7, ..., then height and size."""

BUDGET = 256


def played(method: object, players: int = FEW, **settings: object) -> np.ndarray:
    """Attributions of a random game, ``(3, players)``."""
    model = game_of(random_table(players))
    found = explain(model, text_of(players), method=method, baseline="zero", output="logit", **settings)
    return found.attributions


def windows_error() -> float:
    """Difference of occlusion by windows to Captum's."""
    explainer = Explainer(
        game_of(random_table(FEW)), method=Occlusion(window=2, baseline="zero"), output="logit"
    )
    bound = explainer.classifier.bind(text_of(FEW))
    words = bound.word_embeddings
    captum = [
        CaptumOcclusion(bound).attribute(words, (2, words.shape[-1]), target=column, baselines=0)[0, :, 0]
        for column in range(3)
    ]
    return relative(explainer(text_of(FEW)).attributions, np.stack(captum))


def expected(name: str, players: int = FEW) -> np.ndarray:
    """Find what a method must give for the random game."""
    values, sets = random_table(players), presence(players)
    singles = 2 ** np.arange(players)
    lost, gained = values[-1] - values[len(values) - 1 - singles], values[singles] - values[0]
    if name == "lime":
        return lime_coefficients(sets, values, lime_counts(sets, BUDGET - 2))
    if name == "partition_shap":
        masker = shap.maskers.Partition(np.zeros((1, players)), clustering=LINKAGE)
        partition = shap.PartitionExplainer(game_of(values)[1].decision_function, masker)
        return partition(np.ones((1, players)), max_evals=500, silent=True).values[0].T
    if name in ("kernel_shap", "shapley_sampling"):
        return mean_over(list(permutations(range(players))), values)
    others = {
        "leave_one_in": gained.T,
        "leave_one_out_in": (lost + gained).T / 2,
        "sobol": total_sobol_indices(values),
    }
    return others[name]


def own_error(name: str) -> Callable[[], float]:
    """Difference of a method to what it must give."""
    return lambda: relative(played(name), expected(name))


ROWS = {
    "occlusion": Row("Captum's Occlusion, windows of two", windows_error, "n + 2"),
    "leave_one_in": Row("the game's own scores", own_error("leave_one_in"), "n + 2"),
    "leave_one_out_in": Row("the game's own scores", own_error("leave_one_out_in"), "2n + 2"),
    "shapley_sampling": Row("mean over all orders", own_error("shapley_sampling"), "n_samples, or 2^n"),
    "kernel_shap": Row("mean over all orders", own_error("kernel_shap"), "n_samples, or 2^n"),
    "partition_shap": Row(
        "shap's PartitionExplainer, the same tree", own_error("partition_shap"), "n_samples, or about 2n²/3"
    ),
    "lime": Row("LIME's steps with scikit-learn", own_error("lime"), "n_samples, or 2^n"),
    "sobol": Row("conditional variances of all subsets", own_error("sobol"), "n_samples, or 2^n"),
}


def sampling_error(name: str) -> str:
    """Error of a default budget's draws for 12 units, root mean square over seeds, beside what was reported."""
    kind = METHODS[name]
    if not issubclass(kind, SamplingMethod):
        return "none drawn"
    budget = (
        BUDGET // 4 if name == "partition_shap" else BUDGET
    )  # which would hold the whole tree of 12 units
    truth = played(name, PLAYERS, n_samples=2**PLAYERS)
    drawn = np.array([played(name, PLAYERS, n_samples=budget, seed=seed) for seed in range(20)])
    error = np.sqrt(((drawn - truth) ** 2).mean(0)).max() / np.abs(truth).max()
    return f"{error:.0%}" + ("" if budget == BUDGET else f" with {budget}")


def line(name: str, row: Row) -> str:
    """One line of the table."""
    kind = METHODS[name]
    additive, any_head = ("yes" if answer else "no" for answer in (kind.additive, not kind.needs_gradient))
    cells = [
        f"`{name}`",
        f"{row.error():.0e}",
        row.oracle,
        sampling_error(name),
        additive,
        row.cost,
        any_head,
    ]
    return f"| {' | '.join(cells)} |"


def table() -> str:
    """Put the table together."""
    head = "| method | difference to its oracle | oracle | sampling error | adds up | forward passes | any head |"
    lines = [head, "|---" * 7 + "|", *(line(name, row) for name, row in ROWS.items())]
    return "\n".join(lines) + "\n"


def gradient_table() -> str:
    """Put the table of gradients and attention together."""
    head = "| method | difference to its oracle | oracle | adds up | passes | any head |"
    lines = [head, "|---" * 6 + "|"]
    for name, row in GRADIENT_ROWS:
        any_head = "no" if METHODS[name].needs_gradient else "yes"
        cells = [f"`{name}`{row.variant}", f"{row.error():.0e}", row.oracle, row.adds_up, row.cost, any_head]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    page = TABLE.sub(lambda _: table(), PAGE.read_text("utf-8"))
    PAGE.write_text(GRADIENTS.sub(lambda _: gradient_table(), page), "utf-8")
