"""From a text to what a method attributes, and from its numbers to an explanation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from setfit_explain._version import versions
from setfit_explain.attribution.lockstep import JointAttributor, answer_together
from setfit_explain.classifier.labels import predicted, resolve_targets, target_name
from setfit_explain.classifier.outputs import ScoreFunction
from setfit_explain.explanation.explanation import Explanation
from setfit_explain.explanation.segmentation import granularity_name
from setfit_explain.explanation.units import Grouping, group_tokens
from setfit_explain.heap import give_back

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from setfit_explain.attribution.method import Attributions, Attributor
    from setfit_explain.classifier.encoding import EncodedText
    from setfit_explain.classifier.outputs import Output
    from setfit_explain.classifier.text_classifier import TextClassifier
    from setfit_explain.classifier.tokenized import Text
    from setfit_explain.explanation.segmentation import Granularity


Result = TypeVar("Result")


@dataclass(frozen=True, eq=False)
class Task:
    """A text with all that a method needs to attribute its scores.

    Parameters
    ----------
    encoded
        The text as the body reads it.
    own_answer
        The model's own probabilities, else decision values, ``(classes,)``.
    score
        Which scores are explained.
    grouping
        The units, and the unit of each token.
    granularity
        What the units are.
    """

    encoded: EncodedText
    own_answer: NDArray[np.float64]
    score: ScoreFunction
    grouping: Grouping
    granularity: Granularity


class Assembler:
    """One way of explaining texts with one classifier.

    Parameters
    ----------
    classifier
        The verified classifier.
    output
        The scale that is explained.
    granularity
        What the units are, where the tokens' characters are known.
    attributors
        Methods by name, each of which explains every text.
    """

    def __init__(
        self,
        classifier: TextClassifier,
        output: Output,
        granularity: Granularity,
        attributors: Mapping[str, Attributor],
    ) -> None:
        self.classifier = classifier
        self.output = output
        self.granularity = granularity
        self.attributors = attributors
        self._versions = versions()

    @property
    def joint(self) -> bool:
        """Whether every method gains from many texts at once."""
        return all(isinstance(each, JointAttributor) for each in self.attributors.values())

    def explanations(self, asked: Sequence[tuple[Any, Any]]) -> list[list[Explanation | Exception]]:
        """Explain texts.

        Parameters
        ----------
        asked
            Texts, each with its targets.

        Returns
        -------
        list
            Of each text an explanation a method, or what went wrong: one must not lose the others.
        """
        with self.classifier.body.session():
            tasks = [_attempt(partial(self._task, *each)) for each in asked]
            results: list[list[Explanation | Exception]] = [
                [task] * len(self.attributors) if isinstance(task, Exception) else [] for task in tasks
            ]
            ready = [
                (task, found) for task, found in zip(tasks, results, strict=True) if isinstance(task, Task)
            ]
            for method, attributor in self.attributors.items():
                arguments = [(task.encoded, task.grouping.membership, task.score) for task, _ in ready]
                if isinstance(attributor, JointAttributor):
                    numbers = answer_together([attributor.ask(*each) for each in arguments])
                else:
                    numbers = [_attempt(partial(attributor, *each)) for each in arguments]
                for (task, found), attributions in zip(ready, numbers, strict=True):
                    if isinstance(attributions, Exception):
                        found.append(attributions)
                    else:
                        found.append(_attempt(partial(self._explanation, task, attributions, method)))
        give_back()
        return results

    def _task(self, text: Text, targets: Any) -> Task:
        """Read a text and ask the model about it."""
        classifier = self.classifier
        encoded = classifier.encode(text)
        own_answer = classifier.own_answer(encoded)
        granularity = self.granularity if encoded.spelled else "token"
        resolved = resolve_targets(
            targets, classifier.classes, own_answer, multi_label=classifier.multi_label
        )
        return Task(
            encoded=encoded,
            own_answer=own_answer,
            score=ScoreFunction(classifier.head, self.output, resolved),
            grouping=group_tokens(encoded.text, encoded.spans, encoded.kinds, granularity),
            granularity=granularity,
        )

    def _explanation(self, task: Task, attributions: Attributions, method: str) -> Explanation:
        """Put an explanation together; raise `VerificationError` if its answer is not the model's own."""
        classifier, own_answer = self.classifier, task.own_answer
        difference = classifier.check(attributions.probabilities, own_answer)
        names = tuple(target_name(target, classifier.classes) for target in task.score.targets)
        answer = predicted(own_answer, multi_label=classifier.multi_label)
        return Explanation(
            text=task.encoded.text,
            units=task.grouping.units,
            classes=classifier.classes,
            targets=attributions.rows or names,
            attributions=attributions.values,
            score=attributions.score,
            baseline_score=attributions.baseline_score,
            delta=attributions.delta,
            error_estimate=attributions.error_estimate,
            converged=attributions.converged,
            probabilities=own_answer
            if classifier.head.has_probabilities
            else np.full_like(own_answer, np.nan),
            predicted=tuple(classifier.classes[column] for column in answer),
            true_label=None,
            output=self.output.value,
            method=method,
            granularity=granularity_name(task.granularity),
            settings={**classifier.precision_setting, **attributions.settings},
            truncated_span=task.encoded.truncated_span,
            reproduction_error=difference,
            notes=attributions.notes + task.encoded.notes,
            versions=self._versions,
            model_fingerprint=classifier.fingerprint,
        )


def _attempt(compute: Callable[[], Result]) -> Result | Exception:
    try:
        return compute()
    except Exception as error:  # noqa: BLE001  # told in its text's turn
        return error
