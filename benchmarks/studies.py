"""Do explanations stay when nothing changes, and change when the model does? Robustness and sanity of each method."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from benchmarks.labelled import DataSet, data_sets
from benchmarks.process import prepare
from benchmarks.report import Report, Row, options
from setfit_explain.evaluation import STUDIES, Measurement, estimate, evaluate, label_shuffled_refit

METHODS: dict[str, dict[str, Any]] = {
    "integrated_gradients": {},
    "leave_one_out_in": {"method": "leave_one_out_in"},
    "leave_one_out_in from mask and delete": {"method": "leave_one_out_in", "baseline": ["mask", "delete"]},
    "occlusion": {"method": "occlusion"},
    "shapley_sampling, 64": {"method": "shapley_sampling", "n_samples": 64},
    "input_x_gradient": {"method": "input_x_gradient"},
    "saliency": {"method": "saliency"},
    "attention_rollout": {"method": "attention_rollout"},
}
READING = """The classifiers of [faithfulness](faithfulness.md) and its first held-out texts; explained is the predicted class.
**max_sensitivity** is how far the numbers move when the word embeddings do by at most a tenth of their size, relative to their
norm: lower is better. **agreement** is the mean rank correlation (Kendall's tau) of the same method from mean, mask, pad and unk, or with
three seeds: higher is better. **similarity** is the size of the rank correlation with the same method on a model of which something
was randomised: the head's weights, the body's layers from its top down, or the training labels. Lower is better; unrelated numbers
have that of the random control. Values have 95 % bootstrap intervals over texts; in round brackets is the random control, the same
numbers in random order. Methods that multiply by the input keep some similarity whatever the model (arXiv 2106.07475)."""


def main() -> None:
    """Run and write ``studies.md``."""
    arguments = options(__doc__, texts=(10, 2))
    prepare()
    report = Report("studies", "Robust to nothing, sensitive to the model")
    report.say(READING)
    sets = data_sets(arguments.data, arguments.cache / "faithfulness" / "models")
    found: dict[str, dict[str, list[Measurement]]] = defaultdict(lambda: defaultdict(list))
    for data in sets[:1] if arguments.quick else sets:
        for measurement in measured(data.first(arguments.texts)):
            found[measurement.metric][measurement.method].append(measurement)
            print(data.name, measurement.method, measurement.metric, measurement.value, flush=True)
    rows = [_row(metric, by_method) for metric, by_method in found.items() if metric != "seconds"]
    report.table("studies", rows)
    report.write(arguments.out)


def measured(data: DataSet) -> Iterator[Measurement]:
    """Ask everything of all methods on one data set."""
    texts = [row.text for row in data.held_out]
    yield from evaluate(data.subject.classifier, texts, methods=METHODS, metrics=list(STUDIES)).measurements
    for name, chosen in METHODS.items():
        yield label_shuffled_refit(
            data.model,
            texts,
            chosen,
            data.refitted,
            [row.text for row in data.train],
            [row.label for row in data.train],
            method=name,
        )


def _row(metric: str, by_method: dict[str, Sequence[Measurement]]) -> Row:
    return {"": metric.replace("_", " ")} | {name: _cell(by_method.get(name, ())) for name in METHODS}


def _cell(measurements: Sequence[Measurement]) -> str:
    values = np.concatenate([np.empty(0), *(each.values for each in measurements)])
    if np.isnan(values).all():
        return "-"
    random = [each.random[~np.isnan(each.values)] for each in measurements if each.random is not None]
    control = f" ({np.nanmean(np.concatenate(random)):.2f})" if random else ""
    found = estimate(values)
    return f"{found.mean:.2f} [{found.low:.2f}, {found.high:.2f}]{control}"


if __name__ == "__main__":
    main()
