"""One text as the metrics see it: its units, and what the classifier scores where only some of them are left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from zlib import crc32

import numpy as np
import torch

from setfit_explain.attribution.baselines import TOKENS, tokens_of
from setfit_explain.attribution.batches import row_slices
from setfit_explain.attribution.perturbation import DELETE, Perturbation, make_removal
from setfit_explain.attribution.whole_numbers import check_whole_number
from setfit_explain.classifier.outputs import Output, ScoreFunction, check_finite
from setfit_explain.errors import OptionError
from setfit_explain.evaluation.rationales import unit_weights
from setfit_explain.explainer import Explainer
from setfit_explain.explanation.units import group_tokens

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from setfit_explain.attribution.perturbation import Removal
    from setfit_explain.classifier.encoding import EncodedText
    from setfit_explain.classifier.text_classifier import TextClassifier
    from setfit_explain.evaluation.rationales import Rationale
    from setfit_explain.explaining import Options
    from setfit_explain.explanation.segmentation import Granularity
    from setfit_explain.explanation.units import Unit

    Floats = NDArray[np.float64]
    Bools = NDArray[np.bool_]

REMOVALS = ("mask", "pad", "unk", "mean", "zero", "delete")
"""How a unit is taken out: its word embeddings become a token's or the mean word's, or its tokens are cut out."""


def usual_removals(classifier: TextClassifier) -> tuple[str, ...]:
    """Name two ways to take units out: a token's place, the nearest to a mask that the tokenizer has, and none."""
    token = next((name for name in ("mask", "unk") if name in tokens_of(classifier)), "mean")
    return token, DELETE


class Cases:
    """Makes the cases of one classifier; what is the same for all texts is looked up once.

    Parameters
    ----------
    classifier
        Whose scores are measured.
    output
        Their scale.
    granularity
        Of the units.
    reference_texts
        Texts whose token frequencies weight the removal ``"mean"``; None for an estimate.
    seed
        Of everything random.
    """

    def __init__(
        self,
        classifier: TextClassifier,
        *,
        output: str = "probability",
        granularity: Granularity = "word",
        reference_texts: Sequence[str] | None = None,
        seed: int = 0,
    ) -> None:
        self.classifier = classifier
        self.output = Output.of(output)
        self.granularity = granularity
        self.reference_texts = reference_texts
        self.seed = seed
        self._removals: dict[str, Removal] = {}

    def of(self, text: str, target: int | None = None, rationale: Rationale | None = None) -> Case:
        """Make the case of one text.

        Parameters
        ----------
        text
            The text.
        target
            Column of the class that is measured; None for the most probable one.
        rationale
            What somebody marked as the reason, or None.
        """
        classifier = self.classifier
        encoded = classifier.encode(text)
        column = int(classifier.own_answer(encoded).argmax()) if target is None else target
        grouping = group_tokens(
            encoded.text, encoded.spans, encoded.kinds, self.granularity if encoded.spelled else "token"
        )
        score = ScoreFunction(classifier.head, self.output, (column,))
        marked = None if rationale is None else unit_weights(_of_text(grouping.units), rationale)
        return Case(self, encoded, grouping.units, grouping.membership, score, marked)

    def removal(self, name: str) -> Removal:
        """Make a removal by its name, once; raises `OptionError` where it is not known or the tokenizer lacks it."""
        if name not in REMOVALS:
            raise OptionError(f"Removal {name!r} is not known. Accepted: {', '.join(REMOVALS)}.")
        lacking = set(TOKENS) - set(tokens_of(self.classifier))
        if name in lacking:
            others = ", ".join(other for other in REMOVALS if other not in lacking)
            raise OptionError(
                f"The tokenizer of this body has no {name} token to put in a unit's place. Accepted for it: {others}, "
                "such as removals=['mean', 'delete']."
            )
        if name not in self._removals:
            texts = self.reference_texts if name == "mean" else None
            self._removals[name] = make_removal(self.classifier, name, "keep", texts)
        return self._removals[name]


@dataclass(frozen=True, eq=False)
class Case:
    """One text, one class of it, and the scores that its perturbations have; identical ones are computed once.

    Parameters
    ----------
    cases
        What all texts share.
    encoded
        The text as the body reads it.
    units, membership
        Its units, buckets at the end, and the unit of each token.
    score
        Of the class that is measured.
    rationale
        How much of each unit of the text is marked, from 0 to 1, shape ``(n,)``, or None.
    """

    cases: Cases
    encoded: EncodedText
    units: tuple[Unit, ...]
    membership: NDArray[np.intp]
    score: ScoreFunction
    rationale: Floats | None
    _perturbations: dict[str, Perturbation] = field(init=False, repr=False, default_factory=dict)

    @property
    def n(self) -> int:
        """Number of units of the text; buckets of special and prompt tokens always stay."""
        return len(_of_text(self.units))

    def generator(self) -> np.random.Generator:
        """Give the text's own random numbers, the same at each call."""
        # By what it says, not by its place: the same text has the same numbers in any list.
        return np.random.default_rng([self.cases.seed, crc32(self.encoded.text.encode())])

    def scores(self, removal: str, kept: Bools) -> Floats:
        """Score the text where only some units are left: kept ``(rows, n)`` -> scores ``(rows,)``.

        Raises
        ------
        OptionError
            A probability is exactly 0 or 1, and its logarithm was asked for.
        """
        buckets = np.ones((len(kept), len(self.units) - self.n), dtype=bool)
        return self._scored(self._perturbation(removal).decide(np.hstack([kept, buckets])))

    def blended_scores(self, removal: str, share: NDArray[Any]) -> Floats:
        """Score the text where units are left in part.

        Parameters
        ----------
        removal
            What takes the place of the rest: any of `REMOVALS` but ``"delete"``.
        share
            How much of each unit is left: from 0 to 1, shape ``(rows, n)`` or, for each dimension of the word
            embeddings of each token, ``(rows, tokens, dim)``.
        """
        classifier = self.cases.classifier
        words = classifier.word_embeddings(self.encoded)
        start = self.cases.removal(removal).embeddings(classifier, self.encoded)
        if share.ndim == 2:
            buckets = np.ones((len(share), len(self.units) - self.n))
            share = np.hstack([share, buckets])[:, self.membership, None]
        gates = torch.as_tensor(share, dtype=words.dtype, device=words.device)
        with classifier.body.session(), torch.no_grad():
            decisions = [
                classifier.decide(self.encoded, start + gates[rows] * (words - start))
                for rows in row_slices(len(gates), len(words), None)
            ]
        return self._scored(torch.cat(decisions))

    def spread(self, values: Floats) -> Floats:
        """Give each token its unit's value, ``(n,)`` -> ``(tokens,)``; 1 outside the text."""
        return np.append(values, np.ones(len(self.units) - self.n))[self.membership]

    @property
    def dim(self) -> int:
        """Dimension of the word embeddings."""
        return int(self.cases.classifier.word_embeddings(self.encoded).shape[1])

    def _perturbation(self, removal: str) -> Perturbation:
        if removal not in self._perturbations:
            made = self.cases.removal(removal)
            found = Perturbation(self.cases.classifier, self.encoded, self.membership, made)
            self._perturbations[removal] = found
        return self._perturbations[removal]

    def _scored(self, decisions: Tensor) -> Floats:
        scores: Floats = self.score(decisions)[:, 0].cpu().numpy()
        check_finite(scores, self.score.output)
        return scores


def explainer_of_one(model: Any, options: Options) -> Explainer:
    """Make an explainer; raises `OptionError` for a list of methods."""
    explainer = Explainer(model, **options)
    if explainer.compares:
        raise OptionError(
            f"One method is measured at a time, got the list {', '.join(explainer.methods)}; "
            "evaluate(methods=[...]) puts several beside one another."
        )
    return explainer


def check_in_part(metric: str, removal: str, n_samples: int) -> None:
    """Raise `OptionError` for what a metric that takes units out in part, at random, cannot do."""
    if removal == DELETE:
        raise OptionError(f"{metric} takes units out in part, which removal='delete' cannot; use 'mask'.")
    check_whole_number("n_samples", n_samples, 1)


def attributions(explainer: Explainer, case: Case) -> Floats:
    """Explain the class that a case measures: attributions ``(n,)`` of the units of its text.

    The explainer must have the case's granularity; its model may be another one with the same tokens.
    """
    found = explainer(case.encoded.text, targets=list(case.score.targets))
    return found.attributions[0, : case.n]


def _of_text(units: Sequence[Unit]) -> list[Unit]:
    return [unit for unit in units if unit.special is None]
