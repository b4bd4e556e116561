"""Kinds of form fields: choices, numbers, sliders, secrets, texts."""

import json
from collections.abc import Callable
from typing import Any, Literal, get_args, get_origin

import panel_material_ui as pmui
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from rustpbx_lab.dashboard.browser.document_lock import callback
from rustpbx_lab.models.field_metadata import SliderRange, find_metadata
from rustpbx_lab.plots.theme import MONO

from .field import UNSET, FieldError, FormField, bare_type, placeholder, unit_of

SLIDER_SX = {
    "& .MuiFormLabel-root": {
        "fontFamily": MONO,
        "fontSize": "11.5px",
        "color": "var(--lab-text)",
    },
    "& .MuiFormLabel-root strong": {"float": "right"},
}


class ChoiceField(FormField):
    """Yes or no, or one of a closed list; empty leaves it out."""

    def __init__(
        self,
        name: str,
        info: FieldInfo,
        on_change: Callable[[], None],
        choices: dict[str, Any],
    ) -> None:
        self._choices = choices
        super().__init__(name, info, on_change)

    def _widget(self, info: FieldInfo) -> Any:
        default = placeholder(info)
        # a value of its own: what stands in an empty select is its label, cut in half
        self._empty = f"not sent ({default})" if default else "not sent"
        options = [self._empty, *self._choices]
        return pmui.Select(**self._options(info), options=options, value=self._empty)

    def read(self) -> Any:
        """Return the choice, or UNSET."""
        value = self.widget.value
        return self._choices.get(value, UNSET)

    def write(self, value: Any) -> None:
        """Show a value."""
        for label, choice in self._choices.items():
            if choice == value and type(choice) is type(value):
                self.widget.value = label

    def clear(self) -> None:
        """Choose nothing."""
        self.widget.value = self._empty


class SuggestField(FormField):
    """A text with known values to choose from; others may be typed."""

    def __init__(
        self, name: str, info: FieldInfo, on_change: Callable[[], None]
    ) -> None:
        super().__init__(name, info, on_change)
        self._typed: str | None = None
        self.widget.param.watch(callback(self._type), "value_input")

    def _type(self) -> None:
        self._typed = self.widget.value_input
        self._changed()

    def _on_change(self) -> None:
        self._typed = None  # one of the list was chosen
        super()._on_change()

    def read(self) -> Any:
        """Return what was typed or chosen last, or UNSET."""
        return super().read() if self._typed is None else self._typed or UNSET

    def write(self, value: Any) -> None:
        """Show a value."""
        self._typed = None
        super().write(value)

    def clear(self) -> None:
        """Show nothing: the field is left out."""
        self._typed = None
        super().clear()

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
        on_change: Callable[[], None],
        kind: type[int] | type[float],
    ) -> None:
        self._kind = kind
        super().__init__(name, info, on_change)

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
        on_change: Callable[[], None],
        reach: SliderRange,
    ) -> None:
        self._is_whole = bare_type(info.annotation) is int
        self._default = info.default
        self._unit = unit_of(info)
        self._reach = reach
        self._is_set = False
        super().__init__(name, info, on_change)

    def _widget(self, info: FieldInfo) -> Any:
        kind = pmui.IntSlider if self._is_whole else pmui.FloatSlider
        return kind(
            label=self.wire,
            value=self._rest(),
            start=self._reach.start,
            end=self._reach.end,
            step=self._reach.step,
            size="small",
            margin=(3, 10, 0, 6),
            sizing_mode="stretch_width",
            description=self.hint,
            value_label=self._words(None),
            sx=SLIDER_SX,
        )

    def _rest(self) -> Any:
        return self._reach.start if self._default is None else self._default

    def _words(self, value: float | None) -> str:
        if value is None:
            off = "off" if self._default is None else f"{self._default:g} {self._unit}"
            return off.strip()
        shown = f"{value:g}" if self._is_whole else f"{value:.2f}"
        return f"{shown} {self._unit}".strip()

    def _show(self, value: float | None) -> None:
        words = self._words(value)
        # panel-material-ui 0.16 looks at a new label only when the value or the format
        # changes; with a label the format is not used for anything else
        self.widget.param.update(value_label=words, format=words)

    def _on_change(self) -> None:
        # without a default the far left means off; else every position is a value
        value = self.widget.value
        is_off = self._default is None and value == self._reach.start
        self._is_set = not is_off and (self._is_set or value != self._rest())
        self._show(value if self._is_set else None)
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
        self._show(value)

    def clear(self) -> None:
        """Go back to the default, which is not sent."""
        self._is_set = False
        self.widget.value = self._rest()
        self._show(None)


class SecretField(FormField):
    """A secret: what was typed is taken out of the page at once."""

    def __init__(
        self, name: str, info: FieldInfo, on_change: Callable[[], None]
    ) -> None:
        self._secret: SecretStr | None = None
        super().__init__(name, info, on_change)

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
        on_change: Callable[[], None],
        kind: Literal["map", "list", "json"],
    ) -> None:
        self._kind = kind
        super().__init__(name, info, on_change)

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
        except (ValueError, RecursionError) as exc:  # the latter if nested too deep
            raise FieldError(f"this is not valid JSON: {exc}") from None

    def write(self, value: Any) -> None:
        """Show a value."""
        if self._kind == "map":
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


def form_field(name: str, info: FieldInfo, on_change: Callable[[], None]) -> FormField:
    """Return the field that fits a model's field, which is not a model itself."""
    hint = bare_type(info.annotation)
    reach = find_metadata(info, SliderRange)
    if reach is not None:
        return SliderField(name, info, on_change, reach)
    if hint is SecretStr:
        return SecretField(name, info, on_change)
    if hint is bool:
        return ChoiceField(name, info, on_change, {"true": True, "false": False})
    if get_origin(hint) is Literal:
        return ChoiceField(name, info, on_change, {str(v): v for v in get_args(hint)})
    if hint in (int, float):
        return NumberField(name, info, on_change, hint)
    if get_origin(hint) is dict:
        return TextField(name, info, on_change, "map")
    if get_origin(hint) is list:
        kind = "list" if bare_type(get_args(hint)[0]) is str else "json"
        return TextField(name, info, on_change, kind)
    if hint is str:
        made = SuggestField if info.examples else FormField
        return made(name, info, on_change)
    return TextField(name, info, on_change, "json")
