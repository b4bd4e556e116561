"""Forms for commands and options, made from their models."""

from collections.abc import Callable, Collection, Iterable
from html import escape
from typing import Any

import panel as pn
import panel_material_ui as pmui
from panel.viewable import Viewable, Viewer
from pydantic import ValidationError

from rustpbx_lab.dashboard.browser.document_lock import callback
from rustpbx_lab.dashboard.browser.styles import html
from rustpbx_lab.lint.rules import Remark
from rustpbx_lab.models.base import WireModel

from .field import UNSET, FieldError, FormField, Notes, help_text, is_rare, model_type
from .fields import form_field

Changed = Callable[[], None]

FIRST_FIELD = "lab-first"
"""Class of the field that has the cursor when a dialog opens."""
LABEL_SX = {"& .MuiFormControlLabel-label": {"fontSize": "12px"}}


class ModelForm(Viewer):
    """Fields of a model; those left empty are left out of the message.

    Args:
        model: A command or option class.
        on_change: Called whenever something was typed.
        skip: Names of fields that are not shown.
        only: Names of the only fields that are shown, if given.
    """

    def __init__(
        self,
        model: type[WireModel],
        on_change: Changed | None = None,
        skip: Collection[str] = (),
        only: Collection[str] | None = None,
    ) -> None:
        super().__init__()
        self.model = model
        self._changed = on_change or _nothing
        self.fields: dict[str, FormField | OptionSection] = {}
        for name, info in model.model_fields.items():
            if name == model.tag or name in skip or (only and name not in only):
                continue
            inner = model_type(info)
            if inner is None:
                self.fields[name] = form_field(name, info, self._changed)
            elif issubclass(inner, WireModel):
                self.fields[name] = OptionSection(name, info, inner, self._changed)
        self._layout = pn.Column(
            *self._arranged(), margin=0, sizing_mode="stretch_width"
        )

    def _arranged(self) -> list[Viewable]:
        """Return the fields in order; those that do nothing wait behind a switch."""
        idle = {
            name
            for name in self.fields
            if is_rare(self.model.model_fields[name]) and not self._is_needed(name)
        }
        shown = [
            field.layout for name, field in self.fields.items() if name not in idle
        ]
        if not idle:
            return shown
        rest = pn.Column(
            *(self.fields[name].layout for name in self.fields if name in idle),
            margin=0,
            sizing_mode="stretch_width",
            visible=False,
        )
        switch = pmui.Switch(
            label=f"{len(idle)} {'key' if len(idle) == 1 else 'keys'} the server "
            "does not use",
            value=False,
            size="small",
            margin=(8, 2, 2, 2),
            sx=LABEL_SX,
        )
        switch.link(rest, value="visible")
        return [*shown, switch, rest]

    def _is_needed(self, name: str) -> bool:
        return self.fields[name].is_required

    def __panel__(self) -> Viewable:
        return self._layout

    def values(self) -> dict[str, Any]:
        """Return what was typed, by field name; bad fields say so and are left out.

        Nested options are models. See `is_valid`.
        """
        found: dict[str, Any] = {}
        self._is_valid = True
        for name, field in self.fields.items():
            field.notes.error = None
            try:
                value = field.read()
            except FieldError as exc:
                field.notes.error = str(exc)
                self._is_valid = False
                value = UNSET
            field.notes.show()
            if value is not UNSET:
                found[name] = value
        return found

    def build(self, **fixed: Any) -> Any:
        """Return the message, or None when a field is wrong and says so.

        Args:
            fixed: Values of fields that are not in the form.
        """
        values = self.values()
        try:
            made = self.model(**{**fixed, **values})
        except ValidationError as exc:
            self._place(exc)
            return None
        return made if self._is_valid else None

    def _place(self, exc: ValidationError) -> None:
        for error in exc.errors(
            include_url=False, include_context=False, include_input=False
        ):
            name = str(error["loc"][0]) if error["loc"] else ""
            field = self.fields.get(name) or next(
                (f for f in self.fields.values() if f.wire == name), None
            )
            text = "this is needed" if error["type"] == "missing" else error["msg"]
            if field is not None:
                field.notes.error = field.notes.error or text
                field.notes.show()

    def write(self, value: WireModel) -> None:
        """Show the fields of a message that were set."""
        for name in value.model_fields_set & self.fields.keys():
            if getattr(value, name) is not None:
                self.fields[name].write(getattr(value, name))

    def replace(self, value: WireModel) -> None:
        """Show the fields of a message that were set, and empty all others."""
        for name, field in self.fields.items():
            known = getattr(value, name) if name in value.model_fields_set else None
            if known is None:
                field.clear()
            elif isinstance(field, OptionSection):
                field.replace(known)
            else:
                field.write(known)

    def show_remarks(self, remarks: Iterable[Remark]) -> None:
        """Show remarks under the fields they are about; paths begin at this model."""
        remarks = list(remarks)
        for field in self.fields.values():
            field.show_remarks(
                [
                    remark._replace(path=remark.path.partition(".")[2])
                    for remark in remarks
                    if remark.path.partition(".")[0] == field.wire
                ]
            )

    @property
    def errors(self) -> list[str]:
        """What is wrong now, one entry a field."""
        return [
            f"{field.wire}: {field.notes.error}"
            for field in self.fields.values()
            if field.notes.error
        ]


class OptionSection:
    """A nested option: a switch that includes it, and its form once it is on."""

    def __init__(
        self, name: str, info: Any, model: type[WireModel], on_change: Changed
    ) -> None:
        self.name = name
        self.wire = info.alias or name
        self.is_required = info.is_required()
        self.model = model
        self._changed = on_change
        self._form: ModelForm | None = None
        self._remarks: list[Remark] = []
        self.notes = Notes()
        self.switch = pmui.Switch(
            label=self.wire,
            value=False,
            size="small",
            margin=(8, 2, 0, 2),
            description=help_text(info),
            sx=LABEL_SX,
        )
        self.switch.param.watch(callback(self._toggled), "value")
        self._inner = pn.Column(
            margin=(0, 0, 4, 6),
            sizing_mode="stretch_width",
            styles={
                "border-left": "2px solid var(--lab-border)",
                "padding-left": "6px",
            },
            visible=False,
        )
        self.layout: Viewable = pn.Column(
            self.switch,
            self.notes.pane,
            self._inner,
            margin=0,
            sizing_mode="stretch_width",
        )
        if self.is_required:
            self.switch.value = True
            self.switch.disabled = True

    @property
    def form(self) -> ModelForm:
        """The nested form; made when it is first needed."""
        if self._form is None:
            self._form = ModelForm(self.model, self._changed)
            self._inner.append(self._form)
        return self._form

    def _toggled(self) -> None:
        self._inner.visible = self.switch.value
        if self.switch.value:
            self.form.show_remarks(self._remarks)
        self._changed()

    def read(self) -> Any:
        """Return the option, or UNSET while it is off."""
        if not self.switch.value:
            return UNSET
        made = self.form.build()
        if made is None:
            raise FieldError("; ".join(self.form.errors) or "a field is wrong")
        return made

    def write(self, value: WireModel) -> None:
        """Switch it on and show a value."""
        self.switch.value = True
        self.form.write(value)

    def clear(self) -> None:
        """Leave it out."""
        self.switch.value = False

    def replace(self, value: WireModel) -> None:
        """Switch it on and show a value, and nothing of what was there."""
        self.switch.value = True
        self.form.replace(value)

    def show_remarks(self, remarks: list[Remark]) -> None:
        """Show remarks about the option, and about its fields if it is open."""
        self._remarks = remarks
        self.notes.remarks = [(r.severity, r.text) for r in remarks if not r.path]
        self.notes.show()
        if self._form is not None:
            self._form.show_remarks(remarks)


class CommandDialog:
    """A dialog for any command: its form, and a button that sends it."""

    def __init__(self, send: Callable[[Any], None]) -> None:
        self._send = send
        self.on_open: Callable[[str], None] = lambda css_class: None
        """Called with the class of the first field when a form is opened."""
        self.form: ModelForm | None = None
        self._body = pn.Column(sizing_mode="stretch_width", margin=0)
        self._button = pmui.Button(label="Send", variant="contained", color="primary")
        self._button.on_click(callback(self.submit))
        self.dialog = pmui.Dialog(
            pn.Column(self._body, self._button, sizing_mode="stretch_width"),
            title="Command",
            open=False,
            show_close_button=True,
            close_on_click=True,
            width_option="sm",
            sx={"& .MuiBackdrop-root": {"backgroundColor": "rgba(16,24,40,.25)"}},
        )

    def ask(self, model: type[WireModel]) -> None:
        """Open the form of a command."""
        self.form = ModelForm(model)
        name = model.model_fields[str(model.tag)].default
        about = " ".join((model.__doc__ or "").replace("`", "").split())
        self._body[:] = [
            html(f'<div class="mu">{escape(about)}</div>', margin=(0, 2, 6, 2)),
            self.form,
        ]
        self.dialog.param.update(title=str(name), open=True)
        self._button.label = f"Send {name}"
        first = next(iter(self.form.fields.values()), None)
        if isinstance(first, FormField):
            first.widget.css_classes = [FIRST_FIELD]
            self.on_open(FIRST_FIELD)

    def close(self) -> None:
        """Close it: what is typed in was meant for a call that is no longer shown."""
        if self.dialog.open:
            self.dialog.open = False

    def submit(self) -> None:
        """Send the command, or show what is wrong with it."""
        command = None if self.form is None else self.form.build()
        if command is not None:
            self.dialog.open = False
            self._send(command)


def _nothing() -> None:
    return
