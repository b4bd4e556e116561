"""How fast a call takes events in: a flood over a real socket into log and loop.

In one run, one after another and several times over: bare ``websockets`` receive, the
same with ``json.loads``, and a session that logs every event and delivers it to an
``async for``. The ratio of the last to the second is what counts.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
from measure import arguments, report, spread
from websockets.asyncio.client import connect as websocket
from websockets.exceptions import ConnectionClosed

from rustpbx_lab import connect
from rustpbx_lab.workbench.gc_tuning import settle_collector

FLOOD = Path(__file__).with_name("flood.py")


@contextmanager
def a_flood(events: int) -> Iterator[str]:
    """Start the flooding server; yields its address."""
    command = [sys.executable, str(FLOOD), str(events)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        try:
            yield f"ws://127.0.0.1:{int(server.stdout.readline())}"
        finally:
            server.terminate()


async def bare(url: str, *, decode: bool) -> float:
    """Return the seconds of a bare receive of the whole flood."""
    began = time.perf_counter()
    async with websocket(f"{url}/call", compression=None, max_size=None) as wire:
        try:
            while True:
                frame = await wire.recv()
                if decode:
                    json.loads(frame)
        except ConnectionClosed:
            return time.perf_counter() - began


async def session(url: str, events: int) -> tuple[float, dict[str, int]]:
    """Return the seconds until every event was in log and loop, and the counts."""
    began = time.perf_counter()
    async with connect(url) as call:
        delivered = in_order = last = 0
        async for event in call:
            delivered += 1
            in_order += event.timestamp > last  # pyright: ignore
            last = event.timestamp  # pyright: ignore
        seconds = time.perf_counter() - began
        stamps = call.log.frame()["timestamp"].dropna()
    assert stamps.is_monotonic_increasing
    return seconds, {
        "sent": events,
        "logged": len(stamps),
        "delivered": delivered,
        "delivered_in_order": in_order,
    }


async def compare(url: str, events: int, pairs: int) -> dict[str, object]:
    """Measure all three in turn, ``pairs`` times."""
    seconds: dict[str, list[float]] = {"receive": [], "decode": [], "session": []}
    counts: dict[str, int] = {}
    for _ in range(pairs):
        seconds["receive"].append(await bare(url, decode=False))
        seconds["decode"].append(await bare(url, decode=True))
        took, counts = await session(url, events)
        seconds["session"].append(took)
    ratios = [d / s for d, s in zip(seconds["decode"], seconds["session"], strict=True)]
    return {
        **counts,
        "events_per_second": {
            name: spread([events / value for value in values])
            for name, values in seconds.items()
        },
        "session_to_receive_and_decode": spread(ratios),
    }


def main() -> None:
    """Run the benchmark."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--pairs", type=int, default=5)
    options = parser.parse_args()
    settle_collector()  # as our served processes do, for all three alike
    with a_flood(options.events) as url:
        result = anyio.run(compare, url, options.events, options.pairs)
    report("ingest", result, options.json)


if __name__ == "__main__":
    main()
