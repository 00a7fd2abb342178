"""Many texts on many machines: the explainer as an actor of Ray Data, which reads, schedules and writes."""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from setfit_explain.attribution.whole_numbers import check_whole_number
from setfit_explain.classifier.loading import find_folder, load_model
from setfit_explain.classifier.text_classifier import TextClassifier
from setfit_explain.errors import BusyClusterWarning, MissingExtraError, OptionError
from setfit_explain.explaining import check_options
from setfit_explain.integrations.arrow import TableExplainer, check_columns, check_key

try:
    import ray
    from ray.data import ActorPoolStrategy
except ImportError as missing:
    raise MissingExtraError.of("ray", "ray") from missing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa
    from ray.data import Dataset

    from setfit_explain.explaining import Options

PATIENCE = 5.0
"""Seconds that cores have to come free in, as those of a run that has just ended do, before the call warns."""


def explain_dataset(
    dataset: Dataset,
    model: Any,
    *,
    key_column: str,
    text_column: str = "text",
    label_column: str | None = None,
    actors: int = 1,
    cpus_per_actor: float = 1,
    gpus_per_actor: float = 0,
    batch_size: int = 512,
    **options: Unpack[Options],
) -> Dataset:
    """Explain the texts of a Ray data set on the machines of its cluster.

    Nothing is computed before the result is written or read. Every actor loads and verifies the model once. An
    actor that dies is replaced, and its texts are explained again. Where the data set's context has a
    ``checkpoint_config``, Ray skips the texts that an earlier run has written.

    Parameters
    ----------
    dataset
        Texts, with a key for each.
    model
        A folder that every machine can read, this one too; a hub id, which is fetched here, too; or a model on the
        CPU in memory as for `Explainer`, which is sent to the actors pickled.
    key_column
        Names the texts in the result, whose order is not that of the data set. Unique; not one of our columns.
    text_column
        The texts.
    label_column
        The true labels, if there are any.
    actors
        How many copies of the model work at once.
    cpus_per_actor
        Cores reserved for each; it computes with as many threads, at least one.
    gpus_per_actor
        GPUs reserved for each; a fraction shares one.
    batch_size
        Texts that make a task: what an actor is handed, what is written and checkpointed, and what is done again
        when an actor dies.
    **options
        As for `Explainer`; here a text that cannot be explained is recorded as failed, unless
        ``on_error="raise"``.

    Returns
    -------
    ray.data.Dataset
        The rows of `ExplanationSet.to_arrow`, with the key in place of ``text_index``; the rows of a text stand
        side by side, in one block. A failure's index is 0: the key names its text.

    Raises
    ------
    OptionError
        The cluster has no room for the actors and for one more core that reads and writes (with which Ray
        would wait for ever), a column is missing, or a setting is out of range.
    ModelNotFoundError
        There is no model at that place, seen from here.
    UnsupportedModelError
        The model is None, or something else that is none.
    MissingExtraError
        If pyarrow is not installed.

    Warns
    -----
    BusyClusterWarning
        There is room, but others have held it for the last five seconds.

    Examples
    --------
    ::

        texts = ray.data.read_parquet("s3://bucket/texts")
        rows = explain_dataset(texts, "s3-mount/my-model", key_column="id", actors=64)
        rows.write_parquet("s3://bucket/explanations")
    """
    for name, number in (("actors", actors), ("batch_size", batch_size)):
        check_whole_number(name, number, 1)
    check_options(options)
    if cpus_per_actor <= 0 or gpus_per_actor < 0:
        raise OptionError(
            f"cpus_per_actor={cpus_per_actor!r} and gpus_per_actor={gpus_per_actor!r} are not both in range. Accepted: "
            "more than 0, 0 or more."
        )
    check_key(key_column)
    known = dataset.columns(fetch_if_missing=False)
    if known is not None:
        check_columns(known, key_column, text_column, label_column)
    resuming = dataset.context.checkpoint_config
    if resuming is not None and resuming.id_column != key_column:
        raise OptionError(
            f"The checkpoints' id_column is {resuming.id_column!r}, of which nothing is left after "
            f"key_column={key_column!r}. Give both the same column."
        )
    _check_model(model)
    in_memory = not isinstance(model, str | Path)
    if in_memory and gpus_per_actor:
        raise OptionError(
            "A model in memory stays on its device, so GPUs would be reserved in vain. Save it with "
            "save_pretrained and pass the folder: what is loaded by an actor with a GPU is put there."
        )
    asked = _Request(actors, cpus_per_actor, gpus_per_actor, others=1 if resuming is None else 2)
    _check_room(asked)
    _warn_if_busy(asked)
    environment = {"OMP_NUM_THREADS": str(max(1, int(cpus_per_actor)))}
    if not gpus_per_actor:
        environment["CUDA_VISIBLE_DEVICES"] = ""  # newer versions of Ray leave all GPUs of the node visible
    # Ray cuts what it reads into blocks of 128 MB: of texts, days of work.
    return dataset.repartition(target_num_rows_per_block=batch_size).map_batches(
        _Actor,
        fn_constructor_kwargs={
            "model": ray.put(model) if in_memory else model,
            "key_column": key_column,
            "text_column": text_column,
            "label_column": label_column,
            **options,
        },
        compute=ActorPoolStrategy(size=actors),
        batch_size=batch_size,
        batch_format="pyarrow",
        num_cpus=cpus_per_actor,
        num_gpus=gpus_per_actor or None,
        runtime_env={"env_vars": environment},
    )


class _Actor:
    """What an actor does; made once in each."""

    def __init__(self, model: Any, **settings: Any) -> None:
        self.explain = TableExplainer(
            ray.get(model) if isinstance(model, ray.ObjectRef) else model, **settings
        )

    def __call__(self, batch: pa.Table) -> Iterator[pa.Table]:
        # Ray cuts blocks only within a table that it is given. A text of which a half was written would count as done
        # after a restart, so each text is a table by itself.
        return self.explain(batch)


@dataclass(frozen=True)
class _Request:
    """Actors, what each of them takes, and the tasks of one CPU that Ray needs besides to read and write."""

    actors: int
    cpus: float
    gpus: float
    others: int

    @property
    def each(self) -> str:
        """What an actor takes, in words."""
        return f"{self.cpus:g} CPUs" + (f" and {self.gpus:g} GPUs" if self.gpus else "")

    def fitting(self, nodes: Sequence[dict[str, float]]) -> int:
        """Count the actors that these nodes have room for."""
        return _room(nodes, self.cpus, self.gpus, self.others)


def _check_model(model: Any) -> None:
    """Refuse here what every actor would refuse. What is in memory is taken apart; a hub id is fetched."""
    if isinstance(model, str | Path):
        find_folder(model)
    elif not isinstance(model, TextClassifier):
        load_model(model)


def _check_room(asked: _Request) -> None:
    """Refuse what the cluster could never schedule: Ray waits for it in silence (ray #44687)."""
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    fitting = asked.fitting(nodes)
    if fitting < asked.actors:
        has = ", ".join(f"{node.get('CPU', 0):g} CPUs and {node.get('GPU', 0):g} GPUs" for node in nodes[:8])
        raise OptionError(
            f"The cluster has room for {fitting} actors of {asked.each} beside the {asked.others} CPUs that Ray needs to "
            f"read and write, and {asked.actors} were asked for. Give {f'actors={fitting}, ' if fitting else ''}less to "
            f"each, or start more nodes first. Nodes: {has}{', ...' if len(nodes) > 8 else ''}."
        )


def _warn_if_busy(asked: _Request) -> None:
    """Warn where others hold what is asked for; whether they give it back before it is needed, nobody knows.

    What is free is known of all nodes together, not of each, so there may be less room than is told.
    """
    end = time.monotonic() + PATIENCE
    while (fitting := asked.fitting([free := ray.available_resources()])) < asked.actors:
        if time.monotonic() < end:
            time.sleep(0.1)
            continue
        total, kinds = ray.cluster_resources(), ("CPU", "GPU") if asked.gpus else ("CPU",)
        held = " and ".join(
            f"{total.get(kind, 0) - free.get(kind, 0):g} of the {total.get(kind, 0):g} {kind}s"
            for kind in kinds
        )
        warnings.warn(
            f"Others hold {held} of the cluster. What is free has room for at most {fitting} actors of {asked.each} "
            f"beside the {asked.others} CPUs that Ray needs to read and write, and {asked.actors} were asked for. Ray "
            f"starts as many actors as it can, and where nothing is left to read with waits in silence until others end. "
            f"End them first ('ray list actors' names them), or give {f'actors={fitting}, or ' if fitting else ''}less "
            f"to each.",
            BusyClusterWarning,
            stacklevel=3,
        )
        return


def _room(nodes: Sequence[dict[str, float]], cpus: float, gpus: float, others: int) -> int:
    """Count the actors that fit beside ``others`` tasks of one CPU, which go where they are missed least."""

    def fitting(node: dict[str, float]) -> int:
        shares = [node.get("CPU", 0) / cpus] + ([node.get("GPU", 0) / gpus] if gpus else [])
        return int(min(shares) + 1e-9)

    left = [dict(node) for node in nodes]
    for _ in range(others):
        able = [node for node in left if node.get("CPU", 0) >= 1]
        if not able:
            return 0
        place = min(able, key=lambda node: fitting(node) - fitting({**node, "CPU": node["CPU"] - 1}))
        place["CPU"] -= 1
    return sum(map(fitting, left))
