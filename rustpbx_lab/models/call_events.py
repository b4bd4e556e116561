"""Events of call control: ringing, answered, held, ended."""

import re
import sys
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, StrictBool, StrictStr

from rustpbx_lab.models.base import (
    LegEvent,
    StringMap,
    TimedEvent,
    TrackEvent,
    WireInt,
    WireModel,
)
from rustpbx_lab.models.field_metadata import SINCE_0_3_100, Since, Unit
from rustpbx_lab.models.times import rfc3339_ms

_SOME = re.compile(r"Some\((.*)\)\Z", re.DOTALL)
_OTHER = re.compile(r'Other\((".*")\)\Z', re.DOTALL)
_ESCAPE = re.compile(r"\\(u\{([0-9a-fA-F]{1,6})\}|.)", re.DOTALL)
_CONTROLS = {"n": "\n", "r": "\r", "t": "\t", "0": "\0"}
_WORD = re.compile(r"[A-Z][A-Za-z]*\Z")
REASON_WORDS = frozenset(
    {
        *("ByCaller", "ByCallee", "ByRefer", "BySystem", "Autohangup"),
        *("InactivityTimeout", "NoAnswer", "NoBalance", "AnswerMachine"),
        *("ServerUnavailable", "Canceled", "Rejected", "Failed"),
    }
)
"""Reasons the server prints as one word."""


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
    """A SIP leg ended.

    Never sent on WebSocket and WebRTC calls, and often lost when we hung up
    ourselves: the closed connection is the end of a call.
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
    """Why, as the server prints it, ``ByCaller``, until 0.3.83 ``Some(ByCaller)``; see
    `reason_name`."""

    initiator: StrictStr | None = None
    """``caller``, ``callee`` or ``system``, derived from the SIP end; a hangup we or
    the server asked for says ``caller``."""

    start_time: StrictStr | None = None
    """When the call began, RFC 3339 text."""

    hangup_time: StrictStr | None = None
    """When it ended, RFC 3339 text."""

    answer_time: StrictStr | None = None
    """When it was answered, RFC 3339 text; a re-INVITE or SIP INFO moves it."""

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

        ``Some(ByCaller)`` and ``ByCaller`` are one; ``Some(Other("max call time"))``
        gives ``max call time``; ``None``, an empty and a missing reason give None; a
        plain text is returned as it is.
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


class RtpTimeout(TrackEvent, frozen=True):
    """No audio packet for the seconds of the option `rtpTimeout`; the call goes on.

    Not on WebSocket calls. Source: protocol.md, 6.1.
    """

    since: ClassVar[Since | None] = SINCE_0_3_100
    log_columns: ClassVar[Mapping[str, str]] = {"value": "timeout"}

    event: Literal["rtpTimeout"] = "rtpTimeout"

    timeout: Annotated[WireInt, Unit("s")]
    """Seconds, as the option has them."""


class Hold(LegEvent, frozen=True):
    """A re-INVITE or UPDATE came, whether or not it changed something."""

    log_columns: ClassVar[Mapping[str, str]] = {"value": "on_hold"}

    event: Literal["hold"] = "hold"

    on_hold: StrictBool
    """The remote party does not listen."""


class TransferRequest(LegEvent, frozen=True):
    """The remote party asks to be transferred (REFER).

    Until 0.3.95 the server does nothing more; since then it calls the new party, unless
    its configuration has ``auto_refer = false``.
    """

    log_columns: ClassVar[Mapping[str, str]] = {
        "text": "refer_to",
        "key": "referred_by",
    }

    event: Literal["transferRequest"] = "transferRequest"

    refer_to: StrictStr
    """Where to; may be empty."""

    referred_by: StrictStr | None = None
    """Who asks."""

    extra_headers: Annotated[StringMap | None, Since("0.3.104")] = None
    """Headers of the REFER that SIP does not define, such as ``User-to-User``."""

    leg_session_id: Annotated[StrictStr | None, Since("0.3.97")] = None
    """Session id of the leg that asks."""


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


def reason_name(reason: str | None) -> str | None:
    """Return the camelCase name, or the free text, of a printed hangup reason."""
    if reason is None or reason in {"", "None"}:
        return None
    some = _SOME.match(reason)
    printed = reason if some is None else some[1]
    if other := _OTHER.match(printed):
        return _unquote(other[1])
    is_word = _WORD.match(printed) if some else printed in REASON_WORDS
    return printed[0].lower() + printed[1:] if is_word else printed


def _unquote(text: str) -> str:
    """Undo the quoting of Rust's debug text."""
    return _ESCAPE.sub(_unescaped, text[1:-1])


def _unescaped(escape: re.Match[str]) -> str:
    if code := escape[2]:
        number = int(code, 16)
        is_character = number <= sys.maxunicode and not 0xD800 <= number <= 0xDFFF
        return chr(number) if is_character else escape[0]
    return _CONTROLS.get(escape[1], escape[1])
