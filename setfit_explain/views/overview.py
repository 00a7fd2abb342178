"""Overview: what a report says of all its texts, and by what they can be filtered without a script."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from setfit_explain.views.cards import methods_of
from setfit_explain.views.formatting import number
from setfit_explain.views.panel import Item, TextPanel
from setfit_explain.views.pieces import answers

MOST_CONFUSED = 12
"""Classes up to which right and wrong answers are drawn as a square table."""
_MOST_PAIRS = 20
_OPEN_ROWS = 12
_NO_CLASS = "no class"


@dataclass(frozen=True, slots=True)
class Choice:
    """A choice of a filter: the groups whose texts it shows, how many those are, and its label."""

    group: str
    count: int
    label: str = ""

    @property
    def id(self) -> str:
        """Name of its radio button, and in the style sheet."""
        return f"only-{self.group.replace(' ', '-')}"

    @property
    def right(self) -> bool:
        """Whether a true class and an answer are the same one."""
        truth, _, answer = self.group.partition(" ")
        return truth[1:] == answer[1:]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the table of texts."""

    place: int
    panel: TextPanel
    answers: tuple[tuple[str, str], ...]
    groups: str
    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Confusion:
    """True classes down, answers across; or, of many classes, the commonest mistakes as ``pairs``."""

    classes: tuple[str, ...] = ()
    cells: tuple[tuple[Choice, ...], ...] = ()
    pairs: tuple[tuple[str, str, Choice], ...] = ()
    more_pairs: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """Everything above the cards."""

    facts: tuple[tuple[str, str, bool], ...]
    answers: tuple[Choice, ...]
    states: tuple[Choice, ...]
    confusion: Confusion | None
    lines: tuple[Line, ...]
    open: bool

    @property
    def remarks(self) -> bool:
        """Whether there is something to remark on any text."""
        return any(line.flags for line in self.lines)

    @property
    def choices(self) -> list[Choice]:
        """All choices that show some texts only."""
        table = self.confusion or Confusion()
        cells = [cell for row in table.cells for cell in row] + [cell for *_, cell in table.pairs]
        return [*self.answers, *self.states, *(cell for cell in cells if cell.count)]


def groups_of(items: Sequence[Item]) -> list[str]:
    """Return the words by which each text is filtered.

    ``p3`` is the third answer in alphabetical order and ``t3`` the third true class; the others are
    ``right``, ``wrong``, ``unsure`` (not converged), ``cut`` and ``noted`` (with a warning).
    """
    firsts = [methods_of(item)[0] for item in items]
    names = _names(firsts)
    return [
        " ".join(
            [
                *(f"p{names.index(name)}" for name in panel.predicted or (_NO_CLASS,)),
                *(f"t{names.index(name)}" for name in _truth(panel)),
                *_states(methods_of(item)),
            ]
        )
        for item, panel in zip(items, firsts, strict=True)
    ]


def draw_overview(items: Sequence[Item], groups: Sequence[str], failures: int) -> Overview:
    """Return what the templates show above the cards."""
    firsts = [methods_of(item)[0] for item in items]
    names = _names(firsts)
    counts = Counter(word for words in groups for word in words.split())
    labels = {
        "right": "correct",
        "wrong": "wrong",
        "unsure": "not converged",
        "cut": "cut",
        "noted": "with a warning",
    }
    total = len(items) + failures
    states = [Choice(word, counts[word], label) for word, label in labels.items() if 0 < counts[word] < total]
    if failures:
        states.append(Choice("failed", failures, "not explained"))
    return Overview(
        facts=_facts(firsts, counts, failures),
        answers=tuple(
            Choice(f"p{place}", counts[f"p{place}"], name)
            for place, name in enumerate(names)
            if 0 < counts[f"p{place}"] < total
        ),
        states=tuple(states),
        confusion=_confusion(firsts, names),
        lines=tuple(
            Line(place, panel, answers(panel), words, tuple(_flags(words.split(), labels)))
            for place, (panel, words) in enumerate(zip(firsts, groups, strict=True), start=1)
        ),
        open=len(items) <= _OPEN_ROWS,
    )


def _names(panels: Sequence[TextPanel]) -> list[str]:
    names = {name for panel in panels for name in (*panel.predicted, *_truth(panel))}
    return sorted(names | {_NO_CLASS for panel in panels if not panel.predicted})


def _truth(panel: TextPanel) -> tuple[str, ...]:
    return () if panel.true_label is None else panel.true_label or (_NO_CLASS,)


def _states(panels: Sequence[TextPanel]) -> list[str]:
    first = panels[0]
    found = [] if first.correct is None else ["right" if first.correct else "wrong"]
    if not all(target.converged for panel in panels for target in panel.targets):
        found.append("unsure")
    if first.truncated_span is not None:
        found.append("cut")
    if any(panel.notes for panel in panels):
        found.append("noted")
    return found


def _flags(words: Sequence[str], labels: dict[str, str]) -> list[str]:
    return [labels[word] for word in ("unsure", "cut", "noted") if word in words]


def _facts(
    panels: Sequence[TextPanel], counts: Counter[str], failures: int
) -> tuple[tuple[str, str, bool], ...]:
    """Return names and values, and whether they are a warning."""
    facts = [("texts", f"{len(panels) + failures:,}", False)]
    known = counts["right"] + counts["wrong"]
    if known:
        facts.append(("correct", f"{counts['right']:,} of {known:,}", False))
    confidence = [
        dict(panel.probabilities)[name]
        for panel in panels
        if len(panel.predicted) == 1
        for name in panel.predicted
        if name in dict(panel.probabilities)
    ]
    if confidence:
        facts.append(("mean confidence", f"{sum(confidence) / len(confidence):.3f}", False))
    drawn = [target.error_estimate for panel in panels for target in panel.targets if target.sampled]
    if drawn:
        facts.append(("standard error of sampling", f"up to {number(max(drawn))}", False))
    unsure = counts["unsure"]
    if unsure or (panels and not drawn):
        facts.append(("converged", f"{len(panels) - unsure:,} of {len(panels):,}", unsure > 0))
    for word, count in (("cut", counts["cut"]), ("not explained", failures)):
        if count:
            facts.append((word, f"{count:,}", True))
    return tuple(facts)


def _confusion(panels: Sequence[TextPanel], names: Sequence[str]) -> Confusion | None:
    """Count true class and answer, where each known text has one of both and there are two classes."""
    known = [panel for panel in panels if panel.true_label is not None]
    if not known or any(len(_truth(panel)) > 1 or len(panel.predicted) > 1 for panel in known):
        return None
    pairs = Counter((_truth(panel)[0], (panel.predicted or (_NO_CLASS,))[0]) for panel in known)
    place = {name: at for at, name in enumerate(names)}

    def cell(truth: str, answer: str) -> Choice:
        return Choice(f"t{place[truth]} p{place[answer]}", pairs[truth, answer])

    classes = tuple(name for name in names if any(name in pair for pair in pairs))
    if len(classes) < 2:
        return None
    if len(classes) <= MOST_CONFUSED:
        return Confusion(classes, tuple(tuple(cell(true, said) for said in classes) for true in classes))
    wrong = sorted((pair for pair in pairs if pair[0] != pair[1]), key=lambda pair: (-pairs[pair], pair))
    listed = tuple((true, said, cell(true, said)) for true, said in wrong[:_MOST_PAIRS])
    return Confusion(pairs=listed, more_pairs=len(wrong) - len(listed))
