"""A text as a cooperative game: its units are the players, and a coalition is what is kept of the text.

What every method that takes units out has in common; how it weighs the answers is the method's own.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np
import torch

from setfit_explain.attribution.baselines import baseline_notes
from setfit_explain.attribution.method import Attributions, Attributor
from setfit_explain.attribution.perturbation import Deletion, Perturbation, Removal, make_removals
from setfit_explain.classifier.outputs import check_finite
from setfit_explain.classifier.precision import rounding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from setfit_explain.classifier.encoding import EncodedText
    from setfit_explain.classifier.outputs import ScoreFunction
    from setfit_explain.classifier.text_classifier import TextClassifier


@dataclass(frozen=True, eq=False)
class Game:
    """The scores of one text, as a function of which units are kept.

    Units that taking out cannot change, such as special tokens that stay, are no players.

    Parameters
    ----------
    perturbations
        The text, once for each way to take units out; a coalition's score is the mean over them.
    score
        The targets' scores.
    """

    perturbations: tuple[Perturbation, ...]
    score: ScoreFunction

    @cached_property
    def players(self) -> NDArray[np.intp]:
        """Units that play, ``(players,)``, in reading order, and buckets after them."""
        return np.flatnonzero(np.any([each.removable for each in self.perturbations], axis=0))

    @cached_property
    def in_text(self) -> NDArray[np.bool_]:
        """For each player whether it is of the user's text, ``(players,)``, and not a bucket."""
        first = self.perturbations[0]
        text = np.bincount(first.membership, first.encoded.is_text, first.units) > 0
        return text[self.players]

    @cached_property
    def ends(self) -> NDArray[np.float64]:
        """Scores of the text and of what is left without all its units, ``(2, targets)``."""
        return self(np.array([[True], [False]]).repeat(len(self.players), axis=1))

    @property
    def difference(self) -> NDArray[np.float64]:
        """The text's scores minus the baseline's, ``(targets,)``: what the players share out."""
        difference: NDArray[np.float64] = self.ends[0] - self.ends[1]
        return difference

    def __call__(self, kept: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Scores ``(rows, targets)`` of coalitions ``(rows, players)``.

        Raises
        ------
        OptionError
            A probability is exactly 0 or 1, and its logarithm was asked for.
        """
        units = np.ones((len(kept), self.perturbations[0].units), dtype=bool)
        units[:, self.players] = kept
        scores: NDArray[np.float64] = np.mean(
            [self.score(each.decide(units)).cpu().numpy() for each in self.perturbations], axis=0
        )
        check_finite(scores, self.score.output)
        return scores


@dataclass(frozen=True, eq=False)
class Estimate:
    """Attributions of the players, ``(targets, players)``, and their largest standard error, ``(targets,)``."""

    values: NDArray[np.float64]
    error: NDArray[np.float64]


def exactly(values: NDArray[np.float64]) -> Estimate:
    """Attributions ``(targets, players)`` that nothing was drawn for."""
    return Estimate(values, np.zeros(len(values)))


class Solution(Protocol):
    """What a method knows of a game."""

    @property
    def tolerance(self) -> float | None:
        """Largest accepted error, relative to the largest attribution; None where none was asked for."""

    @property
    def shares_score(self) -> bool:
        """Whether the numbers are in the score's unit, so that delta says what their sum misses."""

    @property
    def note(self) -> str | None:
        """What every view must say of the numbers."""

    @property
    def settings(self) -> Mapping[str, str | int | float | bool | None]:
        """The method's own knobs, in plain values."""

    def estimates(self, game: Game) -> Iterator[Estimate]:
        """Estimates of rising accuracy; the last one is what the budget allows."""


@dataclass(frozen=True, eq=False, kw_only=True)
class RemovalMethod(ABC):
    """A method that takes units out and draws nothing at random: its numbers carry no error besides rounding.

    It only asks the classifier, so any head with ``predict_proba`` or ``decision_function`` will do.

    Parameters
    ----------
    baseline
        What takes the place of a unit: ``"auto"``, ``"mean"``, ``"mask"``, ``"pad"``, ``"unk"``, ``"zero"``,
        or a tensor ``(dim,)`` or ``(tokens, dim)``: its word embeddings are replaced, so that every other
        word keeps its tokens and position. ``"delete"``: its tokens are cut out, and what follows moves up.
        Of a list of these, such as ``["mask", "delete"]``, each is asked, and the score is the mean.
    reference_texts
        Texts whose token frequencies weight the ``"mean"`` baseline; None for an estimate.
    special_tokens
        ``"keep"``: special and prompt tokens are never taken out. ``"replace"``: they are, like words.
    """

    baseline: Any = "auto"
    reference_texts: Sequence[str] | None = None
    special_tokens: str = "keep"

    needs_gradient = False
    additive = False
    shares_score = True
    tolerance: ClassVar[None] = None

    @property
    @abstractmethod
    def note(self) -> str | None:
        """What every view must say of the numbers."""

    @property
    def settings(self) -> Mapping[str, str | int | float | bool | None]:
        """The method's own knobs, in plain values."""
        return {}

    def estimates(self, game: Game) -> Iterator[Estimate]:
        """Yield the one answer."""
        yield exactly(self.values(game))

    @abstractmethod
    def values(self, game: Game) -> NDArray[np.float64]:
        """Attributions of the players, ``(targets, players)``."""

    def prepare(self, classifier: TextClassifier, internal_batch_size: int | None) -> Attributor:
        """Look the baseline up once; what is returned explains one text after another."""
        removals = make_removals(classifier, self.baseline, self.special_tokens, self.reference_texts)
        return GameAttributor(self, classifier, removals, internal_batch_size)


@dataclass(frozen=True, eq=False)
class GameAttributor:
    """A method that plays games, for one classifier.

    Parameters
    ----------
    solution
        The method.
    classifier, internal_batch_size
        As in `Perturbation`.
    removals
        How units are taken out; scores are averaged over them.
    """

    solution: Solution
    classifier: TextClassifier
    removals: tuple[Removal, ...]
    internal_batch_size: int | None

    @property
    def reads_ids_alone(self) -> bool:
        """Whether word embeddings are never asked for, as where words are cut out."""
        return all(isinstance(removal, Deletion) for removal in self.removals)

    def baseline(self, encoded: EncodedText) -> Tensor:
        """Baseline embeddings ``(tokens, dim)`` of one text, the mean of several."""
        return torch.stack([each.embeddings(self.classifier, encoded) for each in self.removals]).mean(0)

    def __call__(
        self, encoded: EncodedText, membership: NDArray[np.intp], score: ScoreFunction
    ) -> Attributions:
        """Attribute the scores of one text to its units."""
        size = self.internal_batch_size
        perturbations = tuple(
            Perturbation(self.classifier, encoded, membership, removal, size) for removal in self.removals
        )
        game = Game(perturbations, score)
        nothing = exactly(np.zeros((len(score.targets), 0)))
        for found in self.solution.estimates(game) if game.players.size else [nothing]:
            converged = self._within_tolerance(found, game)
            if converged.all():
                break
        unknown = None if self.solution.shares_score else np.full(len(score.targets), np.nan)
        units = perturbations[0].units
        values = np.zeros((len(score.targets), units))
        values[:, game.players] = found.values
        both = np.array([[True], [False]]).repeat(units, axis=1)
        ends = np.mean(
            [self.classifier.head.answer(each.decide(both)).cpu().numpy() for each in perturbations], axis=0
        )
        return Attributions(
            values=values,
            probabilities=ends[0],
            score=game.ends[0],
            baseline_score=game.ends[1] if unknown is None else unknown,
            delta=values.sum(1) - game.difference if unknown is None else unknown,
            error_estimate=found.error,
            converged=converged,
            settings={
                "baseline": ", ".join(removal.name for removal in self.removals),
                "special_tokens": self.removals[0].special_tokens,
                **self.solution.settings,
                "evaluations": sum(each.evaluations for each in perturbations),
            },
            notes=(
                *([] if self.solution.note is None else [self.solution.note]),
                *baseline_notes(self.classifier, ends[1]),
            ),
        )

    def _within_tolerance(self, found: Estimate, game: Game) -> NDArray[np.bool_]:
        """Whether each target's error is small enough, ``(targets,)``, beside what rounding does."""
        if self.solution.tolerance is None:
            return np.ones(len(found.error), dtype=bool)
        largest = np.abs(found.values).max(1, initial=0.0)
        scores = np.maximum(np.abs(game.ends).max(0), game.score.magnitude)
        within: NDArray[np.bool_] = (
            found.error <= self.solution.tolerance * largest + rounding(torch.float32) * scores
        )
        return within
