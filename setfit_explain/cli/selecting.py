"""Which rows of the input are explained, and the digest that knows them again."""

import hashlib
import json
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice

from setfit_explain.cli.reading import Row, Source


@dataclass(frozen=True)
class Selection:
    """The rows to explain, in input order.

    Parameters
    ----------
    rows
        Yields them; again at each call, unless they come through a pipe.
    count
        How many there are; None where they come through a pipe and were not counted.
    digest
        SHA-256 of all texts and labels in their order; None where ``count`` is.
    """

    rows: Callable[[], Iterator[Row]]
    count: int | None
    digest: str | None


def select(
    given: Sequence[Row], source: Source | None, *, limit: int | None, sample: int | None, seed: int
) -> Selection:
    """Choose rows, reading a file once to its end, so that what is broken in it is known before anything is computed.

    Parameters
    ----------
    given
        Rows that come before those of the source.
    source
        Where the rest comes from, if there is any.
    limit
        Take the first rows only; of the others nothing is read.
    sample
        Of those, draw as many at random, each subset equally likely; all, where there are no more.
    seed
        Of the drawing: the same rows and the same seed give the same sample.

    Raises
    ------
    InputError
        The source cannot be read; for a pipe, when the row's turn comes.
    """

    def rows() -> Iterator[Row]:
        return islice(chain(given, source.rows() if source is not None else ()), limit)

    if sample is not None:
        drawn = _sampled(rows(), sample, seed)
        return Selection(lambda: iter(drawn), *_measured(drawn))
    if source is not None and source.read_once:
        return Selection(rows, None, None)
    return Selection(rows, *_measured(rows()))


def _sampled(rows: Iterable[Row], size: int, seed: int) -> list[Row]:
    """Vitter's algorithm R: one pass, holding the sample alone."""
    generator = random.Random(seed)  # noqa: S311 - no secret
    drawn: list[tuple[int, Row]] = []
    for index, row in enumerate(rows):
        if index < size:
            drawn.append((index, row))
        elif (place := generator.randint(0, index)) < size:
            drawn[place] = (index, row)
    return [row for _, row in sorted(drawn, key=lambda pair: pair[0])]


def _measured(rows: Iterable[Row]) -> tuple[int, str]:
    digest, count = hashlib.sha256(), 0
    for row in rows:
        count += 1
        digest.update(json.dumps([row.text, row.label], default=repr).encode() + b"\n")
    return count, digest.hexdigest()
