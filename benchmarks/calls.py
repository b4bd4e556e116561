"""Many calls in one process: what they cost, how late their events are, what is lost.

A server in another process (``crowd.py``) sends every call its events at a steady rate.
Each call has a handler, which compares the time of sending in the event with its own.
"""

import resource
import subprocess
import sys
import time
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import numpy as np
from measure import arguments, report

from rustpbx_lab import connect
from rustpbx_lab.models.events import Metrics
from rustpbx_lab.workbench.gc_tuning import settle_collector

CROWD = Path(__file__).with_name("crowd.py")
FILES_BESIDE = 200


@contextmanager
def a_crowd(calls: int, rate: float, seconds: float) -> Iterator[Any]:
    """Start the server; yields its process, whose first line is the port."""
    command = [sys.executable, str(CROWD), str(calls), str(rate), str(seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            yield server
        finally:
            server.terminate()


class Counts:
    """What all calls have seen."""

    def __init__(self) -> None:
        self.late_us = array("q")
        self.began_s = self.cpu_s = self.took_s = 0.0
        self.logged = 0

    def hear(self, event: Metrics) -> None:
        """Note how late an event is."""
        if not self.late_us:
            self.began_s, self.cpu_s = time.monotonic(), time.process_time()
        sent_us = int(event.key.rpartition(".")[2])
        self.late_us.append(time.time_ns() // 1000 - sent_us)

    def stop(self) -> None:
        """Note what the events have cost so far: the closing is not counted."""
        if not self.took_s:
            self.took_s = time.monotonic() - self.began_s
            self.cpu_s = time.process_time() - self.cpu_s


async def attend(url: str, counts: Counts) -> None:
    """Have one call until the server closes it."""
    async with connect(url) as call:
        call.on(Metrics, counts.hear)
        await call.wait_closed()
        counts.stop()
        counts.logged += sum(record.name == "metrics" for record in call.log)


async def have_calls(url: str, calls: int) -> Counts:
    """Have all calls at once."""
    counts = Counts()
    async with anyio.create_task_group() as tasks:
        for _ in range(calls):
            tasks.start_soon(attend, url, counts)
    return counts


def measure(backend: str, calls: int, rate: float, seconds: float) -> dict[str, Any]:
    """Return what ``calls`` calls cost on a backend."""
    with a_crowd(calls, rate, seconds) as server:
        url = f"ws://127.0.0.1:{int(server.stdout.readline())}"
        counts = anyio.run(have_calls, url, calls, backend=backend)
        sent = int(server.stdout.readline())
    late_ms = np.array(counts.late_us) / 1000
    return {
        "sent": sent,
        "logged": counts.logged,
        "handled": len(late_ms),
        "cores": counts.cpu_s / counts.took_s,
        "us_an_event": 1e6 * counts.cpu_s / len(late_ms),
        "late_ms": {
            f"p{rank}": float(np.percentile(late_ms, rank)) for rank in (50, 95, 99)
        },
    }


def main() -> None:
    """Run the benchmark."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--rate", type=float, default=10, help="events a second, call")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--backend", choices=("asyncio", "trio"), action="append")
    options = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(
        resource.RLIMIT_NOFILE, (min(most, options.calls + FILES_BESIDE), most)
    )
    settle_collector()
    crowd = (options.calls, options.rate, options.seconds)
    result = {
        backend: measure(backend, *crowd)
        for backend in options.backend or ("asyncio", "trio")
    }
    report(
        "calls", {"calls": options.calls, "rate": options.rate, **result}, options.json
    )


if __name__ == "__main__":
    main()
