"""The timeline: a bar, the whole call, and lanes on one time axis."""

from collections.abc import Callable
from typing import Any

import panel as pn
import panel_material_ui as pmui
from bokeh.core.property.descriptors import UnsetValueError
from bokeh.events import DoubleTap, MouseMove, Tap
from panel.viewable import Viewable, Viewer

from rustpbx_lab.plots import agent_lane, asr_lane, caller_lane, overview, point_lanes
from rustpbx_lab.plots.theme import Painter, Palette
from rustpbx_lab.plots.timeline import TimeAxis, Window, pick, refill, set_now

from .call_view import CallView
from .lane_header import LaneHeaders
from .styles import BOX, html

SPANS = {"10 s": 10_000, "20 s": 20_000, "60 s": 60_000, "Fit": None}
HEADER_PX = 148
FIRST_WIDTH_PX = 1100
AHEAD = 0.025
"""How much empty time stands right of now."""
OVERVIEW_EVERY = 7
"""Ticks between two redraws of the whole call: about one a second."""
LEGEND_CSS = """
.lg{display:flex;gap:12px;align-items:center;height:30px;font-size:11px;
  color:var(--lab-muted);justify-content:flex-end;white-space:nowrap;padding-right:8px;
  overflow:hidden}
.lg span{display:flex;gap:5px;align-items:center}
.sw{width:10px;height:10px;border-radius:2px;display:inline-block}
"""


class TimelineBox(Viewer):
    """Draws a call; the tick tells it to look."""

    def __init__(self, palette: Palette, on_select: Callable[[int], None]) -> None:
        super().__init__()
        self._view: CallView | None = None
        self._on_select = on_select
        self._painter = Painter(palette)
        self._axis = TimeAxis(self._painter)
        self._overview = overview.Overview(self._axis)
        self._caller = caller_lane.CallerLane(self._axis)
        self._asr = asr_lane.AsrLane(self._axis)
        self._agent = agent_lane.AgentLane(self._axis)
        self._metrics = point_lanes.MetricsLane(self._axis)
        self._commands = point_lanes.CommandsLane(self._axis)
        self._lanes = (
            self._caller,
            self._asr,
            self._agent,
            self._metrics,
            self._commands,
        )
        self._headers = LaneHeaders(HEADER_PX)
        self._moves_itself = False
        self._drawn: Any = None
        self._ticks = 0
        self._make_bar()
        self._listen()
        self._layout = self._assemble()

    # ------------------------------------------------------------------ building

    def _make_bar(self) -> None:
        self.span = pmui.RadioButtonGroup(
            options=list(SPANS),
            value="20 s",
            size="small",
            width=164,
            margin=(3, 6, 2, 0),
            sx={
                "& .MuiToggleButton-root": {
                    "padding": "1px 7px",
                    "fontSize": "11.5px",
                    "textTransform": "none",
                    "lineHeight": 1.7,
                    "whiteSpace": "nowrap",
                    "flex": 1,
                }
            },
        )
        self.zoom_in = _icon("zoom_in", "Zoom in (+)")
        self.zoom_out = _icon("zoom_out", "Zoom out (−)")  # noqa: RUF001
        self.follow = pmui.Switch(
            label="Follow live",
            value=True,
            size="small",
            margin=(1, 4),
            sx={"& .MuiFormControlLabel-label": {"fontSize": "12px"}},
        )
        self.span.param.watch(lambda _: self._set_span(), "value")
        self.zoom_in.on_click(lambda _: self.zoom(0.5))
        self.zoom_out.on_click(lambda _: self.zoom(2.0))
        self.follow.param.watch(lambda _: self._say_follow(), "value")
        colours = (
            ("vad", "speech, hang-over"),
            ("asr", "ASR"),
            ("tts", "TTS wait"),
            ("agent", "playback"),
        )
        swatches = "".join(
            f'<span><i class="sw" style="background:var(--lab-{role})"></i>'
            f"{name}</span>"
            for role, name in colours
        )
        self._legend = html(
            f'<div class="lg">{swatches}</div>',
            LEGEND_CSS,
            sizing_mode="stretch_width",
            height=30,
        )

    def _assemble(self) -> Viewable:
        bar = pn.Row(
            self.span,
            self.zoom_in,
            self.zoom_out,
            self.follow,
            self._legend,
            height=31,
            margin=0,
            sizing_mode="stretch_width",
            styles={
                "border-bottom": "1px solid var(--lab-hair)",
                "padding": "0 4px 0 8px",
            },
        )
        plots = [self._overview.figure, *(lane.figure for lane in self._lanes)]
        rows = [
            pn.Row(
                header,
                pn.pane.Bokeh(
                    plot, margin=0, height=plot.height, sizing_mode="stretch_width"
                ),
                margin=0,
                height=plot.height,
                sizing_mode="stretch_width",
            )
            for header, plot in zip(self._headers.panes, plots, strict=True)
        ]
        height = sum(plot.height or 0 for plot in plots)
        return pn.Column(
            bar,
            *rows,
            margin=(8, 8, 0, 8),
            height=height + 33,
            sizing_mode="stretch_width",
            styles=BOX,
        )

    def _listen(self) -> None:
        for lane in self._lanes:
            lane.figure.on_event(Tap, self._tapper(lane))
            lane.figure.on_event(DoubleTap, self._zoom_here)
            lane.figure.on_event(MouseMove, self._hover)
        self._axis.range.on_change("start", self._moved)
        self._axis.range.on_change("end", self._moved)

    def _tapper(self, lane: Any) -> Callable[[Any], None]:
        def tapped(event: Any) -> None:
            seq = pick(lane.targets, event.x, event.y, self.window())
            if seq is not None:
                self._on_select(seq)

        return tapped

    def __panel__(self) -> Viewable:
        return self._layout

    # ------------------------------------------------------------------ moving

    def _zoom_here(self, event: Any) -> None:
        self._centre(event.x, 20_000)

    def _hover(self, event: Any) -> None:
        self._headers.show_cursor(event.x)

    def _moved(self, attr: str, old: float, new: float) -> None:
        if not self._moves_itself:
            self.follow.value = False

    def _move(self, start_ms: float, end_ms: float) -> None:
        self._moves_itself = True
        try:
            self._axis.move(start_ms, end_ms)
        finally:
            self._moves_itself = False

    def _set_span(self) -> None:
        span = SPANS[self.span.value]
        if span is None:
            self._move(*self._whole())
            return
        end = self._axis.visible[1]
        if self.follow.value and self._view is not None:
            end = self._view.now_ms + span * AHEAD
        self._move(end - span, end)

    def _whole(self) -> tuple[float, float]:
        now = self._view.now_ms if self._view is not None else 0
        length = max(now, 5000)
        return -length * 0.01, length * (1 + AHEAD)

    def zoom(self, factor: float) -> None:
        """Show ``factor`` times as much time, around the middle or up to now."""
        start, end = self._axis.visible
        span = max((end - start) * factor, 400)
        if self.follow.value:
            self._move(end - span, end)
        else:
            middle = (start + end) / 2
            self._move(middle - span / 2, middle + span / 2)

    def shift(self, by_ms: float) -> None:
        """Show what is before or after."""
        self.follow.value = False
        start, end = self._axis.visible
        self._move(start + by_ms, end + by_ms)

    def _centre(self, at_ms: float, span_ms: float | None = None) -> None:
        self.follow.value = False
        start, end = self._axis.visible
        span = span_ms or end - start
        self._move(at_ms - span / 2, at_ms + span / 2)

    def reveal(self, at_ms: float) -> None:
        """Bring a call time into view; nothing moves if it is there already."""
        start, end = self._axis.visible
        if not start <= at_ms <= end:
            self._centre(at_ms)

    def show_playhead(self, at_ms: float | None) -> None:
        """Draw where one listens, and keep it in view; None draws nothing."""
        playhead = self._axis.playhead
        if at_ms is None:
            playhead.visible = False
            return
        playhead.update(location=at_ms, visible=True)
        start, end = self._axis.visible
        if not start <= at_ms <= end:
            self._centre(at_ms + (end - start) * 0.4)

    # ------------------------------------------------------------------ drawing

    def window(self) -> Window:
        """Return what is visible."""
        now = self._view.now_ms if self._view is not None else 0.0
        try:
            width = self._caller.figure.inner_width
        except UnsetValueError:  # not laid out yet
            width = FIRST_WIDTH_PX
        start, end = self._axis.visible
        return Window(start, end, now, width)

    def show_call(self, view: CallView | None) -> None:
        """Show another call."""
        self._view = view
        self.show_playhead(None)
        self._drawn = None
        self._ticks = 0
        self.follow.value = True
        self.follow.disabled = False
        if view is None:
            self._move(0, 20_000)
        self.refresh(changed=True)

    def use_palette(self, palette: Palette) -> None:
        """Repaint in another palette; edges are redrawn by a change of size."""
        self._painter.use(palette)
        self._drawn = None
        for plot in [self._overview.figure, *(lane.figure for lane in self._lanes)]:
            height = plot.height or 0
            plot.height = height + 1 if height % 2 == 0 else height - 1
        self.refresh(changed=True)

    def refresh(self, changed: bool) -> None:
        """Redraw what the last records, the clock or the user changed."""
        view = self._view
        if view is not None and self.follow.value:
            self._follow(view)
        window = self.window()
        drawn = (window, view and view.is_over)
        if view is None or (not changed and drawn == self._drawn):
            self._headers.show(view)
            return
        self._drawn = drawn
        self._draw(view, window)
        if self._ticks % OVERVIEW_EVERY == 0:
            self._draw_overview(view)
            self._headers.show(view)
        self._ticks += 1
        self._say_follow()

    def _follow(self, view: CallView) -> None:
        start, end = self._axis.visible
        span = end - start
        if SPANS[self.span.value] is None:
            self._move(*self._whole())
        else:
            # a young call begins at the left: there is nothing before it
            end = max(view.now_ms + span * AHEAD, span * (1 - AHEAD))
            self._move(end - span, end)

    def _draw(self, view: CallView, window: Window) -> None:
        margin = (window.end_ms - window.start_ms) * 0.15
        start, end = window.start_ms - margin, window.end_ms + margin
        rows = {name: table.rows(start, end) for name, table in view.tables.items()}
        set_now([lane.figure for lane in self._lanes], window.now_ms)
        self._caller.show(
            rows["speech"], view.vad_params, view.frames(start, end), window
        )
        self._asr.show(rows["recognition"], window)
        self._agent.show(rows["playback"], window)
        points = point_lanes.points_of(
            rows["metrics"], rows["recognition"], rows["speech"]
        )
        self._metrics.show(points, window)
        self._commands.show(rows["marks"], window)
        recording = view.call.recording
        slots = round(window.width_px * 1.3)
        heard_until = min(end, window.now_ms)
        for lane, sound, leg, module in (
            (self._caller, view.caller, recording.caller, caller_lane),
            (self._agent, view.agent, recording.server, agent_lane),
        ):
            outline = sound.outline(view.anchors(leg), start, heard_until, slots)
            refill(
                lane.wave,
                caller_lane.wave_columns(outline, module.WAVE_Y, module.WAVE_PX),
            )

    def _draw_overview(self, view: CallView) -> None:
        recording, now = view.call.recording, view.now_ms
        outlines = [
            sound.outline(view.anchors(leg), 0, max(now, 1), overview.N_SLOTS)
            for sound, leg in (
                (view.caller, recording.caller),
                (view.agent, recording.server),
            )
        ]
        self._overview.show_waves(outlines[0], outlines[1], now)
        self._overview.show_marks(
            view.tables["marks"].rows(), view.tables["playback"].rows()
        )

    def _say_follow(self) -> None:
        words = "Follow live"
        view = self._view
        if view is not None and not self.follow.value and not view.is_over:
            behind = (view.now_ms - self._axis.visible[1]) / 1000
            if behind >= 1:
                words = f"Follow live · {behind:.0f} s behind"
        if self.follow.label != words:
            self.follow.label = words


def _icon(name: str, description: str) -> pmui.IconButton:
    return pmui.IconButton(
        icon=name, description=description, size="small", margin=0, icon_size="17px"
    )
