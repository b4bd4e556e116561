"""The older rows of a log, as Arrow columns: a page at a time, joined when many."""

from collections import deque

import pyarrow as pa

from .columns import MEMORY, as_batch, records_of
from .record import Record

PAGE_ROWS = 256
"""Rows taken off their objects together. Few, so that they are still in the cache and
the messages of a flood die young: a garbage collector that meets each of them twice
costs a tenth of the rate."""
BATCH_PAGES = 16
"""Pages joined into one batch: reading the table costs by the batch."""
WARM_PAGES = 1
"""Newest pages whose records are kept as objects, for readers close behind."""


class Pages:
    """Full pages of records; grows at the end only."""

    def __init__(self) -> None:
        self._batches: list[pa.RecordBatch] = []
        self._pages: list[pa.RecordBatch] = []
        self._warm: deque[list[Record]] = deque(maxlen=WARM_PAGES)
        self.n_rows = 0

    def add(self, records: list[Record]) -> None:
        """Add the next ``PAGE_ROWS`` records."""
        self._pages.append(as_batch(records))
        self._warm.append(records)
        self.n_rows += len(records)
        if len(self._pages) == BATCH_PAGES:
            joined = pa.Table.from_batches(self._pages).combine_chunks(MEMORY)
            self._batches += joined.to_batches()
            self._pages = []

    def batches(self, tail: list[Record]) -> list[pa.RecordBatch]:
        """Return all rows as batches, those of ``tail`` at the end."""
        last = [as_batch(tail)] if tail else []
        return [*self._batches, *self._pages, *last]

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
            return records_of(self._pages[within].slice(low, high - low))
        first = within * PAGE_ROWS
        return records_of(self._batches[batch].slice(first + low, high - low))
