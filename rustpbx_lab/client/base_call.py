"""CallReader: iteration over a call that arrives row by row."""

import logging
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Self, TypeVar, overload

import anyio
from anyio.abc import TaskGroup

from rustpbx_lab.audio.recording import Recording
from rustpbx_lab.client.media.audio_legs import GAP_MS, AudioLegs
from rustpbx_lab.errors import CallClosedError, CallError
from rustpbx_lab.log import EventLog, Record
from rustpbx_lab.models import notes
from rustpbx_lab.models.base import BaseEvent, BaseNote

from .failures import described, failure_of, place_of
from .handlers import Handler, HandlerRunner
from .message_filter import EventIterator, Wanted, first_message
from .protocol import CallPhase, CallProtocol
from .row_logging import RowLogger
from .task_groups import plain_task_group

HANDLER_GRACE_S = 2
"""What handlers are given to finish after the call is closed."""

Message = TypeVar("Message", bound=BaseEvent | BaseNote)


def system_clock_ms() -> int:
    """Return our clock: milliseconds since the Unix epoch."""
    return time.time_ns() // 1_000_000


class CallReader(ABC):
    """A call as it is read: its log, its audio, and waiting for what comes.

    Iterating yields every event from the first, in order, and ends with the call.
    """

    def __init__(
        self,
        call_type: str,
        *,
        log: EventLog | None,
        logger: logging.Logger | None,
        now_ms: Callable[[], int],
        protocol: CallProtocol | None = None,
    ) -> None:
        self.log = EventLog() if log is None else log
        """Every event, command and note of the call."""
        self.recording = Recording()
        """The audio of both legs, as it passed."""
        self.close_reason: str | None = None
        """Why the connection closed; None while it is open."""
        self._protocol = CallProtocol(call_type) if protocol is None else protocol
        self._has_own_audio = call_type == "websocket"
        self._is_tapped = False
        if not self._has_own_audio:  # subscribed audio is 16 kHz in both directions
            self.recording.server.configure("pcm")
        self._now_ms = now_ms
        self._legs = AudioLegs(self.recording, self.note)
        self._closed = anyio.Event()
        self._heard = anyio.Event()
        self._handlers: TaskGroup | None = None
        self._failure: str | None = None
        self._rows = RowLogger(logger)
        self._runner = HandlerRunner(
            self._tell_failure, logger or logging.getLogger(__name__)
        )

    @property
    @abstractmethod
    def id(self) -> str | None:
        """The session id; None until it is known."""

    @property
    def phase(self) -> CallPhase:
        """Where the call stands."""
        return self._protocol.phase

    @abstractmethod
    async def aclose(self) -> None:
        """Close the connection; the log ends with why it closed."""

    @abstractmethod
    def _start(self, tasks: TaskGroup) -> None:
        """Start the tasks that fill the log."""

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

    async def wait_closed(self) -> str:
        """Wait until the connection is closed; return why it was."""
        await self._closed.wait()
        assert self.close_reason is not None
        return self.close_reason

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

    # ------------------------------------------------------------------ filling

    def note(self, note: BaseNote) -> Record:
        """Put a note of our own into the log."""
        record = Record.of_note(note, self._now_ms(), self._protocol.secrets)
        return self._keep(record)

    def _keep(self, record: Record) -> Record:
        """Append a row to the log, and log it."""
        self.log.append(record)
        self._rows.log(record, self.id)
        return record

    def _tell_failure(self, note: notes.HandlerFailed) -> None:
        if not self.log.is_closed:  # readers of a closed log, a file too, are gone
            self.note(note)

    def fail(self, error: BaseException) -> None:
        """Note what the code that holds the call has raised; the call is to end for it.

        Leaving the ``connect`` or ``watch`` block with an exception does so itself. An
        agent whose exception is caught outside of the block needs this call.
        """
        failure = failure_of(error)
        if failure is None or self.close_reason is not None or self._failure:
            return
        self._failure = described(failure)
        if not isinstance(failure, CallError):  # a row of the server's says that
            self.note(notes.AgentFailed(error=self._failure, where=place_of(failure)))

    def _check_open(self) -> None:
        if self.close_reason is not None:
            raise CallClosedError(self.close_reason)

    def _set_formats(self) -> None:
        heard = self.recording.caller.n_samples or self.recording.server.n_samples
        if self._has_own_audio and not heard and not self._is_tapped:
            self.recording.configure(self._protocol.codec)

    def _hear(self, frame: bytes) -> None:
        received = self._protocol.receive_audio(frame)
        if isinstance(received, BaseNote):
            self.note(received)
            return
        if not self._is_tapped:
            self.add_audio(*received)

    def use_tap(self) -> bool:
        """Have both legs come from a tap, 16 kHz ``pcm``, if none has come yet.

        Returns:
            Whether that is so. What the connection itself brings is then not recorded.
        """
        recording = self.recording
        heard = recording.caller.n_samples or recording.server.n_samples
        if not heard:
            for leg in (recording.caller, recording.server):
                leg.configure("pcm")
                leg.keep_time()
            self._is_tapped = True
        return self._is_tapped

    def add_audio(self, leg: str, audio: bytes, at_ms: int | None = None) -> None:
        """Record audio that passes now: of the connection, or of a WebRTC peer.

        Args:
            leg: ``"caller"`` or ``"server"``.
            audio: Bytes in the leg's codec; on WebRTC and from a tap s16le mono 16 kHz.
            at_ms: When it passed, our clock; None is now.
        """
        self._legs.add(leg, audio, self._now_ms() if at_ms is None else at_ms)
        heard, self._heard = self._heard, anyio.Event()
        heard.set()

    def _finish(self, why: str, code: int | None) -> None:
        if self.close_reason is None:
            self._legs.end_bursts(None)
            for advice in self._protocol.unfinished():
                self.note(advice)
            if self._failure is not None:
                why = f"{why}: {self._failure}"
            closed = self._protocol.close(why, code)
            self.close_reason = closed.why
            self.note(closed)
            self.log.close()
            self._heard.set()
            self._closed.set()

    async def _watch_bursts(self) -> None:
        while self.close_reason is None:
            if not self._legs.is_sounding:  # a call without audio needs no timer
                await self._heard.wait()
            with anyio.move_on_after(GAP_MS / 2000):
                await self._closed.wait()
            self._legs.end_bursts(self._now_ms())

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[Self, None]:
        """Run the call's tasks; leaving the block closes the connection."""
        async with plain_task_group() as tasks, plain_task_group() as handlers:
            self._handlers = handlers
            tasks.start_soon(self._watch_bursts)
            self._start(tasks)
            try:
                yield self
            except BaseException as error:
                self.fail(error)
                raise
            finally:
                await self.aclose()
                handlers.cancel_scope.deadline = anyio.current_time() + HANDLER_GRACE_S
                tasks.cancel_scope.deadline = anyio.current_time() + HANDLER_GRACE_S
