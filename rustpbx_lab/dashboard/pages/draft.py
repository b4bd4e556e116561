"""Input that was typed but not used, kept over a reload of the tab."""

import json
from typing import Any, cast

from rustpbx_lab.dashboard.browser.components import Keys
from rustpbx_lab.dashboard.browser.document_lock import callback, coalesced
from rustpbx_lab.dashboard.sidebar.connection import ConnectionPanel
from rustpbx_lab.dashboard.sidebar.copy_as import as_json
from rustpbx_lab.dashboard.sidebar.presets import parse_preset
from rustpbx_lab.errors import InvalidOptionError
from rustpbx_lab.masking import mask_url

MAX_TEXT = 4000
"""Of one field; what is longer is left out."""


class DraftKeeper:
    """Lets the browser's tab keep what is typed, and fills it in again.

    Only what differs from how the page began is kept: a page of another server begins
    with that server's address. Secrets are never kept.

    Args:
        connection: How the next call is made.
        keys: The page's way to its browser.
    """

    def __init__(self, connection: ConnectionPanel, keys: Keys) -> None:
        self._connection, self._keys = connection, keys
        self._widgets: dict[str, Any] = {}
        self._parameters: dict[str, str] = {}
        self._begun: dict[str, Any] = {}
        self._request = coalesced(self._keep)
        for name, widget in (
            ("endpoint", connection.endpoint),
            ("type", connection.call_type),
            ("callee", connection.callee),
            ("caller", connection.caller),
            ("audio", connection.audio.audio),
            ("agent", connection.agent),
        ):
            self.add(name, widget)
        self._kept = self.text()
        connection.on_option = self._request
        keys.on_draft = self.take

    def add(self, name: str, widget: Any, value: str = "value") -> None:
        """Keep what is typed into a widget.

        Args:
            name: Its name in what is kept; no two widgets share one.
            widget: What it holds now is the beginning.
            value: Parameter that holds it: ``"value_input"`` changes while one types.
        """
        self._widgets[name] = widget
        self._parameters[name] = value
        self._begun[name] = _held(widget, value)
        widget.param.watch(callback(self._request), value)

    def _values(self) -> dict[str, Any]:
        return {
            name: _held(widget, self._parameters[name])
            for name, widget in self._widgets.items()
        }

    def text(self) -> str:
        """Return what differs from the begin, as JSON."""
        told = {
            name: value
            for name, value in self._values().items()
            if value != self._begun[name] and len(value) <= MAX_TEXT
        }
        endpoint = told.get("endpoint", "")
        if mask_url(endpoint) != endpoint:
            del told["endpoint"]
        option = self._connection.presets.chosen()
        if option is not None:
            told["option"] = json.loads(as_json(option))
        return json.dumps(told)

    def _keep(self) -> None:
        text = self.text()
        if text != self._kept:
            self._kept = text
            self._keys.keep_draft(text)

    def take(self, text: str) -> None:
        """Fill in what a tab has kept; what is not a draft of ours changes nothing."""
        try:
            told = json.loads(text)
        except (ValueError, RecursionError):
            return
        if not isinstance(told, dict):
            return
        fields = cast(dict[str, Any], told)
        for name, widget in self._widgets.items():
            value = fields.get(name)
            if _fits(value, widget):
                widget.value = value
                if self._parameters[name] != "value":
                    setattr(widget, self._parameters[name], value)
        if "option" in fields:
            self._take_option(fields["option"])

    def _take_option(self, kept: Any) -> None:
        try:
            option, _ = parse_preset(json.dumps(kept), "what was typed")
        except InvalidOptionError:
            return  # of another version of the page
        self._connection.options.load(option)


def _held(widget: Any, parameter: str) -> Any:
    value = getattr(widget, parameter)
    return "" if value is None else value


def _fits(value: Any, widget: Any) -> bool:
    """Return whether a widget can have a value of a tab's."""
    options = getattr(widget, "options", None)
    if options is None:
        return isinstance(value, str) and len(value) <= MAX_TEXT
    if isinstance(widget.value, list):
        return isinstance(value, list) and all(one in options for one in value)
    return value in options
