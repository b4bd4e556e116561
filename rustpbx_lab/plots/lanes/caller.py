"""The caller's lane: sound, speech probability, reported speech."""

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
from bokeh.models import ColumnDataSource, FixedTicker, LinearAxis, Span

from rustpbx_lab.analysis.speech import Speech
from rustpbx_lab.analysis.what_if import Ghost
from rustpbx_lab.audio.envelope import Levels, Times, thin_out
from rustpbx_lab.models.options import CallOption
from rustpbx_lab.plots.bands import Bands
from rustpbx_lab.plots.density import Density
from rustpbx_lab.plots.drawing import Columns, plain, refill, remembered
from rustpbx_lab.plots.held import HELD, HELD_LOOK, held_spans
from rustpbx_lab.plots.labels import Label, Labels
from rustpbx_lab.plots.spans import Look, Spans
from rustpbx_lab.plots.spans import Span as Box
from rustpbx_lab.plots.time_axis import TimeAxis, Window
from rustpbx_lab.plots.waveform import Waveform
from rustpbx_lab.speech.vad import VadParams, speech_segments
from rustpbx_lab.speech.vad_engines import CHUNK_MS, SERVER_ENGINES, SERVERS_OWN
from rustpbx_lab.wording import clock, thousands

from .header import (
    CallState,
    HeaderInfo,
    Reading,
    level_at_cursor,
    level_words,
    line,
    meter,
    swatch,
)
from .lane import NO_FRAMES, Lane, Scene

HEIGHT = 132
DEAF_PX = 84
"""Height without a detector: the sound is left."""
WAVE_Y, WAVE_PX = 102, 27
WAVE_EDGES = (WAVE_Y - WAVE_PX, WAVE_Y + WAVE_PX)
PROBABILITY_Y, PROBABILITY_PX = 38, 32
BAR_Y, BAR_PX = 26, 6
GHOST_Y, GHOST_PX = 9, 6
NOTE_Y = PROBABILITY_Y + PROBABILITY_PX + 6
LABEL_PX = 5
"""From the edge of a bar to its words."""
LOOKS = {
    "speech": Look(fill="vad"),
    "hang-over": Look(fill="vad_tint", line="vad", hatch="vad", hatch_alpha=0.55),
    # never like a fact: dashed, never filled solid
    "what-if": Look(fill="vad_tint", fill_alpha=0.5, line="vad", dash="4 3"),
    HELD: HELD_LOOK,
}
MAX_POINTS = 1500
LOST = (
    "No VAD or ASR events for 10 s of audio: option 'asr' or 'vad' was refused by the "
    "server without an error"
)


class CallerLane(Lane):
    """Draws what was heard of the caller."""

    name = "Caller"
    role = "caller"
    height_px = HEIGHT
    title_px = 38
    tables = ("speech",)
    folded_y = WAVE_EDGES
    follows_what_if = True
    has_ruler = True

    def __init__(self, axis: TimeAxis, bands: Bands | None = None) -> None:
        super().__init__(axis, bands)
        plot, painter = self.figure, axis.painter
        if bands is not None:
            bands.draw_on(plot)
        self.probability = ColumnDataSource(data=probability_columns(NO_FRAMES, 0.5))
        self.threshold = Span(
            dimension="width", line_dash=[5, 4], line_width=1, line_alpha=0.8
        )
        edges = GHOST_Y - GHOST_PX, PROBABILITY_Y - 4  # under the scale of probability
        self.density = Density(plot, painter, "vad", edges, "stretches of speech")
        self.wave = Waveform(plot, painter, "caller", WAVE_Y, WAVE_PX)
        self._draw_probability()
        self.spans = Spans(plot, painter, LOOKS)
        self.labels = Labels(plot, painter, size="10px")

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
        painter.paint(self.threshold, line_color="vad")
        self.threshold.visible = False
        plot.add_layout(self.threshold)
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

    def draw(self, scene: Scene) -> None:
        """Redraw what changed."""
        window = scene.window
        self.wave.show(scene.wave("caller"))
        boxes = [
            *speech_spans(scene.rows("speech"), window),
            *ghost_spans(scene.ghosts, window),
        ]
        covers = held_spans(scene.rows("holds"), "muted", WAVE_EDGES, window)
        self.spans.show([*covers, *boxes])
        labels = bar_labels(boxes, window)
        if scene.vad_params is not None:
            labels += short_notes(
                scene.frames, scene.vad_params, window, scene.frame_ms
            )
        self.labels.show(labels)
        self._show_probability(scene.frames, scene.what_if or scene.vad_params)
        self.targets = self.spans.targets

    def _show_probability(
        self, frames: tuple[Times, Levels], params: VadParams | None
    ) -> None:
        threshold = (params or VadParams()).voice_threshold
        refill(self.probability, probability_columns(frames, threshold))
        self.threshold.update(
            location=PROBABILITY_Y + PROBABILITY_PX * threshold,
            visible=params is not None and len(frames[0]) > 0,
        )

    def header(self, info: HeaderInfo) -> str:
        """Return the time under the pointer, levels, and what the bars are."""
        call, cursor = info.call, info.cursor
        time = f"<b class='m' style='color:var(--lab-text)'>{info.cursor_time}</b>"
        head = line(10, f"cursor {time}") + line(self.title_px, self.name, "t")
        if call is None:
            return head
        if cursor is not None and cursor.talk:
            head += line(23, cursor.talk)
        head += line(53, sound_words(call, cursor))
        head += meter(28, call.caller.level_dbfs, "caller")
        if call.option is not None and call.option.vad is None:
            return head + line(70, "No VAD: option vad is not set", "why")
        if call.is_deaf:
            return head + line(108, LOST, "lost")
        head += line(90, probability_words(info))
        legend = swatch("vad") + "speaking, server"
        head += line(self.full_px - BAR_Y, legend)
        if info.what_if is None:
            return head
        tried = f"{info.what_if.speech_padding_ms} / {info.what_if.silence_padding_ms}"
        box = swatch("vad-tint", "1px dashed var(--lab-vad)")
        return head + line(self.full_px - GHOST_Y, f"{box}what-if {tried}")

    def wanted_px(self, option: CallOption | None) -> int:
        """Return its height: low without a detector."""
        is_deaf = option is not None and option.vad is None
        return DEAF_PX if is_deaf else self.full_px


def sound_words(call: CallState, cursor: Reading | None) -> str:
    """Return what there is of the caller's sound, at the pointer if it is there."""
    if cursor is None and call.is_muted and not call.is_over:
        return "muted, not heard"
    if call.caller.is_empty and call.call_type == "websocket":
        return "no audio" if call.is_over else "no audio yet"
    if call.caller.is_empty:
        return "no audio: set subscribe"
    if cursor is not None:
        return level_at_cursor(cursor.caller_dbfs)
    return level_words(call.caller.level_dbfs)


def probability_words(info: HeaderInfo) -> str:
    """Return the probability under the pointer and the threshold, as HTML."""
    params = info.what_if or (None if info.call is None else info.call.vad_params)
    value = None if info.cursor is None else info.cursor.probability
    found = "" if value is None else f"{value:.2f} "
    threshold = ""
    if params is not None:
        is_over = value is None or value > params.voice_threshold
        sign = "&gt;" if is_over else "&le;"
        threshold = f"{sign} {params.voice_threshold:.2f}"
    words = f"probability <span class='m'>{found}{threshold}</span>"
    # where one is read there is no room to say that it is computed here
    if found:
        return words
    # the server's model, run here; another engine is named
    engine = SERVERS_OWN if info.call is None else info.call.engine_name
    is_servers = engine == SERVERS_OWN or engine in SERVER_ENGINES
    return f"{words} ({'local' if is_servers else escape(engine)})"


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


def bar_labels(boxes: Sequence[Box], window: Window) -> list[Label]:
    """Return the words inside the bars that have room for them."""
    labels: list[Label] = []
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
            ink = "on_vad" if box.look == "speech" else "vad_ink"
            middle = (box.bottom + box.top) / 2
            labels.append(Label(start, middle, words, ink, LABEL_PX))
    return labels


def probability_columns(frames: tuple[Times, Levels], threshold: float) -> Columns:
    """Return the probability as a step line, and where it is over the threshold."""
    x, y = thin_out(*frames, MAX_POINTS)
    if not len(x):  # see waveform.silence
        x, y = np.zeros(2), np.zeros(2, np.float32)
    height = PROBABILITY_Y + PROBABILITY_PX * y
    voiced = np.where(y > threshold, height, PROBABILITY_Y)
    return {
        "x": x,
        "y": height.astype(np.float32),
        "voiced": voiced.astype(np.float32),
    }


def short_notes(
    frames: tuple[Times, Levels],
    params: VadParams,
    window: Window,
    frame_ms: int = CHUNK_MS,
) -> list[Label]:
    """Return words where speech was too short for an event."""
    times, levels = frames
    if len(times) == 0 or window.end_ms - window.start_ms > 120_000:
        return []
    bare = VadParams(0, params.silence_padding_ms, params.voice_threshold, None)
    found = speech_segments(np.asarray(levels, np.float32), frame_ms, bare)
    # what has only just paused may go on
    settled = len(levels) * frame_ms - params.silence_padding_ms - 2 * frame_ms
    noted: list[Label] = []
    for start, end in zip(found["start_ms"], found["end_ms"], strict=True):
        length = int(end - start)
        if frame_ms * 2 < length < params.speech_padding_ms and end < settled:
            index = min(int(start) // frame_ms, len(times) - 1)
            words = f"{length} ms < speechPadding {params.speech_padding_ms}: no event"
            if not noted or times[index] - noted[-1].x > 210 * window.ms_per_px:
                noted.append(Label(float(times[index]), NOTE_Y, words, dx=LABEL_PX))
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
