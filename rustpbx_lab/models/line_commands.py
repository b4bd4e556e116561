"""Commands for the line: keys, messages, bridges, WebRTC."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field, StrictStr

from rustpbx_lab.errors import InvalidOptionError, shorten
from rustpbx_lab.models.base import U32, BaseCommand, Bool, SpelledModel
from rustpbx_lab.models.field_metadata import SINCE_0_3_100, Since, Unit, Unused
from rustpbx_lab.models.sip_text import HeaderMap, SipText

DTMF_DIGITS = "0123456789*#ABCD"
"""What a telephone can send."""


def read_keys(text: str) -> str:
    """Return the keys of a text, without its spaces.

    Raises:
        InvalidOptionError: If a telephone does not have one of them.
    """
    keys = "".join(text.split()).upper()
    if unknown := sorted(set(keys) - set(DTMF_DIGITS)):
        raise InvalidOptionError(
            f"cannot press {shorten(''.join(unknown))}: a telephone has the keys "
            f"{' '.join(DTMF_DIGITS)}"
        )
    return keys


class Message(BaseCommand, frozen=True):
    """Send a SIP MESSAGE inside the call. No event on success; SIP calls only."""

    log_columns: ClassVar[Mapping[str, str]] = {"text": "body", "key": "content_type"}

    command: Literal["message"] = "message"

    body: StrictStr
    """The message (``text`` is not an alias)."""

    content_type: Annotated[StrictStr, SipText] | None = Field(
        default="text/plain;charset=utf-8",
        examples=["text/plain;charset=utf-8", "application/json"],
    )
    """Type of the body."""

    headers: HeaderMap | None = None
    """Headers added to the MESSAGE."""

    refer: Bool | None = False
    """True: to the transfer leg."""


class Bridge(BaseCommand, frozen=True):
    """Exchange the remote parties' audio with another session. → `trackStart`."""

    log_columns: ClassVar[Mapping[str, str]] = {"key": "target_session_id"}

    command: Literal["bridge"] = "bridge"

    target_session_id: StrictStr
    """Id of the other session, on the same server."""


class Unbridge(BaseCommand, frozen=True):
    """End a bridge; no event and no error."""

    log_columns: ClassVar[Mapping[str, str]] = {"key": "target_session_id"}

    command: Literal["unbridge"] = "unbridge"

    target_session_id: StrictStr
    """Id of the other session."""


class AddIceCandidate(SpelledModel, BaseCommand, frozen=True):
    """Add a WebRTC candidate of ours; one that comes early is kept."""

    foreign_spellings: ClassVar[Mapping[str, str]] = {"sdpMLineIndex": "sdpMlineIndex"}
    log_columns: ClassVar[Mapping[str, str]] = {"text": "candidate"}

    command: Literal["addIceCandidate"] = "addIceCandidate"

    candidate: StrictStr
    """The candidate line."""

    sdp_mid: Annotated[StrictStr | None, Unused()] = None
    """Not used by the server."""

    sdp_mline_index: Annotated[U32 | None, Unused()] = None
    """Not used by the server, which spells it ``sdpMlineIndex``; the browser's
    ``sdpMLineIndex`` is read too."""


class Dtmf(BaseCommand, frozen=True):
    """Send one digit to the other side, as its telephone would. SIP and WebRTC only.

    What plays goes on, muted while the digit sounds. → `trackStart`, `trackEnd`.
    Source: protocol.md, 3.17.
    """

    since: ClassVar[Since | None] = SINCE_0_3_100
    log_columns: ClassVar[Mapping[str, str]] = {"text": "digit", "value": "duration_ms"}

    command: Literal["dtmf"] = "dtmf"

    digit: Annotated[StrictStr, Field(min_length=1, max_length=1)] = Field(
        examples=list(DTMF_DIGITS)
    )
    """One of ``0``-``9``, ``*``, ``#``, ``A``-``D``."""

    duration_ms: Annotated[U32 | None, Unit("ms")] = 100
    """How long it sounds, milliseconds."""

    play_id: StrictStr | None = None
    """Name in the track's events."""


class Renegotiate(BaseCommand, frozen=True):
    """Take a new offer in a WebRTC call, such as after a change of network. → `answer`.

    Source: protocol.md, 3.18.
    """

    since: ClassVar[Since | None] = SINCE_0_3_100

    command: Literal["renegotiate"] = "renegotiate"

    offer: StrictStr
    """SDP of the offer."""
