"""A form field: one widget for one field of a model."""

from collections.abc import Callable, Iterable
from html import escape
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import panel as pn
import panel_material_ui as pmui
from panel.viewable import Viewable
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from rustpbx_lab.dashboard.browser.document_lock import callback
from rustpbx_lab.dashboard.browser.styles import NOTE_CSS, html
from rustpbx_lab.lint.rules import Remark
from rustpbx_lab.models.field_metadata import MayBeEmpty, Unit, Unused, find_metadata

UNSET: Any = object()
"""What a field reads when nothing was typed: it is left out of the message."""
SIGNS = {"warning": "⚠", "info": "i", "error": "✕"}
MARGIN = (10, 2, 0, 2)


class FieldError(ValueError):
    """What was typed cannot be read."""


class Notes:
    """The lines under a field: what is wrong, and what is worth knowing."""

    def __init__(self) -> None:
        self.error: str | None = None
        self.remarks: list[tuple[str, str]] = []
        self.pane = html("", NOTE_CSS, sizing_mode="stretch_width", margin=(3, 2, 2, 2))
        self.pane.visible = False

    def show(self) -> None:
        """Draw them; nothing is drawn when there are none."""
        lines = [("error", self.error)] if self.error else []
        lines += self.remarks
        text = "".join(
            f'<div class="w {severity}"><i>{SIGNS[severity]}</i>'
            f"<span>{escape(str(told))}</span></div>"
            for severity, told in lines
        )
        if self.pane.object != text:
            self.pane.object = text
        self.pane.visible = bool(text)


class FormField:
    """A labelled widget, and how to read it."""

    def __init__(
        self, name: str, info: FieldInfo, on_change: Callable[[], None]
    ) -> None:
        self.name = name
        self.wire = info.alias or name
        self.is_required = info.is_required()
        self._may_be_empty = find_metadata(info, MayBeEmpty) is not None
        self.hint = help_text(info)
        self.notes = Notes()
        self._changed = on_change
        self.widget = self._widget(info)
        self.widget.param.watch(callback(self._on_change), "value")
        self.layout: Viewable = pn.Column(
            self.widget, self.notes.pane, margin=0, sizing_mode="stretch_width"
        )

    def read(self) -> Any:
        """Return what was typed, or UNSET.

        Raises:
            FieldError: If it cannot be read as what the field takes.
        """
        typed = self.widget.value
        if typed not in (None, ""):
            return typed
        return "" if self._may_be_empty else UNSET

    def write(self, value: Any) -> None:
        """Show a value."""
        self.widget.value = value

    def clear(self) -> None:
        """Show nothing: the field is left out."""
        self.widget.value = ""

    def show_remarks(self, remarks: Iterable[Remark]) -> None:
        """Show what is worth knowing about this field."""
        self.notes.remarks = [(remark.severity, remark.text) for remark in remarks]
        self.notes.show()

    def _widget(self, info: FieldInfo) -> Any:
        return pmui.TextInput(**self._options(info), placeholder=placeholder(info))

    def _options(self, info: FieldInfo) -> dict[str, Any]:
        unit = unit_of(info)
        label = f"{self.wire} ({unit})" if unit else self.wire
        return {
            "label": f"{label} *" if self.is_required else label,
            "description": self.hint,
            "size": "small",
            "sizing_mode": "stretch_width",
            "margin": MARGIN,
        }

    def _on_change(self) -> None:
        self._changed()


def bare_type(hint: Any) -> Any:
    """Return a type without ``Annotated`` and without ``| None``."""
    if get_origin(hint) is Annotated:
        return bare_type(get_args(hint)[0])
    if get_origin(hint) in (Union, UnionType):
        others = [arg for arg in get_args(hint) if arg is not type(None)]
        return bare_type(others[0]) if len(others) == 1 else hint
    return hint


def model_type(info: FieldInfo) -> type[BaseModel] | None:
    """Return the model that a field holds; None if it holds none."""
    hint = bare_type(info.annotation)
    is_model = isinstance(hint, type) and issubclass(hint, BaseModel)
    return hint if is_model else None


def help_text(info: FieldInfo) -> str:
    """Return the field's docstring as one line of plain text."""
    return " ".join((info.description or "").replace("``", "").split())


def is_rare(info: FieldInfo) -> bool:
    """Whether the server does nothing with the field."""
    return find_metadata(info, Unused) is not None


def unit_of(info: FieldInfo) -> str:
    """Return the unit of a number; empty for other fields."""
    unit = find_metadata(info, Unit)
    return "" if unit is None else unit.symbol


def placeholder(info: FieldInfo) -> str:
    """Return the server's default as text; empty if there is none to tell."""
    default = info.default
    if info.is_required() or default is None:
        return ""
    if isinstance(default, bool):
        return str(default).lower()
    return str(default)
