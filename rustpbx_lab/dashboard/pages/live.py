"""The live page: one call, watched and steered."""

from typing import Any

import panel as pn
import panel_material_ui as pmui
from panel.io import PeriodicCallback
from panel.viewable import Viewable, Viewer

from rustpbx_lab.dashboard.browser import styles
from rustpbx_lab.dashboard.browser.components import Keys
from rustpbx_lab.dashboard.browser.document_lock import then
from rustpbx_lab.dashboard.browser.fast_paint import FastPaint
from rustpbx_lab.dashboard.browser.patch_batching import PatchChannel, single_patch
from rustpbx_lab.dashboard.commands.command_bar import CommandBar
from rustpbx_lab.dashboard.lists.events import EventsBox
from rustpbx_lab.dashboard.lists.inspector import Inspector
from rustpbx_lab.dashboard.lists.transcript import TranscriptBox
from rustpbx_lab.dashboard.playback.replay_bar import ReplayBar
from rustpbx_lab.dashboard.sidebar.connection import ConnectionPanel
from rustpbx_lab.dashboard.state.call_view import CallView, LoopLag
from rustpbx_lab.dashboard.state.command_sender import Steering
from rustpbx_lab.dashboard.state.tick import TICK_MS, ticks
from rustpbx_lab.dashboard.timeline.empty_state import EmptyLanes
from rustpbx_lab.dashboard.timeline.screenshot import Picture
from rustpbx_lab.dashboard.timeline.splitter import Splitter
from rustpbx_lab.dashboard.timeline.timeline import TimelineBox
from rustpbx_lab.errors import LogFileError
from rustpbx_lab.hub.hub import CallHub
from rustpbx_lab.hub.hub_call import HubCall
from rustpbx_lab.models.base import BaseCommand
from rustpbx_lab.plots.theme import DARK, LIGHT

from .announcer import Telling
from .call_refresher import Feed
from .calls import CallsWall
from .deep_link import Address, Part
from .draft import DraftKeeper
from .header import Header, tab_title
from .key_figures import KpiStrip
from .key_list import KeyList
from .live_keys import KEYS, LiveKeys
from .nav import Nav
from .page_frame import page_frame
from .preferences import NO_PREFERENCES, PreferenceKeeper, Preferences

HEADER_EVERY, KPI_EVERY = ticks(500), ticks(1000)


class LivePage(Viewer):
    """Everything of one browser tab; the calls belong to the hub and outlive it.

    Args:
        hub: The calls of this process.
        endpoint: What the connection form begins with.
        call_id: The call to show; None: the newest there is.
        preferences: How the page begins.
        user: Who looks; the hub decides what they may send.
        tab: What to begin with: ``"Live"`` or ``"Calls"``.
    """

    def __init__(
        self,
        hub: CallHub,
        *,
        endpoint: str = "ws://127.0.0.1:8080",
        call_id: str | None = None,
        preferences: Preferences = NO_PREFERENCES,
        user: str | None = None,
        tab: str = "Live",
    ) -> None:
        super().__init__()
        self._hub = hub
        self._user = user
        self._view: CallView | None = None
        self._lag = LoopLag(TICK_MS)
        self._ticks = self._kpi_due = 0
        self._is_pinned = call_id is not None
        self._wanted_call: HubCall | None = None
        self._wanted_tab: str | None = None if tab == "Live" else tab
        self._known = hub.revision
        self._address = Address()
        self.steering = Steering(hub, user, self._shown_call, self.say)
        is_dark = preferences.is_dark
        self._make_parts(DARK if is_dark else LIGHT, endpoint)
        self._keyboard = LiveKeys(self)
        bar = self.timeline.bar
        bar.picture.on_click(then(self._save_picture))
        self.page = self._assemble(is_dark)
        self.preferences = PreferenceKeeper(
            preferences, self.timeline, self.page, self.keys
        )
        self.draft = DraftKeeper(self.connection, self.events, self.keys)
        self._show(self._find(call_id))
        self._show_wanted()

    # ------------------------------------------------------------------ building

    def _make_parts(self, palette: Any, endpoint: str) -> None:
        self.telling = Telling(self._go_to, self._keep_still)
        self.header = Header()
        self.nav = Nav(self.show_tab)
        self.kpi = KpiStrip()
        self.key_list = KeyList()
        self.empty = EmptyLanes(
            self._connect, lambda call_id: self.connection.show_opened(call_id)
        )
        self.timeline = TimelineBox(palette, self.select, self._show_times, self.empty)
        self.transcript = TranscriptBox(self.select)
        self.keys = Keys(self.press_key, self._narrow, keys=list(KEYS))
        self.inspector = Inspector(self.keys.copy)
        self.events = EventsBox(self.select, [self.inspector.opener()])
        self.fast_paint = FastPaint()
        self.patches = PatchChannel()
        self.picture = Picture(self.say)
        self.bar = CommandBar(self.send, self.hang_up)
        self.connection = ConnectionPanel(
            self._hub,
            endpoint,
            self._follow_new,
            self.open_call,
            self.hang_up,
            self._user,
        )
        use_vad = self.connection.options.use_vad
        self.timeline.what_if.on_use = lambda params: self.say(*use_vad(params))
        self.replay = ReplayBar(self.timeline.show_playhead)
        self.wall = CallsWall(
            self._hub, self.connection.server, self.open_call, self.say, self._user
        )
        self.feed = Feed(
            self.timeline,
            self.transcript,
            self.events,
            self.replay,
            lambda: self.nav.at == "Live",
            self.telling.tell_errors,
        )

    def _assemble(self, is_dark: bool) -> pmui.Page:
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
        self._live = pn.Column(scrolled, self.bar, **full)
        main = pn.Column(
            self._live,
            self.wall,
            self.keys,
            self.feed.pulse,
            self.fast_paint,
            self.patches,
            self.picture,
            *self.telling.parts,
            self.bar.dialog.dialog,
            self.key_list.dialog,
            styles={"background": "var(--lab-page)"},
            **full,
        )
        return page_frame([self.nav, self.header.pane], self.connection, main, is_dark)

    def __panel__(self) -> Viewable:
        return self.page

    def begin(self) -> None:
        """Start the tick; to be called while the session is being made."""
        self.feed.is_open = False
        pn.state.onload(self._begin_to_act)
        # quiet and in the background: Panel's own account of each tick costs a tenth
        tick = PeriodicCallback(
            callback=self.refresh, period=TICK_MS, log=False, background=True
        )
        tick.start()
        pn.state.on_session_destroyed(lambda _: self._end(tick))

    def _begin_to_act(self) -> None:
        self.feed.is_open = True

    def _end(self, tick: Any) -> None:
        tick.stop()
        if self._view is not None:
            self._hub.detach(self._view.call.id, self)
            self._view = None

    # ------------------------------------------------------------------ the call

    def _find(self, call_id: str | None) -> HubCall | None:
        calls = self._hub.calls
        if call_id is not None:
            named = [call for call in calls if call.id == call_id]
            found = named[0] if named else self._find_saved(call_id)
            if found is not None:
                return found
            self.say(f"no call {call_id[:80]!r} here; it may be forgotten", "warning")
        return calls[0] if calls else None

    def _find_saved(self, call_id: str) -> HubCall | None:
        try:
            return self._hub.saved(call_id)
        except LogFileError as exc:
            self.say(str(exc), "error")
            return None

    def show_tab(self, name: str) -> None:
        """Show the call, or the wall of all calls, from the next tick on."""
        self._wanted_tab = name

    def open_call(self, call: HubCall) -> None:
        """Show a call that somebody has chosen; no other takes its place."""
        self._is_pinned = True
        self._wanted_call = call
        self.show_tab("Live")

    def _show_wanted(self) -> None:
        """Do what was chosen since the last tick."""
        name, self._wanted_tab = self._wanted_tab, None
        if name is not None:
            self.nav.at = name
            self._live.visible = name == "Live"
            self.wall.visible = name == "Calls"
            self.feed.touch()
        call, self._wanted_call = self._wanted_call, None
        if call is not None:
            self._show(call)
        elif name is not None:
            self._show_address()

    def _show_address(self) -> None:
        call = self._shown_call()
        self._address.show(self.nav.at, None if call is None else call.id)

    def _shown_call(self) -> HubCall | None:
        return None if self._view is None else self._view.call

    def _show_part(self) -> None:
        """Go where the address says, or say in it where somebody went."""
        part = self._address.asked()
        if part is not None:
            self.timeline.viewport.show_part(part.start_ms, part.end_ms)
        elif self._view is not None:
            shown = self.timeline.viewport.chosen_part
            self._address.show_part(None if shown is None else Part(*shown))

    def _show(self, call: HubCall | None) -> None:
        if self._view is not None:
            self._hub.detach(self._view.call.id, self)
        self._view = None if call is None else CallView(call)
        if call is not None:
            self._hub.attach(call.id, self)
            self._show_address()
        if self._view is not None:
            self._view.refresh()
        parts = (self.kpi, self.timeline, self.transcript, self.events, self.replay)
        for part in (*parts, self.feed):
            part.show_call(self._view)
        self.select(None)
        self._show_state()

    def _follow_new(self, call: HubCall) -> None:
        self._known = self._hub.revision
        self._wanted_call = call
        if self.feed.is_open:
            self._show_wanted()

    @property
    def view(self) -> CallView | None:
        """The call that is shown."""
        return self._view

    # ------------------------------------------------------------------ the tick

    def refresh(self) -> None:
        """Take in and draw what is new; a tick costs the new rows."""
        if self.feed.is_open:
            with single_patch():
                self._refresh()

    def _refresh(self) -> None:
        self._lag.tick()
        self._ticks += 1
        has_news = self._look_for_calls()
        self._show_wanted()
        view = self._view
        if view is not None and view.log is not view.call.log:
            self._show(view.call)  # a replay went back: what it shows begins anew
        has_drawn = self.feed.refresh()
        is_due = self._ticks % HEADER_EVERY == 0
        if has_news or is_due:  # after what came of the call: it says why it ended
            self._show_state()
        if is_due:
            self._show_part()
            if self.page.sidebar_open:
                self.connection.look_around()
        late = self._ticks - self._kpi_due  # apart from a drawing, but not for ever
        if late >= 0 and not (has_drawn and late < KPI_EVERY):
            self._kpi_due = self._ticks + KPI_EVERY
            self.kpi.refresh()
            self.telling.spoken.sum_up(self.kpi.words)
        self.wall.refresh()
        self.steering.check()
        self.telling.tick()

    def _look_for_calls(self) -> bool:
        if self._hub.revision == self._known:
            return False
        self._known = self._hub.revision
        newest = next(iter(self._hub.calls), None)
        if newest is not None and self._is_free_for(newest):
            self._show(newest)
        return True

    def _is_free_for(self, call: HubCall) -> bool:
        """Whether a new call may take the page: not while somebody reads another."""
        view = self._view
        if view is None:
            return True
        is_read = view.selected is not None or not self.timeline.bar.follow.value
        if call.role != "own" or view.call.role == "replay" or self._is_pinned:
            return False
        return view.is_over and not call.is_over and not is_read

    def _show_state(self) -> None:
        self.header.show(self._view, self._lag.p95_ms)
        self.telling.tell_state(self._view)
        self.keys.name_tab(tab_title(self._view))
        self.events.count_errors()
        self.bar.show_call(self._view, self.steering.is_allowed)
        shown = self._shown_call()
        self.connection.show_calls(shown)
        self.wall.shown = shown

    def _go_to(self, view: CallView, seq: int) -> None:
        """Select a row of a call, if that call is still shown."""
        if view is self._view:
            self.show_tab("Live")
            self.select(seq)

    # ------------------------------------------------------------------ acting

    def send(self, command: BaseCommand) -> None:
        """Send a command in the call that is shown."""
        self.steering.send(command)

    def hang_up(self) -> None:
        """End the call that is shown."""
        self.steering.hang_up()

    def say(self, text: str, severity: str) -> None:
        """Show a line for some seconds, and read it out."""
        self.telling.say(text, severity)

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

    def _connect(self) -> None:
        self.connection.press()
        if self.connection.problem.object:  # it stands in the sidebar
            self.page.sidebar_open = True

    def _show_times(self) -> None:
        self.events.show_times()
        self.transcript.show_times()

    def _keep_still(self, is_still: bool) -> None:
        self.timeline.viewport.is_still = is_still

    def _save_picture(self) -> None:
        window = self.timeline.window()
        part = (window.start_ms, window.end_ms)
        self.picture.take(self._view, self.timeline.plots, part)

    def press_key(self, key: str, shift: bool) -> None:
        """Do what a key stands for."""
        self._keyboard.press(key, shift)

    def _narrow(self) -> None:
        self.page.sidebar_open = False
