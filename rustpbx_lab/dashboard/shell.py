"""The shell of the dashboard: app bar, tabs, sidebar, tick, toasts, keys.

It knows no page by name: what it shows is `pages.registry`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import panel as pn
import panel_material_ui as pmui
from panel.io import PeriodicCallback
from panel.viewable import Viewable, Viewer

from rustpbx_lab.dashboard.browser import styles
from rustpbx_lab.dashboard.browser.components import Keys
from rustpbx_lab.dashboard.browser.document_lock import is_watched
from rustpbx_lab.dashboard.browser.fast_paint import FastPaint
from rustpbx_lab.dashboard.browser.patch_batching import PatchChannel, single_patch
from rustpbx_lab.dashboard.pages.announcer import Announcer
from rustpbx_lab.dashboard.pages.call_refresher import CallRefresher
from rustpbx_lab.dashboard.pages.deep_link import Address
from rustpbx_lab.dashboard.pages.draft import DraftKeeper
from rustpbx_lab.dashboard.pages.header import Header, tab_title
from rustpbx_lab.dashboard.pages.key_list import KeyList
from rustpbx_lab.dashboard.pages.nav import Nav
from rustpbx_lab.dashboard.pages.page import KeyHelp, Page
from rustpbx_lab.dashboard.pages.page_frame import page_frame
from rustpbx_lab.dashboard.pages.preferences import (
    NO_PREFERENCES,
    PreferenceKeeper,
    Preferences,
)
from rustpbx_lab.dashboard.pages.registry import all_pages, make_page
from rustpbx_lab.dashboard.sidebar.connection import ConnectionPanel
from rustpbx_lab.dashboard.state.call_view import CallView, LoopLag
from rustpbx_lab.dashboard.state.command_sender import CommandSender
from rustpbx_lab.dashboard.state.tick import TICK_MS, ticks
from rustpbx_lab.errors import LogFileError
from rustpbx_lab.hub.hub import CallHub
from rustpbx_lab.hub.hub_call import HubCall
from rustpbx_lab.plots.lanes.lane import Lane
from rustpbx_lab.plots.theme import DARK, LIGHT, Palette

HEADER_EVERY = ticks(500)
SHELL_KEYS = (KeyHelp("?", "this list", ("?",)),)
"""The keys of every page."""


class Shell(Viewer):
    """Everything of one browser tab; the calls belong to the hub and outlive it.

    Args:
        hub: The calls of this process.
        endpoint: What the connection form begins with.
        call_id: The call to show; None: the newest there is.
        preferences: How the page begins.
        user: Who looks; the hub decides what they may send.
        tab: Title of the page to begin with, in any case; unknown: the first.
        pages: The pages, in the order of the tabs; None: every page there is.
        lanes: The lanes of timelines, from above; None: every lane there is.
    """

    def __init__(
        self,
        hub: CallHub,
        *,
        endpoint: str = "ws://127.0.0.1:8080",
        call_id: str | None = None,
        preferences: Preferences = NO_PREFERENCES,
        user: str | None = None,
        tab: str | None = None,
        pages: Sequence[type[Page]] | None = None,
        lanes: Sequence[type[Lane]] | None = None,
    ) -> None:
        super().__init__()
        self.hub, self.user, self.lanes = hub, user, lanes
        self.palette: Palette = DARK if preferences.is_dark else LIGHT
        self._kinds = {
            kind.title: kind for kind in (all_pages() if pages is None else pages)
        }
        self._pages: dict[str, Page] = {}
        self._view: CallView | None = None
        self._lag = LoopLag(TICK_MS)
        self._ticks = 0
        self._is_pinned = call_id is not None
        self._wanted_call: HubCall | None = None
        self._wanted_page: str | None = None
        self._known = hub.revision
        self._address = Address()
        self.sender = CommandSender(hub, user, self._shown_call, self.say)
        self._make_parts(endpoint)
        self.page = self._assemble(preferences.is_dark)
        self.preferences = PreferenceKeeper(
            preferences, self.page, self.keys, self._use_palette
        )
        self.draft = DraftKeeper(self.connection, self.keys)
        self._make_pages(tab)
        self._show(self._find(call_id))

    # ------------------------------------------------------------------ building

    def _make_parts(self, endpoint: str) -> None:
        self.announcer = Announcer(self._go_to, self._keep_still)
        self.header = Header()
        tabs = [(kind.title, kind.icon) for kind in self._kinds.values()]
        self.nav = Nav(self.show_page, tabs=tabs)
        self.key_list = KeyList()
        helps = [key for kind in self._kinds.values() for key in kind.keys]
        names = [key for line in (*helps, *SHELL_KEYS) for key in line.keys]
        self.keys = Keys(self.press_key, self._narrow, keys=names)
        self.keys.on_copied = self._say_copied
        self.fast_paint = FastPaint()
        self.patches = PatchChannel()
        self.connection = ConnectionPanel(
            self.hub,
            endpoint,
            self._follow_new,
            self.open_call,
            self.sender.hang_up,
            self.user,
        )
        self.refresher = CallRefresher(self._made_pages, self.announcer.announce_errors)

    def _assemble(self, is_dark: bool) -> pmui.Page:
        full = styles.stretched(styles.NARROW_CSS)
        self._slots = {title: pn.Column(visible=False, **full) for title in self._kinds}
        self._parts = pn.Column(width=0, height=0, margin=0)
        main = pn.Column(
            *self._slots.values(),
            self._parts,
            self.keys,
            self.refresher.pulse,
            self.fast_paint,
            self.patches,
            *self.announcer.parts,
            self.key_list.dialog,
            styles={"background": "var(--lab-page)"},
            **full,
        )
        header = [self.nav, self.header.pane]
        return page_frame(header, self.connection, main, is_dark)

    def _make_pages(self, tab: str | None) -> None:
        wanted = (tab or "").lower()
        titles = [title for title in self._kinds if title.lower() == wanted]
        first = (titles or list(self._kinds))[0]
        for title, kind in self._kinds.items():
            if title == first or kind.is_built_early:
                self.page_of(title)
        self._turn_to(first)

    def page_of(self, title: str) -> Page:
        """Return the page of a title; make it if nobody has seen it yet."""
        if title not in self._pages:
            page = self._pages[title] = make_page(self._kinds[title], self)
            self._slots[title][:] = [page]
            self._parts.extend(page.parts)
            page.show_call(self._view)
            page.show_state(self._view)
        return self._pages[title]

    def __panel__(self) -> Viewable:
        return self.page

    def begin(self) -> None:
        """Start the tick; to be called while the session is being made."""
        self.refresher.is_open = False
        pn.state.onload(self._begin_to_act)
        document = pn.state.curdoc

        def refresh() -> None:  # a closed page would go on reading for some seconds
            if is_watched(document):
                self.refresh()

        # quiet and in the background: Panel's own account of each tick costs a tenth
        tick = PeriodicCallback(
            callback=refresh, period=TICK_MS, log=False, background=True
        )
        tick.start()
        pn.state.on_session_destroyed(lambda _: self._end(tick))

    def _begin_to_act(self) -> None:
        self.refresher.is_open = True
        self._show_address()  # what was said before the page was loaded is lost

    def _end(self, tick: Any) -> None:
        tick.stop()
        if self._view is not None:
            self.hub.detach(self._view.call.id, self)
            self._view = None

    # ------------------------------------------------------------------ the pages

    @property
    def pages(self) -> Mapping[str, Page]:
        """The pages that are made, by title."""
        return self._pages

    def _made_pages(self) -> Sequence[Page]:
        """Return the page that is shown, then the others that are made."""
        shown = self._pages[self.nav.at]
        return [shown, *(page for page in self._pages.values() if page is not shown)]

    def show_page(self, title: str) -> None:
        """Show a page from the next tick on."""
        self._wanted_page = title

    def _turn_to(self, title: str) -> None:
        self.page_of(title)
        self.nav.at = title
        for name, slot in self._slots.items():
            slot.visible = name == title
        self.refresher.request_redraw()

    def _use_palette(self, palette: Palette) -> None:
        self.palette = palette
        for page in self._pages.values():
            page.use_palette(palette)

    def _keep_still(self, is_still: bool) -> None:
        for page in self._pages.values():
            page.keep_still(is_still)

    # ------------------------------------------------------------------ the call

    @property
    def view(self) -> CallView | None:
        """The call that is shown."""
        return self._view

    def _find(self, call_id: str | None) -> HubCall | None:
        calls = self.hub.calls
        if call_id is not None:
            named = [call for call in calls if call.id == call_id]
            found = named[0] if named else self._find_saved(call_id)
            if found is not None:
                return found
            self.say(f"no call {call_id[:80]!r} here; it may be forgotten", "warning")
        return calls[0] if calls else None

    def _find_saved(self, call_id: str) -> HubCall | None:
        try:
            return self.hub.saved(call_id)
        except LogFileError as exc:
            self.say(str(exc), "error")
            return None

    def open_call(self, call: HubCall) -> None:
        """Show a call that someone has chosen; no other takes its place."""
        self._is_pinned = True
        self._wanted_call = call
        self._show_call_page()

    def _show_call_page(self) -> None:
        for kind in self._kinds.values():
            if kind.shows_call:
                self.show_page(kind.title)
                return

    def _show_wanted(self) -> None:
        """Do what was chosen since the last tick."""
        title, self._wanted_page = self._wanted_page, None
        if title is not None:
            self._turn_to(title)
        call, self._wanted_call = self._wanted_call, None
        if call is not None:
            self._show(call)
        elif title is not None:
            self._show_address()

    def _show_address(self) -> None:
        call = self._shown_call()
        self._address.show(self.nav.at, None if call is None else call.id)

    def _shown_call(self) -> HubCall | None:
        return None if self._view is None else self._view.call

    def _show(self, call: HubCall | None) -> None:
        if self._view is not None:
            self.hub.detach(self._view.call.id, self)
        self._view = None if call is None else CallView(call)
        if call is not None:
            self.hub.attach(call.id, self)
            self._show_address()
        if self._view is not None:
            self._view.refresh()
        for part in (*self._pages.values(), self.refresher):
            part.show_call(self._view)
        self._show_state()

    def _follow_new(self, call: HubCall) -> None:
        self._known = self.hub.revision
        self._wanted_call = call
        if self.refresher.is_open:
            self._show_wanted()

    def _go_to(self, view: CallView, seq: int) -> None:
        """Select a row of a call, if that call is still shown."""
        if view is self._view:
            self._show_call_page()
            for page in self._pages.values():
                page.select(seq)

    # ------------------------------------------------------------------ the tick

    def refresh(self) -> None:
        """Process and draw what is new; a tick costs the new rows."""
        if self.refresher.is_open:
            with single_patch():
                self._refresh()

    def _refresh(self) -> None:
        self._lag.tick()
        self._ticks += 1
        has_news = self._look_for_calls()
        self._show_wanted()
        view = self._view
        if view is not None and view.log is not view.call.log:
            self._show(view.call)  # a replay went back: what it shows begins again
        has_drawn = self.refresher.refresh()
        is_due = self._ticks % HEADER_EVERY == 0
        if has_news or is_due:  # after what came of the call: it says why it ended
            self._show_state()
        shown = self._pages[self.nav.at]
        if is_due:
            shown.sync_address(self._address)
            if self.page.sidebar_open:
                self.connection.poll_server_calls()
        shown.tick(has_drawn)
        self.sender.check()
        self.announcer.tick()

    def _look_for_calls(self) -> bool:
        if self.hub.revision == self._known:
            return False
        self._known = self.hub.revision
        newest = next(iter(self.hub.calls), None)
        if newest is not None and self._is_free_for(newest):
            before = self._shown_call()
            self._show(newest)
            if before is not None:
                self._offer(before)
        return True

    def _offer(self, call: HubCall) -> None:
        """Say that another call has taken the page of one, with the way back."""
        words = "a new call has begun; the one before it is over"
        self.announcer.say(words, "info", lambda: self.open_call(call))

    def _is_free_for(self, call: HubCall) -> bool:
        """Whether a new call may take the page: not while someone reads another."""
        view = self._view
        if view is None:
            return True
        if not call.is_ours or not view.call.is_live or self._is_pinned:
            return False
        is_read = any(page.is_read for page in self._pages.values())
        return view.is_over and not call.is_over and not is_read

    def _show_state(self) -> None:
        self.header.show(self._view, self._lag.p95_ms)
        self.announcer.announce_state(self._view)
        self.keys.name_tab(tab_title(self._view))
        for page in self._pages.values():
            page.show_state(self._view)
        self.connection.show_calls(self._shown_call())

    # ------------------------------------------------------------------ acting

    def say(self, text: str, severity: str) -> None:
        """Show a line for some seconds, and read it out."""
        self.announcer.say(text, severity)

    def _say_copied(self, is_copied: bool) -> None:
        if is_copied:
            self.say("copied", "info")
        else:
            self.say("the browser refused to copy", "warning")

    def connect(self) -> None:
        """Press the button of the connection form; show why it cannot, if so."""
        self.connection.press()
        if self.connection.problem.object:  # it stands in the sidebar
            self.page.sidebar_open = True

    def press_key(self, key: str, shift: bool) -> None:
        """Do what a key stands for."""
        shown = self._pages[self.nav.at]
        if key == "?":
            self.key_list.open([*shown.keys, *SHELL_KEYS])
        elif any(key in line.keys for line in shown.keys):
            shown.press(key, shift)

    def _narrow(self) -> None:
        self.page.sidebar_open = False
