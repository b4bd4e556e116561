"""Tables that are thinned out for drawing keep what one looks for."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rustpbx_lab.analysis.folds import Changes
from rustpbx_lab.analysis.moments import Mark
from rustpbx_lab.views.call_tables import MOST_BLOCKS, NEWEST, Table


class Given:
    """A fold that gives rows as they are."""

    def __init__(self, rows: list[Mark]) -> None:
        self._rows = rows

    def advance(self, records: object) -> Changes[Mark]:
        return Changes(self._rows, [])


def mark(at_ms: int, seq: int, kind: str = "command") -> Mark:
    return Mark(at_ms=at_ms, kind=kind, name=kind, text="", seq=seq)


def table_of(kinds: list[str]) -> Table:
    rows = [mark(100 * seq, seq, kind) for seq, kind in enumerate(kinds)]
    table = Table(Given(rows))
    table.advance([])
    return table


@given(
    st.lists(st.sampled_from(["command", "command", "command", "error"]), max_size=900),
    st.integers(1, 100),
)
def test_errors_are_drawn_however_many_rows_there_are(kinds: list[str], most: int):
    rows = table_of(kinds).rows(most=most)
    seqs = [row.seq for row in rows]
    assert seqs == sorted(set(seqs))
    errors = [seq for seq, kind in enumerate(kinds) if kind == "error"]
    assert set(errors) <= set(seqs)
    assert len(rows) <= most + NEWEST + len(errors) + 1


@given(
    st.lists(st.integers(0, 6 * 3_600_000), min_size=1, max_size=600),
    st.integers(0, 100),
)
def test_what_is_not_drawn_is_counted(times: list[int], most: int):
    table = Table(Given([mark(at_ms, seq) for seq, at_ms in enumerate(times)]))
    table.advance([])
    blocks = table.blocks(-np.inf, np.inf, most)
    if len(times) <= most:
        assert blocks == []
        return
    for block in blocks:
        assert block.n == sum(block.start_ms <= at < block.end_ms for at in times) > 0
    assert sum(block.n for block in blocks) == len(times)
    assert len(blocks) <= MOST_BLOCKS + 2


def test_the_same_blocks_are_drawn_wherever_the_window_begins():
    table = table_of(["command"] * 9000)
    one, other = table.blocks(0, 600_000, 100), table.blocks(7_300, 607_300, 100)
    assert set(one) & set(other) == set(one[1:])
    assert one[1].start_ms == 5000


def test_rows_are_counted_by_time():
    table = table_of(["command"] * 50)
    assert table.n_between(1000, 2000) == 10
    assert table.n_between(-np.inf, np.inf) == 50
