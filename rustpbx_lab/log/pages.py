"""The older rows of a log: as plain columns while few, as Arrow columns when many."""

from collections import deque

import pyarrow as pa

from .columns import Columns, as_batch, as_columns, columns_of, from_columns
from .record import Record

PAGE_ROWS = 256
"""Rows taken off their objects together. Few, so that the messages of a flood die
young: a garbage collector that meets each of them twice costs a tenth of the rate."""
BATCH_PAGES = 16
"""Pages turned into one Arrow batch, which costs the same for few rows as for many."""
WARM_PAGES = 1
"""Newest pages whose records are kept as objects, for readers close behind."""


class Pages:
    """Full pages of records; grows at the end only."""

    def __init__(self) -> None:
        self._batches: list[pa.RecordBatch] = []
        self._pages: list[Columns] = []
        self._warm: deque[list[Record]] = deque(maxlen=WARM_PAGES)
        self.n_rows = 0

    def add(self, records: list[Record]) -> None:
        """Add the next ``PAGE_ROWS`` records."""
        self._pages.append(as_columns(records))
        self._warm.append(records)
        self.n_rows += len(records)
        if len(self._pages) == BATCH_PAGES:
            self._batches.append(as_batch(self._pages))
            self._pages = []

    def batches(self, tail: list[Record]) -> list[pa.RecordBatch]:
        """Return all rows as batches, those of ``tail`` at the end."""
        pages = [*self._pages, as_columns(tail)] if tail else self._pages
        return [*self._batches, as_batch(pages)] if pages else list(self._batches)

    def records(self, start: int, stop: int) -> list[Record]:
        """Return the records of rows ``start`` to ``stop`` (exclusive)."""
        found: list[Record] = []
        for page in range(start // PAGE_ROWS, -(-min(stop, self.n_rows) // PAGE_ROWS)):
            base = page * PAGE_ROWS
            low, high = max(start - base, 0), min(stop - base, PAGE_ROWS)
            found += self._of_page(page, low, high)
        return found

    def _of_page(self, page: int, low: int, high: int) -> list[Record]:
        cold = self.n_rows // PAGE_ROWS - len(self._warm)
        if page >= cold:
            return self._warm[page - cold][low:high]
        batch, within = divmod(page, BATCH_PAGES)
        if batch == len(self._batches):
            return from_columns(self._pages[within], low, high)
        first = within * PAGE_ROWS
        rows = self._batches[batch].slice(first + low, high - low)
        return from_columns(columns_of(rows), 0, high - low)
