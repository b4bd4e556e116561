"""Notes: observations of ours that were not on the wire."""

from collections.abc import Mapping
from typing import ClassVar, Literal, get_args

from pydantic import ConfigDict, StrictBool, StrictStr

from rustpbx_lab.models.base import BaseNote, WireInt

from .parsing import Reader

Severity = Literal["info", "warning", "error"]
LegName = Literal["caller", "server"]
ClockName = Literal["server", "ours"]
SipWay = Literal["sent", "received"]

BROKEN_CODES = (1006, 1011)
"""Close codes that stand for a connection that broke."""


class Connected(BaseNote, frozen=True):
    """The connection is open."""

    log_columns: ClassVar[Mapping[str, str]] = {"text": "url", "key": "call_type"}

    note: Literal["connected"] = "connected"

    url: StrictStr
    """Where to, with tokens masked."""

    call_type: StrictStr
    """``websocket``, ``webrtc`` or ``sip``."""

    id: StrictStr | None = None
    """The session id we asked for; None: the server chose one."""

    server_version: StrictStr | None = None
    """Release of the server, as whoever made the call named it; None: not known."""


class Closed(BaseNote, frozen=True):
    """The connection is closed: the authoritative end of the call."""

    log_columns: ClassVar[Mapping[str, str]] = {"text": "why", "value": "code"}

    note: Literal["closed"] = "closed"

    why: StrictStr
    """Why, in words."""

    code: WireInt | None = None
    """WebSocket close code, where there was one; the server sends none."""

    failed: StrictBool | None = None
    """Whether the call never came to be, such as for a refused connection."""

    @property
    def is_failure(self) -> bool:
        """Whether it is not a regular end: never connected, or the connection broke."""
        return self.failed is True or self.code in BROKEN_CODES


class Unreadable(BaseNote, frozen=True):
    """A frame that is not an event."""

    log_columns: ClassVar[Mapping[str, str]] = {"key": "error"}

    note: Literal["unreadable"] = "unreadable"

    text: StrictStr
    """The frame, secrets masked."""

    error: StrictStr
    """What is wrong with it."""


class HandlerFailed(BaseNote, frozen=True):
    """A callback raised; the call goes on."""

    log_columns: ClassVar[Mapping[str, str]] = {
        "key": "handler",
        "text": "error",
        "value": "count",
    }

    note: Literal["handlerFailed"] = "handlerFailed"

    handler: StrictStr
    """Name of the callback."""

    event_seq: WireInt
    """Log row that was being handled."""

    error: StrictStr
    """Type and text of what was raised."""

    count: WireInt
    """How often this callback has failed by now."""


class AgentFailed(BaseNote, frozen=True):
    """Our own code raised while it held the call; the call ends for it."""

    log_columns: ClassVar[Mapping[str, str]] = {"key": "where", "text": "error"}

    note: Literal["agentFailed"] = "agentFailed"

    error: StrictStr
    """Type and text of what was raised."""

    where: StrictStr | None = None
    """File, line and function that raised it: ``bot.py:41 in answer``."""


class Advice(BaseNote, frozen=True):
    """Something the server will do differently from what was probably meant."""

    log_columns: ClassVar[Mapping[str, str]] = {"key": "rule"}

    note: Literal["advice"] = "advice"

    rule: StrictStr
    """Name of the rule."""

    severity: Severity
    """How bad it is."""

    text: StrictStr
    """What will happen."""

    instead: StrictStr | None = None
    """What would work."""


class AudioStarted(BaseNote, frozen=True):
    """A burst of audio begins on a leg."""

    log_columns: ClassVar[Mapping[str, str]] = {
        "key": "leg",
        "text": "codec",
        "value": "sample",
    }

    note: Literal["audioStarted"] = "audioStarted"

    leg: LegName
    """Whose audio: what the caller sends, or what the server plays."""

    at_ms: WireInt
    """When, milliseconds since the Unix epoch, our clock."""

    sample: WireInt
    """Offset of the first sample in the leg's recording."""

    sample_rate_hz: WireInt
    """Rate of the leg's samples."""

    codec: StrictStr
    """How they are encoded: ``pcm``, ``pcmu``, ``pcma`` or ``g722``."""

    is_silent: bool | None = None
    """Whether it begins with silence: ``soundStarted`` tells when it can be heard.

    None if nobody listened: what the caller sends, and older logs.
    """


class AudioStopped(BaseNote, frozen=True):
    """A burst of audio is over on a leg."""

    log_columns: ClassVar[Mapping[str, str]] = {"key": "leg", "value": "sample"}

    note: Literal["audioStopped"] = "audioStopped"

    leg: LegName
    """Whose audio."""

    at_ms: WireInt
    """When, milliseconds since the Unix epoch, our clock."""

    sample: WireInt
    """Offset after the last sample in the leg's recording."""

    clock: tuple[tuple[WireInt, WireInt], ...] | None = None
    """Where within the burst the arrivals left the sample clock: (sample, our clock).

    A sender that was held up is late, then sends what it missed at once. None: nowhere,
    or an older log.
    """


class SoundStarted(BaseNote, frozen=True):
    """A burst that was silent can be heard: above -50 dBFS."""

    log_columns: ClassVar[Mapping[str, str]] = {"key": "leg", "value": "sample"}

    note: Literal["soundStarted"] = "soundStarted"

    leg: LegName
    """Whose audio."""

    at_ms: WireInt
    """When, milliseconds since the Unix epoch, our clock."""

    sample: WireInt
    """Offset of the first sample that is heard in the leg's recording."""


class SoundStopped(BaseNote, frozen=True):
    """A burst goes on in silence; a pause of less than 300 ms is not told."""

    log_columns: ClassVar[Mapping[str, str]] = {"key": "leg", "value": "sample"}

    note: Literal["soundStopped"] = "soundStopped"

    leg: LegName
    """Whose audio."""

    at_ms: WireInt
    """When the last sound ended, milliseconds since the Unix epoch, our clock."""

    sample: WireInt
    """Offset after the last sample that was heard in the leg's recording."""


class Gap(BaseNote, frozen=True):
    """A hole in what we hear of a watched call; the server repeats nothing.

    One note when the stream breaks, and one when it is resumed.
    """

    log_columns: ClassVar[Mapping[str, str]] = {"text": "why"}

    note: Literal["gap"] = "gap"

    why: StrictStr
    """What happened, in words."""

    began_ms: WireInt
    """When the stream broke, milliseconds since the Unix epoch, our clock."""

    ended_ms: WireInt | None = None
    """When it was resumed, same clock; None while it is not."""


class Tapped(BaseNote, frozen=True):
    """The call's audio is heard through a tap from now on (`MonitorOption`)."""

    log_columns: ClassVar[Mapping[str, str]] = {"text": "id", "key": "call_type"}

    note: Literal["tapped"] = "tapped"

    id: StrictStr
    """The session id, as the server names it."""

    call_type: StrictStr = ""
    """``webSocket``, ``webrtc`` or ``sip``."""

    started_at: StrictStr = ""
    """When the session began, RFC 3339, the server's clock."""


class AudioLost(BaseNote, frozen=True):
    """A server dropped audio of a tap because it was read too slowly.

    It tells nobody; the loss shows by the time that passed.
    """

    log_columns: ClassVar[Mapping[str, str]] = {"key": "leg", "value": "lost_ms"}

    note: Literal["audioLost"] = "audioLost"

    leg: LegName
    """Whose audio."""

    lost_ms: WireInt
    """How much, about, milliseconds."""

    began_ms: WireInt
    """When it began, about, milliseconds since the Unix epoch, our clock."""

    ended_ms: WireInt
    """When it ended, about, same clock."""


class ClockStep(BaseNote, frozen=True):
    """A clock was set during the call; call time goes on past it.

    Media times of a stream that began before keep the server's earlier clock.
    """

    log_columns: ClassVar[Mapping[str, str]] = {
        "key": "clock",
        "value": "by_ms",
        "text": "why",
    }

    note: Literal["clockStep"] = "clockStep"

    clock: ClockName
    """Whose clock."""

    by_ms: WireInt
    """How far it was set, milliseconds; positive is forward."""

    why: StrictStr
    """How it shows."""


class SipMessage(BaseNote, frozen=True):
    """A SIP message of one of the call's legs, out of the server's sipflow file."""

    log_columns: ClassVar[Mapping[str, str]] = {"key": "call_id", "text": "text"}

    note: Literal["sipMessage"] = "sipMessage"

    at_us: WireInt
    """When the server saw it, microseconds since the Unix epoch, its clock."""

    call_id: StrictStr
    """Call-ID of the dialog."""

    source: StrictStr | None = None
    """Who sent it, ``HOST:PORT``; the server names itself by the address it bound."""

    destination: StrictStr | None = None
    """Who it was sent to, ``HOST:PORT``."""

    way: SipWay | None = None
    """Whether the server sent or received it; None where the file does not tell."""

    text: StrictStr
    """The message, secrets masked."""


SIP_MESSAGE = "sipMessage"
"""Name of that note: what counts the rows of a call leaves it out."""


class UnknownNote(BaseNote, frozen=True):
    """A note of a name we do not know, with all its fields."""

    model_config = ConfigDict(extra="allow")

    note: StrictStr
    """Name of the note in the log."""


KnownNote = (
    Connected
    | Closed
    | Unreadable
    | HandlerFailed
    | AgentFailed
    | Advice
    | AudioStarted
    | AudioStopped
    | SoundStarted
    | SoundStopped
    | Gap
    | Tapped
    | AudioLost
    | ClockStep
    | SipMessage
)
"""Every note we know: the one list."""

_reader: Reader[BaseNote] = Reader("note", get_args(KnownNote), UnknownNote)

NOTE_NAMES = _reader.names
"""The names of the notes we know."""


def parse(text: str | bytes) -> BaseNote:
    """Read a note of a log; keys of a newer version are kept.

    Raises:
        UnreadableFrameError: If it is not a JSON object with a ``note``, or a known
            note has a wrong field.
    """
    return _reader.parse(text)


mended = _reader.mended
"""Make the text of a logged message readable again; see `Reader.mended`."""
