"""The stand-in's addresses, and the WebSocket ones of them."""

import math

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from tornado.ioloop import IOLoop
from tornado.iostream import IOStream, StreamClosedError
from tornado.web import Application, RequestHandler
from tornado.websocket import WebSocketClosedError, WebSocketHandler
from typing_extensions import override

from rustpbx_lab.models import events
from rustpbx_lab.simulator.call.call import Call
from rustpbx_lab.simulator.call.faults import Faults
from rustpbx_lab.simulator.call.faulty import FaultyLine, RefusedCall
from rustpbx_lab.simulator.call.services import Line, Services
from rustpbx_lab.simulator.call.sip_call import SipCall
from rustpbx_lab.simulator.call.webrtc_call import WebRtcCall
from rustpbx_lab.simulator.core.query import CallQuery, QueryError, read_query
from rustpbx_lab.simulator.core.wire import event_text

from . import rest
from .event_stream import CallEvents
from .handlers import Guarded, ServerState
from .incoming_trigger import IncomingState, StartIncoming

MESSAGE_BYTES = 64 * 1024 * 1024
CALLS: dict[str, type[Call]] = {
    "webSocket": Call,
    "sip": SipCall,
    "webrtc": WebRtcCall,
}
Frame = str | bytes | tuple[bytes]
"""A text, a binary, or (in a tuple) the payload of a ping."""


class CallSocket(WebSocketHandler, Guarded):
    """``/call`` and its siblings: one connection, one call."""

    def initialize(self, state: ServerState, kind: str = "webSocket") -> None:
        """Take what all handlers share, and the kind of call."""
        super().initialize(state)
        self._kind = kind
        self.call: Call | None = None
        self._is_frozen = False
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
    def open(self, *args: str, **kwargs: str) -> None:
        assert self.state.tasks is not None
        # unbounded, as the server's: a slow reader gets everything, late
        self._outgoing, frames = anyio.create_memory_object_stream[Frame](math.inf)
        self.set_nodelay(True)
        self.state.open.add(self)
        self.state.tasks.start_soon(self._write, frames)
        services = self.state.services
        why_not = services.playbooks.why_not(self._query.id)
        if why_not is not None:
            self._refuse_playbook(why_not)
            return
        self.call = self._new_call(services)
        self.call.start()

    def _new_call(self, services: Services) -> Call:
        faults = services.faults
        line: Line = self
        if faults != Faults():
            line = FaultyLine(self, faults, services.runtime)
        if faults.reject:
            return RefusedCall(self._query, services, line, self._kind, faults.reject)
        return CALLS[self._kind](self._query, services, line)

    def _refuse_playbook(self, why: str) -> None:
        """Say why a playbook cannot hold the call; there is no call then."""
        error = events.Error(
            track_id=self._query.id,
            timestamp=self.state.services.runtime.now_ms(),
            sender="playbook",
            error=why,
        )
        self.text(event_text(error))
        self.hang_up()

    @override
    def on_message(self, message: str | bytes) -> None:
        if self.call is None:
            return
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
        if self._is_frozen:
            self.abort()

    def abort(self) -> None:
        """Drop the connection without a close."""
        stream = self._stream()
        if stream is not None:
            stream.close()

    def freeze(self) -> None:
        """Neither read nor write any more: the network to the client is gone."""
        stream = self._stream()
        if stream is not None and not self._is_frozen:
            self._is_frozen = True
            IOLoop.current().remove_handler(stream.fileno())

    def _stream(self) -> IOStream | None:
        return None if self.ws_connection is None else self.ws_connection.stream

    def _queue(self, frame: Frame) -> None:
        if self._is_frozen:
            return
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
            ("/list", rest.ListCalls, shared),
            ("/kill/([^/]+)", rest.KillCall, shared),
            ("/command/([^/]+)", rest.SendCommand, shared),
            ("/events/([^/]+)", CallEvents, shared),
            ("/precache", rest.Precache, shared),
            ("/iceservers", rest.IceServers, shared),
            ("/api/records", rest.ListRecords, shared),
            ("/api/playbooks", rest.ListPlaybooks, shared),
            ("/api/playbooks/([^/]+)", rest.PlaybookFile, shared),
            ("/api/playbook/run", rest.RunPlaybook, shared),
            ("/simulate/incoming", StartIncoming, shared),
            ("/simulate/incoming/([^/]+)", IncomingState, shared),
        ],
        default_handler_class=rest.NothingHere,
        default_handler_args=shared,
        log_function=_do_not_log,
        websocket_max_message_size=MESSAGE_BYTES,
    )


def _do_not_log(_: RequestHandler) -> None:
    """Leave tornado's access log out: the calls have logs of their own."""
