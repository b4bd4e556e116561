"""The commands of a client."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, get_args

from pydantic import ConfigDict, Field, JsonValue, StrictStr

from rustpbx_lab.models.base import (
    U32,
    BaseCommand,
    Bool,
    PathText,
)
from rustpbx_lab.models.field_metadata import MayBeEmpty, Unit
from rustpbx_lab.models.json_text import text_of
from rustpbx_lab.models.options import (
    CallOption,
    RecorderOption,
    ReferOption,
    SynthesisOption,
)
from rustpbx_lab.models.sip_text import HeaderMap, SipText

from .line_commands import (
    DTMF_DIGITS,
    AddIceCandidate,
    Bridge,
    Dtmf,
    Message,
    Renegotiate,
    Unbridge,
)
from .parsing import Reader

__all__ = [
    "COMMAND_NAMES",
    "DTMF_DIGITS",
    "END_REASONS",
    "Accept",
    "AddIceCandidate",
    "Bridge",
    "Command",
    "Custom",
    "Dtmf",
    "Hangup",
    "History",
    "Interrupt",
    "Invite",
    "Message",
    "Mute",
    "Pause",
    "Play",
    "Refer",
    "Reject",
    "Renegotiate",
    "Resume",
    "Ringing",
    "Tts",
    "Unbridge",
    "UnknownCommand",
    "Unmute",
    "mended",
    "parse",
]

END_REASONS = [
    "caller",
    "callee",
    "refer",
    "system",
    "autohangup",
    "inactivitytimeout",
    "canceled",
    "rejected",
    "failed",
]
"""Reasons the server knows; any other text becomes ``other(text)``."""


class Invite(BaseCommand, frozen=True):
    """Set the call up: the first command of an outgoing call. → `answer`.

    On SIP it blocks every later command until the other side has answered.
    """

    command: Literal["invite"] = "invite"

    option: CallOption
    """How the call is made; may be empty, not missing and not null."""


class Accept(BaseCommand, frozen=True):
    """Answer the incoming SIP call whose dialog id is the session id. → `answer`."""

    command: Literal["accept"] = "accept"

    option: CallOption
    """How the call is handled; replaces what an earlier `ringing` set."""


class Reject(BaseCommand, frozen=True):
    """Refuse the incoming SIP call and close the connection."""

    log_columns: ClassVar[Mapping[str, str]] = {"text": "reason", "value": "code"}

    command: Literal["reject"] = "reject"

    reason: Annotated[StrictStr, SipText]
    """Text of the SIP Reason header."""

    code: U32 | None = Field(default=None, examples=[486, 600, 603])
    """SIP status; missing: 603 Decline."""


class Ringing(BaseCommand, frozen=True):
    """Tell the caller of an incoming SIP call that it rings."""

    log_columns: ClassVar[Mapping[str, str]] = {"text": "ringtone"}

    command: Literal["ringing"] = "ringing"

    recorder: RecorderOption | None = None
    """Record from now on; missing: off."""

    early_media: Bool | None = False
    """Send 183 with SDP instead of 180."""

    ringtone: PathText | None = None
    """File or URL to play while ringing; implies early media. Accepting the call does
    not stop it."""


class Tts(BaseCommand, frozen=True):
    """Speak a text. → `trackStart`, `metrics`, `trackEnd`.

    A second non-streaming command with the same play id (or none), sent while the
    first is playing, is accepted and never spoken. Another play id interrupts.
    """

    command: Literal["tts"] = "tts"

    text: Annotated[StrictStr, MayBeEmpty()]
    """What to say; may be empty, to signal the end or auto hangup only."""

    speaker: StrictStr | None = None
    """No effect on the voice in this server; set it in ``option``."""

    play_id: StrictStr | None = None
    """Name of the playback; use a fresh one each time."""

    auto_hangup: Bool | None = None
    """Hang up when this playback ends."""

    streaming: Bool | None = False
    """The text arrives in pieces under one play id."""

    end_of_stream: Bool | None = False
    """Last piece; the server forces it to true when not streaming."""

    option: SynthesisOption | None = None
    """Merged over the call's option; a missing speed, volume, samplerate or codec is
    reset to its default here, an explicit null keeps the call's."""

    wait_input_timeout: Annotated[U32 | None, Unit("ms")] = None
    """After the playback send `silence` if nothing is heard for so many
    milliseconds; 0 disarms."""

    base64: Bool | None = False
    """The text is base64 of s16le mono audio at the tts sample rate."""

    cache_key: StrictStr | None = None
    """Name in the server's audio cache, without a dot; non-streaming only."""


class Play(BaseCommand, frozen=True):
    """Play a file, replacing whatever plays. → `trackStart`, `trackEnd`."""

    log_columns: ClassVar[Mapping[str, str]] = {"text": "url", "value": "offset_ms"}

    command: Literal["play"] = "play"

    url: PathText
    """http(s) URL or a path on the server. Decoded audio is cached for ever."""

    play_id: StrictStr | None = None
    """Name of the playback; missing: the url."""

    auto_hangup: Bool | None = None
    """Hang up when this playback ends."""

    wait_input_timeout: Annotated[U32 | None, Unit("ms")] = None
    """After the playback send `silence` if nothing is heard for so many
    milliseconds; 0 disarms."""

    offset_ms: Annotated[U32 | None, Unit("ms")] = 0
    """Begin here, milliseconds; beyond the end it is over at once."""


class Interrupt(BaseCommand, frozen=True):
    """Stop what plays. → `interruption` (tts only), `trackEnd`."""

    command: Literal["interrupt"] = "interrupt"

    graceful: Bool | None = False
    """Finish the sentence; only non-streaming tts that is already heard."""

    fade_out_ms: U32 | None = None
    """Milliseconds; read and ignored by the server."""


class Pause(BaseCommand, frozen=True):
    """Freeze what plays; synthesis goes on filling the buffer. No event."""

    command: Literal["pause"] = "pause"


class Resume(BaseCommand, frozen=True):
    """Go on from where `pause` froze. No event."""

    command: Literal["resume"] = "resume"


class Hangup(BaseCommand, frozen=True):
    """End the call, or its transfer leg only."""

    log_columns: ClassVar[Mapping[str, str]] = {"text": "reason", "key": "initiator"}

    command: Literal["hangup"] = "hangup"

    reason: StrictStr | None = Field(default=None, examples=END_REASONS)
    """Why, case ignored; a text outside the list is recorded as "other"."""

    initiator: StrictStr | None = Field(
        default=None, examples=["caller", "callee", "system"]
    )
    """Who; ``caller``, ``callee`` and ``system`` override the reason."""

    headers: HeaderMap | None = None
    """Headers added to the BYE."""

    refer: Bool | None = None
    """True: end the transfer leg only."""


class Refer(BaseCommand, frozen=True):
    """Transfer: the server calls a third party and mixes both legs.

    Blocks every later command until the leg is answered, refused or timed out.
    """

    log_columns: ClassVar[Mapping[str, str]] = {"key": "caller", "text": "callee"}

    command: Literal["refer"] = "refer"

    caller: Annotated[StrictStr, SipText, MayBeEmpty()]
    """Caller of the new leg; empty: that of the main call. Not missing."""

    callee: Annotated[StrictStr, SipText]
    """SIP URI to call."""

    options: ReferOption | None = None
    """How the leg is made and heard."""


class Mute(BaseCommand, frozen=True):
    """Replace what a track produces with zeros. No event."""

    command: Literal["mute"] = "mute"

    track_id: StrictStr | None = None
    """Track; missing: all that exist now. Later tracks are not muted."""


class Unmute(BaseCommand, frozen=True):
    """Undo `mute`. No event."""

    command: Literal["unmute"] = "unmute"

    track_id: StrictStr | None = None
    """Track; missing: all that exist now."""


class History(BaseCommand, frozen=True):
    """Write a line of the conversation into the log. → `addHistory`."""

    log_columns: ClassVar[Mapping[str, str]] = {"key": "speaker"}

    command: Literal["history"] = "history"

    speaker: StrictStr = Field(examples=["user", "bot"])
    """Who said it."""

    text: StrictStr
    """What was said."""


class Custom(BaseCommand, frozen=True):
    """Have the server say something back: an echo or a marker. → `custom`."""

    log_columns: ClassVar[Mapping[str, str]] = {"key": "sender", "text": "data_text"}

    command: Literal["custom"] = "custom"

    data: JsonValue
    """Any JSON, null too; only leaving it out is refused."""

    sender: StrictStr | None = None
    """Who says it."""

    @property
    def data_text(self) -> str:
        """The data as text: a string itself, all else as JSON."""
        return text_of(self.data)


class UnknownCommand(BaseCommand, frozen=True):
    """A command of a name we do not know, with all its fields."""

    model_config = ConfigDict(extra="allow")

    command: StrictStr
    """Name of the command on the wire."""


Command = (
    Invite
    | Accept
    | Reject
    | Ringing
    | Tts
    | Play
    | Interrupt
    | Pause
    | Resume
    | Hangup
    | Refer
    | Mute
    | Unmute
    | History
    | Message
    | Bridge
    | Unbridge
    | Custom
    | AddIceCandidate
    | Dtmf
    | Renegotiate
)
"""Every command we know: the one list."""

_reader: Reader[BaseCommand] = Reader(
    "command", get_args(Command), UnknownCommand, unique_keys=True
)

COMMAND_NAMES = _reader.names
"""The wire names of the commands we know."""

mended = _reader.mended
"""Make the text of a logged command readable again; see `Reader.mended`."""


def parse(text: str | bytes) -> BaseCommand:
    """Read a command of anyone's, as strictly as the server does.

    Unknown keys are kept at every depth and come out of ``to_wire`` again, aliases
    under the spelling that was read. Beyond what the server takes, enumerations may
    be objects (``{"other": "ten"}``), as the server's own log writes them.

    Returns:
        A model of `Command`, or `UnknownCommand` for a name we do not know.

    Raises:
        UnreadableFrameError: If the server could not read it either.
    """
    return _reader.parse(text)
