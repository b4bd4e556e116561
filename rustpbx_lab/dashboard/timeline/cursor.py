"""What a call was like at the time under the pointer."""

from dataclasses import dataclass

import numpy as np

from rustpbx_lab.dashboard.state.call_view import CallView
from rustpbx_lab.plots.lanes.caller import FRAME_MS
from rustpbx_lab.wording import thousands

PEAK_MS = 50
"""Around the pointer; the level is the peak in it."""


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


def read(view: CallView, at_ms: float) -> Reading:
    """Return what a call was like at a call time."""
    recording = view.call.recording
    start, end = at_ms - PEAK_MS / 2, at_ms + PEAK_MS / 2
    return Reading(
        at_ms,
        _talk(view, at_ms),
        view.caller.peak_dbfs(view.anchors(recording.caller), start, end),
        view.agent.peak_dbfs(view.anchors(recording.server), start, end),
        _probability(view, at_ms),
    )


def _probability(view: CallView, at_ms: float) -> float | None:
    times, probabilities = view.frames(at_ms, at_ms + FRAME_MS)
    last = int(np.searchsorted(times, at_ms, side="right")) - 1
    if last < 0 or at_ms >= times[last] + FRAME_MS:
        return None
    return float(probabilities[last])


def _talk(view: CallView, at_ms: float) -> str:
    for row in view.tables["overlaps"].rows(at_ms, at_ms):
        end = view.now_ms if row.end_ms is None else row.end_ms
        if row.start_ms <= at_ms < end:
            return f"both talk, {thousands(end - row.start_ms)} ms"
    for turn in view.tables["turns"].rows(at_ms, at_ms):
        start, end = turn.stop_ms, turn.first_audio_ms
        if start is not None and end is not None and start <= at_ms < end:
            return f"waits {thousands(end - start)} ms"
    return ""
