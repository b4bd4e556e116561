"""The timeline: toolbar, whole call, and lanes on one time axis."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import panel as pn
from bokeh.core.property.descriptors import UnsetValueError
from bokeh.events import DoubleTap, MouseLeave, MouseMove, Tap
from panel.viewable import Viewable, Viewer

from rustpbx_lab.audio.envelope import talk_outline
from rustpbx_lab.dashboard.browser.document_lock import callback, coalesced, locked
from rustpbx_lab.dashboard.browser.styles import BOX
from rustpbx_lab.dashboard.state.call_view import CallView
from rustpbx_lab.plots import overview
from rustpbx_lab.plots.bands import Bands
from rustpbx_lab.plots.density import merged
from rustpbx_lab.plots.hit_test import Target, hit
from rustpbx_lab.plots.lanes.lane import Lane, Scene
from rustpbx_lab.plots.lanes.registry import Guard, all_lanes
from rustpbx_lab.plots.theme import Painter, Palette
from rustpbx_lab.plots.time_axis import TimeAxis, Window, set_now
from rustpbx_lab.views.call_tables import NEWEST

from .empty_state import EmptyLanes
from .lane_headers import LaneHeaders
from .lane_rows import LaneRows
from .splitter import LANES_CSS
from .toolbar import TimelineBar
from .viewport import Viewport
from .what_if import WhatIf

HEADER_PX = 148
SLOTS_PER_PX = 1.3
"""Steps of a waveform: some lie in the margin."""
FIRST_WIDTH_PX = 1100
LEAST_WIDTH_PX = 80
OVERVIEW_EVERY_S = 1.0
"""Between two redraws of the whole call and of the headers."""
MOST_ROWS = 120
"""Rows of one table that a lane draws: with more they are a few pixels wide each."""


class TimelineBox(Viewer):
    """Draws a call; the tick tells it to look.

    Args:
        palette: The colours to begin with.
        on_select: Called with the log row of a mark that was tapped, None if there is
            none, and the call time of the tap.
        on_clock: Called when times are to be written otherwise.
        empty: What the lanes say while there is no call.
        lanes: What is drawn, from above; None is every lane there is.
    """

    def __init__(
        self,
        palette: Palette,
        on_select: Callable[[int | None, float], None],
        on_clock: Callable[[], None] = lambda: None,
        empty: EmptyLanes | None = None,
        lanes: Sequence[type[Lane]] | None = None,
    ) -> None:
        super().__init__()
        self._on_clock = on_clock
        self.on_lanes: Callable[[], None] = lambda: None
        """Called when someone has chosen which lanes are shown."""
        self._empty = empty
        self._began_ms: int | None = None
        self._view: CallView | None = None
        self._on_select = on_select
        self._make_lanes(palette, all_lanes() if lanes is None else lanes)
        self._guard = Guard()
        self.headers = LaneHeaders(HEADER_PX, self.lanes, self._guard)
        self._pointer_ms: float | None = None
        self._show_pointer = coalesced(
            lambda: self.headers.show_cursor(self._pointer_ms)
        )
        self._drawn: Any = None
        self._width_px = FIRST_WIDTH_PX
        self._overview_due_s = 0.0
        self._overview_is_stale = False
        self._n_dense = 0
        self.bar = TimelineBar(self.lanes)
        self.rows = LaneRows(self.headers, self.overview.figure, self.lanes)
        self.viewport = Viewport(self._axis, self.bar)
        self.what_if = WhatIf(lambda: locked(self._show_what_if))
        self._watch_bar()
        self._listen()
        self._layout = self._assemble()

    # ------------------------------------------------------------------ building

    def _make_lanes(self, palette: Palette, lanes: Sequence[type[Lane]]) -> None:
        self._painter = Painter(palette)
        self._axis = TimeAxis(self._painter)
        self._bands = Bands(self._painter)
        self.overview = overview.Overview(self._axis)
        self.lanes = [kind(self._axis, self._bands) for kind in lanes]

    def _watch_bar(self) -> None:
        bar = self.bar
        # what a widget says comes without the lock, too
        bar.wall_clock.param.watch(callback(self._use_clock), "value")
        bar.lanes.on_click(lambda item: locked(lambda: self._choose_lane(item)))
        bar.what_if.param.watch(callback(self._turn_what_if), "value")

    def _assemble(self) -> Viewable:
        return pn.Column(
            self.bar,
            self.what_if,
            self.rows.whole_call,
            *([] if self._empty is None else [self._empty]),
            *self.rows.rows,
            margin=(6, 8, 0, 8),
            sizing_mode="stretch_width",
            styles=BOX,
            stylesheets=[LANES_CSS],
        )

    @property
    def plots(self) -> list[Any]:
        """The figures, from above."""
        return [self.overview.figure, *(lane.figure for lane in self.lanes)]

    def lane(self, name: str) -> Any:
        """Return the lane of a name.

        Raises:
            LookupError: If there is none.
        """
        for lane in self.lanes:
            if lane.name == name:
                return lane
        raise LookupError(f"there is no lane {name!r}")

    def _listen(self) -> None:
        self.overview.figure.on_event(Tap, self._go_here)
        for lane in self.lanes:
            lane.figure.on_event(Tap, self._tapper(lane))
            lane.figure.on_event(DoubleTap, self._zoom_here)
            lane.figure.on_event(MouseMove, self._hover)
            lane.figure.on_event(MouseLeave, self._hover)

    def _tapper(self, lane: Lane) -> Callable[[Any], None]:
        def tapped(event: Any) -> None:
            height = lane.tap_height(event.y)
            found = hit(lane.targets, event.x, height, self.window())
            locked(lambda: self._select(found, event.x))

        return tapped

    def __panel__(self) -> Viewable:
        return self._layout

    # ------------------------------------------------------------------ acting

    def _go_here(self, event: Any) -> None:
        """Go to a place of the whole call, or to the mark that is there."""
        whole = self.overview.window(self._width_px)
        found = hit(self.overview.targets, event.x, event.y, whole)

        def go() -> None:
            self.viewport.centre(event.x)
            if found is not None:
                self._select(found, event.x)

        locked(go)

    def _select(self, found: Target | None, tapped_ms: float) -> None:
        if found is None:
            self._on_select(None, tapped_ms)
        else:
            at_ms = tapped_ms if found.at_ms is None else found.at_ms
            self._on_select(found.seq, at_ms)

    def _zoom_here(self, event: Any) -> None:
        locked(lambda: self.viewport.centre(event.x, 20_000))

    def _use_clock(self) -> None:
        """Label the axis as is chosen, once that is known of the call."""
        view, is_on = self._view, self.bar.wall_clock.value
        if view is not None and view.use_wall_clock(is_on):
            self._on_clock()
        began = None if view is None else view.began_ms
        if began != self._began_ms:
            self._began_ms = began
            self._axis.use_wall_clock(began)

    def _turn_what_if(self) -> None:
        self.what_if.turn(self.bar.what_if.value)

    def _choose_lane(self, item: Any) -> None:
        self.flip_lane(self.bar.lane_of(item))
        self.on_lanes()

    def flip_lane(self, name: str) -> None:
        """Show or hide a lane; there need not be one of this name."""
        self.bar.flip_lane(name)
        self.rows.hide(self.bar.hidden)

    def _hover(self, event: Any) -> None:
        self._pointer_ms = event.x if isinstance(event, MouseMove) else None
        self._show_pointer()

    def show_playhead(self, at_ms: float | None) -> None:
        """Draw where one listens, and keep it in view; None draws nothing."""
        playhead = self._axis.playhead
        if at_ms is None:
            playhead.visible = False
            return
        playhead.update(location=at_ms, visible=True)
        self.viewport.keep_in_view(at_ms)

    # ------------------------------------------------------------------ drawing

    def window(self) -> Window:
        """Return what is visible."""
        now = self._view.now_ms if self._view is not None else 0.0
        try:
            width = self.overview.figure.inner_width
        except UnsetValueError:  # not laid out yet
            width = 0
        if width > LEAST_WIDTH_PX:  # less: out of sight, behind the list of calls
            self._width_px = width
            self._axis.use_width(width)
        start, end = self.viewport.visible
        return Window(start, end, now, self._width_px)

    def show_call(self, view: CallView | None) -> None:
        """Show another call."""
        self._view = view
        if self._empty is not None:
            self._empty.visible = view is None
        self.what_if.show_call(view)
        self.show_playhead(None)
        self._drawn = None
        self._overview_due_s = 0.0
        self._use_clock()
        self.viewport.show_call(view)
        self.refresh(changed=True)

    def use_palette(self, palette: Palette) -> None:
        """Repaint in another palette; edges are redrawn by a change of size."""
        self._painter.use(palette)
        self._drawn = None
        for plot in self.plots:
            height = plot.height or 0
            plot.height = height + 1 if height % 2 == 0 else height - 1
        self.refresh(changed=True)

    def refresh(self, changed: bool) -> bool:
        """Redraw what records, clock or user changed; return whether any did."""
        view = self._view
        if view is not None and self.bar.wall_clock.value and view.began_ms is None:
            self._use_clock()  # its first event may have come
        self.viewport.follow()
        changed = self.what_if.refresh() or changed
        self.bar.say_effect(self.what_if.words if self.what_if.is_on else "")
        window = self.window()
        # what happens out of sight changes nothing
        seen = replace(window, now_ms=min(window.now_ms, window.with_margin[1]))
        drawn = (seen, view and view.is_over)
        has_news = view is not None and (changed or drawn != self._drawn)
        if view is not None and has_news:
            self._drawn = drawn
            self._overview_is_stale = True
            self._draw(view, window)
        is_due = time.monotonic() >= self._overview_due_s
        if view is not None and self._overview_is_stale and is_due:
            self._overview_due_s = time.monotonic() + OVERVIEW_EVERY_S
            self._overview_is_stale = False
            self._draw_overview(view)
            self.bar.say_dense(self._n_dense)
        if is_due or not has_news:
            self._show_headers()
        self.viewport.say_behind()
        return has_news

    def _draw(self, view: CallView, window: Window) -> None:
        scene = self._scene(view, window)
        self._show_density(view, *window.with_margin)
        set_now([lane.figure for lane in self.lanes], window.now_ms)
        self._bands.show(scene.rows("turns"), scene.rows("overlaps"), window)
        for lane in self.lanes:
            self._draw_lane(lane, scene)

    def _draw_lane(self, lane: Lane, scene: Scene) -> None:
        self._guard.run(lane, lambda: lane.draw(scene), None)

    def _scene(self, view: CallView, window: Window) -> Scene:
        start, end = window.with_margin
        recording, what_if = view.call.recording, self.what_if
        slots = round(window.width_px * SLOTS_PER_PX)
        n_newest = 0 if view.is_over else NEWEST
        heard_until = min(end, window.now_ms)
        sounds = {
            "caller": (view.caller, recording.caller),
            "agent": (view.agent, recording.server),
        }
        return Scene(
            window,
            {
                name: table.rows(start, end, MOST_ROWS, newest=n_newest)
                for name, table in view.tables.items()
            },
            {
                side: sound.outline(view.anchors(leg), start, heard_until, slots)
                for side, (sound, leg) in sounds.items()
            },
            view.frames(start, end),
            view.call.frame_ms,
            view.vad_params,
            what_if.params if what_if.is_on else None,
            what_if.ghosts(start, end),
        )

    def _show_density(self, view: CallView, start: float, end: float) -> None:
        """Show how many rows there are in lanes that have no room for each."""
        blocks = {
            name: table.blocks(start, end, MOST_ROWS)
            for name, table in view.tables.items()
        }
        for lane in self.lanes:
            if lane.density is not None:
                lane.density.show(merged(*(blocks[name] for name in lane.tables)))
        drawn = {name for lane in self.lanes for name in lane.tables}
        n_dense = sum(block.n for name in drawn for block in blocks[name])
        is_news = bool(n_dense) != bool(self._n_dense)
        self._n_dense = n_dense
        if is_news:  # else once a second: to write the bar again takes 15 ms
            self.bar.say_dense(n_dense)

    def _draw_overview(self, view: CallView) -> None:
        recording, now = view.call.recording, view.now_ms
        outlines = [
            talk_outline(*view.tables[table].spans(), max(now, 1), overview.N_SLOTS)
            if sound.is_empty
            else sound.outline(view.anchors(leg), 0, max(now, 1), overview.N_SLOTS)
            for sound, leg, table in (
                (view.caller, recording.caller, "speech"),
                (view.agent, recording.server, "playback"),
            )
        ]
        self.overview.show_waves(outlines[0], outlines[1], view.end_ms)
        self.overview.show_marks(
            view.tables["marks"].rows(most=MOST_ROWS),
            view.tables["playback"].rows(most=MOST_ROWS),
        )

    def _show_what_if(self) -> None:
        """Draw the ghosts at once: they follow a slider, not the tick."""
        view = self._view
        words = self.what_if.words if self.what_if.is_on else ""
        self.bar.say_effect(words)
        if view is not None:
            scene = self._scene(view, self.window())
            for lane in self.lanes:
                if lane.follows_what_if:
                    self._draw_lane(lane, scene)
        self._show_headers()

    def _show_headers(self) -> None:
        self.headers.show(self._view, self.what_if)
        self.rows.fit()
