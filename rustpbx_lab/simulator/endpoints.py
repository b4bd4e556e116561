"""The stand-in's addresses: the WebSocket paths and some of the REST ones."""

import ipaddress
import math
from typing import Any
from urllib.parse import urlsplit

import anyio
from anyio.abc import TaskGroup
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from tornado.iostream import StreamClosedError
from tornado.web import Application, RequestHandler
from tornado.websocket import WebSocketClosedError, WebSocketHandler
from typing_extensions import override

from rustpbx_lab.errors import UnreadableFrameError

from .call import Call, CallWithoutMedia
from .query import CallQuery, QueryError, read_query
from .services import Services
from .strict import read_command
from .wire import compact

MESSAGE_BYTES = 64 * 1024 * 1024
Frame = str | bytes | tuple[bytes]
"""A text, a binary, or (in a tuple) the payload of a ping."""


class ServerState:
    """What the handlers share."""

    def __init__(self, services: Services, host: str) -> None:
        self.services = services
        self._host = host
        self.open: set[CallSocket] = set()
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

    def socket_closed(self, socket: "CallSocket") -> None:
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
        host = urlsplit(f"//{self.request.host}").hostname
        if not self.state.is_our_name(host):
            self.refuse(403, "Host not allowed: this server answers to localhost only")

    def refuse(self, status: int, why: str) -> None:
        """Answer with an error and a text."""
        self.set_status(status)
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self._say(why)

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


class NothingHere(Guarded):
    """Every other path."""

    @override
    def prepare(self) -> None:
        super().prepare()
        if not self._finished:
            self.refuse(404, "")


class ListCalls(Guarded):
    """``GET /list``."""

    def get(self) -> None:
        """Answer with the running calls."""
        calls = [call.listing() for call in self.state.services.registry.values()]
        self.answer({"active_calls": calls})


class KillCall(Guarded):
    """``GET /kill/{id}``."""

    def get(self, call_id: str) -> None:
        """End a call."""
        call = self.state.services.registry.get(call_id)
        status = "not_found" if call is None else "killed"
        if call is not None:
            call.end("canceled")
        self.answer({"id": call_id, "status": status}, 404 if call is None else 200)


class SendCommand(Guarded):
    """``POST /command/{id}``: the only place where a malformed command is reported."""

    def post(self, call_id: str) -> None:
        """Queue a command of a call."""
        kind = self.request.headers.get("Content-Type", "").partition(";")[0]
        if kind.strip().lower() != "application/json":
            why = "Expected request with `Content-Type: application/json`"
            self.refuse(415, why)
            return
        text = self.request.body.decode("utf-8", "replace")
        try:
            command = read_command(text)
        except UnreadableFrameError as exc:
            is_json = not exc.why.startswith("it is no JSON (")
            self.refuse(422 if is_json else 400, exc.why)
            return
        call = self.state.services.registry.get(call_id)
        if call is not None:
            call.take(command)
        status = "not_found" if call is None else "sent"
        self.answer({"id": call_id, "status": status}, 404 if call is None else 200)


class CallSocket(WebSocketHandler, Guarded):
    """``/call`` and its siblings: one connection, one call."""

    def initialize(self, state: ServerState, kind: str = "webSocket") -> None:
        """Take what all handlers share, and the kind of call."""
        super().initialize(state)
        self._kind = kind
        self.call: Call | None = None
        self._query = CallQuery("")
        self._outgoing: MemoryObjectSendStream[Frame]

    @override
    def prepare(self) -> None:
        super().prepare()
        if self._finished:
            return
        headers = self.request.headers
        if "upgrade" not in headers.get("Connection", "").lower():
            self.refuse(400, "Connection header did not include 'upgrade'")
            return
        try:
            self._query = read_query(self.request.query)
        except QueryError as exc:
            self.refuse(400, str(exc))
            return
        unknown = self._query.id not in self.state.services.registry
        if self._query.forward and self._query.is_id_given and unknown:
            self.refuse(404, "call not found on this node")

    @override
    def check_origin(self, origin: str) -> bool:
        return self.state.is_our_name(urlsplit(origin).hostname)

    @override
    def open(self, *args: str, **kwargs: str) -> None:
        assert self.state.tasks is not None
        # unbounded, as the server's: a slow reader gets everything, late
        self._outgoing, frames = anyio.create_memory_object_stream[Frame](math.inf)
        self.set_nodelay(True)
        self.state.open.add(self)
        self.state.tasks.start_soon(self._write, frames)
        services = self.state.services
        if self._kind == "webSocket":
            self.call = Call(self._query, services, self)
        else:
            self.call = CallWithoutMedia(self._kind, self._query, services, self)
        self.call.start()

    @override
    def on_message(self, message: str | bytes) -> None:
        assert self.call is not None
        if isinstance(message, str):
            self.call.take_text(message)
        else:
            self.call.take_audio(message)

    @override
    def on_close(self) -> None:
        if self.call is not None:
            self.call.end("canceled")
        self._outgoing.close()
        self.state.socket_closed(self)

    # ------------------------------------------------------------------ a Line

    def text(self, text: str) -> None:
        """Queue a text frame."""
        self._queue(text)

    def audio(self, data: bytes) -> None:
        """Queue a binary frame."""
        self._queue(data)

    def send_ping(self, payload: bytes) -> None:
        """Queue a control ping."""
        self._queue((payload,))

    def hang_up(self) -> None:
        """Send what is queued, then close without a status code."""
        self._outgoing.close()

    def _queue(self, frame: Frame) -> None:
        try:
            self._outgoing.send_nowait(frame)
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            return  # the client has gone; on_close ends the call

    async def _write(self, frames: MemoryObjectReceiveStream[Frame]) -> None:
        with frames:
            try:
                async for frame in frames:
                    if isinstance(frame, tuple):
                        self.ping(frame[0])
                    else:
                        await self.write_message(frame, isinstance(frame, bytes))
            except (WebSocketClosedError, StreamClosedError):
                return
        self.close()


def application(state: ServerState) -> Application:
    """Return the routes."""
    shared = {"state": state}
    return Application(
        [
            ("/call", CallSocket, shared),
            ("/call/webrtc", CallSocket, {**shared, "kind": "webrtc"}),
            ("/call/sip", CallSocket, {**shared, "kind": "sip"}),
            ("/list", ListCalls, shared),
            ("/kill/([^/]*)", KillCall, shared),
            ("/command/([^/]*)", SendCommand, shared),
        ],
        default_handler_class=NothingHere,
        default_handler_args=shared,
        log_function=_do_not_log,
        websocket_max_message_size=MESSAGE_BYTES,
    )


def _do_not_log(_: RequestHandler) -> None:
    """Leave tornado's access log out: the calls have logs of their own."""
