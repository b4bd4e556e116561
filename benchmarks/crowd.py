"""A WebSocket server of many calls: each gets events at a steady rate, then is closed.

Runs as a process of its own: ``python benchmarks/crowd.py CALLS RATE SECONDS`` prints
its port. Once all calls are connected it answers them, sends each ``RATE`` events a
second for ``SECONDS`` (the calls one after another, so that they never come together)
and closes them with 1000. Each event's key carries the microsecond of its sending.
"""

import argparse
import json
import selectors
import socket
import time

from flood import START_MS, TRACK, frame, upgrade

STAMP = 16
"""Digits of a time in microseconds."""
CLOSE = bytes((0x88, 2, 0x03, 0xE8))


class Stamped:
    """A frame in which only the time of sending changes."""

    def __init__(self) -> None:
        key = "ttfb.tts.probe." + "0" * STAMP
        fields = {
            "event": "metrics",
            "timestamp": START_MS,
            "key": key,
            "duration": 200,
            "data": {},
        }
        whole = frame(json.dumps(fields, separators=(",", ":")).encode())
        place = whole.index(b"0" * STAMP)
        self._before, self._after = whole[:place], whole[place + STAMP :]

    def now(self) -> bytes:
        """Return the frame, stamped with this moment."""
        stamp = str(time.time_ns() // 1000).encode()
        return self._before + stamp + self._after


def answer() -> bytes:
    """Return the frame that begins each call."""
    fields = {"event": "answer", "trackId": TRACK, "timestamp": START_MS}
    return frame(json.dumps({**fields, "sdp": "", "refer": False}).encode())


def send_in_turn(calls: list[socket.socket], rate: float, seconds: float) -> int:
    """Send every call its events; return how many went out."""
    stamped, sent = Stamped(), 0
    gap_s = 1 / (rate * len(calls))
    began = time.monotonic()
    while (sent * gap_s) < seconds:
        wait_s = began + sent * gap_s - time.monotonic()
        if wait_s > 0.001:
            time.sleep(wait_s)
        calls[sent % len(calls)].sendall(stamped.now())
        sent += 1
    return sent


def drop_what_comes(calls: list[socket.socket], seconds: float) -> None:
    """Read what the clients send, pings and echoes of the close, until they leave."""
    waiting = selectors.DefaultSelector()
    for call in calls:
        waiting.register(call, selectors.EVENT_READ)
    until = time.monotonic() + seconds
    while waiting.get_map() and time.monotonic() < until:
        for key, _ in waiting.select(0.5):
            call = key.fileobj
            assert isinstance(call, socket.socket)
            waiting.unregister(call)
            call.close()


def main() -> None:
    """Serve one crowd."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("calls", type=int)
    parser.add_argument("rate", type=float, help="events a second and call")
    parser.add_argument("seconds", type=float)
    chosen = parser.parse_args()
    listener = socket.create_server(("127.0.0.1", 0), backlog=chosen.calls)
    print(listener.getsockname()[1], flush=True)
    calls: list[socket.socket] = []
    for _ in range(chosen.calls):
        call, _ = listener.accept()
        call.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        upgrade(call)
        calls.append(call)
    for call in calls:
        call.sendall(answer())
    time.sleep(1)
    sent = send_in_turn(calls, chosen.rate, chosen.seconds)
    for call in calls:
        call.sendall(CLOSE)
    drop_what_comes(calls, 30)
    print(sent, flush=True)


if __name__ == "__main__":
    main()
