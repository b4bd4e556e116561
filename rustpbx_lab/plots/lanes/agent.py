"""The agent's lane: playback, waits and interruptions."""

from collections.abc import Mapping, Sequence

from bokeh.models import ColumnDataSource

from rustpbx_lab.analysis.playback import Playback
from rustpbx_lab.analysis.turns.turn import Turn
from rustpbx_lab.plots.bands import Bands
from rustpbx_lab.plots.density import Density
from rustpbx_lab.plots.drawing import (
    PX_PER_CHARACTER,
    Columns,
    add_tips,
    fit,
    plain,
    refill,
)
from rustpbx_lab.plots.held import HELD, HELD_LOOK, held_spans
from rustpbx_lab.plots.hit_test import Target
from rustpbx_lab.plots.labels import Label, Labels
from rustpbx_lab.plots.spans import Look, Span, Spans
from rustpbx_lab.plots.time_axis import TimeAxis, Window
from rustpbx_lab.plots.waveform import Waveform
from rustpbx_lab.wording import clock, thousands

from .header import HeaderInfo, level_at_cursor, line, meter, swatch
from .lane import Lane, Scene

HEIGHT = 88
TAG_Y, WAVE_Y, WAVE_PX = 78, 49, 19
WAVE_EDGES = (WAVE_Y - WAVE_PX, WAVE_Y + WAVE_PX)
TAG_PX = 70
"""How wide the words at an interruption are at least."""
BOX_BOTTOM, BOX_TOP = 5, 25
BOX_Y = (BOX_BOTTOM + BOX_TOP) / 2
ENDS_CALL = "then hangs up"
LABEL_PX = 6
"""From the edge of a box to its words."""
LOOKS = {
    "not heard": Look(fill="surface", line="agent", line_alpha=0.6, dash="3 3"),
    "wait": Look(fill="tts_tint", line="tts", hatch="tts", hatch_alpha=0.8),
    "played": Look(fill="agent_tint", line="agent"),
    HELD: HELD_LOOK,
}


class AgentLane(Lane):
    """Draws playback: hatched wait, box, what was not heard."""

    name = "Agent"
    role = "agent"
    height_px = HEIGHT
    title_px = 30
    tables = ("playback",)
    folded_y = WAVE_EDGES

    def __init__(self, axis: TimeAxis, bands: Bands | None = None) -> None:
        super().__init__(axis, bands)
        plot, painter = self.figure, axis.painter
        if bands is not None:
            bands.draw_on(plot)
        self.cuts = ColumnDataSource(data=_no_cuts())
        self.wave = Waveform(plot, painter, "agent", WAVE_Y, WAVE_PX)
        self.density = Density(plot, painter, "agent", (3, WAVE_EDGES[0]), "replies")
        self.spans = Spans(plot, painter, LOOKS, radius=3)
        self.labels = Labels(plot, painter, ("ground", "tip"), padding=2)
        cut = plot.segment(
            x0="x", x1="x", y0=1, y1=HEIGHT - 2, source=self.cuts, line_width=1.6
        )
        painter.paint(plain(cut).glyph, line_color="text")
        add_tips(plot, [cut, self.labels.renderer])

    def draw(self, scene: Scene) -> None:
        """Redraw what changed."""
        window = scene.window
        self.wave.show(scene.wave("agent"))
        rows = sorted(scene.rows("playback"), key=lambda row: row.start_ms)
        boxes, cuts = box_columns(rows, window, cut_off_words(scene.rows("turns")))
        covers = held_spans(scene.rows("holds"), "paused", WAVE_EDGES, window)
        self.spans.show([*covers, *box_spans(boxes)])
        self.labels.show(box_labels(boxes, window))
        refill(self.cuts, cuts)
        self.targets = [*self.spans.targets, *cut_targets(cuts, window)]

    def header(self, info: HeaderInfo) -> str:
        """Return name, level or state, and what a box is."""
        call, cursor = info.call, info.cursor
        is_playing = call is not None and call.is_playing
        state = "playing" if is_playing else "silent"
        if call is None:
            state = ""
        elif call.is_paused and not call.is_over:
            state = "paused"
        if call is not None and cursor is not None and not call.agent.is_empty:
            state = level_at_cursor(cursor.agent_dbfs)
        level = call.agent.level_dbfs if call is not None and is_playing else None
        box = swatch("agent-tint", "1px solid var(--lab-agent)")
        return (
            line(self.title_px, self.name, "t")
            + line(46, state)
            + meter(10, level, "agent")
            + line(HEIGHT - BOX_Y, box + "playback, play id")
        )


def cut_off_words(turns: Sequence[Turn]) -> dict[str, str]:
    """Return what is said of each reply that came too early, by play id."""
    words: dict[str, str] = {}
    for turn in turns:
        first, resumed = turn.first_audio_ms, turn.resumed_ms
        if turn.outcome != "cut_off" or turn.play_id is None:
            continue
        if turn.problem is not None:
            words[turn.play_id] = f"cut-off: {turn.problem}"
        elif first is not None and resumed is not None:
            apart = thousands(abs(resumed - first))
            side = "before" if first <= resumed else "after"
            words[turn.play_id] = (
                f"cut-off: agent began {apart} ms {side} the caller went on"
            )
    return words


def cut_targets(cuts: Columns, window: Window) -> list[Target]:
    """Return where an interruption can be tapped: its line, and the words on top."""
    tags_ms = TAG_PX * window.ms_per_px
    return [
        Target(x, x + wide, bottom, HEIGHT - 2, seq, x)
        for x, seq in zip(cuts["x"], cuts["seq"], strict=True)
        for wide, bottom in ((0, 1), (tags_ms, TAG_Y - 9))
    ]


def box_spans(boxes: Columns) -> list[Span]:
    """Return what is drawn of each playback: what was not heard, wait, box."""
    spans: list[Span] = []
    names = ("asked", "left", "right", "planned", "tip", "seq")
    for asked, left, right, planned, tip, seq in zip(
        *(boxes[name] for name in names), strict=True
    ):
        for start, end, look in (
            (right, planned, "not heard"),
            (asked, left, "wait"),
            (left, right, "played"),
        ):
            if end > start:
                spans.append(Span(start, end, BOX_BOTTOM, BOX_TOP, look, tip, seq))
    return spans


def box_columns(
    rows: Sequence[Playback], window: Window, cut_offs: Mapping[str, str]
) -> tuple[Columns, Columns]:
    """Return the boxes in the window and where playback was cut.

    ``asked`` → ``left`` is the wait for the first audio, ``left`` → ``right`` the
    playback, ``right`` → ``planned`` what was synthesised and not heard.
    """
    boxes, cuts = _no_boxes(), _no_cuts()
    for index, row in enumerate(rows):
        following = rows[index + 1] if index + 1 < len(rows) else None
        box = _Box(row, following, window)
        if not window.shows(box.asked, box.planned):
            continue
        boxes["asked"].append(box.asked)
        boxes["left"].append(box.left)
        boxes["right"].append(box.right)
        boxes["planned"].append(box.planned)
        boxes["name"].append(_name(row))
        boxes["is_cut"].append(row.interrupted_ms is not None)
        boxes["why"].append(cut_offs.get(row.play_id or "", ""))
        boxes["heard"].append(row.heard_ms)
        boxes["unheard"].append(box.unheard_ms)
        boxes["hangs_up"].append(row.hangup_reason is not None)
        boxes["seq"].append(row.seq)
        boxes["tip"].append(_tip(row))
        if row.interrupted_ms is not None:
            seq = row.seq if row.interrupted_seq is None else row.interrupted_seq
            for name, cell in (("x", box.right), ("seq", seq), ("tip", _tip(row))):
                cuts[name].append(cell)
    return boxes, cuts


class _Box:
    """The four edges of one playback."""

    def __init__(
        self, row: Playback, following: Playback | None, window: Window
    ) -> None:
        over = row.interrupted_ms if row.interrupted_ms is not None else row.end_ms
        last = window.now_ms if over is None else over
        asked = row.start_ms if row.command_ms is None else row.command_ms
        self.asked = float(min(asked, row.start_ms))
        first = row.first_audio_ms
        waits = first is None and over is None
        self.left = float(min(last if waits else first or row.start_ms, last))
        self.left = max(self.left, self.asked)
        self.right = float(max(last, self.left))
        self.planned = self.right
        self.unheard_ms: int | None = None
        if row.interrupted_ms is not None and row.total_ms and row.heard_ms is not None:
            self.unheard_ms = max(row.total_ms - row.heard_ms, 0)
            self.planned += self.unheard_ms
        if following is not None:
            asked_next = following.command_ms or following.start_ms
            self.planned = max(self.right, min(self.planned, asked_next))


def box_labels(boxes: Columns, window: Window) -> list[Label]:
    """Return the words in and over the boxes, each only where it fits."""
    labels: list[Label] = []
    for index, name in enumerate(boxes["name"]):
        right, planned = boxes["right"][index], boxes["planned"][index]
        tip = boxes["tip"][index]
        shown = max(boxes["left"][index], window.start_ms)
        text = fit(name, (right - shown) / window.ms_per_px - 2 * LABEL_PX)
        labels.append(Label(shown, BOX_Y, text, "agent_ink", LABEL_PX, tip))
        missed = boxes["unheard"][index]
        room = (planned - right) / window.ms_per_px
        words = f"{thousands(missed)} ms not heard"
        if missed and room > 6 * len(words) + 2 * LABEL_PX:
            labels.append(Label(right, BOX_Y, words, "muted", LABEL_PX, tip))
        if boxes["hangs_up"][index] and right <= window.end_ms:
            labels.append(Label(right, BOX_Y, ENDS_CALL, "muted", LABEL_PX, tip))
        if boxes["is_cut"][index] and window.start_ms <= right <= window.end_ms:
            words, ink = _cut_words(boxes, index, window), "agent_ink"
            labels.append(Label(right, TAG_Y, words, ink, LABEL_PX, tip, "agent_tint"))
    return labels


def _cut_words(boxes: Columns, index: int, window: Window) -> str:
    """Return what is said at a cut, as far as there is room to the next."""
    later = zip(boxes["right"][index + 1 :], boxes["is_cut"][index + 1 :], strict=True)
    following = [right for right, is_cut in later if is_cut]
    until = min(following, default=window.end_ms)
    room = (until - boxes["right"][index]) / window.ms_per_px - 18
    heard = boxes["heard"][index]
    choices = ["interrupted", ""]
    if heard is not None:
        choices.insert(0, f"interrupted, {thousands(heard)} ms heard")
    if boxes["why"][index]:
        choices[:-1] = [boxes["why"][index], "cut-off"]
    return next(
        words for words in choices if len(words) * PX_PER_CHARACTER <= room or not words
    )


def _name(row: Playback) -> str:
    said = row.text or ""
    if row.kind == "play" and row.play_id == row.text:
        return said
    return f"{row.play_id}  {said}".rstrip() if row.play_id else said or "track"


def _tip(row: Playback) -> str:
    lines = [
        f"{row.kind} {row.play_id or ''}".rstrip(),
        *([row.text] if row.text else []),
        f"asked {clock(row.command_ms)}, trackStart {clock(row.start_ms)}",
        f"first audio {clock(row.first_audio_ms)} ({row.quality})",
        f"end {clock(row.end_ms)}",
    ]
    if row.ttfb_ms is not None:
        cached = ", from the cache" if row.is_cached else ""
        lines.append(f"synthesis: first byte after {thousands(row.ttfb_ms)} ms{cached}")
    if row.interrupted_ms is not None:
        lines.append(
            f"interrupted {clock(row.interrupted_ms)}: heard "
            f"{thousands(row.heard_ms)} of {thousands(row.total_ms)} ms"
        )
    if row.hangup_reason is not None:
        lines.append(f"the server hangs up after it (autoHangup: {row.hangup_reason})")
    return "\n".join([*lines, f"log row {row.seq}"])


def _no_boxes() -> Columns:
    names = (
        *("asked", "left", "right", "planned", "name"),
        *("is_cut", "why", "heard", "unheard", "hangs_up", "seq", "tip"),
    )
    return {name: [] for name in names}


def _no_cuts() -> Columns:
    return {name: [] for name in ("x", "seq", "tip")}
