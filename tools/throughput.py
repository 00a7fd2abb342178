"""Measure how many texts a second one core explains: python -m tools.throughput [TEXTS]."""

import os

os.environ["OMP_NUM_THREADS"] = "1"

import sys
import time

import pyarrow as pa
from sentence_transformers import SentenceTransformer
from setfit import SetFitModel
from sklearn.linear_model import LogisticRegression

from setfit_explain.demo.data import load_test, load_train
from setfit_explain.demo.weights import packaged_minilm
from setfit_explain.integrations.arrow import TableExplainer


def main(count: int) -> None:
    """Explain the demo's texts with MiniLM and an untuned head, and print the arithmetic."""
    body, examples = SentenceTransformer(str(packaged_minilm()), device="cpu"), load_train()
    head = LogisticRegression().fit(body.encode([e.text for e in examples]), [e.label for e in examples])
    model = SetFitModel(model_body=body, model_head=head, labels=sorted({e.label for e in examples}))
    table = pa.table({"id": range(count), "text": distinct_texts(count)})
    explain = TableExplainer(model, key_column="id")
    list(explain(table.slice(0, 4)))  # the first calls are slower
    start, start_cpu = time.perf_counter(), time.process_time()
    rows = sum(len(rows) for rows in explain(table))
    seconds, cpu = time.perf_counter() - start, time.process_time() - start_cpu
    words = sum(len(text.split()) for text in table["text"].to_pylist()) / count
    sys.stdout.write(
        f"{count} texts of {words:.0f} words, {rows // count} classes: {seconds:.1f} s, of which {cpu:.1f} s computing\n"
        f"{count / cpu:.2f} texts a second of a core; ten million: {1e7 * cpu / count / 3600:.0f} core hours\n"
    )


def distinct_texts(count: int) -> list[str]:
    """Give the demo's first texts, those to test on before those to train on: one that came twice is computed once."""
    texts = [example.text for example in (*load_test(), *load_train())]
    if not 1 <= count <= len(texts):
        sys.exit(f"{count} texts were asked for; the demo has distinct ones for 1 to {len(texts)}.")
    return texts[:count]


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 64)
