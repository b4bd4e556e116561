"""Answers of the server's REST interface, its call record and its webhook."""

from collections.abc import Mapping
from typing import Any, TypeVar, cast

import orjson
from pydantic import ConfigDict, Field, StrictStr, ValidationError

from rustpbx_lab.errors import UnreadableFrameError
from rustpbx_lab.masking import mask_text

from .base import AS_WRITTEN, Secret, WireInt, WireModel
from .options import CallOption
from .parsing import reasons
from .times import rfc3339_ms


class BaseRecord(WireModel, frozen=True):
    """Something the server answers; keys of a newer server are kept."""

    model_config = ConfigDict(extra="allow")


class HangupMessage(BaseRecord, frozen=True):
    """A reason given at the end of a call; this server never fills it."""

    code: WireInt
    """SIP status."""

    reason: StrictStr | None = None
    """Why."""

    target: StrictStr | None = None
    """Whom it was said to."""


class RecordedTrack(BaseRecord, frozen=True):
    """A recording named in a call record."""

    track_id: StrictStr
    """Track that was recorded."""

    path: StrictStr
    """File, on the server."""

    size: WireInt
    """Bytes."""

    extra: dict[str, Any] | None = None
    """Details."""


class CallRecord(BaseRecord, frozen=True):
    """The record the server writes after a call (CDR)."""

    call_type: StrictStr = Field(examples=["webSocket", "webrtc", "sip", "b2bua"])
    """Kind of call; ``b2bua`` for a transfer leg."""

    option: CallOption | None = None
    """The call's option, with credentials of the server's environment filled in."""

    call_id: StrictStr
    """The session id."""

    start_time: StrictStr
    """When it began, RFC 3339."""

    ring_time: StrictStr | None = None
    """When it rang."""

    answer_time: StrictStr | None = None
    """When it was answered."""

    end_time: StrictStr
    """When the record was built."""

    caller: StrictStr = ""
    """Caller; empty unless the option named one."""

    callee: StrictStr = ""
    """Callee; empty unless the option named one."""

    status_code: WireInt = 0
    """SIP status: 200 answered, 487 canceled or ended by us, 0 nothing happened."""

    hangup_reason: StrictStr | Mapping[str, StrictStr] | None = None
    """Why it ended; ``{"other": text}`` for free text. See `reason_name`."""

    hangup_messages: list[HangupMessage] | None = None
    """Reasons given on the way."""

    recorder: list[RecordedTrack] | None = None
    """Recordings; those with a file name of your own are not found."""

    extras: dict[str, Any] | None = None
    """``session_id``, ``call_type``, ``start_time``, playbook variables."""

    dump_event_file: StrictStr | None = None
    """The event log, if it exists."""

    refer_callrecord: "CallRecord | None" = None
    """Record of the transfer leg."""

    @property
    def reason_name(self) -> str | None:
        """Why it ended: a camelCase name or free text."""
        if isinstance(self.hangup_reason, Mapping):
            return next(iter(self.hangup_reason.values()), None)
        return self.hangup_reason

    @property
    def duration_ms(self) -> int | None:
        """Milliseconds from start to end, where both are times."""
        start, end = rfc3339_ms(self.start_time), rfc3339_ms(self.end_time)
        return None if start is None or end is None else end - start


class ActiveCall(BaseRecord, frozen=True):
    """A running call, as ``GET /list`` shows it."""

    id: StrictStr
    """The session id."""

    call_type: StrictStr
    """``webSocket``, ``webrtc``, ``sip`` or ``b2bua``."""

    option: CallOption | None = Field(default=None, alias="cs.option")
    """The call's option (the key is ``cs.option``); None before it is set up."""

    ring_time: StrictStr | None = None
    """When it rang, RFC 3339."""

    start_time: StrictStr | None = None
    """When it was *answered*, RFC 3339."""

    status: StrictStr | None = None
    """``locked`` while the call's state cannot be read; then nothing else is told."""


CALL_TYPES: Mapping[str, str] = {
    "webSocket": "websocket",
    "webrtc": "webrtc",
    "sip": "sip",
    "b2bua": "sip",
}
"""The server's name of a kind of call → ours."""


def our_call_type(name: str | None) -> str:
    """Return the kind of a call as an address names it; an unknown one as it is."""
    return CALL_TYPES.get(name or "", name or "")


class ActiveCalls(BaseRecord, frozen=True):
    """The answer of ``GET /list``."""

    active_calls: list[ActiveCall] = Field(alias="active_calls")
    """The running calls, in no order."""


class CommandAnswer(BaseRecord, frozen=True):
    """The answer of ``POST /command/{id}`` and ``GET /kill/{id}``."""

    status: StrictStr
    """``sent``, ``killed`` or ``not_found``."""

    id: StrictStr
    """The session id."""


class IceServer(BaseRecord, frozen=True):
    """A STUN or TURN server of ``GET /iceservers``; snake_case on the wire."""

    model_config = ConfigDict(alias_generator=None)

    urls: list[StrictStr]
    """Where it is."""

    username: StrictStr | None = None
    """User of a TURN server."""

    credential: Secret | None = None
    """Its password."""

    credential_type: StrictStr = "password"
    """Always ``password``."""


class RecordEntry(BaseRecord, frozen=True):
    """A recording of ``GET /api/records``."""

    id: StrictStr
    """The session id."""

    date: StrictStr
    """When the file was written."""

    duration: StrictStr = "0s"
    """Always ``0s``."""

    status: StrictStr = "completed"
    """Always ``completed``."""


class PlaybookEntry(BaseRecord, frozen=True):
    """A playbook of ``GET /api/playbooks``."""

    name: StrictStr
    """File name."""

    updated: StrictStr
    """When it was changed, RFC 3339."""


class PlaybookSession(BaseRecord, frozen=True):
    """The answer of ``POST /api/playbook/run``; snake_case on the wire."""

    model_config = ConfigDict(alias_generator=None)

    session_id: StrictStr
    """Connect with this id within five minutes."""


class PrecacheAnswer(BaseRecord, frozen=True):
    """The answer of ``POST /precache``."""

    status: StrictStr
    """``cached``, ``exists`` or ``error``."""

    cache_key: StrictStr | None = None
    """Name in the cache."""

    bytes: WireInt | None = None
    """Size; 0 when it existed."""

    error: StrictStr | None = None
    """What went wrong."""


class IncomingCall(BaseRecord, frozen=True):
    """The body of the webhook for an incoming SIP call."""

    dialog_id: StrictStr
    """Connect to ``/call/sip`` with this id."""

    created_at: StrictStr
    """When the INVITE came, RFC 3339."""

    caller: StrictStr
    """From URI."""

    callee: StrictStr
    """To URI."""

    event: StrictStr = "invite"
    """Always ``invite``."""

    headers: list[StrictStr] = Field(default_factory=list[str])
    """Every header line of the INVITE."""

    offer: StrictStr = ""
    """Session description of the caller."""


R = TypeVar("R", bound=BaseRecord)


def read(model: type[R], text: str | bytes) -> R:
    """Read one object of the server, unknown keys kept.

    Raises:
        UnreadableFrameError: If it is not what the model says.
    """
    return _record(model, _loaded(model, text), text)


def read_list(model: type[R], text: str | bytes) -> list[R]:
    """Read an array of objects of the server, unknown keys kept.

    Raises:
        UnreadableFrameError: If it is not an array, or one of its items is not what the
            model says.
    """
    data = _loaded(model, text)
    if not isinstance(data, list):
        raise _unreadable(model, text, "it is not a JSON array")
    return [_record(model, entry, text) for entry in cast("list[Any]", data)]


def _loaded(model: type[R], text: str | bytes) -> Any:
    try:
        return orjson.loads(text)
    except ValueError as exc:
        raise _unreadable(model, text, f"it is not valid JSON ({exc})") from None


def _record(model: type[R], data: Any, text: str | bytes) -> R:
    try:
        return model.model_validate(
            data, extra="allow", context=AS_WRITTEN, by_alias=True, by_name=False
        )
    except ValidationError as exc:
        raise _unreadable(model, text, reasons(exc)) from None


def _unreadable(model: type[R], text: str | bytes, why: str) -> UnreadableFrameError:
    shown = text if isinstance(text, str) else text.decode(errors="replace")
    return UnreadableFrameError(model.__name__, mask_text(shown), why)
