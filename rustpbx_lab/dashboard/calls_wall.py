"""The wall: every call of this process and of the server, a card each."""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from datetime import UTC, datetime
from typing import Any

import panel as pn
from panel.viewable import Viewable, Viewer

from rustpbx_lab.client.watching import CALL_TYPES
from rustpbx_lab.errors import RustpbxLabError
from rustpbx_lab.models.records import ActiveCall
from rustpbx_lab.plots.timeline import clock
from rustpbx_lab.workbench.hub import CallHub
from rustpbx_lab.workbench.hub_call import HubCall
from rustpbx_lab.workbench.replay import ReplayCall

from .activity import Activity
from .tick import ticks
from .wall_cards import WallCards

DRAW_EVERY = ticks(1000)
"""Ticks between two pictures."""
LIST_EVERY_S = 2.0
WATCH_MOST = 24
"""How many calls ``Watch all`` watches: each is a stream with its audio."""
LOOKS = {"in call": "live", "ended": "over", "failed": "bad"}
NOT_ALLOWED = "only the operators may hang up"


class CallsWall(Viewer):
    """Shows the calls; what is pressed on a card is done by the page or the hub.

    Args:
        hub: The calls of this process.
        endpoint: Returns the address of the server whose calls are listed.
        opened: Called with the call that somebody wants to see.
        said: Called with a line and its severity.
        user: Who looks.
    """

    def __init__(
        self,
        hub: CallHub,
        endpoint: Callable[[], str],
        opened: Callable[[HubCall], None],
        said: Callable[[str, str], None],
        user: str | None = None,
    ) -> None:
        super().__init__()
        self._hub, self._user = hub, user
        self._endpoint, self._opened, self._said = endpoint, opened, said
        self._activities: dict[str, Activity] = {}
        self._asked: Future[Sequence[ActiveCall]] | None = None
        self._asked_of, self._asked_s = "", 0.0
        self._others: Sequence[ActiveCall] = ()
        self._problem = "asking …"
        self._ending: list[Future[None]] = []
        self._ticks = 0
        self.shown: HubCall | None = None
        """The call that the live page shows."""
        self.cards = WallCards(self._hear, sizing_mode="stretch_both")
        self._layout = pn.Column(
            self.cards,
            margin=0,
            sizing_mode="stretch_both",
            styles={"background": "var(--lab-page)"},
            visible=False,
        )

    def __panel__(self) -> Viewable:
        return self._layout

    @property
    def visible(self) -> bool:
        """Whether it is on the page now."""
        return self._layout.visible

    @visible.setter
    def visible(self, visible: bool) -> None:
        self._layout.visible = visible
        self._ticks = 0

    # ------------------------------------------------------------------ the tick

    def refresh(self) -> None:
        """Ask the server now and then, and redraw about once a second."""
        if not self.visible:
            return
        self._ask()
        self._check_ending()
        if self._ticks % DRAW_EVERY == 0:
            self.cards.draw(self.groups())
        self._ticks += 1

    def _ask(self) -> None:
        asked, url = self._asked, self._endpoint()
        if asked is not None and asked.done():
            self._asked = None
            if url == self._asked_of:
                self._take_list(asked)
        is_due = time.monotonic() - self._asked_s >= LIST_EVERY_S
        if self._asked is None and (is_due or url != self._asked_of):
            if url != self._asked_of:
                self._others, self._problem = (), "asking …"
            self._asked_of, self._asked_s = url, time.monotonic()
            self._asked = self._hub.running_on(url)

    def _take_list(self, asked: "Future[Sequence[ActiveCall]]") -> None:
        failed = asked.exception()
        if failed is None:
            self._others, self._problem = asked.result(), ""
        else:
            self._others, self._problem = (), str(failed)

    def _check_ending(self) -> None:
        for done in [one for one in self._ending if one.done()]:
            self._ending.remove(done)
            if done.exception() is not None:
                self._said(str(done.exception()), "error")

    # ------------------------------------------------------------------ the cards

    def groups(self) -> list[Mapping[str, Any]]:
        """Return the cards as they are now."""
        calls = self._hub.calls
        known = {call.id for call in calls}
        for call_id in set(self._activities) - known:
            del self._activities[call_id]
        running = {call.id for call in calls if not call.is_over}
        others = [other for other in self._others if other.id not in running]
        here = [self._card(call) for call in calls]
        note = self._problem or f"{len(self._others)} running, from /list"
        return [
            {
                "title": "Calls here",
                "note": f"{len(running)} running · {len(calls) - len(running)} over",
                "cards": here,
                "empty": "None yet. Connect, open a saved call, or watch one below.",
            },
            {
                "title": "Other calls on this server",
                "note": f"{self._asked_of} · {note}",
                "cards": [self._other_card(other) for other in others],
                "empty": "" if self._problem else "No others.",
                "watch_all": len(others) > 1,
            },
        ]

    def _card(self, call: HubCall) -> Mapping[str, Any]:
        activity = self._activities.get(call.id)
        if activity is None or activity.call is not call:
            activity = self._activities[call.id] = Activity(call)
        activity.look()
        is_open = not call.is_over and call.role != "replay"
        may = self._hub.may_send(self._user)
        return {
            "id": call.id,
            "name": call.id,
            "state": _state(call),
            "look": LOOKS.get(call.state, "wait"),
            "facts": [call.call_type or call.role, _duration(call), call.url],
            "watchers": call.watchers,
            "shown": call is self.shown,
            "can_end": is_open,
            "can_leave": call.role == "watched" and not call.is_over,
            "refused": "" if may else NOT_ALLOWED,
            **activity.card(),
        }

    def _other_card(self, other: ActiveCall) -> Mapping[str, Any]:
        is_up = other.start_time is not None
        state = "in call" if is_up else ("ringing" if other.ring_time else "setting up")
        kind = CALL_TYPES.get(other.call_type or "", other.call_type or "")
        return {
            "id": other.id,
            "name": other.id,
            "state": other.status or state,
            "look": "live" if is_up else "wait",
            "facts": [kind, _since(other.start_time or other.ring_time)],
            "watched": False,
            "spark": None,
        }

    # ------------------------------------------------------------------ acting

    def _hear(self, message: Mapping[str, Any]) -> None:
        try:
            self._act(message)
        except RustpbxLabError as exc:
            self._said(str(exc), "error")
        self._ticks = 0

    def _act(self, message: Mapping[str, Any]) -> None:
        match message:
            case {"open": str(call_id)}:
                self._opened(self._hub.get(call_id))
            case {"watch": str(call_id)} if self._is_listed(call_id):
                self._opened(self._hub.watch(self._asked_of, call_id))
            case {"watch_all": True}:
                running = {call.id for call in self._hub.calls if not call.is_over}
                unknown = [one.id for one in self._others if one.id not in running]
                for call_id in unknown[:WATCH_MOST]:
                    self._hub.watch(self._asked_of, call_id)
            case {"leave": str(call_id)}:
                self._ending.append(self._hub.leave(call_id))
            case {"hang_up": str(call_id)}:
                self._ending.append(self._hub.hang_up(call_id, user=self._user))
            case _:
                return

    def _is_listed(self, call_id: str) -> bool:
        return any(other.id == call_id for other in self._others)


def _state(call: HubCall) -> str:
    if isinstance(call, ReplayCall):
        return f"replay {call.speed:g}×" + (" paused" if call.is_paused else "")  # noqa: RUF001
    if call.role == "watched" and call.state == "in call":
        return "watching"
    return call.state


def _duration(call: HubCall) -> str:
    if call.is_over:
        last = call.log[-1].time_ms if len(call.log) else None
        return clock(last or 0, 0)
    return clock(call.now_ms or 0, 0)


def _since(stamp: str | None) -> str:
    """Return how long ago an RFC 3339 time was; empty if it cannot be read."""
    try:
        began = datetime.fromisoformat(stamp or "")
    except ValueError:
        return ""
    if began.tzinfo is None:
        began = began.replace(tzinfo=UTC)
    return clock(max((datetime.now(UTC) - began).total_seconds(), 0) * 1000, 0)
