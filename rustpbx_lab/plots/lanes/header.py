"""Lane headers: their data and their HTML.

Texts of a call must be escaped before they are put into a header.
"""

from dataclasses import dataclass, field
from math import inf

from rustpbx_lab.models.options import CallOption
from rustpbx_lab.speech.vad import VadParams
from rustpbx_lab.wording import MINUS, UNKNOWN

METER_FLOOR_DBFS = -60
HEADER_CSS = """
.lane-head{height:100%;border-right:1px solid var(--lab-hair);position:relative;
  border-bottom:1px solid var(--lab-hair);overflow:hidden}
.lane-head>.bar{position:absolute;left:0;top:0;bottom:0;width:3px}
.a{position:absolute;left:12px;right:8px;white-space:nowrap;font-size:10.5px;
  color:var(--lab-muted);display:flex;gap:6px;align-items:center;overflow:hidden;
  transform:translateY(-50%)}
.t{font-weight:700;font-size:12px;color:var(--lab-text)}
.t,.why{right:32px}  /* there is a button */
.why{white-space:normal;line-height:12px;color:var(--lab-warning-ink)}
.lost{white-space:normal;line-height:12px;padding:4px 6px;border-radius:3px;
  color:var(--lab-error-ink);background:var(--lab-error-tint)}
.sw{width:12px;height:9px;border-radius:2px;flex:none;display:inline-block}
.parts{display:none;flex-wrap:wrap;gap:0 5px;font-size:9.5px;line-height:11px}
.parts i{font-style:normal}
/* the bar over the lanes has no room for its legend */
@media (max-width:1399px){.wide{display:none}.parts{display:flex}}
.lv{position:absolute;right:6px;width:4px;border-radius:2px;overflow:hidden;
  background:var(--lab-hair)}
.lv i{position:absolute;bottom:0;left:0;right:0}
"""


@dataclass(frozen=True)
class Voice:
    """The sound of one side of a call."""

    is_empty: bool = True
    """Whether nothing was recorded."""
    level_dbfs: float | None = None
    """Peak of the last moments; None: unknown; -inf: only zeros."""


@dataclass(frozen=True)
class Reading:
    """The values of one moment; what is not known is empty."""

    at_ms: float
    """Call time."""
    talk: str = ""
    """Whether both talk, or the caller waits for a reply, and for how long."""
    caller_dbfs: float | None = None
    """Peak level of the caller; None: nothing was recorded there; -inf: only zeros."""
    agent_dbfs: float | None = None
    """Peak level of the agent."""
    probability: float | None = None
    """Of speech, as computed here from what was sent."""


@dataclass(frozen=True)
class CallState:
    """A call as the headers show it."""

    option: CallOption | None = None
    """What it was invited or accepted with; None: not yet known."""
    call_type: str = "websocket"
    is_over: bool = False
    is_muted: bool = False
    is_paused: bool = False
    is_playing: bool = False
    is_deaf: bool = False
    """Whether the server reports nothing although the caller talks."""
    caller: Voice = field(default_factory=Voice)
    agent: Voice = field(default_factory=Voice)
    vad_params: VadParams | None = None
    """What the server's VAD was asked; None: the call has none that is known."""
    engine_name: str = "silero"
    """The VAD engine that computes the probability of speech here."""


@dataclass(frozen=True)
class HeaderInfo:
    """Everything a header may tell."""

    call: CallState | None = None
    """None: there is no call."""
    cursor: Reading | None = None
    """What is under the pointer; None: it is not over the lanes."""
    cursor_time: str = UNKNOWN
    """The time under the pointer in words: call time or time of day."""
    what_if: VadParams | None = None
    """What the sliders of the what-if say; None: it is off."""


def line(top: float, inner: str, css_class: str = "") -> str:
    """Return a line of HTML whose middle is ``top`` pixels from the header's top."""
    return f'<span class="a {css_class}" style="top:{top:g}px">{inner}</span>'


def swatch(role: str, border: str = "") -> str:
    """Return a small box in a colour, for a legend."""
    edge = f";border:{border}" if border else ""
    return f'<span class="sw" style="background:var(--lab-{role}){edge}"></span>'


def meter(top: float, level_dbfs: float | None, role: str) -> str:
    """Return a level meter of 50 px."""
    floor = METER_FLOOR_DBFS
    share = 0 if level_dbfs is None else min(max((level_dbfs - floor) / -floor, 0), 1)
    return (
        f'<span class="lv" style="top:{top:g}px;height:50px"><i style="height:'
        f'{share:.0%};background:var(--lab-{role})"></i></span>'
    )


def level_words(level_dbfs: float | None) -> str:
    """Return a level as ``-12 dBFS``, or that it is silent."""
    if level_dbfs is None or level_dbfs == -inf:
        return "silent"
    return f"{level_dbfs:.0f} dBFS".replace("-", MINUS)


def level_at_cursor(level_dbfs: float | None) -> str:
    """Return the level under the pointer in words."""
    words = UNKNOWN if level_dbfs is None else level_words(level_dbfs)
    return f"{words} at cursor"


def header_html(role: str | None, inner: str) -> str:
    """Return a whole header with the colour of its lane at the left."""
    bar = f'<span class="bar" style="background:var(--lab-{role})"></span>'
    return f'<div class="lane-head">{bar if role else ""}{inner}</div>'
