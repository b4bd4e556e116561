"""The union of all events, and their registry."""

from typing import get_args

from pydantic import StrictStr

from rustpbx_lab.models.base import BaseEvent, LegEvent, TimedEvent, TrackEvent
from rustpbx_lab.models.call_events import (
    Answer,
    Attendee,
    Dtmf,
    Hangup,
    Hold,
    Inactivity,
    Incoming,
    MediaReady,
    Message,
    Reject,
    Ringing,
    RtpTimeout,
    TransferRequest,
)
from rustpbx_lab.models.data_events import (
    AddHistory,
    Custom,
    Error,
    FunctionCall,
    LlmDelta,
    LlmFinal,
    Metrics,
    Other,
    Ping,
)
from rustpbx_lab.models.media_events import (
    DTMF_TRACK_ID,
    AnswerMachineDetection,
    AsrDelta,
    AsrFinal,
    Binary,
    Eou,
    Interrupt,
    Interruption,
    RingbackState,
    Silence,
    Speaking,
    TrackEnd,
    TrackStart,
    Transcript,
)

from .parsing import Reader

__all__ = [
    "DTMF_TRACK_ID",
    "EVENT_NAMES",
    "AddHistory",
    "Answer",
    "AnswerMachineDetection",
    "AsrDelta",
    "AsrFinal",
    "Attendee",
    "BaseEvent",
    "Binary",
    "Custom",
    "Dtmf",
    "Eou",
    "Error",
    "FunctionCall",
    "Hangup",
    "Hold",
    "Inactivity",
    "Incoming",
    "Interrupt",
    "Interruption",
    "KnownEvent",
    "LegEvent",
    "LlmDelta",
    "LlmFinal",
    "MediaReady",
    "Message",
    "Metrics",
    "Other",
    "Ping",
    "Reject",
    "RingbackState",
    "Ringing",
    "RtpTimeout",
    "Silence",
    "Speaking",
    "TimedEvent",
    "TrackEnd",
    "TrackEvent",
    "TrackStart",
    "Transcript",
    "TransferRequest",
    "UnknownEvent",
    "mended",
    "parse",
]


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
    | RtpTimeout
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
        UnreadableFrameError: If it is not a JSON object with an ``event``, or a
            known event has a wrong field.
    """
    return _reader.parse(text)


mended = _reader.mended
"""Make the text of a logged message readable again; see `Reader.mended`."""
