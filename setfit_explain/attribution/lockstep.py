"""Derivatives for many texts at once: nodes of texts of one length share batches, without padding.

A computation asks for derivatives at places on its path and goes on with the answer; here it is asked
for. Alone it gets them at once; of many, each round's questions are put together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Generator, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar, runtime_checkable

import numpy as np
import torch

from setfit_explain.attribution.jacobian import Derivatives, Part, Path, backward
from setfit_explain.attribution.method import Attributor
from setfit_explain.heap import give_back

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from setfit_explain.attribution.method import Attributions
    from setfit_explain.classifier.encoding import EncodedText
    from setfit_explain.classifier.outputs import ScoreFunction

Result = TypeVar("Result")
Asking = Generator["Question", Derivatives, Result]
"""A computation that asks for derivatives and in the end returns its result."""


@dataclass(frozen=True, eq=False)
class Question:
    """Derivatives at places on a path.

    Parameters
    ----------
    path, nodes
        The path, and where on it, ``(nodes,)``.
    """

    path: Path
    nodes: NDArray[np.float64]


@runtime_checkable
class JointAttributor(Attributor, Protocol):
    """A method whose computations for many texts can share batches."""

    def ask(
        self, encoded: EncodedText, membership: NDArray[np.intp], score: ScoreFunction
    ) -> Asking[Attributions]:
        """Attribute the scores of one text, asking for derivatives instead of computing them."""


def answer_alone(computation: Asking[Result]) -> Result:
    """Run one computation to its end."""
    try:
        question = next(computation)
        while True:
            question = computation.send(question.path.differentiate(question.nodes))
    except StopIteration as end:
        result: Result = end.value
        return result


def answer_together(computations: Sequence[Asking[Result]]) -> list[Result | Exception]:
    """Run many computations to their ends, in common batches.

    Returns
    -------
    list
        Of each its result, or what it raised: one must not lose the others.
    """
    done: dict[int, Result | Exception] = {}
    asked: dict[int, Question] = {}

    def go_on(index: int, answer: Derivatives | None) -> None:
        try:
            asked[index] = computations[index].send(answer)  # type: ignore[arg-type]  # None starts it
        except StopIteration as end:
            done[index] = end.value
        except Exception as error:  # noqa: BLE001  # returned
            done[index] = error

    for index in range(len(computations)):
        go_on(index, None)
    while asked:
        answers = _answers(asked)
        asked.clear()
        for index, answer in answers.items():
            if isinstance(answer, Exception):
                done[index] = answer
            else:
                go_on(index, answer)
    return [done[index] for index in range(len(computations))]


def _answers(asked: Mapping[int, Question]) -> dict[int, Derivatives | Exception]:
    groups: defaultdict[Hashable, list[int]] = defaultdict(list)
    for index, question in asked.items():
        path = question.path
        groups[index if path.goes_forward else (id(path.classifier), path.encoded.batch_key)].append(index)
    answers: dict[int, Derivatives | Exception] = {}
    for members in groups.values():
        try:
            found = _differentiate([asked[index] for index in members])
        except Exception as error:  # noqa: BLE001  # returned
            if len(members) > 1:  # whose it is shows when each is alone
                for index in members:
                    answers |= _answers({index: asked[index]})
            else:
                answers[members[0]] = error
        else:
            answers |= dict(zip(members, found, strict=True))
        give_back()
    return answers


def _differentiate(questions: Sequence[Question]) -> list[Derivatives]:
    path = questions[0].path
    if len(questions) == 1:
        return [path.differentiate(questions[0].nodes)]
    sharers = _sharers(questions)
    following = {each for members in sharers.values() for each in members}
    asked = [
        question.nodes[1:] if index in following else question.nodes
        for index, question in enumerate(questions)
    ]
    owners = np.repeat(np.arange(len(questions)), [len(nodes) for nodes in asked])
    nodes = np.concatenate(asked)
    found: list[list[Derivatives]] = [[] for _ in questions]
    with path.classifier.body.session():
        for rows in path.batches(len(nodes)):
            members = np.unique(owners[rows]).tolist()
            shared = [() if found[each] else sharers.get(each, ()) for each in members]
            parts = [
                Part(
                    questions[each].path,
                    nodes[rows][owners[rows] == each],
                    [questions[other].path for other in others],
                )
                for each, others in zip(members, shared, strict=True)
            ]
            for each, others, pieces in zip(members, shared, backward(parts), strict=True):
                for index, derivatives in zip((each, *others), pieces, strict=True):
                    found[index].append(derivatives)
    return [
        (np.concatenate([values for values, _ in pieces]), torch.cat([decision for _, decision in pieces]))
        for pieces in found
    ]


def _sharers(questions: Sequence[Question]) -> dict[int, list[int]]:
    """Find, for the first question that begins with a baseline, the later ones that begin with it, too."""
    groups: defaultdict[Hashable, list[int]] = defaultdict(list)
    for index, question in enumerate(questions):
        if question.nodes[0] == 0 and len(question.nodes) > 1:
            start = question.path.start.cpu().numpy().tobytes()
            groups[start, tuple(question.path.score.targets)].append(index)
    return {first: others for first, *others in groups.values()}
