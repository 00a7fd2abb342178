"""Whether the error estimates are honest: true errors of held-out explanations beside what they report."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.bare import Bare, converged, tokens_of
from benchmarks.classifiers import Trained, trained
from benchmarks.process import prepare
from benchmarks.report import Report, Row, options
from setfit_explain import Explainer, IntegratedGradients

TOLERANCE = IntegratedGradients().tolerance
SHARES = {2: 0.4, 6: 0.3, 20: 0.2, 64: 0.3, 77: 0.06, 150: 0.04}
"""Share of the explanations by number of classes: with many, each explanation holds many more numbers."""

_READING = f"""Held-out texts are explained for all classes at the default tolerance in float32. The true error of a class
is that of its worst token, against a converged integral in float64 computed by other code. It is honest where the
true error is at most the `error_estimate` reported. An explanation counts as above if any of its classes is. Errors are
relative to the largest attribution of the class; the tolerance is {TOLERANCE}."""


@dataclass(frozen=True, eq=False)
class Errors:
    """True error and estimate, relative to the largest attribution, each ``(explanations, classes)``."""

    true: NDArray[np.float64]
    estimate: NDArray[np.float64]
    converged: NDArray[np.bool_]

    def row(self, name: str) -> Row:
        """Sum up as one row of the table."""
        above = self.true > self.estimate
        return {
            "classifier": name,
            "explanations": len(above),
            "explanations above": f"{above.any(1).mean():.2%}",
            "classes": above.size,
            "classes above": f"{above.mean():.2%}",
            "worst true / estimate": float((self.true / self.estimate).max()),
            f"true error above {TOLERANCE}": f"{(self.true > TOLERANCE).mean():.2%}",
            "marked not converged": f"{(~self.converged).mean():.2%}",
            "true error, median": float(np.median(self.true)),
            "true error, 99th percentile": float(np.percentile(self.true, 99)),
            "estimate, median": float(np.median(self.estimate)),
        }


def measure(chosen: Trained, count: int) -> Errors:
    """Explain ``count`` texts and compare."""
    explainer = Explainer(chosen.model, granularity="token", show_progress=False)
    exact = Bare(explainer, chosen.model, torch.float64)
    true, estimates, marks = [], [], []
    for text in chosen.some(count):
        explanation = explainer(text)
        reference = converged(exact, text)
        largest = np.abs(reference).max(1)
        true.append(np.abs(tokens_of(explanation) - reference).max(1) / largest)
        estimates.append(explanation.error_estimate / largest)
        marks.append(explanation.converged)
    return Errors(np.array(true), np.array(estimates), np.array(marks))


def main() -> None:
    """Run and write ``error.md``."""
    arguments = options(__doc__, explanations=(1000, 20))
    prepare()
    report = Report("error", "Honesty of the error estimate")
    rows = []
    every: list[NDArray[np.bool_]] = []
    for chosen in trained(arguments, tuple(SHARES)):
        errors = measure(chosen, max(1, round(SHARES[chosen.classes] * arguments.explanations)))
        every.append((errors.true > errors.estimate).any(1))
        rows.append(errors.row(chosen.name))
        print(rows[-1], flush=True)
    report.say(_READING)
    report.table("honesty", rows)
    together = np.concatenate(every)
    report.say(
        f"Together: of {len(together)} explanations, {together.mean():.2%} have a class whose error is above its estimate."
    )
    report.write(arguments.out)


if __name__ == "__main__":
    main()
