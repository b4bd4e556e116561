"""The lanes of a call as one figure, for a notebook or a report."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from bokeh.layouts import column
from bokeh.models import Column, Text, Title

from rustpbx_lab.analysis.timelines import TIMELINES
from rustpbx_lab.audio.envelope import Anchors, Envelope, Levels, Times
from rustpbx_lab.audio.recording import Leg, Recording
from rustpbx_lab.log import EventLog, Record
from rustpbx_lab.models import commands
from rustpbx_lab.speech.vad import VadParams
from rustpbx_lab.speech.vad_engines import SileroEngine, VadEngine, frame_ms

from .bands import Bands
from .drawing import Columns
from .lanes.lane import Lane, Scene
from .lanes.registry import Guard, all_lanes
from .theme import LIGHT, Painter, Palette
from .time_axis import RIGHT_AXIS_PX, TimeAxis, Window, set_now

SLOTS_PER_PX = 1.3
FONT_SIZE = "10.5px"


def call_figure(
    log: EventLog,
    recording: Recording | None = None,
    *,
    start_ms: float | None = None,
    end_ms: float | None = None,
    width: int = 1000,
    palette: Palette = LIGHT,
    lanes: Sequence[type[Lane]] | None = None,
    engine: VadEngine | None = None,
) -> Column:
    """Draw a call: what the caller said and the server made of it, on one time axis.

    Args:
        log: The call; it may still run, the figure shows it as it is now.
        recording: Its audio, for the waveforms and the probability of speech, which is
            computed here; without it these stay empty.
        start_ms: Left edge, call time; None is the beginning.
        end_ms: Right edge, call time; None is the end.
        width: Width in pixels.
        palette: ``theme.LIGHT`` or ``theme.DARK``.
        lanes: What is drawn, from above; None is every lane there is that has
            something to show of this call.
        engine: Computes the probability of speech; None is Silero.

    Returns:
        A Bokeh layout: pan by dragging, zoom with Ctrl and the wheel, tips on hover.
    """
    records = log.records()
    now = float(max((r.time_ms or 0 for r in records), default=0))
    start = -0.01 * now if start_ms is None else start_ms
    end = max(1.01 * now, 1000.0) if end_ms is None else end_ms
    window = Window(start, end, now, width - RIGHT_AXIS_PX)
    axis = TimeAxis(Painter(palette))
    axis.move(start, end)
    bands = Bands(axis.painter)
    scene = _scene(log, records, recording or Recording(), window, engine)
    kinds = [kind for kind in all_lanes() if _has_rows(kind, scene)]
    drawn = [kind(axis, bands) for kind in (kinds if lanes is None else lanes)]
    bands.show(scene.rows("turns"), scene.rows("overlaps"), window)
    guard = Guard()
    for lane in drawn:
        guard.run(lane, partial(lane.draw, scene), None)
        title = lane.short_name or lane.name
        lane.figure.add_layout(Title(text=title, text_font_size="11px"), "left")
        lane.figure.update(width=width, sizing_mode="fixed", background_fill_color=None)
        for words in lane.figure.select({"type": Text}):  # a notebook has no theme
            words.update(text_font_size=FONT_SIZE)
    plots = [lane.figure for lane in drawn]
    set_now(plots, now)
    return column(*plots, spacing=0)


def _scene(
    log: EventLog,
    records: Sequence[Record],
    sound: Recording,
    window: Window,
    engine: VadEngine | None,
) -> Scene:
    engine = engine or SileroEngine()
    rows: dict[str, list[Any]] = {}
    for name, fold in TIMELINES.items():
        changes = fold().advance(records)
        rows[name] = [*changes.closed, *changes.open]
    legs = {"caller": sound.caller, "agent": sound.server}
    return Scene(
        window,
        rows,
        {side: _outline(log, leg, window) for side, leg in legs.items()},
        _frames(log, sound.caller, engine),
        frame_ms(engine),
        _vad_params(log),
    )


def _has_rows(kind: type[Lane], scene: Scene) -> bool:
    return not kind.is_optional or any(map(scene.rows, kind.tables))


def _vad_params(log: EventLog) -> VadParams | None:
    for record in log:
        if record.name in ("invite", "accept") and record.direction == "command":
            message = record.message
            if isinstance(message, commands.Invite | commands.Accept):
                vad = message.option.vad
                return None if vad is None else VadParams.from_option(vad)
    return None


def _anchors(log: EventLog, leg: Leg) -> Anchors:
    placed = ((sample, log.clock.from_ours(at)) for sample, at in leg.anchors)
    return [(sample, float(at)) for sample, at in placed if at is not None]


def _frames(log: EventLog, leg: Leg, engine: VadEngine) -> tuple[Times, Levels]:
    if not leg.n_samples or not _anchors(log, leg):
        return np.zeros(0), np.zeros(0, np.float32)
    samples = leg.clip().resampled(engine.sample_rate_hz).samples
    probabilities = engine.probabilities(samples)
    per_frame = leg.sample_rate_hz * frame_ms(engine) // 1000
    ours = [leg.time_of(frame * per_frame) for frame in range(len(probabilities))]
    times = [log.clock.from_ours(at) or 0 for at in ours]
    return np.maximum.accumulate(np.array(times, np.float64)), probabilities


def _outline(log: EventLog, leg: Leg, window: Window) -> Columns:
    envelope = Envelope(leg.sample_rate_hz)
    if leg.n_samples:
        envelope.push(leg.samples())
    slots = round(window.width_px * SLOTS_PER_PX)
    until = min(window.end_ms, window.now_ms)
    return envelope.outline(_anchors(log, leg), window.start_ms, until, slots)
