"""The wall: every call of this process and of the server, a card each."""

from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any

import panel as pn
from panel.viewable import Viewable

from rustpbx_lab.dashboard.state.server_calls import (
    age_of_call,
    kind_of_call,
    state_of_call,
)
from rustpbx_lab.dashboard.state.tick import ticks
from rustpbx_lab.errors import RustpbxLabError
from rustpbx_lab.hub.hub_call import HubCall
from rustpbx_lab.models.rest import ActiveCall
from rustpbx_lab.views.activity import Activity
from rustpbx_lab.wording import clock

from .call_cards import WallCards
from .page import Page, PageHost

DRAW_EVERY = ticks(1000)
"""Ticks between two pictures."""
WATCH_MOST = 24
"""How many calls ``Watch all`` watches: each is a stream with its audio."""
LOOKS = {"in call": "live", "ended": "over", "failed": "bad"}
NOT_ALLOWED = "only the operators may hang up"


class CallsPage(Page):
    """Shows the calls; what is pressed on a card is done by the shell or the hub."""

    title = "Calls"
    icon = "format_list_bulleted"

    def __init__(self, host: PageHost) -> None:
        super().__init__(host)
        self._hub, self._user = host.hub, host.user
        self._server = host.connection.server
        self._activities: dict[str, Activity] = {}
        self._ending: list[Future[None]] = []
        self._ticks = 0
        self.cards = WallCards(self._on_message, sizing_mode="stretch_both")
        self._layout = pn.Column(
            self.cards,
            margin=0,
            sizing_mode="stretch_both",
            styles={"background": "var(--lab-page)"},
        )

    @property
    def body(self) -> Viewable:
        """What stands under the tabs."""
        return self._layout

    # ------------------------------------------------------------------ the tick

    def tick(self, has_drawn: bool) -> None:
        """Ask the server now and then, and redraw about once a second."""
        self._server.ask()
        self._check_ending()
        if self._ticks % DRAW_EVERY == 0:
            self.cards.draw(self.groups())
        self._ticks += 1

    def _check_ending(self) -> None:
        for done in [one for one in self._ending if one.done()]:
            self._ending.remove(done)
            if done.exception() is not None:
                self.host.say(str(done.exception()), "error")

    # ------------------------------------------------------------------ the cards

    def groups(self) -> list[Mapping[str, Any]]:
        """Return the cards as they are now."""
        calls = self._hub.calls
        known = {call.id for call in calls}
        for call_id in set(self._activities) - known:
            del self._activities[call_id]
        running = {call.id for call in calls if not call.is_over}
        listing, others = self._server.listing, self._server.others
        here = [self._card(call) for call in calls]
        note = listing.problem or f"{len(listing.calls)} running, from /list"
        return [
            {
                "title": "Calls here",
                "note": f"{len(running)} running · {len(calls) - len(running)} over",
                "cards": here,
                "empty": "None yet. Connect, open a saved call, or watch one below.",
            },
            {
                "title": "Other calls on this server",
                "note": f"{listing.url} · {note}",
                "cards": [self._other_card(other) for other in others],
                "empty": "" if listing.problem else "No others.",
                "watch_all": len(others) > 1,
            },
        ]

    def _card(self, call: HubCall) -> Mapping[str, Any]:
        activity = self._activities.get(call.id)
        if activity is None or activity.call is not call:
            activity = self._activities[call.id] = Activity(call)
        activity.look()
        may = self._hub.may_send(self._user)
        return {
            "id": call.id,
            "name": call.id,
            "state": call.label,
            "look": LOOKS.get(call.state, "wait"),
            "facts": [call.call_type or call.role, _duration(call), call.url],
            "watchers": call.watchers,
            "shown": self._is_shown(call),
            "can_end": call.can_end,
            "can_leave": call.can_leave,
            "refused": "" if may else NOT_ALLOWED,
            **activity.card(),
        }

    def _is_shown(self, call: HubCall) -> bool:
        view = self.host.view
        return view is not None and view.call is call

    def _other_card(self, other: ActiveCall) -> Mapping[str, Any]:
        return {
            "id": other.id,
            "name": other.id,
            "state": state_of_call(other),
            "look": "live" if other.start_time is not None else "wait",
            "facts": [kind_of_call(other), age_of_call(other)],
            "watched": False,
            "spark": None,
        }

    # ------------------------------------------------------------------ acting

    def _on_message(self, message: Mapping[str, Any]) -> None:
        try:
            self._act(message)
        except RustpbxLabError as exc:
            self.host.say(str(exc), "error")
        self._ticks = 0

    def _act(self, message: Mapping[str, Any]) -> None:
        match message:
            case {"open": str(call_id)}:
                self.host.open_call(self._hub.get(call_id))
            case {"watch": str(call_id)}:
                self.host.open_call(self._server.watch(call_id))
            case {"watch_all": True}:
                for other in self._server.others[:WATCH_MOST]:
                    self._server.watch(other.id)
            case {"leave": str(call_id)}:
                self._ending.append(self._hub.leave(call_id))
            case {"hang_up": str(call_id)}:
                self._ending.append(self._hub.hang_up(call_id, user=self._user))
            case _:
                return


def _duration(call: HubCall) -> str:
    if call.is_over:
        last = call.log[-1].time_ms if len(call.log) else None
        return clock(last or 0, 0)
    return clock(call.now_ms or 0, 0)
