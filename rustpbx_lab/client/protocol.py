"""CallProtocol: frames ↔ messages and the phase of a call; no I/O, no clock."""

from enum import StrEnum

from rustpbx_lab.errors import InvalidOptionError, UnreadableFrameError
from rustpbx_lab.lint.fault_symptoms import WATCHED
from rustpbx_lab.log import Record
from rustpbx_lab.masking import mask_text, secret_values
from rustpbx_lab.models import commands, events, notes
from rustpbx_lab.models.base import BaseCommand, BaseEvent
from rustpbx_lab.models.rest import ActiveCall
from rustpbx_lab.models.server_versions import ServerVersion

from .call_advisor import WATCHED_EVENTS, CallAdvisor, LintMode
from .outgoing import Outgoing, OutgoingTexts

SET_UP_SENDERS = frozenset({"invite", "accept", "ringing", "playbook"})
"""Senders of errors that end the call; a ``command`` error with the same text may
follow, but is usually lost. Source: protocol.md, 3.1 and 7.2."""

PHASE_EVENTS = frozenset({"answer", "ringing", "incoming"})
"""Events that change the phase, unless they are of a refer leg."""
STATE_EVENTS = PHASE_EVENTS | WATCHED_EVENTS
"""Events that change anything here: all others only pass."""

AUDIO_HEADERS = {0: "server", 1: "caller"}
"""First byte of a subscribed audio frame → leg. Source: protocol.md, 1.6."""

FAULT_ROWS = WATCHED - {"closed"}
"""Rows that may show a fault of the server; behind the last row nothing is said."""

EVENT_BEGINS = b'{"event":'
"""No audio begins like this by chance."""


class CallPhase(StrEnum):
    """Where a call stands."""

    CONNECTED = "connected"
    INVITING = "inviting"
    RINGING = "ringing"
    ANSWERED = "answered"
    CLOSED = "closed"


class CallProtocol:
    """Turns frames into messages and commands into frames for one connection.

    Remembers the phase of the call, the audio format, the secrets that were sent and
    what advice needs, and nothing else. A frame it cannot read becomes a note: no
    frame is lost.
    """

    def __init__(
        self,
        call_type: str = "websocket",
        *,
        call_id: str | None = None,
        lint: LintMode = "warn",
        secrets: frozenset[str] = frozenset(),
        server_version: ServerVersion | None = None,
    ) -> None:
        self.phase = CallPhase.CONNECTED
        self.track_id: str | None = None
        """The caller's track, which is the session id; None before the answer."""
        self.codec = "pcm"
        """The codec of binary frames on ``/call``, fixed by the first invite."""
        self.secrets = secrets
        """Secret values that were sent; they are masked wherever they come back."""
        self._has_header = call_type in ("webrtc", "sip")
        self._lint: LintMode = lint
        self._advisor = CallAdvisor(call_type, call_id, server_version)
        self._texts = OutgoingTexts()

    def receive_text(self, text: str, received_ms: int) -> Record:
        """Return the row of a text frame: its event, or a note that it is unreadable.

        Secrets that were sent are masked before anything else looks at the text.

        Args:
            text: The frame.
            received_ms: Our clock at its arrival, milliseconds since the Unix epoch.
        """
        masked = mask_text(text, self.secrets)
        try:
            event = events.parse(masked)
        except UnreadableFrameError as error:
            unreadable = notes.Unreadable(text=masked, error=error.why)
            return Record.of_note(unreadable, received_ms, self.secrets)
        if event.event in STATE_EVENTS:
            self._advance(event)
            self._advisor.received(event)
        return Record.of_event(event, masked, received_ms)

    def receive_command(self, text: str, received_ms: int) -> Record:
        """Return the row of a command that someone sent to a call we only watch.

        Its secrets are masked, here and from now on wherever they come back.

        Args:
            text: The command as the server repeats it.
            received_ms: Our clock at its arrival, milliseconds since the Unix epoch.
        """
        try:
            command = commands.parse(text)
        except UnreadableFrameError as error:
            masked = mask_text(text, self.secrets)
            unreadable = notes.Unreadable(text=masked, error=error.why)
            return Record.of_note(unreadable, received_ms, self.secrets)
        self.follow(command)
        masked = mask_text(text, self.secrets)
        return Record("command", command.command, masked, None, received_ms)

    def receive_audio(self, frame: bytes) -> tuple[str, bytes] | notes.Unreadable:
        """Return the leg a binary frame belongs to, and its audio.

        On ``/call`` a frame is the server's audio in the call's codec; elsewhere its
        first byte names the leg and s16le mono 16 kHz follows. A frame that is not
        audio becomes a note.
        """
        if not self._has_header:
            if frame.startswith(EVENT_BEGINS):
                return _no_audio(frame, "an event came as a binary frame")
            return "server", frame
        leg = AUDIO_HEADERS.get(frame[0] if frame else 0)
        if leg is None:
            return _no_audio(
                frame, f"a binary frame begins with {frame[0]}, not 0 or 1"
            )
        return leg, frame[1:]

    def prepare(self, command: BaseCommand, now_ms: int) -> Outgoing:
        """Return a command as it will be sent, with what is to be said about it.

        Its texts are valid Unicode: a lone surrogate is replaced by U+FFFD, and one at
        the end of a streamed piece of speech waits for the next piece.

        Args:
            command: What is about to be sent.
            now_ms: Our clock, milliseconds since the Unix epoch.

        Raises:
            InvalidOptionError: If ``lint`` is strict and the server would not do what
                the command says.
        """
        outgoing = self._texts.prepare(command)
        advice = [*outgoing.advice, *self.advise(outgoing.command, now_ms)]
        return outgoing._replace(advice=advice)

    def advise(self, command: BaseCommand, now_ms: int) -> list[notes.Advice]:
        """Return what is to be said about a command before it is sent.

        Args:
            command: What is about to be sent.
            now_ms: Our clock, milliseconds since the Unix epoch.

        Raises:
            InvalidOptionError: If ``lint`` is strict and the server would not do what
                the command says.
        """
        if self._lint == "off":
            return []
        self.secrets |= secret_values(command)
        given = self._advisor.advice(command, now_ms)
        errors = [advice for advice in given if advice.severity == "error"]
        if errors and self._lint == "strict":
            told = "; ".join(
                error.text + (f" (instead: {error.instead})" if error.instead else "")
                for error in errors
            )
            raise InvalidOptionError(
                f"did not send {command.command}: "
                f"{self.mask(told)}; lint='warn' sends it all the same"
            )
        return given

    def faults(self, record: Record) -> list[notes.Advice]:
        """Return what known faults of the server the next row of the log shows.

        Args:
            record: The row, placed in its log.
        """
        if self._lint == "off" or record.name not in FAULT_ROWS:
            return []
        try:
            message = record.message
        except UnreadableFrameError:  # masked beyond reading: it says nothing here
            return []
        return list(self._advisor.faults(message, record.time_ms or 0, record.seq))

    def commit(self, outgoing: Outgoing) -> None:
        """Remember the half character that waits after a command that is sent."""
        self._texts.commit(outgoing)

    def send(self, command: BaseCommand) -> str:
        """Return the text frame of a command; secrets are in the clear only here."""
        self.follow(command)
        return command.to_json(reveal=True)

    def follow(self, command: BaseCommand) -> None:
        """Learn from a command, whoever sent it."""
        self.secrets |= secret_values(command)
        self._advisor.sent(command)
        if isinstance(command, commands.Invite | commands.Accept):
            if self.phase is CallPhase.CONNECTED:
                self.codec = (command.option.codec or "pcm").lower()
            if self.phase in (CallPhase.CONNECTED, CallPhase.RINGING):
                self.phase = CallPhase.INVITING

    def resume(self, call: ActiveCall) -> None:
        """Learn what a running call's entry in the server's list tells."""
        self.secrets |= secret_values(call)
        if call.option is not None:
            self.codec = (call.option.codec or "pcm").lower()
            self.phase = CallPhase.INVITING
        if call.ring_time is not None:
            self.phase = CallPhase.RINGING
        if call.start_time is not None:  # the time of the answer
            self.phase = CallPhase.ANSWERED

    def unfinished(self) -> list[notes.Advice]:
        """Return what is to be noted of texts that wait for their rest, at the end."""
        return self._texts.close()

    def close(self, why: str, code: int | None) -> notes.Closed:
        """Note that the connection is closed."""
        self.phase = CallPhase.CLOSED
        return notes.Closed(why=self.mask(why), code=code)

    def mask(self, text: str) -> str:
        """Return a text without the secrets that were sent."""
        return mask_text(text, self.secrets)

    def _advance(self, event: BaseEvent) -> None:
        if getattr(event, "refer", None):
            return
        if isinstance(event, events.Answer):
            self.phase, self.track_id = CallPhase.ANSWERED, event.track_id
        elif self.phase is not CallPhase.ANSWERED and isinstance(
            event, events.Ringing | events.Incoming
        ):
            self.phase = CallPhase.RINGING


def ends_set_up(event: BaseEvent) -> bool:
    """Whether the event says that an invite or accept has failed."""
    if isinstance(event, events.Reject):
        return not event.refer
    return isinstance(event, events.Error) and event.sender in SET_UP_SENDERS


def _no_audio(frame: bytes, why: str) -> notes.Unreadable:
    return notes.Unreadable(text=frame.decode("utf-8", "replace"), error=why)
