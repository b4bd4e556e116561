"""What a log costs: appending, reading it as a table, memory a row."""

import gc
import time
import tracemalloc
from collections.abc import Sequence

import orjson
from flood import event
from measure import arguments, report, spread

from rustpbx_lab import EventLog, events
from rustpbx_lab.log import Record
from rustpbx_lab.log.columns import MEMORY


def fill(log: EventLog, texts: Sequence[str]) -> float:
    """Append every text as an event; returns the seconds it took."""
    began = time.perf_counter()
    for text in texts:
        log.append(Record.of_event(events.parse(text), text, 1_787_302_461_000))
    return time.perf_counter() - began


def frame_seconds(log: EventLog) -> float:
    """Return the seconds of one table."""
    began = time.perf_counter()
    log.frame()
    return time.perf_counter() - began


def table_again(log: EventLog, texts: Sequence[str], times: int) -> list[float]:
    """Return the seconds of a table after each thousand further rows."""
    seconds: list[float] = []
    for _ in range(times):
        fill(log, texts[:1000])
        seconds.append(frame_seconds(log))
    return seconds


def bytes_a_row(texts: Sequence[str]) -> float:
    """Return the Python and Arrow memory of one row."""
    gc.collect()
    arrow = MEMORY.bytes_allocated()
    tracemalloc.start()
    log = EventLog()
    fill(log, texts)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return (held + MEMORY.bytes_allocated() - arrow) / len(log)


def main() -> None:
    """Run the benchmark."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    texts = [orjson.dumps(event(number)).decode() for number in range(options.rows)]
    rates, first, again, log = [], [], [], EventLog()
    for _ in range(options.runs):
        log = EventLog()
        rates.append(options.rows / fill(log, texts))
        first.append(frame_seconds(log) * 1000)
        again += [seconds * 1000 for seconds in table_again(log, texts, 5)]
    result = {
        "rows": options.rows,
        "append_rows_per_second": spread(rates),
        "first_frame_ms": spread(first),
        "frame_after_1000_more_rows_ms": spread(again),
        "raw_bytes_a_row": sum(map(len, texts)) / len(texts),
        "bytes_a_row": bytes_a_row(texts),
    }
    report("log", result, options.json)


if __name__ == "__main__":
    main()
