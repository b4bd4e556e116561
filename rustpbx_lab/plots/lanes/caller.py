"""The caller's lane: sound, speech probability, and what the server made of it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from bokeh.models import ColumnDataSource, FixedTicker, LinearAxis, Span
from bokeh.plotting import figure

from rustpbx_lab.analysis.holds import Hold
from rustpbx_lab.analysis.speech import Speech
from rustpbx_lab.analysis.what_if import Ghost
from rustpbx_lab.audio.envelope import Levels, Times, thin_out
from rustpbx_lab.plots.bands import Bands
from rustpbx_lab.plots.drawing import Columns, plain, refill, remembered
from rustpbx_lab.plots.hit_test import Target
from rustpbx_lab.plots.spans import Look, Spans
from rustpbx_lab.plots.spans import Span as Box
from rustpbx_lab.plots.theme import Painter
from rustpbx_lab.plots.time_axis import TimeAxis, Window
from rustpbx_lab.speech.vad import VadParams, speech_segments
from rustpbx_lab.wording import clock, thousands

from .density import Density
from .held import HELD, HELD_LOOK, held_spans

HEIGHT = 132
WAVE_Y, WAVE_PX = 102, 27
FOLDED_Y = (WAVE_Y - WAVE_PX, WAVE_Y + WAVE_PX)
"""What is left of the lane when it is folded: its wave."""
PROBABILITY_Y, PROBABILITY_PX = 38, 32
BAR_Y, BAR_PX = 26, 6
GHOST_Y, GHOST_PX = 9, 6
LOOKS = {
    "speech": Look(fill="vad"),
    "hang-over": Look(fill="vad_tint", line="vad", hatch="vad", hatch_alpha=0.55),
    # never like a fact: dashed, never filled solid
    "what-if": Look(fill="vad_tint", fill_alpha=0.5, line="vad", dash="4 3"),
    HELD: HELD_LOOK,
}
FRAME_MS = 32
MAX_POINTS = 1500
NO_FRAMES = (np.zeros(0), np.zeros(0, np.float32))


class CallerLane:
    """Draws what was heard of the caller."""

    def __init__(self, axis: TimeAxis, bands: Bands | None = None) -> None:
        self._painter = axis.painter
        self.figure = axis.lane(HEIGHT, ruler=True)
        if bands is not None:
            bands.draw_on(self.figure)
        self.wave = ColumnDataSource(data=no_wave(WAVE_Y))
        self.probability = ColumnDataSource(data=probability_columns(NO_FRAMES, 0.5))
        self.labels = ColumnDataSource(
            data={"x": [], "y": [], "text": [], "colour": []}
        )
        self._threshold = Span(
            dimension="width", line_dash=[5, 4], line_width=1, line_alpha=0.8
        )
        low, high = BAR_Y - BAR_PX, PROBABILITY_Y + PROBABILITY_PX
        self.density = Density(
            self.figure, self._painter, "vad", (low, high), "stretches of speech"
        )
        self._draw_sound()
        self._draw_probability()
        self._draw_speech()

    def _draw_sound(self) -> None:
        draw_wave(self.figure, self.wave, self._painter, "caller", WAVE_Y)

    def _draw_probability(self) -> None:
        plot: Any = self.figure  # its types lack some of its arguments
        painter = self._painter
        filled = plot.varea_step(
            x="x",
            y1=PROBABILITY_Y,
            y2="voiced",
            source=self.probability,
            step_mode="after",
            fill_alpha=0.22,
        )
        line = plot.step(
            x="x", y="y", source=self.probability, mode="after", line_width=1.2
        )
        painter.paint(plain(filled).glyph, fill_color="vad")
        painter.paint(plain(line).glyph, line_color="vad")
        painter.paint(self._threshold, line_color="vad")
        self._threshold.visible = False
        plot.add_layout(self._threshold)
        half, full = (
            PROBABILITY_Y + PROBABILITY_PX // 2,
            PROBABILITY_Y + PROBABILITY_PX,
        )
        ticks: Any = FixedTicker(ticks=[PROBABILITY_Y, half, full])
        axis = LinearAxis(
            ticker=ticks,
            major_label_overrides={PROBABILITY_Y: "0", half: "0.50", full: "1"},
        )
        painter.paint(
            axis, major_label_text_color="muted", major_tick_line_color="border"
        )
        plot.add_layout(axis, "right")

    def _draw_speech(self) -> None:
        plot: Any = self.figure  # its types lack some of its arguments
        self.spans = Spans(plot, self._painter, LOOKS)
        words = plot.text(
            x="x",
            y="y",
            text="text",
            text_color="colour",
            source=self.labels,
            x_offset=5,
            text_baseline="middle",
            text_font_size="10px",
        )
        plain(words)

    @property
    def targets(self) -> list[Target]:
        """What can be tapped."""
        return self.spans.targets

    def show(
        self,
        speech: Sequence[Speech],
        params: VadParams | None,
        frames: tuple[Times, Levels],
        window: Window,
        ghosts: Sequence[Ghost] = (),
        holds: Sequence[Hold] = (),
        threshold: float | None = None,
    ) -> None:
        """Redraw what changed.

        Args:
            speech: Rows of the ``speech`` table that may be in the window.
            params: What the call asked of the server's VAD; None: no VAD.
            frames: Start (call time) and probability of each frame in the window.
            window: What is visible.
            ghosts: What other thresholds would have said.
            holds: Rows of the ``holds`` table.
            threshold: What the probability is held against; None: that of ``params``.
        """
        boxes = [*speech_spans(speech, window), *ghost_spans(ghosts, window)]
        around = (WAVE_Y - WAVE_PX, WAVE_Y + WAVE_PX)
        self.spans.show([*held_spans(holds, "muted", around, window), *boxes])
        labels = bar_labels(boxes, window)
        labels["colour"] = [self._painter.colour(role) for role in labels["colour"]]
        if params is not None:
            notes = short_notes(frames, params, window)
            for x, text in notes:
                labels["x"].append(x)
                labels["y"].append(PROBABILITY_Y + PROBABILITY_PX + 6)
                labels["text"].append(text)
                labels["colour"].append(self._painter.colour("muted"))
        refill(self.labels, labels)
        asked = (params or VadParams()).voice_threshold
        is_known = params is not None or threshold is not None
        self._show_probability(frames, threshold or asked, is_known)

    def _show_probability(
        self, frames: tuple[Times, Levels], threshold: float, is_known: bool
    ) -> None:
        refill(self.probability, probability_columns(frames, threshold))
        self._threshold.update(
            location=PROBABILITY_Y + PROBABILITY_PX * threshold,
            visible=is_known and len(frames[0]) > 0,
        )


def draw_wave(
    plot: figure, source: ColumnDataSource, painter: Painter, role: str, y: float
) -> None:
    """Add the outline of a sound around a thin line at ``y``."""
    wave = plot.varea_step(x="x", y1="low", y2="high", source=source, step_mode="after")
    painter.paint(plain(wave).glyph, fill_color=role)
    middle = Span(
        location=y,
        dimension="width",
        line_width=1,
        line_alpha=0.35,
        level="underlay",
    )
    painter.paint(middle, line_color=role)
    plot.add_layout(middle)


def no_wave(y: float) -> Columns:
    """Return the outline of no sound: two points in one place.

    A step area without any point makes Bokeh's script hang.
    """
    return {"x": [0.0, 0.0], "low": [y, y], "high": [y, y]}


def wave_columns(outline: Columns, y: float, height: float) -> Columns:
    """Place an outline in [-1, 1] around ``y``; quiet speech stays visible.

    The root shows 40 dB of range in the few pixels there are.
    """
    low, high = np.asarray(outline["low"]), np.asarray(outline["high"])
    if not len(low):
        return no_wave(y)
    return {
        "x": outline["x"],
        "low": (y - height * np.sqrt(-low)).astype(np.float32),
        "high": (y + height * np.sqrt(high)).astype(np.float32),
    }


def speech_spans(rows: Sequence[Speech], window: Window) -> list[Box]:
    """Return a bar and its hang-over for each speech in the window.

    Speech without an end lasts until now; its bar has no hang-over yet.
    """
    edges = (BAR_Y - BAR_PX, BAR_Y + BAR_PX)
    boxes: list[Box] = []
    for row in rows:
        if row.start_ms is None:
            continue
        right = window.now_ms if row.end_ms is None else row.end_ms
        right = max(right, row.start_ms)
        said = right if row.said_ms is None else max(row.said_ms, right)
        if not window.shows(row.start_ms, said):
            continue
        tip = _speech_tip(row)
        boxes.append(Box(row.start_ms, right, *edges, "speech", tip, row.seq))
        if said > right:
            boxes.append(Box(right, said, *edges, "hang-over", tip, row.seq))
    return boxes


def ghost_spans(ghosts: Sequence[Ghost], window: Window) -> list[Box]:
    """Return a dashed box for each ghost in the window."""
    edges = (GHOST_Y - GHOST_PX, GHOST_Y + GHOST_PX)
    boxes: list[Box] = []
    for ghost in ghosts:
        right = window.now_ms if ghost.end_ms is None else ghost.end_ms
        if window.shows(ghost.start_ms, right):
            tip = _ghost_tip(ghost)
            boxes.append(Box(ghost.start_ms, right, *edges, "what-if", tip))
    return boxes


def bar_labels(boxes: Sequence[Box], window: Window) -> Columns:
    """Return the words inside the bars that have room for them; colours by role."""
    labels: Columns = {"x": [], "y": [], "text": [], "colour": []}
    taken: dict[float, float] = {}  # height -> until where, when bars overlap
    for box in sorted(boxes, key=lambda box: box.left):
        start = max(box.left, window.start_ms)
        if box.look == "hang-over" or start < taken.get(box.bottom, start):
            continue
        is_open = box.right == window.now_ms
        words = "speaking…" if is_open else f"{thousands(box.right - box.left)} ms"
        room = (box.right - start) / window.ms_per_px - 8
        if box.right > start and len(words) * 5.2 <= room:
            taken[box.bottom] = start + (len(words) * 5.2 + 8) * window.ms_per_px
            labels["x"].append(start)
            labels["y"].append((box.bottom + box.top) / 2)
            labels["text"].append(words)
            labels["colour"].append("on_vad" if box.look == "speech" else "vad_ink")
    return labels


def probability_columns(frames: tuple[Times, Levels], threshold: float) -> Columns:
    """Return the probability as a step line, and where it is over the threshold."""
    x, y = thin_out(*frames, MAX_POINTS)
    if not len(x):  # see no_wave
        x, y = np.zeros(2), np.zeros(2, np.float32)
    height = PROBABILITY_Y + PROBABILITY_PX * y
    voiced = np.where(y > threshold, height, PROBABILITY_Y)
    return {
        "x": x,
        "y": height.astype(np.float32),
        "voiced": voiced.astype(np.float32),
    }


def short_notes(
    frames: tuple[Times, Levels], params: VadParams, window: Window
) -> list[tuple[float, str]]:
    """Return where speech was too short for an event, and the words that say so."""
    times, levels = frames
    if len(times) == 0 or window.end_ms - window.start_ms > 120_000:
        return []
    bare = VadParams(0, params.silence_padding_ms, params.voice_threshold, None)
    found = speech_segments(np.asarray(levels, np.float32), FRAME_MS, bare)
    # what has only just paused may go on
    settled = len(levels) * FRAME_MS - params.silence_padding_ms - 2 * FRAME_MS
    noted: list[tuple[float, str]] = []
    for start, end in zip(found["start_ms"], found["end_ms"], strict=True):
        length = int(end - start)
        if FRAME_MS * 2 < length < params.speech_padding_ms and end < settled:
            index = min(int(start) // FRAME_MS, len(times) - 1)
            words = f"{length} ms < speechPadding {params.speech_padding_ms}: no event"
            if not noted or times[index] - noted[-1][0] > 210 * window.ms_per_px:
                noted.append((float(times[index]), words))
    return noted


def _ghost_tip(ghost: Ghost) -> str:
    if ghost.end_ms is None:
        return f"what-if: speech from {clock(ghost.start_ms)}, not over"
    length = thousands(ghost.end_ms - ghost.start_ms)
    lines = [
        f"what-if: speech {clock(ghost.start_ms)} → {clock(ghost.end_ms)}, {length} ms"
    ]
    if ghost.said_ms is not None:
        lines.append(
            f"its end would be said at {clock(ghost.said_ms)}, "
            f"{thousands(ghost.said_ms - ghost.end_ms)} ms after it"
        )
    return "\n".join([*lines, "inferred from local probabilities; no log row"])


@remembered
def _speech_tip(row: Speech) -> str:
    if row.end_ms is None or row.start_ms is None:
        ending = "the end was never said" if row.said_ms else "still speaking"
        return f"speech from {clock(row.start_ms)}, {ending}\nlog row {row.seq}"
    length = row.end_ms - row.start_ms
    lines = [
        f"speech {clock(row.start_ms)} → {clock(row.end_ms)}, {thousands(length)} ms",
        f"end {row.quality}, log row {row.seq}",
    ]
    if row.said_ms is not None:
        lines.insert(
            1,
            f"hang-over {thousands(row.said_ms - row.end_ms)} ms: "
            f"the server said so at {clock(row.said_ms)}",
        )
    if row.kind == "short":
        lines.append("too short for a speaking event of its own")
    return "\n".join(lines)
