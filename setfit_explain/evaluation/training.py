"""Training a few-shot classifier with SetFit's own ``Trainer``: seeded, quiet, offline, leaving no files.

Real contrastive training of the body, then a logistic regression on its embeddings; not a general trainer.
Paper: Tunstall et al. 2022, Efficient Few-Shot Learning Without Prompts.
"""

import logging
import random
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from setfit import SetFitModel

STEPS: Final = 36
"""Optimiser steps of a training; with pairs of 64 texts in batches of 16 the classes are learnt by then."""

BODY_LEARNING_RATE: Final = 5e-5

StepListener = Callable[[int, int], None]
"""Called after each optimiser step with the number of steps done and of all steps."""


Train = Callable[[Sequence[str], Sequence[Any]], Any]
"""Trains a new classifier: ``train(texts, labels) -> model``, the model as for `Explainer`."""


def few_shot_trainer(
    load_body: "Callable[[], SentenceTransformer]", *, seed: int = 0, steps: int = STEPS
) -> Train:
    """Make what trains SetFit classifiers, each on a body of its own.

    Parameters
    ----------
    load_body
        Gives a freshly loaded sentence encoder at each call.
    seed, steps
        As in `train_few_shot`.

    Examples
    --------
    ::

        train = few_shot_trainer(lambda: SentenceTransformer("sentence-transformers/all-MiniLM-L6-v2"))
        model = train(["I was charged twice", "Why this fee?"], ["charged twice", "unannounced fee"])
    """

    def train(texts: Sequence[str], labels: Sequence[Any]) -> Any:
        return train_few_shot(load_body(), texts, labels, seed=seed, steps=steps)

    return train


def train_few_shot(
    body: "SentenceTransformer",
    texts: Sequence[str],
    labels: Sequence[Any],
    *,
    seed: int,
    steps: int = STEPS,
    on_step: StepListener | None = None,
) -> "SetFitModel":
    """Train ``body`` and a logistic-regression head on a few labelled texts.

    Parameters
    ----------
    body
        A freshly loaded sentence encoder. It is trained in place and becomes the classifier's body.
    texts, labels
        The few-shot training texts, and the class of each, all names or all numbers.
    seed
        Seeds the order of the pairs and the dropout: the same seed on the same machine with the same
        number of threads gives the same classifier.
    steps
        Optimiser steps.
    on_step
        Told of the progress; None for silence.

    Returns
    -------
    SetFitModel
        The classifier, in evaluation mode.

    Notes
    -----
    The random number generators, warning filters and loggers' levels of the process are left as found.
    What cannot be helped: importing setfit gives the logger ``setfit`` a handler, and training makes
    accelerate's process-wide singletons.
    """
    with _process_left_as_found():
        from setfit import SetFitModel

        # SetFit's own default head, by the name under which it uses it.
        from setfit.modeling import LogisticRegression

        classes = sorted(set(labels))
        # SetFit reads a head's number as a place among the names; numbers have none.
        names = classes if isinstance(classes[0], str) else None
        model = SetFitModel(model_body=body, model_head=LogisticRegression(), labels=names)
        with tempfile.TemporaryDirectory(prefix="setfit-explain-") as folder:
            rows = [{"text": text, "label": label} for text, label in zip(texts, labels, strict=True)]
            _trainer(model, rows, seed=seed, steps=steps, folder=folder, on_step=on_step).train()
        body.eval()
    return model


def _trainer(
    model: "SetFitModel",
    rows: list[dict[str, Any]],
    *,
    seed: int,
    steps: int,
    folder: str,
    on_step: StepListener | None,
) -> Any:
    from datasets import Dataset
    from setfit import Trainer, TrainingArguments
    from transformers.trainer import DEFAULT_PROGRESS_CALLBACK  # another one in a notebook

    arguments = TrainingArguments(
        output_dir=folder,
        batch_size=16,
        max_steps=steps,
        body_learning_rate=BODY_LEARNING_RATE,
        seed=seed,
        report_to="none",
        logging_strategy="no",
        save_strategy="no",
        show_progress_bar=False,
    )
    trainer = Trainer(model=model, args=arguments)
    # Given to the constructor, the rows would be mapped for a model card, behind a progress bar of its own.
    trainer.train_dataset = Dataset.from_list(rows)
    trainer.remove_callback(DEFAULT_PROGRESS_CALLBACK)
    # Pinned memory speeds nothing up here, and torch warns about it where there is no GPU.
    trainer.st_trainer.args.dataloader_pin_memory = False
    if on_step is not None:
        trainer.add_callback(_step_callback(on_step))
    return trainer


def _step_callback(on_step: StepListener) -> Any:
    from transformers import TrainerCallback

    class Progress(TrainerCallback):  # type: ignore[misc, unused-ignore]
        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ARG002
            on_step(state.global_step, state.max_steps)

    return Progress()


@contextmanager
def _process_left_as_found() -> Iterator[None]:
    """Silence SetFit's log within; restore the process's state on leaving, also after an exception."""
    import torch

    log = logging.getLogger("setfit")
    level = log.level
    with warnings.catch_warnings(), torch.random.fork_rng(range(torch.cuda.device_count())):
        import setfit  # noqa: F401 - its import sets warning filters and its logger's level

        # The legacy generator is the one that transformers.set_seed seeds.
        python_state, numpy_state = random.getstate(), np.random.get_state()  # noqa: NPY002
        log.setLevel(logging.ERROR)
        try:
            yield
        finally:
            log.setLevel(level)
            random.setstate(python_state)
            np.random.set_state(numpy_state)  # noqa: NPY002
