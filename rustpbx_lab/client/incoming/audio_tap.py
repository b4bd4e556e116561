"""Audio tap: receives both legs' audio of calls that someone else runs."""

import asyncio
import logging
import secrets
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import suppress
from typing import NamedTuple

import anyio
from tornado.web import Application, HTTPError
from tornado.websocket import WebSocketHandler
from typing_extensions import override

from rustpbx_lab.client.media.tap_frames import TapFrame, TapReader
from rustpbx_lab.errors import UnreadableFrameError, shorten
from rustpbx_lab.models.options import MonitorOption
from rustpbx_lab.models.tap import MonitorStart, read_start

from .host_policy import Authority
from .receiver import Receiver, bearer, do_not_log, is_same

PATH = "/tap"
MESSAGE_BYTES = 4 * 1024 * 1024
"""Two minutes of audio; ``bufferSize`` is some kilobytes."""
START_LIMIT_S = 10
"""What a server is given to say which call it is."""
PING_S = 20
KEPT_REFUSALS = 100

logger = logging.getLogger(__name__)

Admission = Callable[[str], Awaitable[str | None]]
"""Returns why the audio of a session id is not wanted; None if it is."""


class Refusal(NamedTuple):
    """A connection that was refused, or ended for what it sent."""

    at_ms: int
    """Our clock."""
    session_id: str
    """What it said to be, shortened; empty if nothing."""
    why: str


class TappedCall:
    """The audio of one call; iterate over it for the frames, as they come.

    The iteration ends with the call, or when the server or we close the connection.
    """

    def __init__(self, start: MonitorStart) -> None:
        self.start = start
        """What the server said of the call."""
        self.id = start.session_id
        """The session id."""
        self.ended: str | None = None
        """Why no more comes; None while it may."""
        self.frames = {"caller": 0, "server": 0}
        """Frames per leg."""
        self.lost_ms = {"caller": 0, "server": 0}
        """Audio per leg that the server dropped because we read too slowly, about."""
        self._reader = TapReader()
        self._queue: deque[TapFrame] = deque()
        self._came = anyio.Event()

    def push(self, frame: bytes, received_ms: int) -> None:
        """Queue a frame.

        Raises:
            UnreadableFrameError: If it is of no leg.
        """
        read = self._reader.read(frame, received_ms)
        if read is None:
            return
        self.frames[read.leg] += 1
        for loss in read.losses:
            self.lost_ms[loss.leg] += loss.lost_ms
        self._queue.append(read)
        self._came.set()

    def end(self, why: str) -> None:
        """Have the iteration end, after what has come."""
        self.ended = self.ended or why
        self._came.set()

    def __aiter__(self) -> AsyncIterator[TapFrame]:
        return self

    async def __anext__(self) -> TapFrame:
        while not self._queue:
            if self.ended is not None:
                raise StopAsyncIteration
            self._came = anyio.Event()
            await self._came.wait()
        return self._queue.popleft()

    def __repr__(self) -> str:
        return f"<TappedCall {self.id!r}, {self.frames}>"


TapHandler = Callable[[TappedCall], Awaitable[object]]


class AudioTap(Receiver[TappedCall]):
    """Listens for servers whose calls have ``option.monitor`` (0.3.111 and newer).

    ::

        async with AudioTap(port=9000) as tap:
            print(tap.option)  # what the call has to have as ``monitor``
            await tap.serve(handler)

    ``serve`` runs the function once for each call, many at the same time. The call
    itself is not touched: whoever runs it keeps it. Runs on asyncio only (it is
    Tornado's server).
    """

    def __init__(
        self,
        port: int = 0,
        *,
        host: str = "127.0.0.1",
        token: str | None = None,
        names: Collection[str] = (),
        public_url: str | None = None,
        admits: Admission | None = None,
    ) -> None:
        """Prepare a listener; nothing listens yet.

        Args:
            port: Port to listen on; 0 takes a free one.
            host: Address to listen on.
            token: What the server must send as ``Authorization: Bearer TOKEN``. None:
                nothing on the loopback, one that is made up elsewhere.
            names: Further host names under which the server may ask, such as
                ``host.docker.internal``; ``*`` is any.
            public_url: Where the server reaches it, ``ws://HOST[:PORT]``, if that is
                not where it listens. Its host needs no entry in ``names``.
            admits: Decides which calls are heard; None hears all.

        Raises:
            ServerStartError: If ``names`` or ``public_url`` is malformed.
        """
        super().__init__(
            port,
            host=host,
            names=names,
            public_url=public_url,
            schemes=("ws", "wss"),
            what="audio taps",
            server="the audio tap",
            remedy="allow the name {name} (--allow-host, or names=[…] of AudioTap)",
        )
        is_local = Authority(host).is_loopback
        self._token = secrets.token_urlsafe(16) if not (token or is_local) else token
        self._admits = admits
        self._running: dict[str, TappedCall] = {}
        self.refused: deque[Refusal] = deque(maxlen=KEPT_REFUSALS)
        """The last connections that were refused, oldest first."""
        self.n_refused = 0
        """How many were refused."""

    @property
    def url(self) -> str:
        """Where a server has to connect to."""
        return f"{self.base_url}{PATH}"

    @property
    def option(self) -> MonitorOption:
        """The ``monitor`` option of a call that is to be heard here."""
        if self._token is None:
            return MonitorOption(url=self.url)
        headers = {"Authorization": f"Bearer {self._token}"}
        return MonitorOption(url=self.url, headers=headers)

    @property
    def calls(self) -> list[TappedCall]:
        """The calls that are heard now."""
        return list(self._running.values())

    @override
    def _application(self) -> Application:
        return Application(
            [(f"{PATH}/?", _TapSocket, {"tap": self})],
            log_function=do_not_log,
            websocket_max_message_size=MESSAGE_BYTES,
            websocket_ping_interval=PING_S,
            websocket_ping_timeout=PING_S,
        )

    @override
    def stop(self) -> None:
        """Hear no further call, and those that are heard no longer."""
        super().stop()
        for call in self.calls:
            call.end("we stopped listening; the call goes on")

    async def serve(self, handler: TapHandler) -> None:
        """Run a function for each call until the tap is closed.

        What the function raises is logged and ends nothing but the hearing of its call.

        Args:
            handler: An async function of the ``TappedCall``.
        """

        async def run(call: TappedCall) -> None:
            try:
                await handler(call)
            except Exception:  # a user's function: any of them
                logger.exception("the tapped call %s failed", shorten(call.id))

        async with anyio.create_task_group() as tasks:
            async for call in self:
                tasks.start_soon(run, call)

    # ------------------------------------------------------------------ connections

    def knows(self, authorization: str) -> bool:
        """Return whether a header is ours, in a time that tells nothing."""
        return self._token is None or is_same(bearer(authorization), self._token)

    async def why_refused(self, session_id: str) -> str | None:
        """Return why a call is not heard; None if it is."""
        if not session_id:
            return "it names no session_id, which a server does"
        if session_id in self._running:
            return "this call is heard already, over another connection"
        return None if self._admits is None else await self._admits(session_id)

    def refuse(self, session_id: str, why: str) -> None:
        """Note a connection that was refused, or ended for what it sent."""
        shown = shorten(session_id) if session_id else "of no call"
        self.n_refused += 1
        self.refused.append(Refusal(_now_ms(), shown, why))
        logger.warning("refused an audio tap %s: %s", shown, why)

    def add(self, call: TappedCall) -> None:
        """Hear a call from now on."""
        self._running[call.id] = call
        self._came.put_nowait(call)

    def remove(self, call: TappedCall) -> None:
        """Hear a call no longer."""
        if self._running.get(call.id) is call:
            del self._running[call.id]


class _TapSocket(WebSocketHandler):
    """``GET /tap?session_id=ID``, upgraded."""

    def initialize(self, tap: AudioTap) -> None:
        self._tap = tap
        self._call: TappedCall | None = None
        self._session_id = ""
        self._limit: asyncio.TimerHandle | None = None
        self._is_refused = False

    @override
    async def prepare(self) -> None:
        self._session_id = self.get_query_argument("session_id", "")
        if not self._tap.knows(self.request.headers.get("Authorization", "")):
            self._tap.refuse(self._session_id, "its Authorization is not the tap's")
            raise HTTPError(401)
        why = await self._tap.why_refused(self._session_id)
        if why is not None:
            self._tap.refuse(self._session_id, why)
            raise HTTPError(404 if self._session_id else 400)

    @override
    def check_origin(self, origin: str) -> bool:
        return True  # the gate has decided

    @override
    def open(self, *args: str, **kwargs: str) -> None:
        loop = asyncio.get_running_loop()
        self._limit = loop.call_later(START_LIMIT_S, self._be_silent)

    def _be_silent(self) -> None:
        if self._call is None:
            self._end(f"it said nothing for {START_LIMIT_S} s", 1008)

    @override
    def on_message(self, message: str | bytes) -> None:
        received_ms = _now_ms()
        if self._is_refused:
            return  # what was under way when we closed
        try:
            if self._call is None:
                self._begin(message)
            elif isinstance(message, bytes):
                self._call.push(message, received_ms)
            # a newer server may say more in text; none does yet
        except UnreadableFrameError as exc:
            self._end(exc.why, 1003)

    def _begin(self, message: str | bytes) -> None:
        start = read_start(message)
        if start.session_id != self._session_id:
            why = "its first frame is of another session than its address"
            raise UnreadableFrameError("start of a tap", start.session_id, why)
        self._call = TappedCall(start)
        self._tap.add(self._call)

    def _end(self, why: str, code: int) -> None:
        self._is_refused = True
        self._tap.refuse(self._session_id, why)
        if self._call is not None:
            self._call.end(why)
        self.close(code, shorten(why)[:100])

    @override
    def on_close(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
        if self._call is not None:
            self._tap.remove(self._call)
            self._call.end("the server has closed the tap")

    @override
    def write_error(self, status_code: int, **kwargs: object) -> None:
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        with suppress(RuntimeError):  # the other side is gone
            self.finish("")  # pyright: ignore[reportUnknownMemberType]


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
