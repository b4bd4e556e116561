"""The bar under the timeline: replaying a saved call, or listening to one."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

import panel as pn
from panel.viewable import Viewable, Viewer

from rustpbx_lab.dashboard.browser.styles import BOX
from rustpbx_lab.dashboard.state.call_view import CallView
from rustpbx_lab.dashboard.state.tick import ticks
from rustpbx_lab.errors import InvalidOptionError
from rustpbx_lab.hub.replay_controls import ReplayControls

from .player import Player

WRAPPED_CSS = (
    "@media (max-width:899px){:host{height:72px !important;flex:0 0 72px !important}}"
)
EVERY = ticks(500)
"""Ticks between two messages about where a replay is."""


class ReplayBar(Viewer):
    """Says to the browser where a call is, and does what is pressed there.

    A call that is there as a whole, saved or just ended, is listened to: the sound
    leads, ``moved`` is called with the call time it has come to, and nothing of the
    call is hidden. A saved call can also be replayed, as if it happened once more:
    then the process leads, and the sound and all that is shown follow.
    """

    def __init__(self, moved: Callable[[float], None]) -> None:
        super().__init__()
        self._moved = moved
        self._view: CallView | None = None
        self._ticks = 0
        self._is_ready = False
        self._told: Mapping[str, Any] = {}
        self.player = Player(self._on_message, sizing_mode="stretch_width", height=34)
        self._layout = pn.Row(
            self.player,
            height=36,
            margin=(0, 8, 6, 8),
            sizing_mode="stretch_width",
            styles=BOX,
            visible=False,
            stylesheets=[WRAPPED_CSS],
        )

    def __panel__(self) -> Viewable:
        return self._layout

    @property
    def replay(self) -> ReplayControls | None:
        """The replay that is under way; None if the call is there as a whole."""
        saved = self.saved
        return None if saved is None or saved.is_whole else saved

    @property
    def saved(self) -> ReplayControls | None:
        """What steers the saved call that is shown, if it is one."""
        return None if self._view is None else self._view.call.replay

    def show_call(self, view: CallView | None) -> None:
        """Show another call."""
        self._view = view
        self._told = {}
        self._tell()
        if self._is_ready and self.saved is not None:
            self.saved.begin()

    def refresh(self, looks_back: bool) -> None:
        """Keep up with the call.

        Args:
            looks_back: Whether someone looks at what was: then a running call has the
                bar, too.
        """
        view = self._view
        has_sound = view is not None and not (
            view.caller.is_empty and view.agent.is_empty
        )
        is_past = view is not None and (view.is_over or looks_back)
        is_wanted = self.saved is not None or (has_sound and is_past)
        if self._layout.visible != is_wanted:
            self._layout.visible = is_wanted
        self._ticks += 1
        if is_wanted and self._ticks % EVERY == 0:
            self._tell()

    def go(self, at_ms: float) -> None:
        """Let the sound go to a call time; a replay stays where it is."""
        if self.replay is None and self._layout.visible:
            self.player.go(at_ms)

    def toggle(self) -> None:
        """Play or pause."""
        if self._layout.visible:
            self.player.toggle()

    def _tell(self) -> None:
        state = self._state()
        # a replay that runs has a new place each time; else only what changed is told
        if state != self._told:
            self._told = state
            self.player.tell(state)

    def _state(self) -> dict[str, Any]:
        view, saved, replay = self._view, self.saved, self.replay
        if view is None:
            nothing = {"sound": "", "replay": False, "end": 0, "name": "", "remark": ""}
            return {**nothing, "began": None}
        call = view.call
        state: dict[str, Any] = {
            "sound": "",
            "offset": 0,
            "until": 0,
            "replay": replay is not None,
            "began": view.began_ms,
            "end": view.now_ms if view.is_over else 0,
            "name": "Listen",
            "remark": "",
            "again": "" if saved is None else "Replay from here",
        }
        legs = (call.whole.caller, call.whole.server)
        began = [call.time_of(leg.time_of(0)) for leg in legs if leg.n_samples]
        began_ms = min((at for at in began if at is not None), default=None)
        if began_ms is not None:
            ends = [leg.time_of(leg.n_samples) for leg in legs if leg.n_samples]
            last = max(call.time_of(end) or 0 for end in ends)
            state |= {
                "sound": f"sound/{quote(call.id, safe='')}",
                "offset": began_ms,
                "until": last,
                "end": max(state["end"], last),
            }
        if saved is not None:
            state["end"] = saved.end_ms
            state["remark"] = " ".join(saved.remarks) or (
                "no sound was saved beside the log" if began_ms is None else ""
            )
        if replay is not None:
            state |= {
                "position": replay.position_ms,
                "paused": replay.is_paused,
                "speed": replay.speed,
                "name": "Replay",
                "again": "Whole call",
            }
        return state

    def _on_message(self, message: Mapping[str, Any]) -> None:
        saved, replay = self.saved, self.replay
        match message:
            case {"ready": True}:
                self._told, self._is_ready = {}, True
                if saved is not None:
                    saved.begin()
            case {"again": True} if replay is not None:
                replay.show_whole()
            case {"again": int() | float() as at_ms} if saved is not None:
                saved.play_from(at_ms)
            case {"at": int() | float() as at_ms} if replay is None:
                self._moved(float(at_ms))
            case {"seek": int() | float() as at_ms} if replay is not None:
                replay.seek(at_ms)
            case {"toggle": True} if replay is not None:
                if replay.is_paused:
                    replay.play()
                else:
                    replay.pause()
            case {"speed": int() | float() as speed} if replay is not None:
                self._set_speed(replay, speed)
            case _:
                return
        self._tell()

    def _set_speed(self, replay: ReplayControls, speed: float) -> None:
        try:
            replay.speed = speed
        except InvalidOptionError:
            return  # not one of the speeds that the bar offers
