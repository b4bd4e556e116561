"""The call option as an accordion of generated forms."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import panel as pn
import panel_material_ui as pmui
from panel.viewable import Viewable, Viewer

from rustpbx_lab.dashboard.browser.document_lock import callback, coalesced
from rustpbx_lab.dashboard.commands.forms import ModelForm
from rustpbx_lab.lint.rules import Remark
from rustpbx_lab.models.options import (
    CallOption,
    SynthesisOption,
    TranscriptionOption,
    VADOption,
)
from rustpbx_lab.speech.vad import VadParams

SECTIONS: dict[str, tuple[str, ...]] = {
    "VAD": ("vad",),
    "ASR": ("asr",),
    "TTS": ("tts",),
    "SIP": ("sip",),
    "Recorder": ("recorder",),
    "Media": ("codec", "denoise", "agc", "ambiance", "subscribe", "media_pass"),
    "Advanced": (
        "inactivity_timeout",
        "handshake_timeout",
        "extra",
        "eou",
        "realtime",
        "ringback_detection",
        "enable_ipv6",
        "enable_ice_lite",
        "offer",
    ),
}
"""Accordion title → fields of the call option; caller and callee stand above."""
START = CallOption(
    vad=VADOption(type="silero"),
    asr=TranscriptionOption(provider="deepgram", language="en"),
    tts=SynthesisOption(provider="deepgram"),
)
"""What a first call needs to show speech, text and a voice."""
SX = {
    "& .MuiAccordionDetails-root": {"padding": "0 10px 6px 10px"},
    "& .title": {"fontSize": "12.5px", "width": "100%"},
    "& .MuiTypography-root": {"fontSize": "12.5px"},
}


class Section:
    """A part of the option: its values, and its form once someone looks at it.

    Eighty fields cost a page half a second; most are never unfolded.
    """

    def __init__(self, names: Sequence[str], changed: Callable[[], None]) -> None:
        self._names = names
        self._changed = changed
        self._option = CallOption()
        self._remarks: Sequence[Remark] = ()
        self._form: ModelForm | None = None

    @property
    def form(self) -> ModelForm:
        """The fields, with what was set; made when they are first needed."""
        if self._form is None:
            self._form = ModelForm(CallOption, self._changed, only=self._names)
            self._form.write(self._option)
            self._form.show_remarks(self._remarks)
        return self._form

    @property
    def errors(self) -> list[str]:
        """What is wrong now: nothing before a field can be typed in."""
        return [] if self._form is None else self._form.errors

    def values(self) -> dict[str, Any]:
        """Return what is set, by field name."""
        if self._form is not None:
            return self._form.values()
        known = {name: getattr(self._option, name) for name in self._names}
        return {
            name: value
            for name, value in known.items()
            if value is not None and name in self._option.model_fields_set
        }

    def replace(self, option: CallOption) -> None:
        """Take over these fields of an option, and nothing of what was there."""
        self._option = option
        if self._form is not None:
            self._form.replace(option)

    def show_remarks(self, remarks: Sequence[Remark]) -> None:
        """Show remarks beside the fields they are about."""
        self._remarks = remarks
        if self._form is not None:
            self._form.show_remarks(remarks)


class OptionPanel(Viewer):
    """Builds a `CallOption` from forms."""

    def __init__(self, changed: Callable[[], None]) -> None:
        super().__init__()
        self._is_filled = False
        self._changed = coalesced(lambda: changed() if self._is_filled else None)
        self.sections = {
            title: Section(names, self._changed) for title, names in SECTIONS.items()
        }
        for section in self.sections.values():
            section.replace(START)
        # a browser draws what is folded, too
        self._folds = {
            title: pn.Column(margin=0, sizing_mode="stretch_width")
            for title in SECTIONS
        }
        self._titles = {title: title for title in SECTIONS}
        self.accordion = pmui.Accordion(
            *self._folds.items(),
            active=[0],
            toggle=False,
            elevation=0,
            disable_gutters=True,
            title_variant="body2",
            sizing_mode="stretch_width",
            margin=0,
            sx=SX,
        )
        self.accordion.param.watch(callback(self._unfold), "active")
        self._unfold()
        self._is_filled = True
        self._layout = pn.Column(self.accordion, margin=0, sizing_mode="stretch_width")

    def __panel__(self) -> Viewable:
        return self._layout

    def _unfold(self) -> None:
        """Put the form into each section that was opened for the first time."""
        titles = list(SECTIONS)
        for place in self.accordion.active:
            fold = self._folds[titles[place]]
            if not len(fold):
                fold.append(self.sections[titles[place]].form)

    def build(self, **fixed: Any) -> CallOption | None:
        """Return the option, or None when a field is wrong and says so."""
        values = dict(fixed)
        is_valid = True
        for section in self.sections.values():
            values |= section.values()
            is_valid = is_valid and not section.errors
        return CallOption(**values) if is_valid else None

    def load(self, option: CallOption) -> None:
        """Fill the forms with another option, and nothing else."""
        self._is_filled = False
        try:
            for section in self.sections.values():
                section.replace(option)
        finally:
            self._is_filled = True
        self._changed()

    def use_vad(self, params: VadParams) -> tuple[str, str]:
        """Put thresholds into the VAD option; return what to say of it, how gravely."""
        option = self.build()
        if option is None:
            return f"the call options are not complete: {self.errors[0]}", "warning"
        vad = (option.vad or VADOption(type="silero")).model_copy(
            update={
                "speech_padding": params.speech_padding_ms,
                "silence_padding": params.silence_padding_ms,
                "voice_threshold": params.voice_threshold,
                "silence_timeout": params.silence_timeout_ms,
            }
        )
        self.load(option.model_copy(update={"vad": vad}))
        return f"the next call has VAD {summary({'vad': vad})}", "info"

    @property
    def errors(self) -> list[str]:
        """What is wrong now."""
        return [error for one in self.sections.values() for error in one.errors]

    def show_remarks(self, remarks: Sequence[Remark]) -> None:
        """Show remarks beside their fields and count the warnings in the titles."""
        for section in self.sections.values():
            section.show_remarks(remarks)
        for place, (title, names) in enumerate(SECTIONS.items()):
            words = self._title(title, names, remarks)
            if self._titles[title] != words:
                self._titles[title] = words
                self.accordion[place] = (words, self._folds[title])

    def _title(
        self, title: str, names: Sequence[str], remarks: Iterable[Remark]
    ) -> str:
        wires = {CallOption.model_fields[name].alias or name for name in names}
        count = sum(
            remark.severity != "info" and remark.path.partition(".")[0] in wires
            for remark in remarks
        )
        said = summary(self.sections[title].values())
        words = f"{title}  ·  {said}" if said else title
        return f"{words}   ⚠ {count}" if count else words


def summary(values: dict[str, Any]) -> str:
    """Say in a few words what a section of the option asks for."""
    parts: list[str] = []
    for name, value in values.items():
        match value:
            case VADOption():
                parts.append(
                    f"{value.type} {value.speech_padding} / {value.silence_padding} / "
                    f"{value.voice_threshold:.2f}"
                )
            case TranscriptionOption():
                named = (value.provider, value.model_type, value.language)
                parts.append(" ".join(part for part in named if part))
            case SynthesisOption():
                named = (value.provider, value.speaker or value.model)
                parts.append(" ".join(part for part in named if part))
            case bool():
                parts.append(name if value else f"{name} off")
            case str():
                parts.append(value)
            case _:
                parts.append(name)
    text = ", ".join(part for part in parts if part)
    return text if len(text) <= 34 else text[:33] + "…"
