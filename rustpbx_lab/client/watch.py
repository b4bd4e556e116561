"""watch(): another client's call as a log, over server-sent events."""

import logging
import ssl as ssl_module
from collections import defaultdict, deque
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

import anyio
from anyio.abc import TaskGroup
from typing_extensions import override

from rustpbx_lab.client.rest.server_api import ServerApi
from rustpbx_lab.client.rest.sse import CallStream, StreamBrokenError
from rustpbx_lab.errors import (
    CallClosedError,
    ConnectError,
    RequestRefusedError,
    UnknownCallError,
    UnreadableFrameError,
)
from rustpbx_lab.log import EventLog, Record
from rustpbx_lab.models import events, notes
from rustpbx_lab.models.base import BaseCommand
from rustpbx_lab.models.rest import ActiveCall, our_call_type
from rustpbx_lab.models.server_versions import ServerVersion, named_version

from .backoff import Backoff
from .base_call import system_clock_ms
from .protocol import CallProtocol
from .steered_call import SteeredCall

ECHO_S = 5
"""What the stream is given to repeat a command that the server has taken."""
CLOSE_GRACE_S = 5
LEFT = "we stopped watching; the call goes on"
BINARY = '{"event":"binary"'


class WatchedCall(SteeredCall):
    """Someone else's call: its events and commands as rows, its audio, a say in it.

    Read like a ``CallSession``. Its methods send commands with ``POST /command/{id}``;
    leaving the ``watch`` block does not end the call.
    """

    def __init__(
        self,
        api: ServerApi,
        call: ActiveCall,
        *,
        log: EventLog | None = None,
        logger: logging.Logger | None = None,
        backoff: Backoff | None = None,
        now_ms: Callable[[], int] = system_clock_ms,
        server_version: ServerVersion | None = None,
        is_tapped: bool = False,
    ) -> None:
        call_type = our_call_type(call.call_type)
        protocol = CallProtocol(call_type, call_id=call.id, lint="off")
        super().__init__(
            call_type, log=log, logger=logger, now_ms=now_ms, protocol=protocol
        )
        self._id = call.id
        self._api = api
        self._backoff = Backoff() if backoff is None else backoff
        protocol.resume(call)
        if is_tapped:
            self.use_tap()
        self._set_formats()
        self._first: CallStream | None = None
        self._listening = False
        self._echoes: dict[str, deque[_Echo]] = defaultdict(deque)
        self._scope: anyio.CancelScope | None = None
        url = api.events_address(call.id)
        self.note(
            notes.Connected(
                url=url,
                call_type=call_type,
                id=call.id,
                server_version=None if server_version is None else str(server_version),
            )
        )

    @property
    @override
    def id(self) -> str:
        """The session id."""
        return self._id

    @property
    def audio_frames(self) -> Mapping[str, int]:
        """Binary frames heard so far, by leg."""
        return dict(self._legs.frames)

    # ------------------------------------------------------------------ sending

    @override
    async def send(self, command: BaseCommand) -> Record:
        """Send a command to the call.

        Returns:
            Its row in the log: the server's repetition, or if none comes (the stream is
            broken just now, or has ended) a row of our own.

        Raises:
            CallClosedError: If the call is over.
            RequestRefusedError: If the server cannot read the command.
            ConnectError: If it does not answer.
        """
        self._check_open()
        outgoing = self._protocol.prepare(command, self._now_ms())
        for advice in outgoing.advice:
            self.note(advice)
        self._protocol.commit(outgoing)
        command = outgoing.command
        echo = _Echo(command)
        waiting = self._echoes[command.command]
        waiting.append(echo)
        try:
            await self._post(echo)
            with anyio.move_on_after(ECHO_S if self._listening else 0):
                await echo.came.wait()
            if echo.record is None:
                self._check_open()
                echo.resolve(self._own_row(command))
        finally:
            if echo in waiting:
                waiting.remove(echo)
        assert echo.record is not None
        return echo.record

    async def _post(self, echo: "_Echo") -> None:
        try:
            await self._api.send(self.id, echo.command)
            echo.is_taken = True
        except UnknownCallError as exc:
            raise CallClosedError("the server does not know it any more") from exc
        finally:
            echo.answered.set()

    def _own_row(self, command: BaseCommand) -> Record:
        self._protocol.follow(command)
        secrets = self._protocol.secrets
        return self._keep(Record.of_command(command, self._now_ms(), secrets=secrets))

    async def _log_unheard(self) -> None:
        """Log what the server took and did not repeat before the stream ended."""
        # of a hangup the server often repeats nothing: it is quicker than its stream
        with anyio.move_on_after(ECHO_S):
            for echo in [echo for kind in self._echoes.values() for echo in kind]:
                await echo.answered.wait()
                if echo.is_taken and echo.record is None:
                    echo.resolve(self._own_row(echo.command))

    def _echoed(self, record: Record) -> None:
        waiting = self._echoes[record.name]
        if waiting:
            waiting.popleft().resolve(record)

    # ------------------------------------------------------------------ listening

    def begin_with(self, stream: CallStream) -> None:
        """Take the stream that is open already; before ``running``."""
        self._first = stream

    @override
    def _start(self, tasks: TaskGroup) -> None:
        tasks.start_soon(self._follow)

    async def _follow(self) -> None:
        if self._first is None or self.close_reason is not None:
            return
        try:
            with anyio.CancelScope() as self._scope:
                why = await self._stay(self._first)
                await self._log_unheard()
                self._finish(why, None)
        except anyio.get_cancelled_exc_class():
            self._finish("the watch was cancelled on our side; the call goes on", None)
            raise
        self._finish(LEFT, None)

    async def _stay(self, stream: CallStream) -> str:
        """Read until the call is over; returns why there is no more to read."""
        broken = await self._take_all(stream)
        while True:
            began = self._now_ms()
            if broken is not None:
                self.note(notes.Gap(why=f"the stream broke: {broken}", began_ms=began))
            async with AsyncExitStack() as stack:
                again = await self._again(stack, broken)
                if isinstance(again, str):
                    return again
                why = "the stream is resumed; what came in between is missing"
                self.note(notes.Gap(why=why, began_ms=began, ended_ms=self._now_ms()))
                broken = await self._take_all(again)

    async def _take_all(self, stream: CallStream) -> str | None:
        """Read a stream to its end; returns why it broke, None if it ended in order."""
        self._listening = True
        try:
            async for kind, text in stream:
                self._take(kind, text)
        except StreamBrokenError as exc:
            return exc.why
        finally:
            self._listening = False
        return None

    async def _again(
        self, stack: AsyncExitStack, broken: str | None
    ) -> CallStream | str:
        """Open the stream again; returns a reason if the call is over instead."""
        gives_up = self._backoff.give_up_s
        async for is_last in self._backoff.attempts():
            try:
                return await stack.enter_async_context(self._api.stream(self.id))
            except UnknownCallError:
                known = "" if broken is None else " while we did not hear it"
                return f"the call ended{known}"
            except (ConnectError, RequestRefusedError) as exc:  # or a proxy says 503
                if broken is None:
                    return "the call ended, and its server is gone"
                if is_last:
                    return (
                        f"the stream broke ({broken}) and could not be resumed within "
                        f"{gives_up:g} s: {exc.why}"
                    )
        raise AssertionError("the last attempt returns")

    def _take(self, kind: str, text: str) -> None:
        now = self._now_ms()
        if kind == "command":
            record = self._keep(self._protocol.receive_command(text, now))
            self._set_formats()
            self._echoed(record)
        elif not (text.startswith(BINARY) and self._took_audio(text)):
            self._keep(self._protocol.receive_text(text, now))

    def _took_audio(self, text: str) -> bool:
        try:
            event = events.parse(text)
        except UnreadableFrameError:
            return False  # it becomes a note, as every frame that cannot be read
        if isinstance(event, events.Binary):
            self._hear(event.audio)
            return True
        return False

    @override
    def _finish(self, why: str, code: int | None) -> None:
        super()._finish(why, code)
        for waiting in self._echoes.values():
            for echo in waiting:
                echo.came.set()

    @override
    async def aclose(self) -> None:
        """Stop watching; the call goes on."""
        if self._scope is not None:
            self._scope.cancel()
            with anyio.move_on_after(CLOSE_GRACE_S, shield=True):
                await self._closed.wait()
        self._finish(LEFT, None)


class _Echo:
    """A command we sent and wait to hear of."""

    def __init__(self, command: BaseCommand) -> None:
        self.command = command
        self.is_taken = False
        """Whether the server has answered that it is queued."""
        self.answered = anyio.Event()
        self.came = anyio.Event()
        self.record: Record | None = None

    def resolve(self, record: Record) -> None:
        self.record = record
        self.came.set()


@asynccontextmanager
async def watch(
    url: str,
    id: str,
    *,
    log: EventLog | None = None,
    logger: logging.Logger | None = None,
    headers: Mapping[str, str] | None = None,
    ssl: ssl_module.SSLContext | None = None,
    backoff: Backoff | None = None,
    server_version: str | ServerVersion | None = None,
    is_tapped: bool = False,
) -> AsyncGenerator[WatchedCall, None]:
    """Watch a call that someone else owns, from now on.

    ::

        async with watch("ws://127.0.0.1:8080", "s.1") as call:
            await call.tts("One moment, please.")
            async for event in call: ...

    The log has what the server sends: every event (also ``ping``) and every command of
    anyone, nothing from before. A stream that breaks is opened again; a ``notes.Gap``
    says where something is missing. A slow network loses events without a trace: the
    server drops the oldest of 128.

    Args:
        url: Address of the server, ``ws://HOST:PORT``.
        id: Session id of the call.
        log: The log to write to; None makes a new one.
        logger: Where the call is logged, as in ``connect``.
        headers: Further HTTP headers.
        ssl: TLS settings.
        backoff: When to try again after the stream broke.
        server_version: The server's release, such as ``"0.3.113"``, noted in the log;
            None is not known.
        is_tapped: Whether the audio comes from a tap (``hear_tap``), not with the
            events.

    Raises:
        UnknownCallError: If there is no such call on the server.
        ConnectError: If no server answers.
        InvalidOptionError: If ``server_version`` is malformed.
    """
    version = named_version(server_version)
    async with ServerApi(url, headers=headers, ssl=ssl) as api, api.stream(id) as first:
        # the stream first: between the two answers nothing is lost
        running = {call.id: call for call in await api.list()}
        entry = running.get(id)
        if entry is None:
            raise UnknownCallError(id)
        call = WatchedCall(
            api,
            entry,
            log=log,
            logger=logger,
            backoff=backoff,
            server_version=version,
            is_tapped=is_tapped,
        )
        call.begin_with(first)
        async with call.running():
            yield call
