"""A WebSocket server that answers a call and sends events at a steady rate.

Runs as a process of its own: ``python benchmarks/steady.py RATE [--before ROWS]``
prints its port. Every call is answered, then gets ``ROWS`` events as fast as the socket
takes them, dated as if they had come at 50 a second, then ``RATE`` events a second. A
number on standard input is a new rate; the end of it ends the server. Each tenth event
is a *probe*: its key carries the microsecond at which it was sent.
"""

import argparse
import itertools
import json
import socket
import sys
import threading
import time
from typing import Any

from flood import START_MS, TRACK, event, frame, upgrade

BEFORE_MS = 20
"""Between two of the events that came before."""
BATCH = 2000
PROBE_EVERY = 10
HANG_OVER_MS = 160
TEXT_EVENTS = 50
"""A text is final after so many events."""


class Rate:
    """Events a second; may change at any time."""

    def __init__(self, value: float) -> None:
        self.value = value


def text_frame(fields: dict[str, Any]) -> bytes:
    """Return an event as a frame."""
    return frame(json.dumps(fields, separators=(",", ":")).encode())


class Mix:
    """The flood's mix of events, each silence the end of the speech before it."""

    def __init__(self) -> None:
        self._since_ms = START_MS

    def dated(self, number: int, at_ms: int) -> dict[str, Any]:
        """Return event ``number``, said at ``at_ms``."""
        made = event(number)
        shift = at_ms - int(str(made["timestamp"]))
        for name in ("timestamp", "startTime", "endTime"):
            if name in made:
                made[name] = int(str(made[name])) + shift
        if made["event"] == "speaking":
            self._since_ms = int(str(made["startTime"]))
        elif made["event"] == "silence":
            end_ms = at_ms - HANG_OVER_MS
            made |= {"startTime": self._since_ms, "duration": end_ms - self._since_ms}
        elif "index" in made:
            made["index"] = number // TEXT_EVENTS
            if number % TEXT_EVENTS == TEXT_EVENTS - 1:
                made["event"] = "asrFinal"
        return made


def probe(number: int, at_ms: int) -> dict[str, Any]:
    """Return a measurement that says when it was sent."""
    sent_us = time.time_ns() // 1000
    return {
        "event": "metrics",
        "timestamp": at_ms,
        "key": f"ttfb.tts.probe.{number}.{sent_us}",
        "duration": 200,
        "data": {},
    }


def send_before(line: "Line", rows: int, mix: Mix) -> None:
    """Send what came before."""
    for start in range(0, rows, BATCH):
        numbers = range(start, min(start + BATCH, rows))
        line.send(
            b"".join(
                text_frame(mix.dated(n, START_MS + n * BEFORE_MS)) for n in numbers
            )
        )


def send_steadily(line: "Line", rows: int, rate: Rate, mix: Mix) -> None:
    """Send events until the other side leaves, each at its time."""
    first_ms = START_MS + rows * BEFORE_MS
    began = due = time.monotonic()
    for number in itertools.count(rows):
        due = max(due + 1 / rate.value, time.monotonic() - 0.25)
        time.sleep(max(due - time.monotonic(), 0))
        at_ms = first_ms + round((time.monotonic() - began) * 1000)
        make = probe if number % PROBE_EVERY == 0 else mix.dated
        line.send(text_frame(make(number, at_ms)))


class Line:
    """One connection; several threads may send."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._lock = threading.Lock()

    def send(self, frames: bytes) -> None:
        """Send whole frames."""
        with self._lock:
            self._connection.sendall(frames)

    def listen(self) -> None:
        """Answer pings and read all else, until the other side closes."""
        stream = self._connection.makefile("rb")
        try:
            while len(head := stream.read(2)) == 2 and head[0] & 0x0F != 8:
                size = head[1] & 0x7F
                if size > 125:
                    size = int.from_bytes(stream.read(2 if size == 126 else 8))
                mask, masked = stream.read(4), stream.read(size)
                if head[0] & 0x0F == 9:
                    body = bytes(b ^ mask[n % 4] for n, b in enumerate(masked))
                    self.send(bytes((0x8A, size)) + body)
        finally:
            self._connection.shutdown(socket.SHUT_RDWR)


def serve(connection: socket.socket, rows: int, rate: Rate) -> None:
    """Answer one call and send its events."""
    with connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        upgrade(connection)
        line = Line(connection)
        answer = {"event": "answer", "trackId": TRACK, "timestamp": START_MS}
        threading.Thread(target=line.listen, daemon=True).start()
        line.send(text_frame({**answer, "sdp": "", "refer": False}))
        mix = Mix()
        send_before(line, rows, mix)
        send_steadily(line, rows, rate, mix)


def main() -> None:
    """Serve calls until standard input ends."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("rate", type=float, help="events a second")
    parser.add_argument("--before", type=int, default=0, help="events sent at once")
    chosen = parser.parse_args()
    rate = Rate(chosen.rate)
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)

    def attend(connection: socket.socket) -> None:
        try:
            serve(connection, chosen.before, rate)
        except OSError:  # the other side left
            return

    def accept() -> None:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=attend, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    for line in sys.stdin:
        rate.value = float(line)


if __name__ == "__main__":
    main()
