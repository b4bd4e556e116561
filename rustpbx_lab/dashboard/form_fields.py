"""One widget for one field of a model: what was typed in, or nothing."""

import json
import re
from collections.abc import Callable, Iterable
from html import escape
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import panel as pn
import panel_material_ui as pmui
from panel.viewable import Viewable
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from rustpbx_lab.models.lint import Remark
from rustpbx_lab.plots.theme import MONO

from .styles import NOTE_CSS, html

UNSET: Any = object()
"""What a field reads when nothing was typed: it is left out of the message."""
SIGNS = {"warning": "⚠", "info": "i", "error": "✕"}
MARGIN = (6, 2, 0, 2)

SLIDERS = {
    "speech_padding": (0, 800, 10),
    "silence_padding": (0, 1500, 10),
    "voice_threshold": (0.0, 1.0, 0.01),
    "silence_timeout": (0, 15_000, 100),
}
"""Field → start, end, step of its slider: what is tuned by trying."""
SLIDER_SX = {
    "& .MuiFormLabel-root": {
        "fontFamily": MONO,
        "fontSize": "11.5px",
        "color": "var(--lab-text)",
    },
    "& .MuiFormLabel-root strong": {"float": "right"},
}

_UNITS = (
    (r"\bmilliseconds\b|\bms\b", "ms"),
    (r"\bSeconds\b|\bseconds\b", "s"),
    (r"\bHz\b", "Hz"),
    (r"\bdB per second\b", "dB/s"),
    (r"\bdBFS\b", "dBFS"),
    (r"\bdB\b", "dB"),
    (r"\bBytes\b", "bytes"),
)


_IDLE = re.compile(r"\b[Nn]ot used\b|^Internal|[Ii]gnored, the|forced to")


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

    def __init__(self, name: str, info: FieldInfo, changed: Callable[[], None]) -> None:
        self.name = name
        self.wire = info.alias or name
        self.is_required = info.is_required()
        self.hint = help_text(info)
        self.notes = Notes()
        self._changed = changed
        self.widget = self._widget(info)
        self.widget.param.watch(lambda _: self._on_change(), "value")
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
        # a few texts must be there and may be empty, as their docstring says
        return "" if self.is_required and "empty" in self.hint else UNSET

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


class ChoiceField(FormField):
    """Yes or no, or one of a closed list; empty leaves it out."""

    def __init__(
        self,
        name: str,
        info: FieldInfo,
        changed: Callable[[], None],
        choices: dict[str, Any],
    ) -> None:
        self._choices = choices
        super().__init__(name, info, changed)

    def _widget(self, info: FieldInfo) -> Any:
        default = placeholder(info)
        empty = f"not sent ({default})" if default else "not sent"
        options = {empty: None, **{label: label for label in self._choices}}
        return pmui.Select(**self._options(info), options=options, value=None)

    def read(self) -> Any:
        """Return the choice, or UNSET."""
        value = self.widget.value
        return UNSET if value is None else self._choices[value]

    def write(self, value: Any) -> None:
        """Show a value."""
        for label, choice in self._choices.items():
            if choice == value and type(choice) is type(value):
                self.widget.value = label

    def clear(self) -> None:
        """Choose nothing."""
        self.widget.value = None


class SuggestField(FormField):
    """A text with known values to choose from; others may be typed."""

    def _widget(self, info: FieldInfo) -> Any:
        options = [str(example) for example in info.examples or ()]
        return pmui.AutocompleteInput(
            **self._options(info),
            options=options,
            value="",
            restrict=False,
            min_characters=0,
            placeholder=placeholder(info),
        )


class NumberField(FormField):
    """A number as text, so that empty is possible."""

    def __init__(
        self,
        name: str,
        info: FieldInfo,
        changed: Callable[[], None],
        kind: type[int] | type[float],
    ) -> None:
        self._kind = kind
        super().__init__(name, info, changed)

    def read(self) -> Any:
        """Return the number, or UNSET."""
        text = str(self.widget.value or "").strip().replace("\u2009", "")
        if not text:
            return UNSET
        try:
            return self._kind(text)
        except ValueError:
            kind = "a whole number" if self._kind is int else "a number"
            raise FieldError(f"{text[:40]!r} is not {kind}") from None

    def write(self, value: Any) -> None:
        """Show a value."""
        self.widget.value = "" if value is None else f"{value:g}"


class SliderField(FormField):
    """A number on a slider; not sent until it is moved, so the default holds."""

    def __init__(
        self,
        name: str,
        info: FieldInfo,
        changed: Callable[[], None],
        reach: tuple[float, float, float],
    ) -> None:
        self._is_whole = bare_type(info.annotation) is int
        self._default = info.default
        self._unit = unit_of(info)
        self._reach = reach
        self._is_set = False
        super().__init__(name, info, changed)

    def _widget(self, info: FieldInfo) -> Any:
        start, end, step = self._reach
        kind = pmui.IntSlider if self._is_whole else pmui.FloatSlider
        return kind(
            label=self.wire,
            value=self._rest(),
            start=start,
            end=end,
            step=step,
            size="small",
            margin=(3, 10, 0, 6),
            sizing_mode="stretch_width",
            description=self.hint,
            value_label=self._words(None),
            sx=SLIDER_SX,
        )

    def _rest(self) -> Any:
        return self._reach[0] if self._default is None else self._default

    def _words(self, value: float | None) -> str:
        if value is None:
            off = "off" if self._default is None else f"{self._default:g} {self._unit}"
            return off.strip()
        shown = f"{value:g}" if self._is_whole else f"{value:.2f}"
        return f"{shown} {self._unit}".strip()

    def _on_change(self) -> None:
        # without a default the far left means off; else every position is a value
        value = self.widget.value
        is_off = self._default is None and value == self._reach[0]
        self._is_set = not is_off and (self._is_set or value != self._rest())
        self.widget.value_label = self._words(value if self._is_set else None)
        self._changed()

    def read(self) -> Any:
        """Return the number, or UNSET while nobody moved the slider."""
        if not self._is_set:
            return UNSET
        return self.widget.value if self._is_whole else float(self.widget.value)

    def write(self, value: Any) -> None:
        """Show a value, even one beyond the slider's reach."""
        self._is_set = True
        self.widget.param.update(
            start=min(self.widget.start, value),
            end=max(self.widget.end, value),
            value=value,
        )
        self.widget.value_label = self._words(value)

    def clear(self) -> None:
        """Go back to the default, which is not sent."""
        self._is_set = False
        self.widget.value = self._rest()
        self.widget.value_label = self._words(None)


class SecretField(FormField):
    """A secret: what was typed is taken out of the page at once."""

    def __init__(self, name: str, info: FieldInfo, changed: Callable[[], None]) -> None:
        self._secret: SecretStr | None = None
        super().__init__(name, info, changed)

    def _widget(self, info: FieldInfo) -> Any:
        return pmui.PasswordInput(**self._options(info), placeholder="not sent")

    def _on_change(self) -> None:
        typed = self.widget.value
        if typed:
            self._take(SecretStr(typed))

    def _take(self, secret: SecretStr | None) -> None:
        self._secret = secret
        self.widget.param.update(
            value="",
            value_input="",
            placeholder="not sent" if secret is None else "set; type to replace",
        )
        self._changed()

    def read(self) -> Any:
        """Return the secret, or UNSET."""
        return UNSET if self._secret is None else self._secret

    def write(self, value: Any) -> None:
        """Keep a secret without showing it."""
        self._take(value if isinstance(value, SecretStr) else SecretStr(str(value)))

    def clear(self) -> None:
        """Forget it."""
        self._take(None)


class TextField(FormField):
    """A text, a map (``key: value`` a line), a list (a line each), or JSON."""

    def __init__(
        self,
        name: str,
        info: FieldInfo,
        changed: Callable[[], None],
        kind: Literal["map", "list", "json"],
    ) -> None:
        self._kind = kind
        super().__init__(name, info, changed)

    def _widget(self, info: FieldInfo) -> Any:
        shown = {"map": "key: value, one a line", "list": "one a line", "json": "JSON"}
        return pmui.TextAreaInput(
            **self._options(info),
            placeholder=shown[self._kind],
            rows=2,
            max_length=10**6,
        )

    def read(self) -> Any:
        """Return the map, list or JSON value, or UNSET."""
        text = (self.widget.value or "").strip()
        if not text:
            return UNSET
        if self._kind == "map":
            return read_map(text)
        if self._kind == "list":
            return [line.strip() for line in text.splitlines() if line.strip()]
        try:
            return json.loads(text)
        except ValueError as exc:
            raise FieldError(f"this is no JSON: {exc}") from None

    def write(self, value: Any) -> None:
        """Show a value."""
        if value is None and self._kind != "json":
            self.widget.value = ""
        elif self._kind == "map":
            self.widget.value = "\n".join(f"{k}: {v}" for k, v in value.items())
        elif self._kind == "list":
            self.widget.value = "\n".join(value)
        else:
            self.widget.value = json.dumps(value, ensure_ascii=False)


def read_map(text: str) -> dict[str, str]:
    """Return the map of ``key: value`` lines.

    Raises:
        FieldError: If a line has no colon or no key, or a key comes twice.
    """
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        key, colon, value = line.partition(":")
        if not colon or not key.strip():
            raise FieldError(f"line {number} is not 'key: value'")
        if key.strip() in found:
            raise FieldError(f"line {number}: {key.strip()[:40]!r} is there already")
        found[key.strip()] = value.strip()
    return found


def form_field(name: str, info: FieldInfo, changed: Callable[[], None]) -> FormField:
    """Return the field that fits a model's field, which is no model itself."""
    hint = bare_type(info.annotation)
    if name in SLIDERS and hint in (int, float):
        return SliderField(name, info, changed, SLIDERS[name])
    if hint is SecretStr:
        return SecretField(name, info, changed)
    if hint is bool:
        return ChoiceField(name, info, changed, {"true": True, "false": False})
    if get_origin(hint) is Literal:
        return ChoiceField(name, info, changed, {str(v): v for v in get_args(hint)})
    if hint in (int, float):
        return NumberField(name, info, changed, hint)
    if get_origin(hint) is dict:
        return TextField(name, info, changed, "map")
    if get_origin(hint) is list:
        kind = "list" if bare_type(get_args(hint)[0]) is str else "json"
        return TextField(name, info, changed, kind)
    if hint is str:
        made = SuggestField if info.examples else FormField
        return made(name, info, changed)
    return TextField(name, info, changed, "json")


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
    """Whether the docstring says that the server does nothing with the field."""
    return bool(_IDLE.search(info.description or ""))


def unit_of(info: FieldInfo) -> str:
    """Return the unit of a number, as its docstring says; empty for other fields."""
    if bare_type(info.annotation) not in (int, float):
        return ""
    text = info.description or ""
    return next((unit for pattern, unit in _UNITS if re.search(pattern, text)), "")


def placeholder(info: FieldInfo) -> str:
    """Return the server's default as text; empty if there is none to tell."""
    default = info.default
    if info.is_required() or default is None:
        return ""
    if isinstance(default, bool):
        return str(default).lower()
    return str(default)
