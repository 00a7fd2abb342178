"""On a real cluster of three nodes with a CPU each, which this machine plays."""

import json
import signal
import subprocess
import sys
import time
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import ray
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet
from ray.cluster_utils import Cluster
from ray.data.checkpoint import CheckpointConfig

from setfit_explain import Explainer, Explanation, ExplanationSet, Failure
from setfit_explain.errors import (
    BusyClusterWarning,
    MissingExtraError,
    ModelNotFoundError,
    OptionError,
    UnsupportedModelError,
)
from setfit_explain.integrations.ray import _room, explain_dataset
from tests.documents import ROOT, blocks
from tests.models import LABELS

from .conftest import GUIDE, ROWS

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning:ray",  # ray warns of its own settings
    "ignore::ResourceWarning",  # ray leaves the log files of its servers open
    "ignore::pytest.PytestUnraisableExceptionWarning",
)
COLUMNS = {"key_column": "id", "text_column": "message", "label_column": "truth"}


@pytest.fixture(scope="module")
def cluster():
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("OMP_NUM_THREADS", "2")  # a node's own setting, which must not reach the actors
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
        for _ in range(2):
            cluster.add_node(num_cpus=1)
    ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
    ray.data.DataContext.get_current().enable_progress_bars = False
    yield cluster
    ray.shutdown()
    cluster.shutdown()


def by_key(table: pa.Table) -> dict[str, Any]:
    """Give the explanation or failure of each key; no key may come twice."""
    keys = [row["id"] for row in table.select(["id", "target_index"]).to_pylist() if row["target_index"] == 0]
    items = ExplanationSet.from_arrow(table)
    assert len(keys) == len(set(keys)) == len(items)
    return dict(zip(keys, items, strict=True))


def in_one_process(model: Any, **options: Any) -> dict[str, Any]:
    explanations = Explainer(model, **options)(
        [row["message"] for row in ROWS], true_labels=[row["truth"] for row in ROWS]
    )
    return dict(zip([row["id"] for row in ROWS], explanations, strict=True))


@pytest.mark.usefixtures("cluster")
def test_the_result_is_that_of_one_process_though_a_worker_is_killed(model, watch):
    split = watch("cluster", killed_at=ROWS[13]["message"])
    no_text = {"id": "none", "message": None, "truth": None}
    dataset = ray.data.from_items([*ROWS, no_text], override_num_blocks=1)
    dataset.context.target_max_block_size = 9_000  # about four texts: batches have nine
    rows = explain_dataset(dataset, model, **COLUMNS, actors=2, batch_size=9, granularity=split)
    blocks = ray.get(rows.to_arrow_refs())
    found = by_key(pa.concat_tables(blocks))
    assert found.pop("none") == Failure(
        0,
        "None",
        "TextError",
        "The text is None (NoneType); a string is needed, or the token ids of one text.",
    )
    assert found == in_one_process(model, granularity=watch("here"))
    assert len(blocks) > 4
    for block in blocks:  # none begins or ends within a text
        items = by_key(block).values()
        assert all(item.targets == LABELS for item in items if isinstance(item, Explanation))
    noted = [file.read_text().splitlines() for file in split.notes.iterdir()]
    assert len(set((split.notes / ROWS[13]["message"]).read_text().splitlines())) == 2  # two processes
    assert {line.split()[1] for lines in noted for line in lines} == {"1"}  # one thread each


DRIVER = """
import json, re, sys, time
import ray
from ray.data.checkpoint import CheckpointConfig
from setfit_explain.integrations.ray import explain_dataset

address, texts, model, out, checkpoints, columns = sys.argv[1:]

def words(text):
    time.sleep(0.3)
    return (match.span() for match in re.finditer(r"\\w+", text))

ray.init(address=address)
ray.data.DataContext.get_current().checkpoint_config = CheckpointConfig("id", checkpoints)
dataset = ray.data.read_parquet(texts)
explain_dataset(dataset, model, **json.loads(columns), batch_size=3, granularity=words).write_parquet(out)
"""


def test_a_run_whose_driver_was_killed_is_resumed(cluster, folder, watch, tmp_path, monkeypatch):
    texts, out, checkpoints = (tmp_path / name for name in ("texts", "out", "checkpoints"))
    texts.mkdir()
    parquet.write_table(pa.Table.from_pylist(ROWS), texts / "all.parquet")
    places = [str(place) for place in (texts, folder, out, checkpoints)]
    with subprocess.Popen(
        [sys.executable, "-c", DRIVER, cluster.address, *places, json.dumps(COLUMNS)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as driver:
        while not committed(checkpoints) and driver.poll() is None:
            time.sleep(0.1)
        driver.send_signal(signal.SIGKILL)
    assert driver.returncode == -signal.SIGKILL

    config = CheckpointConfig("id", str(checkpoints))
    monkeypatch.setattr(ray.data.DataContext.get_current(), "checkpoint_config", config)
    split = watch("resumed")
    dataset = ray.data.read_parquet(str(texts))
    explain_dataset(dataset, str(folder), **COLUMNS, batch_size=3, granularity=split).write_parquet(str(out))
    assert by_key(parquet.read_table(out)) == in_one_process(str(folder), granularity=watch("here"))
    assert 0 < len(list(split.notes.iterdir())) <= 24  # the first run had written three or more


def committed(checkpoints: Path) -> list[Path]:
    return [file for file in checkpoints.glob("*.parquet") if ".pending" not in file.name]


@pytest.mark.usefixtures("cluster")
def test_what_the_cluster_cannot_schedule_is_refused_at_once_with_the_mend(model, folder):
    dataset = ray.data.from_items(ROWS)
    with pytest.raises(OptionError, match=r"room for 2 actors of 1 CPUs .* Give actors=2, less to each, or"):
        explain_dataset(dataset, model, **COLUMNS, actors=3)
    with pytest.raises(OptionError, match=r"room for 0 actors of 2 CPUs .* Give less to each, or start more"):
        explain_dataset(dataset, model, **COLUMNS, cpus_per_actor=2)
    with pytest.raises(OptionError, match=r"room for 0 actors of 1 CPUs and 0.5 GPUs"):
        explain_dataset(dataset, str(folder), **COLUMNS, gpus_per_actor=0.5)
    dataset.context.checkpoint_config = CheckpointConfig("id", "/checkpoints")
    with pytest.raises(OptionError, match=r"room for 1 actors of 1 CPUs beside the 2 CPUs"):
        explain_dataset(dataset, model, **COLUMNS, actors=2)


@pytest.fixture
def one_core_held():
    """Give a core of the cluster to somebody else, and take it back."""

    @ray.remote(num_cpus=1)
    class Holder:
        def holds(self) -> bool:
            return True

    holder = Holder.remote()
    ray.get(holder.holds.remote())
    while ray.available_resources()["CPU"] > 2:  # the nodes tell it one after the other
        time.sleep(0.1)
    yield
    ray.kill(holder)


@pytest.mark.usefixtures("cluster", "one_core_held")
def test_what_others_hold_is_warned_of_once_it_has_lasted_and_the_mend_explains(model, monkeypatch):
    monkeypatch.setattr("setfit_explain.integrations.ray.PATIENCE", 0.2)
    dataset = ray.data.from_items(ROWS)
    page = (ROOT / "docs/errors/BusyClusterWarning.md").read_text("utf-8").split("```text\n")[1]
    with pytest.warns(BusyClusterWarning) as caught:
        explain_dataset(dataset, model, **COLUMNS, actors=2)
    assert [str(warning.message) for warning in caught] == [" ".join(page.split("```")[0].split())]
    assert caught[0].filename == __file__
    rows = explain_dataset(dataset, model, **COLUMNS, actors=1)
    assert len(by_key(pa.concat_tables(ray.get(rows.to_arrow_refs())))) == len(ROWS)


@pytest.mark.usefixtures("cluster")
def test_what_others_give_back_in_a_moment_is_not_warned_of(model, monkeypatch):
    answers = [{}, {"CPU": 2.0}, {"CPU": 3.0}]
    monkeypatch.setattr(ray, "available_resources", lambda: answers.pop(0))
    explain_dataset(ray.data.from_items(ROWS), model, **COLUMNS, actors=2)
    assert answers == []


@pytest.mark.usefixtures("cluster")
def test_gpus_that_others_hold_are_warned_of(folder, monkeypatch):
    node = {"Alive": True, "Resources": {"CPU": 8.0, "GPU": 2.0}}
    monkeypatch.setattr(ray, "nodes", lambda: [node])
    monkeypatch.setattr(ray, "cluster_resources", lambda: node["Resources"])
    monkeypatch.setattr(ray, "available_resources", lambda: {"CPU": 7.5})
    monkeypatch.setattr("setfit_explain.integrations.ray.PATIENCE", 0)
    with pytest.warns(
        BusyClusterWarning, match=r"hold 0.5 of the 8 CPUs and 2 of the 2 GPUs .* most 0 actors"
    ):
        explain_dataset(ray.data.from_items(ROWS), str(folder), **COLUMNS, gpus_per_actor=1)


@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        (
            "/no/such/model",
            ModelNotFoundError,
            "There is no model folder '/no/such/model'. Accepted: a SetFit",
        ),
        (Path("no-model"), ModelNotFoundError, "There is no model folder 'no-model'"),
        ("no-model", ModelNotFoundError, "'no-model' is neither a folder nor a hub id that can be fetched"),
        (None, UnsupportedModelError, "NoneType is not a model that can be explained. Accepted: a SetFit"),
        ({"body": 1}, UnsupportedModelError, "dict is not a model"),
    ],
)
def test_a_model_that_is_none_is_refused_at_the_call(given, error, message):
    for gpus in (0, 1):
        with pytest.raises(error, match=message):
            explain_dataset(ray.data.from_items(ROWS), given, **COLUMNS, gpus_per_actor=gpus)


@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"actors": 0}, "actors must be a whole number, at least 1, got 0"),
        ({"actors": 1.5}, "actors must be a whole number"),
        ({"cpus_per_actor": 0}, "cpus_per_actor=0 and .* not both in range"),
        ({"batch_size": 2.5}, "batch_size must be a whole number"),
        ({"tolerence": 0.1}, "'tolerence' is not known. Accepted: .*tolerance"),
        ({"output": "nope"}, "nope"),
        ({"tolerance": -1}, "tolerance must be a positive number"),
        ({"gpus_per_actor": 1}, r"A model in memory stays on its device"),
        (
            {"text_column": "mesage"},
            r"no column 'mesage'\. Columns: id, message, truth\. Did you mean 'message'",
        ),
        ({"key_column": "score"}, "key_column='score' is a column of the explanations"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(model, settings, message):
    with pytest.raises(OptionError, match=message):
        explain_dataset(ray.data.from_items(ROWS), model, **(COLUMNS | settings))


@pytest.mark.usefixtures("cluster")
def test_the_guides_call_explains_a_folder_of_texts(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(ray.data.DataContext.get_current(), "checkpoint_config", None)  # the guide sets it
    (tmp_path / "texts").mkdir()
    rows = [{"id": row["id"], "text": row["message"]} for row in ROWS[:4]]
    parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "texts" / "all.parquet")
    _, code = blocks(GUIDE, "python")[0]
    # The cluster is there already, and has room for one actor.
    for guides, here in (
        ('ray.init("auto")', ""),
        ("actors=100", "actors=1"),
        ("/shared/my-model", str(folder)),
        ("/shared", str(tmp_path)),
    ):
        assert guides in code
        code = code.replace(guides, here)
    exec(compile(code, GUIDE.name, "exec"), {})
    found = by_key(parquet.read_table(tmp_path / "explanations"))
    expected = Explainer(str(folder), targets="predicted")([row["text"] for row in rows])
    assert found == dict(zip([row["id"] for row in rows], expected, strict=True))


@pytest.mark.usefixtures("cluster")
def test_checkpoints_of_another_column_are_refused(model):
    dataset = ray.data.from_items(ROWS)
    dataset.context.checkpoint_config = CheckpointConfig("truth", "/checkpoints")
    with pytest.raises(OptionError, match=r"id_column is 'truth', .* key_column='id'"):
        explain_dataset(dataset, model, **COLUMNS)


NODES = st.lists(st.fixed_dictionaries({"CPU": st.integers(0, 5), "GPU": st.integers(0, 2)}), max_size=3)


@given(
    nodes=NODES,
    cpus=st.sampled_from([0.5, 1, 2, 3]),
    gpus=st.sampled_from([0, 0.5, 1]),
    others=st.integers(0, 2),
)
def test_the_room_is_that_of_the_best_of_all_placements(nodes, cpus, gpus, others):
    best = 0
    for placement in product(range(len(nodes)), repeat=others):
        left = [Fraction(node["CPU"] - placement.count(index)) for index, node in enumerate(nodes)]
        if min(left, default=0) >= 0:
            of_gpus = [node["GPU"] // gpus if gpus else 99 for node in nodes]
            best = max(
                best, sum(min(cpu // Fraction(cpus), gpu) for cpu, gpu in zip(left, of_gpus, strict=True))
            )
    assert _room(nodes, cpus, gpus, others) == best


def test_an_actor_spans_no_nodes_and_leaves_a_core_to_read_with():
    assert _room([{"CPU": 2.0}] * 4, cpus=4, gpus=0, others=1) == 0
    assert _room([{"CPU": 1.0}], cpus=1, gpus=0, others=1) == 0
    assert _room([{"CPU": 2.0}], cpus=1, gpus=0, others=1) == 1


def test_without_ray_the_extra_is_named(monkeypatch):
    monkeypatch.delitem(sys.modules, "setfit_explain.integrations.ray")
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'setfit-explain\[ray\]'"):
        import setfit_explain.integrations.ray  # noqa: F401 - its import is the test
