"""Which rows are taken, and the digest that knows them again."""

from collections import Counter
from itertools import count

from setfit_explain.cli.reading import Row, Source
from setfit_explain.cli.selecting import select

ROWS = [Row(str(n), n) for n in range(20)]


def chosen(rows=ROWS, *, limit=None, sample=None, seed=0):
    return select(rows, None, limit=limit, sample=sample, seed=seed)


def test_all_rows_are_taken_as_often_as_they_are_asked_for():
    selection = chosen()
    assert list(selection.rows()) == list(selection.rows()) == ROWS
    assert selection.count == 20


def test_a_limit_takes_the_first_rows_and_reads_no_more():
    class Endless:
        read_once = True

        def rows(self):
            return (Row(str(n)) for n in count())

    assert list(chosen(limit=3).rows()) == ROWS[:3]
    assert [row.text for row in select(ROWS[:1], Endless(), limit=3, sample=None, seed=0).rows()] == [
        "0",
        "0",
        "1",
    ]


def test_a_sample_keeps_the_order_and_repeats_with_its_seed():
    drawn = [list(chosen(sample=7, seed=seed).rows()) for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]
    for rows in drawn:
        assert len(rows) == 7
        assert [row.label for row in rows] == sorted({row.label for row in rows})


def test_a_sample_draws_each_row_equally_often_and_all_where_there_are_no_more():
    times = Counter(
        row.label for seed in range(4000) for row in chosen(ROWS[:10], sample=3, seed=seed).rows()
    )
    # 1200 expected, with a standard deviation of 29
    assert all(1060 < times[n] < 1340 for n in range(10))
    assert list(chosen(sample=50).rows()) == ROWS
    assert list(chosen(sample=0).rows()) == []
    assert {row.label for row in chosen(limit=5, sample=3).rows()} <= set(range(5))


def test_the_digest_changes_with_text_label_number_and_order():
    same = chosen(list(ROWS)).digest
    others = [
        chosen(ROWS[:-1]), chosen(ROWS[::-1]), chosen([Row("0!", 0), *ROWS[1:]]), chosen([Row("0", 1), *ROWS[1:]]),
        chosen(sample=19),
    ]  # fmt: skip
    assert chosen().digest == same
    assert len({same, *(other.digest for other in others)}) == 6


def test_a_pipe_is_not_counted():
    assert select((), Source("-"), limit=None, sample=None, seed=0).count is None
