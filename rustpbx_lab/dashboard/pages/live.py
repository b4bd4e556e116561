"""The live page: one call, watched and steered."""

from typing import Any

import panel as pn
from panel.viewable import Viewable

from rustpbx_lab.dashboard.browser import styles
from rustpbx_lab.dashboard.browser.document_lock import callback
from rustpbx_lab.dashboard.commands.command_bar import CommandBar
from rustpbx_lab.dashboard.lists.events import EventsBox
from rustpbx_lab.dashboard.lists.inspector import Inspector
from rustpbx_lab.dashboard.lists.transcript import TranscriptBox
from rustpbx_lab.dashboard.playback.replay_bar import ReplayBar
from rustpbx_lab.dashboard.state.call_view import CallView
from rustpbx_lab.dashboard.state.tick import ticks
from rustpbx_lab.dashboard.timeline.empty_state import EmptyLanes
from rustpbx_lab.dashboard.timeline.screenshot import Picture
from rustpbx_lab.dashboard.timeline.splitter import Splitter
from rustpbx_lab.dashboard.timeline.timeline import TimelineBox
from rustpbx_lab.plots.theme import Palette

from .deep_link import Address, Part
from .key_figures import KpiStrip
from .live_keys import KEYS, LiveKeys
from .page import DrawRequest, Page, PageHost
from .preferences import LanePreferences

KPI_EVERY = ticks(1000)


class LivePage(Page):
    """The call that is shown: key figures, timeline, lists and the command bar."""

    title = "Live"
    icon = "graphic_eq"
    keys = KEYS
    is_built_early = True
    shows_call = True

    def __init__(self, host: PageHost) -> None:
        super().__init__(host)
        self._view: CallView | None = None
        self._ticks = self._kpi_due = 0
        self._make_parts(host)
        self._keyboard = LiveKeys(self)
        self.timeline.bar.picture.on_click(callback(self._save_picture))
        LanePreferences(host.preferences, self.timeline, host.keys)
        host.draft.add("kinds", self.events.kinds)
        host.draft.add("filter", self.events.text, "value_input")
        self._layout = self._assemble()
        self.parts = (self.picture, self.bar.dialog.dialog)

    def _make_parts(self, host: PageHost) -> None:
        connection = host.connection
        self.kpi = KpiStrip()
        self.empty = EmptyLanes(host.connect, connection.show_opened)
        self.timeline = TimelineBox(
            host.palette, self.select, self._show_times, self.empty, host.lanes
        )
        use_vad = connection.options.use_vad
        self.timeline.what_if.on_use = lambda params: host.say(*use_vad(params))
        self.transcript = TranscriptBox(self.select)
        self.inspector = Inspector(host.keys.copy, self.select)
        self.events = EventsBox(self.select, [self.inspector.opener()])
        self.picture = Picture(host.say)
        sender = host.sender
        self.bar = CommandBar(sender.send, sender.press, sender.hang_up)
        self.bar.dialog.on_open = host.keys.focus
        self.replay = ReplayBar(self.timeline.show_playhead)

    def _assemble(self) -> pn.Column:
        bottom = pn.Row(
            *(self.transcript, self.events, self.inspector),
            min_height=240,
            **styles.stretched(styles.STACK_CSS, margin=(0, 8, 6, 8)),
        )
        full = styles.stretched(styles.NARROW_CSS)
        # what does not fit is scrolled; the commands are always in reach
        scrolled = pn.Column(
            *(self.kpi, self.timeline, Splitter(), self.replay, bottom),
            styles=styles.SCROLLED,
            **full,
        )
        return pn.Column(scrolled, self.bar, **full)

    @property
    def body(self) -> Viewable:
        """What stands under the tabs."""
        return self._layout

    # ------------------------------------------------------------------ the call

    def show_call(self, view: CallView | None) -> None:
        """Show another call; None: there is none."""
        self._view = view
        self.bar.dialog.close()
        lists = (self.transcript, self.events)
        for part in (self.kpi, self.timeline, *lists, self.replay):
            part.show_call(view)
        self.select(None)

    def learn(self, view: CallView) -> None:
        """Have the lists process what is new."""
        self.events.learn(view.new_records)
        self.transcript.learn()

    def catch_up(self, view: CallView) -> None:
        """Begin the lists at the end of what was read."""
        self.transcript.show_call(view)
        self.events.show_call(view)

    def select(self, seq: int | None, at_ms: float | None = None) -> None:
        """Select a log row in lists, inspector and timeline; None selects none.

        ``at_ms`` is where to listen from, unless it is the time of the row.
        """
        view = self._view
        self.events.list.selected = seq
        self.transcript.list.selected = seq
        self.inspector.show_row(view, seq)
        if view is None:
            return
        view.selected = seq
        if at_ms is None and seq is not None and 0 <= seq < len(view.log):
            at_ms = view.log[seq].time_ms
        if at_ms is not None:
            self.timeline.viewport.reveal(at_ms)
            self.replay.go(at_ms)

    @property
    def is_read(self) -> bool:
        """Whether a row is selected or the view does not follow."""
        view = self._view
        is_selected = view is not None and view.selected is not None
        return is_selected or not self.timeline.bar.follow.value

    # ------------------------------------------------------------------ drawing

    def draw(self, view: CallView, request: DrawRequest) -> bool:
        """Draw the lists, and the lanes if they are due; return whether they were."""
        self.replay.refresh(looks_back=not self.timeline.bar.follow.value)
        self.events.refresh()
        self.transcript.refresh()
        is_due = request.has_news or request.is_rested
        return is_due and self.timeline.refresh(request.has_changed)

    def tick(self, has_drawn: bool) -> None:
        """Draw the key figures about once a second."""
        self._ticks += 1
        late = self._ticks - self._kpi_due  # apart from a drawing, but not for ever
        if late >= 0 and not (has_drawn and late < KPI_EVERY):
            self._kpi_due = self._ticks + KPI_EVERY
            self.kpi.refresh()
            self.host.announcer.screen_reader.sum_up(self.kpi.words)

    def show_state(self, view: CallView | None) -> None:
        """Count the errors, and enable the commands that the call takes."""
        self.events.count_errors()
        self.bar.show_call(view, self.host.sender.is_allowed)

    def sync_address(self, address: Address) -> None:
        """Go to the part that the address names, or name the one that was chosen."""
        part = address.asked()
        if part is not None:
            self.timeline.viewport.show_part(part.start_ms, part.end_ms)
        elif self._view is not None:
            shown = self.timeline.viewport.chosen_part
            address.show_part(None if shown is None else Part(*shown))

    def use_palette(self, palette: Palette) -> None:
        """Repaint the lanes."""
        self.timeline.use_palette(palette)

    def keep_still(self, is_still: bool) -> None:
        """Let the lanes stand still, or follow again."""
        self.timeline.viewport.is_still = is_still

    def _show_times(self) -> None:
        self.events.show_times()
        self.transcript.show_times()

    # ------------------------------------------------------------------ acting

    def press(self, key: str, shift: bool) -> None:
        """Do what a key stands for."""
        self._keyboard.press(key, shift)

    def _save_picture(self) -> None:
        window = self.timeline.window()
        part = (window.start_ms, window.end_ms)
        figures: list[Any] = self.timeline.plots
        self.picture.take(self._view, figures, part)
