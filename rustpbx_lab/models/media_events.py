"""Events of media: speech, recognition, playback."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import StrictBool, StrictStr

from rustpbx_lab.models.base import (
    F32,
    BaseEvent,
    LegEvent,
    OpenName,
    SpelledModel,
    TimedEvent,
    TrackEvent,
    WireInt,
)
from rustpbx_lab.models.field_metadata import Since

DTMF_TRACK_ID = "dtmf-track"
"""The track of a key that we press (since 0.3.100)."""


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

    auto_hangup: Annotated[OpenName | None, Since("0.3.84")] = None
    """The call ends with this reason, since the playback had ``autoHangup``."""


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


class Binary(TrackEvent, frozen=True):
    """A frame of audio; JSON only in SSE, a binary frame on the socket."""

    event: Literal["binary"] = "binary"

    data: list[WireInt]
    """The bytes."""

    @property
    def audio(self) -> bytes:
        """The frame as bytes; values outside a byte are cut to it."""
        return bytes(value & 0xFF for value in self.data)
