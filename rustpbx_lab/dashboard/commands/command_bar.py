"""The command bar of a running call."""

import uuid
from collections.abc import Callable
from typing import Any, get_args

import panel as pn
import panel_material_ui as pmui
from panel.viewable import Viewable, Viewer

from rustpbx_lab.dashboard.browser.document_lock import callback, locked
from rustpbx_lab.dashboard.browser.styles import PLAIN_BUTTON_SX, WIDE_ONLY_CSS, html
from rustpbx_lab.dashboard.state.call_view import CallView
from rustpbx_lab.models import commands
from rustpbx_lab.models.base import BaseCommand
from rustpbx_lab.models.options import SynthesisOption

from .forms import CommandDialog
from .keypad import Keypad
from .say_box import SayBox

KEPT_BY_NULL = {"samplerate": None, "speed": None, "volume": None, "codec": None}
"""Sent with a speaker: what is missing in a command's option would be reset."""
MORE = {
    name: model
    for model in get_args(commands.Command)
    for name in [model.model_fields["command"].default]
}
"""Every command there is, in all its fields; the common ones have buttons, too."""


WHOLE_ROW_CSS = (
    ":host{flex:1 1 220px !important;min-width:220px !important}"
    "@media (max-width:599px){:host{flex:1 1 100% !important}}"
)
WRAPPED_CSS = ":host{flex-wrap:wrap}"
"""The sidebar takes of its width, so that no width of the page tells when."""


class CommandBar(Viewer):
    """Buttons that send commands; off unless the call can take them."""

    def __init__(
        self,
        send: Callable[[BaseCommand], None],
        press: Callable[[str], None],
        hang_up: Callable[[], None],
    ) -> None:
        super().__init__()
        self._send = send
        self._hang_up = hang_up
        self._caller_track: str | None = None
        self._is_muted = False
        self._is_paused = False
        self._make_speech()
        self.interrupt = _button(
            "Interrupt",
            "front_hand",
            "Interrupt what plays (I)",
            ink="var(--lab-agent-ink)",
        )
        # as wide as their other label: what stands beside them must not move
        self.mute = _button(
            "Mute caller", "mic_off", "Mute caller's track (M)", least_px=131
        )
        self.pause = _button("Pause", "pause", "Pause what plays", least_px=94)
        self.play = _button(
            "Play URL…", "audio_file", "Play URL…: a file that the server fetches"
        )
        self.play.stylesheets = [WIDE_ONLY_CSS]
        self.keypad = Keypad(press, width=36, height=32, margin=(9, 3))
        self.more = pmui.MenuButton(
            label="More",
            icon="more_horiz",
            items=[{"label": name} for name in MORE],
            size="small",
            variant="outlined",
            color="default",
            height=32,
            margin=(9, 3),
            sx=PLAIN_BUTTON_SX,
            description="More: every command, with all its fields",
        )
        self.hang_up = _button(
            "Hang up", "call_end", "Hang up the call (H, then Enter)", color="error"
        )
        self.dialog = CommandDialog(self._send)
        self._wire()
        self._layout = pn.Row(
            self.text,
            self.speaker,
            self.streaming,
            self.say,
            self.interrupt,
            self.mute,
            self.pause,
            self.play,
            self.keypad,
            self.more,
            html("", width=5),
            self.hang_up,
            html("", width=6),
            min_height=50,
            margin=0,
            sizing_mode="stretch_width",
            stylesheets=[WRAPPED_CSS],
            styles={
                "background": "var(--lab-surface)",
                "border-top": "1px solid var(--lab-border)",
            },
        )
        self.show_call(None)

    def _make_speech(self) -> None:
        self.text = SayBox(
            self.speak,
            sizing_mode="stretch_width",
            height=32,
            stylesheets=[WHOLE_ROW_CSS],
            margin=(9, 6, 9, 10),
            css_classes=["lab-say"],
        )
        self.speaker = pmui.TextInput(
            placeholder="speaker of the call",
            size="small",
            width=150,
            margin=(9, 4),
            sx={"& .MuiInputBase-root": {"height": "32px"}},
            stylesheets=[WIDE_ONLY_CSS],
        )
        self.streaming = pmui.Switch(
            label="Streaming",
            value=False,
            size="small",
            margin=(12, 6),
            sx={"& .MuiFormControlLabel-label": {"fontSize": "12.5px"}},
        )
        self.say = _button(
            "Say", "send", "Say the text to the caller (Enter; T to type)", "primary"
        )

    def _wire(self) -> None:
        self.say.on_click(callback(self.text.send))
        self.interrupt.on_click(callback(lambda: self._send(commands.Interrupt())))
        self.mute.on_click(callback(self.toggle_mute))
        self.pause.on_click(callback(self._toggle_pause))
        self.play.on_click(callback(lambda: self.dialog.ask(commands.Play)))
        self.more.on_click(lambda item: locked(lambda: self._ask(item)))
        self.hang_up.on_click(callback(self._hang_up))

    def __panel__(self) -> Viewable:
        return self._layout

    def _ask(self, item: Any) -> None:
        name = item.get("label") if isinstance(item, dict) else None
        if name in MORE:
            self.dialog.ask(MORE[name])

    def speak(self, text: str) -> None:
        """Have a text spoken, under a play id of its own."""
        if self.say.disabled:
            return
        fields: dict[str, Any] = {
            "text": text,
            "play_id": f"say-{uuid.uuid4().hex[:8]}",
        }
        if self.streaming.value:
            fields |= {"streaming": True, "end_of_stream": True}
        speaker = (self.speaker.value_input or self.speaker.value or "").strip()
        if speaker:
            fields["speaker"] = speaker
            fields["option"] = SynthesisOption(speaker=speaker, **KEPT_BY_NULL)
        self._send(commands.Tts(**fields))

    def toggle_mute(self) -> None:
        """Mute the caller, or undo it."""
        track = self._caller_track
        fields: dict[str, Any] = {} if track is None else {"track_id": track}
        kind = commands.Unmute if self._is_muted else commands.Mute
        self._send(kind(**fields))

    def _toggle_pause(self) -> None:
        self._send(commands.Resume() if self._is_paused else commands.Pause())

    def show_call(self, view: CallView | None, is_allowed: bool = True) -> None:
        """Switch the buttons to what a call can take.

        While it connects or rings only Hang up works: a command would wait for the
        answer.
        """
        state = None if view is None else view.call.state
        talks = is_allowed and state in ("connected", "in call")
        for widget in (
            *(self.text, self.speaker, self.streaming, self.say, self.interrupt),
            *(self.mute, self.pause, self.play, self.more),
        ):
            if widget.disabled == talks:
                widget.disabled = not talks
        self.keypad.show_call(None if view is None else view.call, talks=talks)
        can_end = is_allowed and view is not None and not view.is_over
        if self.hang_up.disabled == can_end:
            self.hang_up.disabled = not can_end
        self._caller_track = None if view is None else view.facts.caller_track
        self._label_toggles(view)

    def _label_toggles(self, view: CallView | None) -> None:
        self._is_muted = view is not None and view.facts.is_muted
        self._is_paused = view is not None and view.facts.is_paused
        mute = "Unmute caller" if self._is_muted else "Mute caller"
        pause = "Resume" if self._is_paused else "Pause"
        if self.mute.label != mute:
            icon = "mic" if self._is_muted else "mic_off"
            tip = f"{mute}'s track (M)"
            self.mute.param.update(label=mute, icon=icon, description=tip)
        if self.pause.label != pause:
            icon = "play_arrow" if self._is_paused else "pause"
            tip = f"{pause} what plays"
            self.pause.param.update(label=pause, icon=icon, description=tip)


def _button(
    label: str,
    icon: str,
    description: str,
    color: str = "default",
    ink: str | None = None,
    least_px: int = 0,
) -> pmui.Button:
    plain = PLAIN_BUTTON_SX | ({"color": ink} if ink else {})
    solid = {"height": "32px", "whiteSpace": "nowrap"}
    return pmui.Button(
        label=label,
        icon=icon,
        description=description,
        size="small",
        height=32,
        margin=(9, 3),
        color=color,
        variant="outlined" if color == "default" else "contained",
        sx=(plain if color == "default" else solid)
        | {
            "& .material-icons": {"fontSize": "17px"},
            "@media (min-width:600px)": {"minWidth": f"{least_px}px"},
        },
    )
