"""CallSession: one call on one connection."""

import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar, overload

import anyio.lowlevel
from anyio.abc import TaskGroup

from rustpbx_lab.audio.codecs import call_codec
from rustpbx_lab.audio.recording import Recording
from rustpbx_lab.audio.sources import AudioSource
from rustpbx_lab.errors import (
    CallClosedError,
    CallFailedError,
    CallRejectedError,
)
from rustpbx_lab.log import EventLog, Record
from rustpbx_lab.models import commands, events, options
from rustpbx_lab.models.base import BaseCommand, BaseEvent, BaseNote

from .audio_legs import GAP_MS, AudioLegs
from .call_commands import CallCommands
from .handlers import Handler, HandlerRunner
from .protocol import CallPhase, CallProtocol, ends_set_up
from .pump import pump
from .reading import EventIterator, Wanted, first_message
from .tasks import plain_task_group
from .transport import Transport, TransportClosedError

FRAMES_A_TURN = 64
"""Frames taken before others get their turn."""
HANDLER_GRACE_S = 2
"""What handlers are given to finish after the call is closed."""
CLOSE_GRACE_S = 7
"""What an orderly close of the wire may take before the call counts as closed."""

Message = TypeVar("Message", bound=BaseEvent | BaseNote)


def system_clock_ms() -> int:
    """Return our clock: milliseconds since the Unix epoch."""
    return time.time_ns() // 1_000_000


class CallSession(CallCommands):
    """One call: its log, its commands, its audio.

    Iterating yields every event from the first, in order, and ends with the call. Made
    by ``connect``.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        call_type: str = "websocket",
        call_id: str | None = None,
        log: EventLog | None = None,
        audio: AudioSource | None = None,
        logger: logging.Logger | None = None,
        now_ms: Callable[[], int] = system_clock_ms,
    ) -> None:
        self.log = EventLog() if log is None else log
        """Every event, command and note of the call."""
        self.recording = Recording()
        """The audio of both legs, as it passed."""
        self.close_reason: str | None = None
        """Why the connection closed; None while it is open."""
        self._transport = transport
        self._protocol = CallProtocol(call_type)
        self._has_own_audio = call_type == "websocket"
        if not self._has_own_audio:  # subscribed audio is 16 kHz in both directions
            self.recording.server.configure("pcm")
        self._id = call_id
        self._source = audio
        self._now_ms = now_ms
        self._legs = AudioLegs(self.recording, self.note)
        self._sending = anyio.Lock()
        self._closed = anyio.Event()
        self._heard = anyio.Event()
        self._handlers: TaskGroup | None = None
        self._runner = HandlerRunner(self.note, logger or logging.getLogger(__name__))

    # ------------------------------------------------------------------ state

    @property
    def id(self) -> str | None:
        """The session id; None until the server has named the one it chose."""
        return self._id

    @property
    def phase(self) -> CallPhase:
        """Where the call stands."""
        return self._protocol.phase

    # ------------------------------------------------------------------ sending

    async def send(self, command: BaseCommand) -> Record:
        """Send a command.

        Returns:
            Its row in the log. The server acknowledges nothing: wait for the events.

        Raises:
            CallClosedError: If the connection is closed.
        """
        async with self._sending:  # rows and frames in the same order
            self._check_open()
            frame = self._protocol.send(command)
            self._set_formats()
            # first, or the reply could be logged before it
            record = self.log.append(
                Record.of_command(
                    command, self._now_ms(), secrets=self._protocol.secrets
                )
            )
            await self._send_frame(frame)
        return record

    async def send_audio(self, pcm: bytes) -> None:
        """Send the caller's audio: bytes in the call's codec, on ``/call`` only.

        The default codec is s16le mono 16 kHz; 20 ms (640 bytes) at a time are usual.

        Raises:
            CallClosedError: If the connection is closed.
        """
        self._check_open()
        self._legs.add("caller", pcm, self._now_ms())
        await self._send_frame(pcm)

    async def _send_frame(self, frame: str | bytes) -> None:
        try:
            await self._transport.send(frame)
        except TransportClosedError as exc:
            raise CallClosedError(exc.why) from exc

    def _check_open(self) -> None:
        if self.close_reason is not None:
            raise CallClosedError(self.close_reason)

    def _set_formats(self) -> None:
        heard = self.recording.caller.n_samples or self.recording.server.n_samples
        if self._has_own_audio and not heard:
            self.recording.configure(self._protocol.codec)

    # ------------------------------------------------------------------ setting up

    async def invite(
        self, option: options.CallOption | None = None, timeout: float | None = 30
    ) -> events.Answer:
        """Set the call up and wait for its answer.

        Args:
            option: What the call is to be; None is an empty option.
            timeout: Seconds to wait; None waits as long as it takes.

        Returns:
            The answer.

        Raises:
            CallRejectedError: The other side refused.
            CallFailedError: The server could not set the call up.
            CallClosedError: The connection closed before an answer.
            CallTimeoutError: No answer in time. The call still rings: leave the
                ``connect`` block to cancel it, a hangup would wait for the answer.
        """
        sent = await self.send(commands.Invite(option=option or options.CallOption()))

        def decides(event: BaseEvent) -> bool:
            is_answer = isinstance(event, events.Answer) and not event.refer
            return is_answer or ends_set_up(event)

        event = await self._wait("*", timeout, sent, decides, awaited="answer")
        if isinstance(event, events.Reject):
            raise CallRejectedError(event.reason, event.code)
        if isinstance(event, events.Error):
            raise CallFailedError(event.sender, event.error)
        assert isinstance(event, events.Answer)
        return event

    # ------------------------------------------------------------------ reading

    def __aiter__(self) -> "EventIterator":
        return EventIterator(self.log.cursor())

    @overload
    async def wait_for(
        self,
        what: type[Message],
        *,
        timeout: float | None = None,
        after: Record | None = None,
        where: Callable[[Message], bool] | None = None,
    ) -> Message: ...
    @overload
    async def wait_for(
        self,
        what: str,
        *,
        timeout: float | None = None,
        after: Record | None = None,
        where: Callable[[Any], bool] | None = None,
    ) -> Any: ...
    async def wait_for(
        self,
        what: Wanted,
        *,
        timeout: float | None = None,
        after: Record | None = None,
        where: Callable[[Any], bool] | None = None,
    ) -> Any:
        """Wait for an event or note.

        Args:
            what: A class of events or notes, an event's name, or ``"*"``.
            timeout: Seconds to wait; None waits until the call ends.
            after: The record behind which to look; None is now.
            where: A further condition on the message.

        Returns:
            The first message that fits.

        Raises:
            CallTimeoutError: If none came in time.
            CallClosedError: If the call ended without one.
        """
        return await self._wait(what, timeout, after, where)

    async def _wait(
        self,
        what: Wanted,
        timeout: float | None,
        after: Record | None,
        where: Callable[[Any], bool] | None = None,
        awaited: str | None = None,
    ) -> Any:
        cursor = self.log.cursor(len(self.log) if after is None else after.seq + 1)
        message = await first_message(cursor, what, timeout, where, awaited)
        if message is None:
            raise CallClosedError(self.close_reason or "its log was closed")
        return message

    @overload
    def on(self, what: Wanted, handler: Handler) -> Handler: ...
    @overload
    def on(self, what: Wanted) -> Callable[[Handler], Handler]: ...
    def on(
        self, what: Wanted, handler: Handler | None = None
    ) -> Handler | Callable[[Handler], Handler]:
        """Call a function for each event or note of a kind from now on.

        Each handler has a task and a cursor of its own: it gets its events strictly in
        order, one at a time, and waits for nobody. What it raises is logged with the
        event and counted in a ``HandlerFailed`` note.

        Args:
            what: As in ``wait_for``.
            handler: A function of the message, plain or async; without it ``on`` is a
                decorator.
        """
        if handler is None:
            return lambda function: self.on(what, function)
        self._check_open()
        if self._handlers is None:
            raise CallClosedError(
                "it is not running; use it inside `async with connect`"
            )
        cursor = self.log.cursor(len(self.log))
        self._handlers.start_soon(self._runner.run, what, handler, cursor)
        return handler

    async def audio(self) -> AsyncIterator[bytes]:
        """Yield what the server plays, from the first frame, as it comes.

        Each item is what arrived since the last one, in the call's codec (``pcm`` is
        s16le mono at 8 kHz in this direction); ends with the call.
        """
        position = 0
        while True:
            heard, closed = self._heard, self.close_reason is not None
            new = self.recording.server.data_from(position)
            if new:
                position += len(new)
                yield new
            elif closed:
                return
            else:
                await heard.wait()

    # ------------------------------------------------------------------ running

    def note(self, note: BaseNote) -> Record:
        """Put a note of our own into the log."""
        record = Record.of_note(note, self._now_ms(), self._protocol.secrets)
        return self.log.append(record)

    async def _read(self) -> None:
        try:
            while True:
                for _ in range(FRAMES_A_TURN):
                    self._take(await self._transport.receive())
                # frames that wait already never suspend us: let the readers follow
                await anyio.lowlevel.checkpoint()
        except TransportClosedError as exc:
            self._finish(exc.why, exc.code)
        except anyio.get_cancelled_exc_class():
            self._finish("the call was cancelled on our side", 1000)
            raise

    def _take(self, frame: str | bytes) -> None:
        now = self._now_ms()
        if isinstance(frame, bytes):
            leg, audio = self._protocol.receive_audio(frame)
            self._legs.add(leg, audio, now)
            heard, self._heard = self._heard, anyio.Event()
            heard.set()
            return
        record = self._protocol.receive_text(frame, now)
        if self._id is None:
            self._id = self._protocol.track_id
        self.log.append(record)

    def _finish(self, why: str, code: int | None) -> None:
        if self.close_reason is None:
            self._legs.end_bursts(None)
            self.close_reason = why
            self.note(self._protocol.close(why, code))
            self.log.close()
            self._heard.set()
            self._closed.set()

    async def _watch_bursts(self) -> None:
        while self.close_reason is None:
            with anyio.move_on_after(GAP_MS / 2000):
                await self._closed.wait()
            self._legs.end_bursts(self._now_ms())

    async def _play_source(self, source: AudioSource) -> None:
        try:
            await self._wait(events.Answer, None, None)
            await pump(source, call_codec(self._protocol.codec), self.send_audio)
        except CallClosedError:
            return  # the call ended before its audio did

    async def aclose(self) -> None:
        """Close the connection with code 1000; the log ends with why it closed."""
        with anyio.move_on_after(CLOSE_GRACE_S, shield=True):
            await self._transport.close()
            await self._closed.wait()
        self._finish("the server did not answer our close", None)

    @asynccontextmanager
    async def running(self) -> AsyncGenerator["CallSession", None]:
        """Run the call's tasks; leaving the block closes the connection."""
        async with plain_task_group() as tasks, plain_task_group() as handlers:
            self._handlers = handlers
            tasks.start_soon(self._read)
            tasks.start_soon(self._watch_bursts)
            if self._source is not None:
                tasks.start_soon(self._play_source, self._source)
            try:
                yield self
            finally:
                await self.aclose()
                handlers.cancel_scope.deadline = anyio.current_time() + HANDLER_GRACE_S
                tasks.cancel_scope.deadline = anyio.current_time() + HANDLER_GRACE_S
