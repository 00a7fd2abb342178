"""Cells of the faithfulness table, methods with their settings, and the stages in which they are measured."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import product
from typing import Any

from benchmarks.elsewhere import CANDIDATES, MIXTURES, OTHERS, PEERS, Maker
from benchmarks.labelled import Subject
from benchmarks.paths import PATHS
from setfit_explain.arguments import METHODS
from setfit_explain.evaluation.contestants import Foreign

BASELINES = ("auto", "mask", "pad", "unk", "zero", "delete")
SCALES = ("probability", "log_probability", "log_odds", "logit")
QUICK = (
    "integrated_gradients",
    "leave_one_out_in",
    "occlusion",
    "leave_one_in",
    "expected_gradients",
    "saliency",
    "input_x_gradient",
    "attention_rollout",
    "deeplift",
)
"""All others ask hundreds of times, or differentiate at dozens of random points."""
DEFAULT = "integrated_gradients"
LEADING = (DEFAULT, "leave_one_out_in")
CLAIMED = (
    "integrated gradients from mean, mask, pad and unk, 8 nodes each",
    "integrated gradients and leave_one_out_in, averaged",
    "leave_one_out_in from mask and delete, averaged",
    "shapley_sampling, 64",
)
"""Candidates of which docs/which-method.md claims something, which are measured on the most texts."""
CHEAP = (
    *CLAIMED,
    "integrated gradients, 8 nodes",
    "occlusion from mask and delete, averaged",
    "partition_shap, 64",
)
"""Candidates that are measured on many texts."""
SIZE, PAIR = 10, 2
"""Texts of a block, and of one of the hundreds of settings."""
USUAL, VARIANTS, SHARPER = "usual", "variants", "sharper"
SEEDS, ANOTHER_BODY, PLANTED_OTHERWISE = "seeds", "another body", "planted otherwise"
REMOVALS, OTHER_REMOVALS = ("mask", "delete"), ("pad", "unk")
"""How the metrics take words out; the others are those of which no leading method is made."""


@dataclass(frozen=True)
class Cell:
    """A method and its settings.

    Parameters
    ----------
    name
        In the table.
    options
        Keyword arguments of `Explainer`, where the method is the library's.
    maker
        What makes one that is not, for a classifier.
    """

    name: str
    options: Mapping[str, Any] | None = None
    maker: Maker | None = None

    def method(self, subject: Subject) -> Mapping[str, Any] | Foreign:
        """Give what `evaluate` takes."""
        if self.maker is None:
            return dict(self.options or {})
        if self.name not in subject.made:
            subject.made[self.name] = self.maker(subject)
        made: Foreign = subject.made[self.name]
        return made


def own(method: str, baseline: str = "auto", scale: str = SCALES[0]) -> Cell:
    """Make a cell of the library, named after what of it is not the default."""
    start = {} if baseline == "auto" else {"baseline": baseline}
    name = method + (f" from {baseline}" if start else "") + ("" if scale == SCALES[0] else f", {scale}")
    return Cell(name, {"method": method, "output": scale, **start})


def known() -> list[str]:
    """Name all methods, each once."""
    return [name for name, kind in METHODS.items() if kind.name == name]


def settings_of(method: str, departures: Sequence[int] = (0, 1, 2)) -> list[Cell]:
    """Every baseline and scale of a method of which so many are not the default."""
    takes = "baseline" in {field.name for field in fields(METHODS[method])}  # type: ignore[arg-type]  # they are dataclasses
    return [
        own(method, baseline, scale)
        for baseline, scale in product(BASELINES if takes else BASELINES[:1], SCALES)
        if (baseline != "auto") + (scale != SCALES[0]) in departures
    ]


@dataclass(frozen=True)
class Stage:
    """Cells that are measured together, so that they share what they ask, on texts ``start`` to ``stop``.

    Parameters
    ----------
    name
        Of its files.
    cells
        Measured together.
    start, stop
        Texts.
    subjects
        Of which classifiers: `USUAL`, `VARIANTS` of them, those of more `SEEDS` or of `ANOTHER_BODY`, `SHARPER` ones, or
        those that are `PLANTED_OTHERWISE`, of which nothing else is asked.
    removals
        How the metrics take words out.
    size
        Texts of a block.
    timed
        Whether it is of interest what the cells cost.
    """

    name: str
    cells: tuple[Cell, ...]
    start: int
    stop: int
    subjects: str = USUAL
    removals: tuple[str, ...] = REMOVALS
    size: int = SIZE
    timed: bool = True

    def blocks(self, texts: int) -> Iterator[tuple[int, int]]:
        """Cut the texts, as far as there are, into blocks."""
        end = min(self.stop, texts)
        for first in range(self.start, end, self.size):
            yield first, min(first + self.size, end)


def every_setting(texts: int) -> Stage:
    """Every method from every baseline on every scale."""
    cells = tuple(cell for method in known() for cell in settings_of(method))
    return Stage("every setting", cells, 0, texts, size=PAIR, timed=False)


def stages() -> list[Stage]:
    """All stages, what matters most first."""
    slow = [name for name in known() if name not in QUICK]
    defaults, costly = (tuple(own(name) for name in names) for names in (QUICK, slow))
    peers = tuple(Cell(name, maker=maker) for name, maker in PEERS.items())
    candidates, mixtures, paths, others = (
        tuple(Cell(name, maker=made) if callable(made) else Cell(name, made) for name, made in ideas.items())
        for ideas in (CANDIDATES, MIXTURES, PATHS, OTHERS)
    )
    budgets = (
        *(Cell(f"{DEFAULT}, {nodes} nodes", {"n_steps": nodes}) for nodes in (4, 8, 16, 32)),
        *(
            Cell(f"{name}, {samples}", {"method": name, "n_samples": samples})
            for name in ("shapley_sampling", "partition_shap", "kernel_shap", "lime")
            for samples in (32, 64, 128, 512)
        ),
    )
    leading, settings = (
        tuple(cell for name in names for cell in settings_of(name, [1]))
        for names in (LEADING, [name for name in QUICK if name not in LEADING])
    )
    scales = tuple(own(name, scale=scale) for name in LEADING for scale in SCALES)
    leads = (
        *(own(DEFAULT, start) for start in ("mask", "pad", "unk", "zero")),
        *(own(name, scale="log_odds") for name in LEADING),
    )
    many = (
        *(cell for cell in defaults if cell.name not in ("expected_gradients", "deeplift")),
        *leads,
        *(cell for cell in candidates if cell.name in CHEAP),
    )
    claimed = (
        *map(own, (*LEADING, "input_x_gradient")),
        *leads,
        *(cell for cell in candidates if cell.name in CLAIMED),
    )
    again = tuple(map(own, (*LEADING, "occlusion"))) + candidates + mixtures
    return [
        Stage("defaults", defaults, 0, 40),
        Stage("candidates", candidates, 0, 40),
        Stage("peers", peers, 0, 10),
        # Settings and ideas on a few texts, and those that matter on many.
        Stage("leading settings", leading, 0, 10),
        Stage("mixtures", mixtures, 0, 10),
        Stage("paths", paths, 0, 10),
        Stage("other removals", again, 0, 10, removals=OTHER_REMOVALS),
        Stage("scales", scales, 0, 10, SHARPER),
        Stage("costly", costly, 0, 10),
        Stage("leads", leads, 10, 40),
        Stage("defaults", defaults, 40, 80),
        Stage("candidates", candidates, 40, 80),
        Stage("leads", leads, 40, 80),
        Stage("many", many, 80, 120),
        Stage("claimed", claimed, 120, 200),
        Stage("defaults", defaults, 0, 10, VARIANTS),
        Stage("candidates", candidates, 0, 10, VARIANTS),
        Stage("claimed", claimed, 0, 20, SEEDS),
        Stage("claimed", claimed, 0, 20, ANOTHER_BODY),
        Stage("budgets", budgets, 0, 10),
        Stage("defaults", defaults, 0, 40, PLANTED_OTHERWISE),
        Stage("candidates", candidates, 0, 40, PLANTED_OTHERWISE),
        Stage("peers", peers, 0, 10, PLANTED_OTHERWISE),
        Stage("others", others, 0, 10),
        *(
            stage
            for start, stop in ((0, 10), (10, 20), (20, 40))
            for stage in (
                Stage("defaults", defaults, max(start, 10), stop, VARIANTS),
                Stage("candidates", candidates, max(start, 10), stop, VARIANTS),
                Stage("settings", settings, start, stop),
                Stage("scales", scales, max(start, 10), stop, SHARPER),
                Stage("other removals", again, max(start, 10), stop, removals=OTHER_REMOVALS),
                Stage("peers", peers, max(start, 10), stop),
                Stage("costly", costly, max(start, 10), stop),
            )
        ),
    ]
