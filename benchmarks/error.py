"""Is the reported error estimate honest? Held-out explanations against converged integrals."""

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
CLASSES = (2, 6, 20, 64, 77, 150)
WORDS = 15
"""Longest text: a thousand converged integrals in float64 of longer ones take a day."""

_READING = f"""Held-out texts of at most {WORDS} words are explained for all classes, at the default tolerance in float32; looked at
are the class that is predicted and, of more than two, another one drawn at random. The true error is that of the worst token,
against a converged integral in float64 computed by other code. The estimate is honest where the true error is at most the
`error_estimate` reported. Errors are relative to the largest attribution; the tolerance is {TOLERANCE}."""


@dataclass(frozen=True, eq=False)
class Errors:
    """True error and estimate, relative to the largest attribution, and nodes, each ``(explanations,)``."""

    true: NDArray[np.float64]
    estimate: NDArray[np.float64]
    converged: NDArray[np.bool_]
    nodes: NDArray[np.float64]

    def row(self, name: str) -> Row:
        """Sum up as one row of the table."""
        return {
            "classifier": name,
            "explanations": len(self.true),
            "above the estimate": int((self.true > self.estimate).sum()),
            "largest true / estimate": float((self.true / self.estimate).max()),
            f"above {TOLERANCE}": int((self.true > TOLERANCE).sum()),
            "not converged": int((~self.converged).sum()),
            "nodes, mean": float(self.nodes.mean()),
            "true error, median": float(np.median(self.true)),
            "true error, 99th percentile": float(np.percentile(self.true, 99)),
            "largest": float(self.true.max()),
            "estimate, median": float(np.median(self.estimate)),
        }


def measure(chosen: Trained, count: int) -> Errors:
    """Explain ``count`` texts and compare."""
    explainer = Explainer(chosen.model, granularity="token", show_progress=False)
    exact = Bare(explainer, chosen.model, torch.float64)
    draw = np.random.default_rng(0)
    found = []
    for text in [text for text in chosen.texts if len(text.split()) <= WORDS][:count]:
        explanation = explainer(text)
        predicted = explanation.classes.index(explanation.predicted[0])
        others = [column for column in range(chosen.classes) if column != predicted and chosen.classes > 2]
        columns = [predicted, *map(int, draw.permutation(others)[:1])]
        reference = converged(exact, text, columns)
        largest = np.abs(reference).max(1)
        true = np.abs(tokens_of(explanation)[columns] - reference).max(1) / largest
        nodes = [float(explanation.settings["nodes"] or 0)] * len(columns)
        rows = (true, explanation.error_estimate[columns] / largest, explanation.converged[columns], nodes)
        found += zip(*rows, strict=True)
    true, estimate, marks, nodes = (np.array(column) for column in zip(*found, strict=True))
    return Errors(true, estimate, marks, nodes)


def main() -> None:
    """Run and write ``error.md``."""
    arguments = options(__doc__, texts=(600, 20))
    prepare()
    report = Report("error", "Honesty of the error estimate")
    rows = []
    above = total = 0
    classifiers = trained(arguments, CLASSES)
    for chosen in classifiers:
        errors = measure(chosen, -(-arguments.texts // len(classifiers)))
        above, total = above + int((errors.true > errors.estimate).sum()), total + len(errors.true)
        rows.append(errors.row(chosen.name))
        print(rows[-1], flush=True)
    report.say(_READING)
    report.table("honesty", rows)
    report.say(
        f"Together: of {total} explanations, {above} ({above / total:.2%}) have an error above its estimate."
    )
    report.write(arguments.out)


if __name__ == "__main__":
    main()
