"""State and answers shared by the stand-in's handlers."""

from typing import Any, Protocol

import anyio
import orjson
from anyio.abc import TaskGroup
from tornado.web import RequestHandler
from typing_extensions import override

from rustpbx_lab.simulator.call.call import Call
from rustpbx_lab.simulator.call.services import Services
from rustpbx_lab.simulator.core.wire import compact

BODY_BYTES = 2 * 1024 * 1024
"""A larger body is refused."""


class Connection(Protocol):
    """A client's open socket."""

    call: Call | None


class ServerState:
    """What the handlers share."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.open: set[Connection] = set()
        self.tasks: TaskGroup | None = None
        self._all_closed = anyio.Event()

    def socket_closed(self, socket: Connection) -> None:
        """Take note that a socket is closed."""
        self.open.discard(socket)
        if not self.open:
            self._all_closed.set()

    async def close(self) -> None:
        """End all calls and wait until their sockets are closed."""
        self._all_closed = anyio.Event()
        for socket in list(self.open):
            if socket.call is not None:
                socket.call.end("canceled")
        if self.open:
            await self._all_closed.wait()


class Guarded(RequestHandler):
    """A handler with limits; hosts and origins are checked before it is reached."""

    state: ServerState

    def initialize(self, state: ServerState) -> None:
        """Take what all handlers share."""
        self.state = state

    @override
    def prepare(self) -> None:
        if len(self.request.body) > BODY_BYTES:
            why = "Failed to buffer the request body: length limit exceeded"
            self.refuse(413, why)

    def json_body(self) -> tuple[Any] | None:
        """Return the JSON body in a tuple; None if the request is refused for it."""
        kind = self.request.headers.get("Content-Type", "").partition(";")[0].strip()
        is_json = kind.lower() == "application/json"
        if not is_json and not (kind.lower().endswith("+json")):
            why = "Expected request with `Content-Type: application/json`"
            self.refuse(415, why)
            return None
        try:
            return (orjson.loads(self.request.body),)
        except ValueError as exc:
            self.refuse(400, f"Failed to parse the request body as JSON: {exc}")
            return None

    def refuse(self, status: int, why: str) -> None:
        """Answer with an error and a text."""
        self.answer_text(why, status)

    def answer_text(self, text: str, status: int = 200) -> None:
        """Answer with a text."""
        self.set_status(status)
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self._say(text)

    def answer(self, data: Any, status: int = 200) -> None:
        """Answer with JSON."""
        self.set_status(status)
        self.set_header("Content-Type", "application/json")
        self._say(compact(data))

    def _say(self, text: str) -> None:
        self.finish(text)  # pyright: ignore[reportUnknownMemberType]

    @override
    def write_error(self, status_code: int, **kwargs: Any) -> None:
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self._say("")
