"""Start of an audio tap: what a server says before it sends both legs' audio."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field, StrictStr

from rustpbx_lab.errors import UnreadableFrameError

from .base import WireInt
from .rest import BaseRecord, read

SAMPLE_RATE_HZ = 16_000
FORMAT = "pcm16/mono"
LEGS = {0: "server", 1: "caller"}
"""First byte of a frame → whose audio it is, as a recording names it."""


class TappedLeg(BaseRecord, frozen=True):
    """One direction of the audio."""

    leg: WireInt
    """First byte of its frames."""

    direction: StrictStr = Field(examples=["agent", "caller"])
    """Whose audio."""

    sample_rate: WireInt = SAMPLE_RATE_HZ
    """Rate of its samples, Hz."""


class MonitorStart(BaseRecord, frozen=True):
    """First frame of a tap (`MonitorOption`), JSON. Source: protocol.md, 5.14."""

    event: StrictStr = Field(examples=["monitor_start"])
    """``monitor_start``."""

    session_id: StrictStr
    """Id of the call."""

    call_type: StrictStr = ""
    """``webSocket``, ``webrtc`` or ``sip``."""

    started_at: StrictStr = ""
    """When the session began, RFC 3339, the server's clock."""

    format: StrictStr = FORMAT
    """How the samples are encoded."""

    sample_rate: WireInt = SAMPLE_RATE_HZ
    """Rate of the samples, Hz."""

    legs: tuple[TappedLeg, ...] = ()
    """The directions that are sent."""

    extras: Mapping[str, Any] | None = None
    """Variables of the call: SIP headers, those of a playbook."""


def read_start(text: str | bytes) -> MonitorStart:
    """Read the first frame of a tap.

    Raises:
        UnreadableFrameError: If it is none, or announces audio that is not s16le mono
            at 16 kHz.
    """
    start = read(MonitorStart, text)
    if start.event != "monitor_start":
        raise UnreadableFrameError(
            "start of a tap", _text(text), f"it is {start.event}, not monitor_start"
        )
    if start.format != FORMAT or start.sample_rate != SAMPLE_RATE_HZ:
        raise UnreadableFrameError(
            "start of a tap",
            _text(text),
            f"it announces {start.format} at {start.sample_rate} Hz; {FORMAT} at "
            f"{SAMPLE_RATE_HZ} Hz can be read",
        )
    return start


def _text(text: str | bytes) -> str:
    return text if isinstance(text, str) else text.decode(errors="replace")
