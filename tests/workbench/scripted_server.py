"""A server that answers as a test tells it to, in a thread of its own."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from waiting import join
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import Server, ServerConnection, serve

TRACK = "s.server"


def event(name: str, **fields: object) -> str:
    return json.dumps({"event": name, "timestamp": time.time_ns() // 10**6, **fields})


ANSWER = {"answer": {"trackId": TRACK, "sdp": "", "refer": False}}
RINGING = {"ringing": {"trackId": TRACK, "earlyMedia": False, "refer": False}}
REJECT = {
    "reject": {
        "trackId": TRACK,
        "reason": "486 Busy Here",
        "code": 486,
        "refer": False,
    }
}


class ScriptedServer:
    """Answers ``invite`` with the events it was given."""

    def __init__(self, **on_invite: dict[str, object]) -> None:
        self.on_invite = on_invite or ANSWER
        self.commands: list[dict[str, object]] = []
        self.paths: list[str] = []
        self.close_codes: list[int | None] = []
        self.url = ""
        self.connections: list[ServerConnection] = []

    def __call__(self, wire: ServerConnection) -> None:
        self.connections.append(wire)
        self.paths.append(wire.request.path if wire.request else "")
        try:
            for frame in wire:
                if isinstance(frame, bytes):
                    continue
                command = json.loads(frame)
                self.commands.append(command)
                if command["command"] == "invite":
                    for name, fields in self.on_invite.items():
                        wire.send(event(name, **fields))
                if command["command"] == "hangup":
                    wire.close()
        except ConnectionClosed:
            pass
        self.close_codes.append(wire.close_code)


@contextmanager
def running(**on_invite: dict[str, object]) -> Iterator[ScriptedServer]:
    scripted = ScriptedServer(**on_invite)
    server: Server = serve(scripted, "127.0.0.1", 0)
    host, port = server.socket.getsockname()[:2]
    scripted.url = f"ws://{host}:{port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield scripted
    finally:
        server.shutdown()
        join(thread)
