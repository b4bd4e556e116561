"""CallSession: one call on one connection."""

import logging
from collections.abc import Callable

import anyio
from anyio.abc import TaskGroup
from typing_extensions import override

from rustpbx_lab.audio.codecs import call_codec
from rustpbx_lab.audio.sources import AudioSource
from rustpbx_lab.client.media.audio_sender import pump
from rustpbx_lab.errors import (
    CallClosedError,
    CallFailedError,
    CallRejectedError,
    InvalidOptionError,
)
from rustpbx_lab.log import EventLog, Record
from rustpbx_lab.models import commands, events, options
from rustpbx_lab.models.base import BaseCommand, BaseEvent
from rustpbx_lab.models.server_versions import ServerVersion

from .base_call import system_clock_ms
from .call_advisor import LintMode
from .protocol import CallProtocol, ends_set_up
from .steered_call import SteeredCall
from .transport import Transport, TransportClosedError

NO_AUDIO = {
    "webrtc": "its audio comes from a WebRTC peer; use client.webrtc.webrtc_peer",
    "sip": "its caller is a telephone; use call_type='websocket' to send audio",
}
"""Call type → why it takes no audio over its connection, and what would work."""

CLOSE_GRACE_S = 7
"""What an orderly close of the wire may take before the call counts as closed."""


def check_takes_audio(call_type: str) -> None:
    """Refuse audio for a call whose server would drop it.

    Raises:
        InvalidOptionError: If the call is not of type ``websocket``.
    """
    if call_type in NO_AUDIO:
        raise InvalidOptionError(
            f"cannot send audio on a {call_type} call: {NO_AUDIO[call_type]}"
        )


class CallSession(SteeredCall):
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
        lint: LintMode = "warn",
        secrets: frozenset[str] = frozenset(),
        server_version: ServerVersion | None = None,
        now_ms: Callable[[], int] = system_clock_ms,
    ) -> None:
        if audio is not None:
            check_takes_audio(call_type)
        protocol = CallProtocol(
            call_type,
            call_id=call_id,
            lint=lint,
            secrets=secrets,
            server_version=server_version,
        )
        super().__init__(
            call_type, log=log, logger=logger, now_ms=now_ms, protocol=protocol
        )
        self._transport = transport
        self._call_type = call_type
        self._id = call_id
        self._source = audio
        self._sending = anyio.Lock()

    # ------------------------------------------------------------------ state

    @property
    @override
    def id(self) -> str | None:
        """The session id; None until the server has named the one it chose."""
        return self._id

    @property
    def takes_audio(self) -> bool:
        """Whether the caller's audio goes over this connection: on ``/call`` only."""
        return self._has_own_audio

    # ------------------------------------------------------------------ sending

    async def send(self, command: BaseCommand) -> Record:
        """Send a command.

        Returns:
            Its row in the log. The server acknowledges nothing: wait for the events.

        Raises:
            CallClosedError: If the connection is closed.
            InvalidOptionError: If ``lint`` is strict and the server would not do what
                the command says.
        """
        async with self._sending:  # rows and frames in the same order
            self._check_open()
            outgoing = self._protocol.prepare(command, self._now_ms())
            for advice in outgoing.advice:
                self.note(advice)
            self._protocol.commit(outgoing)
            frame = self._protocol.send(outgoing.command)
            self._set_formats()
            # first, or the reply could be logged before it
            record = self._keep(
                Record.of_command(
                    outgoing.command, self._now_ms(), secrets=self._protocol.secrets
                )
            )
            await self._send_frame(frame)
        return record

    async def send_audio(self, pcm: bytes) -> None:
        """Send the caller's audio: bytes in the call's codec, on ``/call`` only.

        The default codec is s16le mono 16 kHz; 20 ms (640 bytes) at a time are usual.

        Raises:
            CallClosedError: If the connection is closed.
            InvalidOptionError: If it is a WebRTC or SIP call, where the server drops
                audio that comes over this connection.
        """
        self._check_open()
        check_takes_audio(self._call_type)
        if not self._is_tapped:
            self._legs.add("caller", pcm, self._now_ms())
        await self._send_frame(pcm)

    async def _send_frame(self, frame: str | bytes) -> None:
        try:
            await self._transport.send(frame)
        except TransportClosedError as exc:
            raise CallClosedError(self._protocol.mask(exc.why)) from None

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

    # ------------------------------------------------------------------ keys

    # ------------------------------------------------------------------ running

    @override
    def _start(self, tasks: TaskGroup) -> None:
        tasks.start_soon(self._read)
        if self._source is not None:
            tasks.start_soon(self._play_source, self._source)

    async def _read(self) -> None:
        try:
            await self._transport.deliver(self._take)
        except TransportClosedError as exc:
            self._finish(exc.why, exc.code)
        except anyio.get_cancelled_exc_class():
            self._finish("the call was cancelled on our side", 1000)
            raise

    @override
    def _keep(self, record: Record) -> Record:
        kept = super()._keep(record)
        for advice in self._protocol.faults(kept):
            self.note(advice)
        return kept

    def _take(self, frame: str | bytes) -> None:
        if isinstance(frame, bytes):
            self._hear(frame)
            return
        record = self._protocol.receive_text(frame, self._now_ms())
        if self._id is None:
            self._id = self._protocol.track_id
        self._keep(record)

    async def _play_source(self, source: AudioSource) -> None:
        try:
            await self._wait(events.Answer, None, None)
            await pump(source, call_codec(self._protocol.codec), self.send_audio)
        except CallClosedError:
            return  # the call ended before its audio did

    @override
    async def aclose(self) -> None:
        """Close the connection with code 1000; the log ends with why it closed."""
        with anyio.move_on_after(CLOSE_GRACE_S, shield=True):
            await self._transport.close()
            await self._closed.wait()
        self._finish("the server did not answer our close", None)
