"""The sidebar: connection form, call options, calls of this process."""

import time
from collections.abc import Callable
from html import escape
from typing import Any

import panel as pn
import panel_material_ui as pmui
from panel.viewable import Viewable, Viewer

from rustpbx_lab.dashboard.browser.document_lock import callback
from rustpbx_lab.dashboard.browser.file_picker import FileOpener
from rustpbx_lab.dashboard.browser.styles import (
    NOTE_CSS,
    html,
    select_field,
    text_field,
)
from rustpbx_lab.dashboard.state.server_calls import ServerCalls
from rustpbx_lab.errors import InvalidOptionError, RustpbxLabError
from rustpbx_lab.hub.hub import CallHub
from rustpbx_lab.hub.hub_call import HubCall
from rustpbx_lab.lint.rules import remarks
from rustpbx_lab.models.options import CallOption
from rustpbx_lab.models.server_versions import ServerVersion
from rustpbx_lab.participants.registry import AGENTS, make_agent, make_caller

from .call_rows import LIST_CSS, call_rows
from .caller_fields import CallerFields
from .option_panel import OptionPanel
from .other_calls import OtherCalls
from .presets import Presets
from .tap_card import TapCard

TWICE_S = 0.6
"""Two presses within this are a double click."""


FOOT = {
    "position": "sticky",
    "bottom": "0",
    "z-index": "2",
    "background": "var(--lab-surface)",
    "border-top": "1px solid var(--lab-hair)",
}


class ConnectionPanel(Viewer):
    """Makes calls and lists them."""

    def __init__(
        self,
        hub: CallHub,
        endpoint: str,
        connected: Callable[[HubCall], None],
        watched: Callable[[HubCall], None],
        disconnect: Callable[[], None],
        user: str | None = None,
    ) -> None:
        super().__init__()
        self._hub = hub
        self._connected = connected
        self._disconnect = disconnect
        self._user = user
        self._pressed_s = -TWICE_S
        self._failed: HubCall | None = None
        self._failure = ""  # how that is told
        self.on_option: Callable[[], None] = lambda: None
        """Called when the option for the next call has changed."""
        self._make_fields(endpoint)
        self.options = OptionPanel(self.lint)
        self.presets = Presets(
            self.option,
            self._load,
            self._place,
        )
        self.opener = FileOpener(
            self.show_opened, sizing_mode="stretch_width", margin=(4, 0, 4, 0)
        )
        self.problem = html("", NOTE_CSS, sizing_mode="stretch_width", margin=(4, 12))
        self.list = html("", LIST_CSS, sizing_mode="stretch_width")
        self.server = ServerCalls(hub, lambda: (self.endpoint.value or "").strip())
        self.others = OtherCalls(
            self.server, watched, self._tell, sizing_mode="stretch_width", margin=0
        )
        self.taps = TapCard(hub, user, sizing_mode="stretch_width", margin=0)
        self._layout = self._assemble()
        self.lint()
        self.show_calls(None)

    def _make_fields(self, endpoint: str) -> None:
        self.endpoint = text_field("Endpoint", endpoint)
        self.call_type = pmui.RadioButtonGroup(
            options=["websocket", "sip", "webrtc"],
            value="websocket",
            size="small",
            sizing_mode="stretch_width",
            margin=(2, 2, 4, 2),
            sx={
                "& .MuiToggleButton-root": {
                    "padding": "2px 0",
                    "fontSize": "11.5px",
                    "textTransform": "none",
                    "flex": 1,
                }
            },
        )
        self.callee = text_field("Callee", "", "sip:bob@example.com")
        self.caller = text_field("Caller", "", "sip:alice@example.com")
        self.session_id = text_field("Session id", "", "chosen for you")
        known = self._hub.server_version
        self.version = text_field(
            "Server version", "" if known is None else str(known), "not known"
        )
        self.version.param.watch(callback(self.lint), "value")
        self.audio = CallerFields(self._tell)
        self.agent = select_field("Agent", list(AGENTS))
        self.button = pmui.Button(
            label="Connect",
            icon="call",
            variant="contained",
            color="primary",
            size="small",
            sizing_mode="stretch_width",
            margin=(6, 2, 4, 2),
            sx={"height": "30px"},
        )
        self.button.on_click(callback(self.press))
        self.again = pmui.Button(
            label="Re-call with these",
            icon="replay",
            description="Re-call with these options: this call ends, the next begins",
            variant="contained",
            size="small",
            sizing_mode="stretch_width",
            margin=(2, 12, 8, 12),
            sx={"height": "30px"},
            visible=False,
        )
        self.again.on_click(callback(self.call_again))
        self.call_type.param.watch(callback(self._change_type), "value")
        self._show_fields()

    def _change_type(self) -> None:
        self._show_fields()
        self._tell(None)  # what was wrong was said of another type

    def _show_fields(self) -> None:
        is_sip = self.call_type.value == "sip"
        self.callee.visible = self.caller.visible = is_sip
        self.audio.show_type(self.call_type.value)

    def _assemble(self) -> Viewable:
        fields = pn.Column(
            self.endpoint,
            self.call_type,
            self.callee,
            self.caller,
            pn.Row(
                self.session_id, self.version, margin=0, sizing_mode="stretch_width"
            ),
            self.audio,
            self.agent,
            self.button,
            margin=(0, 10, 4, 10),
            sizing_mode="stretch_width",
        )
        self._elsewhere = pn.Column(
            _title("Other calls on this server", "from /list"),
            self.others,
            margin=0,
            sizing_mode="stretch_width",
            visible=False,
        )
        self._tapped = pn.Column(
            _title("Audio tap", "calls of others"),
            self.taps,
            margin=0,
            sizing_mode="stretch_width",
            visible=self.taps.refresh(),
        )
        return pn.Column(
            _title("Connection"),
            fields,
            self.problem,
            _title("Call options", "apply to the next call"),
            self.options,
            # in view however long the options are
            pn.Column(
                self.presets,
                self.again,
                margin=0,
                sizing_mode="stretch_width",
                styles=FOOT,
            ),
            _title("Calls here", "newest first"),
            self.list,
            self._elsewhere,
            self._tapped,
            self.opener,
            pn.Spacer(height=12),
            margin=0,
            sizing_mode="stretch_width",
        )

    def __panel__(self) -> Viewable:
        return self._layout

    # ------------------------------------------------------------------ acting

    def option(self) -> CallOption | None:
        """Return the option as it is filled in; None if a field is wrong."""
        fixed = {}
        if self.call_type.value == "sip":
            for name, field in (("callee", self.callee), ("caller", self.caller)):
                if field.value:
                    fixed[name] = field.value
        return self.options.build(**fixed)

    def server_version(self) -> ServerVersion | None:
        """Return the release that is filled in; None if it is none, or malformed."""
        try:
            named = (self.version.value or "").strip()
            return ServerVersion.parse(named) if named else None
        except InvalidOptionError:
            return None

    def _place(self) -> tuple[str, str, str | None]:
        version = self.server_version()
        return (
            (self.endpoint.value or "").strip(),
            self.call_type.value,
            None if version is None else str(version),
        )

    def lint(self) -> None:
        """Show what the server would do with the option as it stands."""
        option = self.option()
        version = self.server_version()
        self.options.show_remarks([] if option is None else remarks(option, version))
        self.on_option()

    def press(self) -> None:
        """Connect, or disconnect the running call."""
        if self._is_pressed_twice():
            return
        if self.button.label == "Disconnect":
            self._disconnect()
            return
        self._connect()

    def _is_pressed_twice(self) -> bool:
        """Whether someone double-clicks: the second click would undo the first."""
        before, self._pressed_s = self._pressed_s, time.monotonic()
        return self._pressed_s - before < TWICE_S

    def call_again(self) -> None:
        """End the call that is shown and make another with what is filled in."""
        if self._is_pressed_twice():
            return
        if self.option() is not None and self.button.label == "Disconnect":
            self._disconnect()
        self._connect()

    def _load(self, option: CallOption) -> None:
        for field, value in (
            (self.callee, option.callee),
            (self.caller, option.caller),
        ):
            if value is not None:
                field.value = value
        self.options.load(option)

    def show_opened(self, call_id: str) -> None:
        """Show a call that was opened from files."""
        try:
            self._connected(self._hub.get(call_id))
        except RustpbxLabError as exc:
            self._tell(str(exc))

    def _connect(self) -> None:
        self._tell(None)
        option = self.option()
        if option is None:
            self._refuse("; ".join(self.options.errors) or "a field is wrong")
            return
        try:
            call = self._start(option)
        except RustpbxLabError as exc:
            self._refuse(str(exc))
        else:
            self._connected(call)

    def _refuse(self, why: str) -> None:
        self._pressed_s = -TWICE_S  # there is nothing that a second press would undo
        self._tell(why)

    def _start(self, option: CallOption) -> HubCall:
        url = (self.endpoint.value or "").strip()
        if not url.startswith(("ws://", "wss://", "http://", "https://")):
            raise InvalidOptionError(
                f"cannot connect to {url[:80]!r}: an endpoint begins with ws:// or wss://"
            )
        if self.call_type.value == "sip" and not option.callee:
            raise InvalidOptionError(
                "cannot start a SIP call: it needs a callee, such as "
                "sip:bob@example.com"
            )
        extra: dict[str, Any] = {}
        if self.call_type.value != "sip":
            extra["audio"] = self.audio.source()
            extra["caller"] = make_caller(self.audio.audio.value)
        return self._hub.start(
            url,
            option,
            call_type=self.call_type.value,
            call_id=(self.session_id.value or "").strip() or None,
            agent=make_agent(self.agent.value),
            user=self._user,
            server_version=(self.version.value or "").strip() or None,
            **{name: value for name, value in extra.items() if value is not None},
        )

    def _tell(self, problem: str | None, severity: str = "error") -> None:
        role, mark = ("alert", "✕") if severity == "error" else ("status", "i")
        self.problem.object = (
            ""
            if problem is None
            else f'<div class="w {severity}" role="{role}"><i>{mark}</i><span>'
            f"{escape(problem)}</span></div>"
        )

    # ------------------------------------------------------------------ showing

    def poll_server_calls(self) -> None:
        """List the calls that the server runs besides ours, and what taps hear."""
        has_taps = self.taps.refresh()
        if self._tapped.visible != has_taps:
            self._tapped.visible = has_taps
        has_any = self.others.poll()
        if self._elsewhere.visible != has_any:
            self._elsewhere.visible = has_any

    def show_calls(self, shown: HubCall | None) -> None:
        """Redraw the list of calls and the button."""
        self.presets.show_call(shown)
        text = call_rows(self._hub.calls, shown)
        if self.list.object != text:
            self.list.object = text
        self._tell_failure(shown)
        is_own = shown is not None and shown.is_ours
        if self.again.visible != is_own:
            self.again.visible = is_own
        runs = shown is not None and shown.is_ours and not shown.is_over
        label = "Disconnect" if runs else "Connect"
        if self.button.label != label:
            self.button.param.update(
                label=label,
                icon="call_end" if runs else "call",
                variant="outlined" if runs else "contained",
            )

    def _tell_failure(self, shown: HubCall | None) -> None:
        """Say why a call of ours failed where its endpoint stands, once."""
        is_failed = shown is not None and shown.is_ours and shown.error is not None
        failed = shown if is_failed else None
        if failed is self._failed:
            return
        self._failed = failed
        if failed is not None:
            self._tell(failed.error)
            self._failure = self.problem.object
        elif self.problem.object == self._failure:  # it is about a call not shown
            self._tell(None)


def _title(text: str, right: str = "") -> pn.pane.HTML:
    return html(
        f'<div class="head">{text}<span class="sp"></span>'
        f'<span class="sub">{right}</span></div>',
        sizing_mode="stretch_width",
        height=30,
    )
