"""Values of a call at the time under the pointer."""

import numpy as np

from rustpbx_lab.dashboard.state.call_view import CallView
from rustpbx_lab.plots.lanes.header import Reading
from rustpbx_lab.wording import thousands

PEAK_MS = 50
"""Around the pointer; the level is the peak in it."""


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
    times, probabilities = view.frames(at_ms, at_ms + view.call.frame_ms)
    last = int(np.searchsorted(times, at_ms, side="right")) - 1
    if last < 0 or at_ms >= times[last] + view.call.frame_ms:
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
