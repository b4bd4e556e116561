"""What the stand-in's handlers share: its state, and whom they answer to."""

import ipaddress
from typing import Any, Protocol
from urllib.parse import urlsplit

import anyio
import orjson
from anyio.abc import TaskGroup
from tornado.web import RequestHandler
from typing_extensions import override

from .call import Call
from .services import Services
from .wire import compact

BODY_BYTES = 2 * 1024 * 1024
"""A larger body is refused."""


class Connection(Protocol):
    """A client's open socket."""

    call: Call | None


class ServerState:
    """What the handlers share."""

    def __init__(self, services: Services, host: str) -> None:
        self.services = services
        self._host = host
        self.open: set[Connection] = set()
        self.tasks: TaskGroup | None = None
        self._all_closed = anyio.Event()

    def is_our_name(self, name: str | None) -> bool:
        """Return whether a host name means this server, not a rebound domain."""
        if not name:
            return False
        if name.lower() in ("localhost", self._host.lower()):
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        return address.is_loopback or self._host in ("0.0.0.0", "::", "")

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
    """A handler that answers only to this machine's own names."""

    state: ServerState

    def initialize(self, state: ServerState) -> None:
        """Take what all handlers share."""
        self.state = state

    @override
    def prepare(self) -> None:
        headers = self.request.headers
        host = urlsplit(f"//{self.request.host}").hostname
        origin = headers.get("Origin")
        if not self.state.is_our_name(host):
            self.refuse(403, "Host not allowed: this server answers to localhost only")
        elif (
            # a page elsewhere may send a GET, and some a POST, without asking
            headers.get("Sec-Fetch-Site") == "cross-site"
            or (origin is not None and not self._is_ours(origin))
        ):
            self.refuse(403, "Origin not allowed: only pages of localhost may ask")
        elif len(self.request.body) > BODY_BYTES:
            why = "Failed to buffer the request body: length limit exceeded"
            self.refuse(413, why)

    def _is_ours(self, origin: str) -> bool:
        return self.state.is_our_name(urlsplit(origin).hostname)

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
