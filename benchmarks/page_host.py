"""The dashboard with one call, as a process that measures its own loop.

``python benchmarks/page_host.py ENDPOINT`` prints the address of the page. Each line on
standard input asks for what happened since the last one: CPU seconds, the lag of the
loop that serves the page, and the rows of the log. The end of it ends the process.
"""

import asyncio
import json
import os
import sys
import threading
import time
from typing import Any

from tornado.ioloop import IOLoop

from rustpbx_lab.dashboard.app import serve
from rustpbx_lab.hub.hub import CallHub
from rustpbx_lab.hub.hub_call import HubCall
from rustpbx_lab.models.options import CallOption, TranscriptionOption, VADOption
from rustpbx_lab.workbench.gc_tuning import settle_collector

SAMPLE_MS = 10


class LagMeter:
    """How late a loop wakes somebody who sleeps for 10 ms."""

    def __init__(self) -> None:
        self._late: list[float] = []

    async def run(self) -> None:
        """Sample until the loop stops."""
        while True:
            began = time.perf_counter()
            await asyncio.sleep(SAMPLE_MS / 1000)
            late = (time.perf_counter() - began) * 1000 - SAMPLE_MS
            self._late.append(max(late, 0.0))

    def take(self) -> list[float]:
        """Return the samples since the last time."""
        taken, self._late = self._late, []
        return taken


def answer(meter: LagMeter, call: HubCall) -> None:
    """Tell, at each line of standard input, what happened since the last."""
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in sys.stdin:
        now = time.perf_counter(), time.process_time()
        told: dict[str, Any] = {
            "seconds": now[0] - wall,
            "cpu_s": now[1] - cpu,
            "lag_ms": meter.take(),
            "rows": len(call.log),
        }
        wall, cpu = now
        print(json.dumps(told), flush=True)
    os._exit(0)


def main() -> None:
    """Start the call, serve the page, answer questions."""
    hub, meter = CallHub(), LagMeter()
    option = CallOption(vad=VADOption(), asr=TranscriptionOption(provider="deepgram"))
    call = hub.start(sys.argv[1], option)

    def told(url: str) -> None:
        IOLoop.current().spawn_callback(meter.run)
        threading.Thread(target=answer, args=(meter, call), daemon=True).start()
        settle_collector()  # as the command line does
        print(f"{url}/live", flush=True)

    serve(hub, port=0, show=False, endpoint=sys.argv[1], on_address=told)


if __name__ == "__main__":
    main()
