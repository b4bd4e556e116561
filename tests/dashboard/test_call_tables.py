"""Tables that are thinned out for drawing keep what one looks for."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rustpbx_lab.analysis.folds import Changes
from rustpbx_lab.analysis.points import Mark
from rustpbx_lab.dashboard.call_tables import NEWEST, Table


class Given:
    """A fold that gives rows as they are."""

    def __init__(self, rows: list[Mark]) -> None:
        self._rows = rows

    def advance(self, records: object) -> Changes[Mark]:
        return Changes(self._rows, [])


def table_of(kinds: list[str]) -> Table:
    rows = [
        Mark(at_ms=100 * seq, kind=kind, name=kind, text="", seq=seq)
        for seq, kind in enumerate(kinds)
    ]
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


def test_the_same_rows_are_drawn_wherever_the_window_begins():
    table = table_of(["command"] * 1000)
    one, other = table.rows(0, 80_000, 100), table.rows(200, 80_000, 100)
    assert {row.seq for row in other} <= {row.seq for row in one}


def test_rows_are_counted_by_time():
    table = table_of(["command"] * 50)
    assert table.n_between(1000, 2000) == 10
    assert table.n_between(-np.inf, np.inf) == 50
