"""The recogniser's lane: texts and their delays."""

from collections.abc import Sequence
from typing import Any

from bokeh.models import ColumnDataSource

from rustpbx_lab.analysis.recognition import Recognition
from rustpbx_lab.models.options import CallOption
from rustpbx_lab.plots.bands import Bands
from rustpbx_lab.plots.density import Density
from rustpbx_lab.plots.drawing import (
    Columns,
    add_tips,
    fit,
    plain,
    refill,
    remembered,
)
from rustpbx_lab.plots.hit_test import Target
from rustpbx_lab.plots.labels import Label, Labels
from rustpbx_lab.plots.time_axis import TimeAxis, Window
from rustpbx_lab.wording import clock, thousands

from .header import HeaderInfo, line
from .lane import Lane, Scene

HEIGHT = 48
REASON_PX = 28
"""Height where there is only a reason to show."""
TEXT_Y, BAR_Y, TICK_Y = 36, 22, 9
OPEN_ROOM_PX = 160


class AsrLane(Lane):
    """Draws what the recogniser understood."""

    name = "ASR"
    role = "asr"
    height_px = HEIGHT
    title_px = 16
    tables = ("recognition",)

    def __init__(self, axis: TimeAxis, bands: Bands | None = None) -> None:
        super().__init__(axis, bands)
        if bands is not None:
            bands.draw_on(self.figure, with_double_talk=False)
        plot: Any = self.figure  # its types lack some of its arguments
        painter = axis.painter
        self.texts = ColumnDataSource(data=_no_texts())
        self.deltas = ColumnDataSource(data=_no_deltas())
        self.finals = ColumnDataSource(data=_no_finals())
        self.density = Density(plot, painter, "asr", (3, HEIGHT - 4), "utterances")
        bar = plot.quad(
            left="left",
            right="right",
            bottom=BAR_Y - 2,
            top=BAR_Y + 2,
            source=self.texts,
            fill_alpha="alpha",
            line_color=None,
            border_radius=2,
        )
        self.labels = Labels(plot, painter, ("size",))
        tick = plot.segment(
            x0="x", x1="x", y0=5, y1=14, source=self.deltas, line_alpha=0.75
        )
        tick.glyph.line_width = 1.5
        elbow = plot.multi_line(xs="xs", ys="ys", source=self.finals, line_width=1)
        mark = plot.scatter(
            x="at", y=TICK_Y, marker="diamond", size=9, source=self.finals
        )
        for renderer in (bar, tick, elbow, mark):
            plain(renderer)
        painter.paint(bar.glyph, fill_color="asr")
        painter.paint(tick.glyph, line_color="asr")
        painter.paint(elbow.glyph, line_color="asr")
        painter.paint(mark.glyph, fill_color="asr", line_color="surface")
        add_tips(plot, [bar, tick, mark])

    def draw(self, scene: Scene) -> None:
        """Redraw what changed."""
        rows = sorted(
            scene.rows("recognition"), key=lambda row: (_starts(row), row.seq)
        )
        columns, finals, deltas = text_columns(rows, scene.window)
        refill(self.texts, columns)
        refill(self.finals, finals)
        refill(self.deltas, deltas)
        self.labels.show(text_labels(columns, finals))
        self.targets = [
            Target(left, right, BAR_Y - 4, HEIGHT, seq)
            for left, right, seq in zip(
                columns["left"], columns["right"], columns["seq"], strict=True
            )
        ] + [
            Target(at, at, 2, 16, seq, at)
            for moments, name in ((finals, "at"), (deltas, "x"))
            for at, seq in zip(moments[name], moments["seq"], strict=True)
        ]

    def header(self, info: HeaderInfo) -> str:
        """Return name and legend, or why there is nothing."""
        option = None if info.call is None else info.call.option
        if option is not None and option.asr is None:
            words = f"<b class='t'>{self.name}</b> none: option asr is not set"
            return line(14, words, "why")
        legend = line(36, "| delta &nbsp;◆ final, delay")
        return line(self.title_px, self.name, "t") + legend

    def wanted_px(self, option: CallOption | None) -> int:
        """Return its height: low without a recogniser."""
        is_off = option is not None and option.asr is None
        return REASON_PX if is_off else self.full_px


def text_columns(
    rows: Sequence[Recognition], window: Window
) -> tuple[Columns, Columns, Columns]:
    """Return the columns of texts, finals and deltas in the window.

    A text may run to the start of the next one. Without media times a bar begins at
    the first delta.
    """
    texts, finals, deltas = _no_texts(), _no_finals(), _no_deltas()
    for index, row in enumerate(rows):
        start, end = _starts(row), _ends(row, window)
        last = max(end, row.said_ms, window.now_ms if not row.is_final else end)
        if not window.shows(start, last):
            continue
        following = _starts(rows[index + 1]) if index + 1 < len(rows) else None
        room = _room(start, following, window)
        shown = max(start, window.start_ms)
        texts["left"].append(start)
        texts["right"].append(max(end, start))
        texts["x"].append(shown)
        texts["text"].append(fit(row.text or "", room, 6.0) if end >= shown else "")
        texts["alpha"].append(1.0 if row.is_final else 0.45)
        texts["seq"].append(_row_of(row))
        texts["tip"].append(_tip(row))
        _add_deltas(deltas, row, window)
        if row.is_final:
            _add_final(finals, row, end, following, window)
    return texts, finals, deltas


def text_labels(texts: Columns, finals: Columns) -> list[Label]:
    """Return the words of the lane: texts, and delays of finals."""
    words = [
        Label(x, TEXT_Y, text, "asr_ink", size="12px")
        for x, text in zip(texts["x"], texts["text"], strict=True)
    ]
    delays = [
        Label(x, TICK_Y, delay, "muted", 8, size="10px")
        for x, delay in zip(finals["at"], finals["delay"], strict=True)
    ]
    return [*words, *delays]


def _room(start: float, following: float | None, window: Window) -> float:
    shown = max(start, window.start_ms)
    if following is not None and following > start:
        return (following - shown) / window.ms_per_px - 8  # less than none: no text
    return max((window.end_ms - shown) / window.ms_per_px, OPEN_ROOM_PX)


def _add_final(
    finals: Columns,
    row: Recognition,
    end: float,
    following: float | None,
    window: Window,
) -> None:
    finals["xs"].append([end, end, row.said_ms])
    finals["ys"].append([BAR_Y - 2, TICK_Y, TICK_Y])
    finals["at"].append(row.said_ms)
    room = float("inf") if following is None else following - row.said_ms
    words = "" if row.delay_ms is None else f"+{thousands(row.delay_ms)} ms"
    finals["delay"].append(words if room / window.ms_per_px > 56 else "")
    finals["seq"].append(_row_of(row))
    finals["tip"].append(_tip(row))


def _add_deltas(deltas: Columns, row: Recognition, window: Window) -> None:
    seqs = row.delta_seqs or (row.seq,) * len(row.deltas)
    for number, (at, seq) in enumerate(zip(row.deltas, seqs, strict=True), start=1):
        if window.shows(at, at):
            deltas["x"].append(at)
            deltas["seq"].append(seq)
            deltas["tip"].append(_delta_tip(number, at, seq))


def _delta_tip(number: int, at_ms: float, seq: int) -> str:
    return f"partial result {number} of this sentence at {clock(at_ms)}\nlog row {seq}"


def _row_of(row: Recognition) -> int:
    """Return the log row that says a text: its final, else its first delta."""
    return row.seq if row.said_seq is None else row.said_seq


def _starts(row: Recognition) -> float:
    if row.start_ms is not None:
        return row.start_ms
    return row.deltas[0] if row.deltas else row.said_ms


def _ends(row: Recognition, window: Window) -> float:
    if row.end_ms is not None:
        return row.end_ms
    if row.is_final:
        return row.said_ms
    return max(row.deltas[-1] if row.deltas else 0, min(window.now_ms, window.end_ms))


@remembered
def _tip(row: Recognition) -> str:
    kind = "final" if row.is_final else f"partial {len(row.deltas)}"
    said = f", said {clock(row.said_ms)}"
    delay = "" if row.delay_ms is None else f"\ndelay {thousands(row.delay_ms)} ms"
    return (
        f"{row.text}\n{clock(row.start_ms)} → {clock(row.end_ms)}, {kind}{said}"
        f"{delay} ({row.quality})\nlog row {_row_of(row)}"
    )


def _no_texts() -> Columns:
    names = ("left", "right", "x", "text", "alpha", "seq", "tip")
    return {name: [] for name in names}


def _no_finals() -> Columns:
    return {name: [] for name in ("xs", "ys", "at", "delay", "seq", "tip")}


def _no_deltas() -> Columns:
    return {name: [] for name in ("x", "seq", "tip")}
