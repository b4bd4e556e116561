"""What the server says: every event, and the one list of them."""

import json
import re
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, get_args

from pydantic import Field, StrictBool, StrictStr

from rustpbx_lab.models.base import (
    F32,
    BaseEvent,
    SpelledModel,
    StringMap,
    WireInt,
    WireModel,
)
from rustpbx_lab.models.commands import text_of
from rustpbx_lab.models.reading import Reader
from rustpbx_lab.models.times import rfc3339_ms

_SOME = re.compile(r"Some\((.*)\)\Z", re.DOTALL)
_OTHER = re.compile(r'Other\((".*")\)\Z', re.DOTALL)
_UNICODE_ESCAPE = re.compile(r"\\u\{([0-9a-fA-F]{1,6})\}")
_WORD = re.compile(r"[A-Z][A-Za-z]*\Z")


class TimedEvent(BaseEvent, frozen=True):
    """An event that says when it was made."""

    timestamp: WireInt
    """When the server made it, milliseconds since the Unix epoch."""


class TrackEvent(TimedEvent, frozen=True):
    """An event of one track."""

    track_id: StrictStr
    """The session id for the caller's leg; the server-side track (default
    ``server-side-track``) for what the server plays and for a transfer leg."""


class LegEvent(TrackEvent, frozen=True):
    """An event of one leg of the call."""

    refer: StrictBool | None = None
    """True on a transfer leg; missing means false."""


class Incoming(TrackEvent, frozen=True):
    """An incoming SIP call; sent once, when you first send `ringing` or `accept`."""

    log_columns: ClassVar[Mapping[str, str]] = {"key": "caller", "text": "callee"}

    event: Literal["incoming"] = "incoming"

    caller: StrictStr
    """From URI of the INVITE."""

    callee: StrictStr
    """To URI of the INVITE."""

    sdp: StrictStr
    """Offer of the caller."""

    headers: StringMap | None = None
    """Non-standard headers of the INVITE, where it has any."""


class Answer(LegEvent, frozen=True):
    """The call, or its transfer leg, is answered."""

    event: Literal["answer"] = "answer"

    sdp: StrictStr
    """Session description; empty on a WebSocket call."""


class MediaReady(TrackEvent, frozen=True):
    """The first RTP stream of a SIP leg is there, before or after `answer`.

    Never on WebSocket and WebRTC calls.
    """

    event: Literal["mediaReady"] = "mediaReady"


class Reject(LegEvent, frozen=True):
    """The call or the transfer was refused, or there was nothing to accept."""

    log_columns: ClassVar[Mapping[str, str]] = {"text": "reason", "value": "code"}

    event: Literal["reject"] = "reject"

    reason: StrictStr
    """The Reason header, else code and standard text: ``486 Busy Here``."""

    code: WireInt | None = None
    """SIP status; in practice always there."""


class Ringing(LegEvent, frozen=True):
    """The other side rings; outgoing legs only, may repeat."""

    event: Literal["ringing"] = "ringing"

    early_media: StrictBool
    """The provisional answer had a body."""


class Attendee(WireModel, frozen=True):
    """One side of a SIP call."""

    username: StrictStr = ""
    """User part, or empty."""

    realm: StrictStr = ""
    """Host."""

    source: StrictStr = ""
    """The original text."""


class Hangup(TimedEvent, frozen=True):
    """A SIP leg ended. Never sent on WebSocket and WebRTC calls, and often lost when
    we hung up ourselves: the closed connection is the end of a call.
    """

    log_columns: ClassVar[Mapping[str, str]] = {
        "text": "reason_name",
        "key": "initiator",
        "start_time": "start_time_ms",
        "end_time": "hangup_time_ms",
    }

    event: Literal["hangup"] = "hangup"

    track_id: StrictStr | None = None
    """The session id, or the server-side track for a transfer leg."""

    reason: StrictStr | None = None
    """Why, as the server prints it, ``Some(ByCaller)``; see `reason_name`."""

    initiator: StrictStr | None = None
    """``caller``, ``callee`` or ``system``, derived from the SIP end; a hangup we or
    the server asked for says ``caller``."""

    start_time: StrictStr | None = None
    """When the call began, RFC 3339 text."""

    hangup_time: StrictStr | None = None
    """When it ended, RFC 3339 text."""

    answer_time: StrictStr | None = None
    """When it was answered (or last re-invited), RFC 3339 text."""

    ringing_time: StrictStr | None = None
    """When it rang, RFC 3339 text."""

    from_: Attendee | None = Field(default=None, alias="from")
    """The caller, if the option named one."""

    to: Attendee | None = None
    """The callee, if the option named one."""

    extra: dict[str, Any] | None = None
    """``session_id``, ``call_type``, ``start_time``, playbook variables,
    ``_hangup_headers``."""

    refer: StrictBool | None = None
    """True on a transfer leg; missing means false."""

    @property
    def reason_name(self) -> str | None:
        """The reason as the call record names it: ``byCaller``, or free text.

        ``Some(Other("max call time"))`` gives ``max call time``; ``None``, an empty
        and a missing reason give None; a plain text is returned as it is.
        """
        return reason_name(self.reason)

    @property
    def start_time_ms(self) -> int | None:
        """When the call began, milliseconds since the Unix epoch."""
        return rfc3339_ms(self.start_time)

    @property
    def hangup_time_ms(self) -> int | None:
        """When it ended, milliseconds since the Unix epoch."""
        return rfc3339_ms(self.hangup_time)


class Inactivity(TrackEvent, frozen=True):
    """No audio packet for longer than the timeout; the call is then hung up.

    Silence counts as activity. On the server-side track it is the fixed 50 s watch
    of a transfer leg.
    """

    event: Literal["inactivity"] = "inactivity"


class Hold(LegEvent, frozen=True):
    """A re-INVITE or UPDATE came, whether or not it changed something."""

    log_columns: ClassVar[Mapping[str, str]] = {"value": "on_hold"}

    event: Literal["hold"] = "hold"

    on_hold: StrictBool
    """The remote party does not listen."""


class TransferRequest(LegEvent, frozen=True):
    """The remote party asks to be transferred (REFER); the server does nothing more."""

    log_columns: ClassVar[Mapping[str, str]] = {
        "text": "refer_to",
        "key": "referred_by",
    }

    event: Literal["transferRequest"] = "transferRequest"

    refer_to: StrictStr
    """Where to; may be empty."""

    referred_by: StrictStr | None = None
    """Who asks."""


class Message(LegEvent, frozen=True):
    """A SIP MESSAGE inside the call."""

    log_columns: ClassVar[Mapping[str, str]] = {"text": "body", "key": "content_type"}

    event: Literal["message"] = "message"

    body: StrictStr
    """The message."""

    content_type: StrictStr | None = None
    """Type of the body."""


class Dtmf(LegEvent, frozen=True):
    """A key was pressed; WebRTC and SIP only."""

    log_columns: ClassVar[Mapping[str, str]] = {"text": "digit"}

    event: Literal["dtmf"] = "dtmf"

    digit: StrictStr
    """``0``-``9``, ``*``, ``#``, ``A``-``D``; from SIP INFO any character."""


class Speaking(LegEvent, frozen=True):
    """Voice activity began on a track."""

    log_columns: ClassVar[Mapping[str, str]] = {"value": "confidence"}

    event: Literal["speaking"] = "speaking"

    start_time: WireInt
    """When speech began, milliseconds since the Unix epoch (of a realtime service:
    since its stream began)."""

    is_filler: StrictBool | None = None
    """Never sent by this server."""

    confidence: F32 | None = None
    """The detector always says 1.0."""


class Silence(LegEvent, frozen=True):
    """Three things under one name.

    * End of speech: ``start_time`` is the start of the *speech* and ``duration`` its
      length; it equals the ``start_time`` of the `speaking` before it. A very short
      utterance has no `speaking`.
    * A tick of ``silenceTimeout``: start (or last tick) and length of the silence.
    * No input: on the server-side track with ``refer: false``; ``start_time`` is when
      the timer was armed, ``duration`` its ``waitInputTimeout``.

    Source:
        active-call 0.3.83, protocol section 6.2.
    """

    event: Literal["silence"] = "silence"

    start_time: WireInt
    """Start of the speech, of the silence or of the timer, epoch milliseconds."""

    duration: WireInt
    """Length of the same, milliseconds."""


class Transcript(LegEvent, frozen=True):
    """What `asrFinal` and `asrDelta` have in common."""

    log_columns: ClassVar[Mapping[str, str]] = {"value": "confidence"}

    index: WireInt
    """Number of the sentence, on the provider's count; sensevoice always says 0."""

    start_time: WireInt | None = None
    """Start of the sentence, epoch milliseconds on the recogniser's clock: late by
    its connection delay. Missing with sensevoice and realtime."""

    end_time: WireInt | None = None
    """End of the sentence, same clock."""

    text: StrictStr
    """The words; may be empty."""

    is_filler: StrictBool | None = None
    """Never sent by this server."""

    confidence: F32 | None = None
    """0 to 1; deepgram measures it, sensevoice always says 1.0."""

    task_id: StrictStr | None = None
    """The provider's id of the request."""


class AsrFinal(Transcript, frozen=True):
    """A sentence was recognised."""

    event: Literal["asrFinal"] = "asrFinal"


class AsrDelta(Transcript, frozen=True):
    """A sentence so far; replaces the delta of the same index before it.

    With a realtime service it is the assistant's text, in fragments.
    """

    event: Literal["asrDelta"] = "asrDelta"


class Eou(SpelledModel, LegEvent, frozen=True):
    """End of an utterance. Never sent by the stock server.

    The Go SDK and the documentation spell the flag ``complete``; both are read.
    """

    foreign_spellings: ClassVar[Mapping[str, str]] = {"complete": "completed"}
    log_columns: ClassVar[Mapping[str, str]] = {
        "value": "completed",
        "key": "interrupt_point",
    }

    event: Literal["eou"] = "eou"

    completed: StrictBool
    """The utterance is complete."""

    interrupt_point: StrictStr | None = None
    """Where the speaker was cut off."""

    text: StrictStr | None = None
    """The utterance."""


class AnswerMachineDetection(TimedEvent, frozen=True):
    """An answering machine was detected. Never sent by this server."""

    event: Literal["answerMachineDetection"] = "answerMachineDetection"

    track_id: StrictStr | None = None
    """The track; missing in the documentation."""

    start_time: WireInt
    """Start of what was heard, epoch milliseconds."""

    end_time: WireInt
    """Its end."""

    text: StrictStr
    """What was heard."""


class TrackStart(TrackEvent, frozen=True):
    """A track was made, before any of its audio exists."""

    event: Literal["trackStart"] = "trackStart"

    play_id: StrictStr | None = None
    """The playback; the url or path of a file without one. Missing for the caller,
    bridges, media pass and transfer legs."""


class TrackEnd(TrackEvent, frozen=True):
    """A track ended."""

    event: Literal["trackEnd"] = "trackEnd"

    duration: WireInt
    """Milliseconds since the track began (SIP legs: since the answer); of speech it
    includes synthesis and buffering, so it is not the length of the audio."""

    ssrc: WireInt | None = None
    """Number of the track's stream; the Go SDK lacks it."""

    play_id: StrictStr | None = None
    """The playback."""


class Interruption(TrackEvent, frozen=True):
    """Speech was cut off: by a command, another playback or the end of the call."""

    log_columns: ClassVar[Mapping[str, str]] = {"text": "subtitle", "value": "current"}

    event: Literal["interruption"] = "interruption"

    play_id: StrictStr | None = None
    """The playback."""

    subtitle: StrictStr | None = None
    """The text; when streaming only the last piece received."""

    position: WireInt | None = None
    """Character that was being spoken; tencent only."""

    total_duration: WireInt
    """Milliseconds synthesised so far; 0 for cached and base64 audio."""

    current: WireInt
    """Milliseconds played."""


class Interrupt(BaseEvent, frozen=True):
    """An internal signal of a realtime service; it has no timestamp."""

    log_columns: ClassVar[Mapping[str, str]] = {"key": "receiver"}

    event: Literal["interrupt"] = "interrupt"

    receiver: StrictStr | None = None
    """The track it is meant for."""


class Metrics(TimedEvent, frozen=True):
    """A measurement of the server; see `value` for the number to look at."""

    log_columns: ClassVar[Mapping[str, str]] = {"play_id": "play_id"}

    event: Literal["metrics"] = "metrics"

    key: StrictStr
    """What: ``completed.tts.<provider>``, ``ttfb.asr.<provider>``,
    ``completed.asr.<provider>``, ``llm_response``, …"""

    duration: WireInt
    """Milliseconds; 0 for the playbook's keys. Of ``*.asr.*`` no latency: tencent
    counts the user's silence, aliyun the whole call."""

    data: Any = None
    """Details; an object in practice."""

    @property
    def value(self) -> float | None:
        """Milliseconds: ``data.duration`` of ``llm_response``, else ``duration``."""
        if self.key == "llm_response":
            return self._number("duration")
        return self.duration

    @property
    def ttfb(self) -> float | None:
        """Milliseconds to the first byte, where ``data`` tells."""
        return self._number("ttfb")

    @property
    def play_id(self) -> str | None:
        """The playback, where ``data`` tells."""
        said = self._details().get("playId")
        return said if isinstance(said, str) else None

    def _number(self, name: str) -> float | None:
        said = self._details().get(name)
        is_number = isinstance(said, int | float) and not isinstance(said, bool)
        return said if is_number else None

    def _details(self) -> dict[str, Any]:
        return self.data if isinstance(self.data, dict) else {}


class Error(TrackEvent, frozen=True):
    """Something went wrong on the server; ends the call only if it was the set-up."""

    log_columns: ClassVar[Mapping[str, str]] = {
        "text": "error",
        "key": "sender",
        "value": "code",
    }

    event: Literal["error"] = "error"

    sender: StrictStr
    """What failed: ``command``, ``invite``, ``tts``, ``filetrack: <url>``, …"""

    error: StrictStr
    """What happened."""

    code: WireInt | None = None
    """500 of services; missing elsewhere."""


class AddHistory(TimedEvent, frozen=True):
    """A line of the conversation."""

    log_columns: ClassVar[Mapping[str, str]] = {"key": "speaker"}

    event: Literal["addHistory"] = "addHistory"

    sender: StrictStr | None = None
    """The session id for the `history` command; ``system`` or ``llm``."""

    speaker: StrictStr
    """Who said it."""

    text: StrictStr
    """What was said."""


class FunctionCall(TrackEvent, frozen=True):
    """A realtime service wants a function called."""

    log_columns: ClassVar[Mapping[str, str]] = {"key": "name", "text": "arguments"}

    event: Literal["functionCall"] = "functionCall"

    call_id: StrictStr
    """Id of this request."""

    name: StrictStr
    """The function."""

    arguments: StrictStr
    """A text that holds JSON; may be empty."""


class Custom(TimedEvent, frozen=True):
    """The echo of a `custom` command."""

    log_columns: ClassVar[Mapping[str, str]] = {"key": "sender", "text": "data_text"}

    event: Literal["custom"] = "custom"

    sender: StrictStr | None = None
    """Who said it."""

    data: Any = None
    """Any JSON."""

    @property
    def data_text(self) -> str:
        """The data as text: a string itself, all else as JSON."""
        return text_of(self.data)


class Other(TrackEvent, frozen=True):
    """Reserved; never sent by this server."""

    log_columns: ClassVar[Mapping[str, str]] = {"key": "sender"}

    event: Literal["other"] = "other"

    sender: StrictStr
    """Who said it."""

    extra: StringMap | None = None
    """Details."""


class RingbackState(LegEvent, frozen=True):
    """What is heard while ringing; needs a special build of the server."""

    log_columns: ClassVar[Mapping[str, str]] = {"key": "state", "value": "confidence"}

    event: Literal["ringbackState"] = "ringbackState"

    state: StrictStr
    """``silence``, ``busy_tone``, ``fast_busy``, ``ringing``, ``empty_number``,
    ``out_of_service``, ``user_unavailable``, ``user_busy``, ``tts_voice``,
    ``answer_machine``, ``human_voice`` or ``other``."""

    state_index: WireInt
    """Number of the state, 0 to 11 in that order (9 is ``answer_machine``)."""

    confidence: F32
    """0 to 1."""

    prev_state: StrictStr | None = None
    """The state before."""

    prev_confidence: F32 | None = None
    """Its confidence."""

    is_final: StrictBool | None = None
    """The verdict will not change; the Go SDK lacks it."""


class Ping(TimedEvent, frozen=True):
    """A tick of the keep-alive; JSON only in logs and SSE, a control frame on the
    socket.
    """

    log_columns: ClassVar[Mapping[str, str]] = {"text": "payload"}

    event: Literal["ping"] = "ping"

    payload: StrictStr | None = None
    """RFC 3339 time."""


class Binary(TrackEvent, frozen=True):
    """A frame of audio; JSON only in SSE, a binary frame on the socket."""

    event: Literal["binary"] = "binary"

    data: list[WireInt]
    """The bytes."""

    @property
    def audio(self) -> bytes:
        """The frame as bytes; values outside a byte are cut to it."""
        return bytes(value & 0xFF for value in self.data)


class LlmFinal(TimedEvent, frozen=True):
    """An answer of a language model; in the documentation only."""

    event: Literal["llmFinal"] = "llmFinal"

    text: StrictStr
    """The answer."""


class LlmDelta(TimedEvent, frozen=True):
    """A word of a language model's answer; in the documentation only."""

    log_columns: ClassVar[Mapping[str, str]] = {"text": "word"}

    event: Literal["llmDelta"] = "llmDelta"

    word: StrictStr
    """The word."""


class UnknownEvent(BaseEvent, frozen=True):
    """An event of a name we do not know, with all its fields."""

    event: StrictStr
    """Name of the event on the wire."""


KnownEvent = (
    Incoming
    | Answer
    | MediaReady
    | Reject
    | Ringing
    | Hangup
    | Inactivity
    | Hold
    | TransferRequest
    | Message
    | Dtmf
    | Speaking
    | Silence
    | AsrFinal
    | AsrDelta
    | Eou
    | AnswerMachineDetection
    | TrackStart
    | TrackEnd
    | Interruption
    | Interrupt
    | Metrics
    | Error
    | AddHistory
    | FunctionCall
    | Custom
    | Other
    | RingbackState
    | Ping
    | Binary
    | LlmFinal
    | LlmDelta
)
"""Every event we know: the one list."""

_reader: Reader[BaseEvent] = Reader(
    "event", get_args(KnownEvent), UnknownEvent, whole_floats=True
)

EVENT_NAMES = _reader.names
"""The wire names of the events we know."""


def parse(text: str | bytes) -> BaseEvent:
    """Read an event of the server.

    Unknown keys are kept, a missing optional key is None, ``5.0`` passes for a time.

    Returns:
        A model of `KnownEvent`, or `UnknownEvent` for a name we do not know.

    Raises:
        UnreadableFrameError: If it is no JSON object with an ``event``, or an event we
            know has a wrong field.
    """
    return _reader.parse(text)


def reason_name(reason: str | None) -> str | None:
    """Return the camelCase name, or the free text, of a printed hangup reason."""
    if reason is None or reason in {"", "None"}:
        return None
    some = _SOME.match(reason)
    if some is None:
        return reason
    if other := _OTHER.match(some[1]):
        return _unquote(other[1])
    if _WORD.match(some[1]):
        return some[1][0].lower() + some[1][1:]
    return some[1]


def _unquote(text: str) -> str:
    r"""Undo Rust's debug quoting, which is JSON's but for ``\u{1f600}`` and ``\'``."""
    plain = _UNICODE_ESCAPE.sub(lambda found: chr(int(found[1], 16)), text)
    try:
        return str(
            json.loads(plain.replace("\\'", "'").replace("\\0", ""), strict=False)
        )
    except ValueError:
        return text[1:-1]
