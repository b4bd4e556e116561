"""Forms made from models: what is typed is what is sent."""

import json
from typing import get_args

import panel_material_ui as pmui
import pytest
from pydantic import SecretStr
from undocumented import words  # noqa: F401

from rustpbx_lab.dashboard.commands.command_bar import MORE
from rustpbx_lab.dashboard.commands.field import FieldError
from rustpbx_lab.dashboard.commands.fields import SecretField, read_map
from rustpbx_lab.dashboard.commands.forms import CommandDialog, ModelForm
from rustpbx_lab.dashboard.sidebar.option_panel import OptionPanel, summary
from rustpbx_lab.lint.rules import Remark, remarks
from rustpbx_lab.models import commands, options
from rustpbx_lab.models.base import BaseOption, WireModel

from .filled_forms import FILLED as FILLED_FORMS

OPTIONS = [
    model
    for model in vars(options).values()
    if isinstance(model, type)
    and issubclass(model, BaseOption)
    and model is not BaseOption
]
MODELS = [*get_args(commands.Command), *OPTIONS]

FILLED: list[WireModel] = [
    commands.Tts(text="Hello", play_id="r-1", streaming=True, wait_input_timeout=8000),
    commands.Hangup(reason="caller", headers={"X-A": "1: 2"}, refer=False),
    commands.Custom(data={"a": [1, None]}, sender="lab"),
    commands.Refer(
        caller="",
        callee="sip:bob@example.com",
        options=options.ReferOption(auto_hangup=False, timeout=10),
    ),
    options.VADOption(type="nop", speech_padding=300, voice_threshold=0.35),
    options.VADOption(silence_timeout=5000),
    options.AGCOption(headroom_db=3.5, enable_limiter=False),
    options.SipOption(headers={"X-Customer-Id": "42"}, extract_headers=["A", "B"]),
    options.MediaPassOption(
        url="ws://127.0.0.1:1/x", input_sample_rate=16000, output_sample_rate=8000
    ),
    options.RecorderOption(recorder_file="{id}", format="wav"),
    options.CallOption(
        vad=options.VADOption(silence_padding=500),
        agc=options.AGCOption(),
        codec="pcmu",
        extra={"k": "v"},
    ),
]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_command_and_option_has_a_form(model: type[WireModel]):
    form = ModelForm(model)
    shown = {field.wire for field in form.fields.values()}
    wire = {info.alias or name for name, info in model.model_fields.items()}
    assert shown == wire - {model.tag}
    assert form.__panel__() is not None


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_an_empty_form_sends_nothing_or_says_what_is_needed(model: type[WireModel]):
    form = ModelForm(model)
    made = form.build()
    needed = {name for name, info in model.model_fields.items() if info.is_required()}
    if made is None:
        assert form.errors
        assert all("this is needed" in error for error in form.errors)
    else:
        assert made.model_fields_set <= needed


@pytest.mark.parametrize("value", FILLED, ids=lambda value: type(value).__name__)
def test_what_is_written_into_a_form_comes_out_of_it(value: WireModel):
    form = ModelForm(type(value))
    form.write(value)
    made = form.build()
    assert form.errors == []
    assert made.to_wire() == value.to_wire()


def test_a_field_says_what_is_wrong_with_it():
    form = ModelForm(options.AGCOption)
    form.fields["max_gain_db"].widget.value = "loud"
    assert form.build() is None
    assert form.errors == ["maxGainDb: 'loud' is not a number"]
    assert "is not a number" in form.fields["max_gain_db"].notes.pane.object


def test_a_number_out_of_range_is_told_at_its_field():
    form = ModelForm(commands.Play)
    form.fields["url"].widget.value = "a.wav"
    form.fields["offset_ms"].widget.value = "-5"
    assert form.build() is None
    assert form.errors[0].startswith("offsetMs: ")


def test_a_wrong_field_of_a_nested_option_is_told_too():
    form = ModelForm(options.CallOption)
    form.fields["agc"].switch.value = True
    form.fields["agc"].form.fields["max_gain_db"].widget.value = "loud"
    assert form.build() is None
    assert "maxGainDb" in form.errors[0]


def test_a_secret_leaves_the_page_as_soon_as_it_is_typed():
    form = ModelForm(options.TranscriptionOption)
    field = form.fields["secret_key"]
    assert isinstance(field, SecretField)
    field.widget.value_input = "sk-12345"
    field.widget.value = "sk-12345"
    assert field.widget.value == field.widget.value_input == ""
    made = form.build()
    assert made.secret_key == SecretStr("sk-12345")
    assert made.to_wire() == {"secretKey": "***"}
    assert made.to_wire(reveal=True) == {"secretKey": "sk-12345"}
    values = [str(value) for value in field.widget.param.values().values()]
    assert not any("sk-12345" in value for value in values)


def test_a_slider_that_was_not_moved_is_not_sent():
    form = ModelForm(options.VADOption)
    assert form.build().to_wire() == {}
    form.fields["silence_timeout"].widget.value = 700
    form.fields["speech_padding"].widget.value = 300
    assert form.build().to_wire() == {"speechPadding": 300, "silenceTimeout": 700}
    form.fields["speech_padding"].widget.value = 250
    form.fields["silence_timeout"].widget.value = 0
    assert form.build().to_wire() == {"speechPadding": 250}


@pytest.mark.parametrize("text", ["no colon", ": value", "a: 1\na: 2"])
def test_a_map_that_cannot_be_read_names_its_line(text: str):
    with pytest.raises(FieldError, match="line"):
        read_map(text)


def test_remarks_stand_beside_their_fields():
    form = ModelForm(options.CallOption)
    form.write(options.CallOption(vad=options.VADOption(type="ten", ratio=0.4)))
    form.show_remarks(remarks(form.build()))
    vad = form.fields["vad"].form
    assert "is not in this server" in vad.fields["type"].notes.pane.object
    assert "ratio has no effect" in vad.fields["ratio"].notes.pane.object


def test_hostile_text_in_a_remark_is_escaped():
    form = ModelForm(options.CallOption)
    form.write(options.CallOption(vad=options.VADOption(type="<img src=x>")))
    form.show_remarks(remarks(form.build()))
    shown = form.fields["vad"].form.fields["type"].notes.pane.object
    assert "<img" not in shown
    assert "&lt;img src=x&gt;" in shown


def test_a_number_shows_its_unit_and_idle_fields_are_folded_away():
    vad = ModelForm(options.VADOption)
    assert vad.fields["max_buffer_duration_secs"].widget.label == (
        "maxBufferDurationSecs (s)"
    )
    agc = ModelForm(options.AGCOption)
    frames = agc.fields["adjacent_speech_frames_threshold"]
    assert frames.widget.label == "adjacentSpeechFramesThreshold (frames)"
    ambiance = ModelForm(options.AmbianceOption)
    assert ambiance.fields["transition_speed"].widget.label == "transitionSpeed"
    (switch,) = (part for part in vad.__panel__() if isinstance(part, pmui.Switch))
    assert switch.label == "6 keys the server does not use"


def test_the_option_panel_builds_one_option_of_all_sections():
    panel = OptionPanel(lambda: None)
    panel.sections["Media"].form.fields["codec"].widget.value = "pcmu"
    panel.sections["Advanced"].form.fields["extra"].widget.value = "a: b"
    option = panel.build(callee="sip:x@y")
    assert option.codec == "pcmu"
    assert option.extra == {"a": "b"}
    assert option.callee == "sip:x@y"
    assert option.vad is not None
    assert "silero 250 / 100 / 0.50" in summary(panel.sections["VAD"].values())


def test_a_section_that_is_unfolded_late_shows_what_was_loaded():
    panel = OptionPanel(lambda: None)
    asr = options.TranscriptionOption(provider="aliyun", language="zh")
    loaded = options.CallOption(asr=asr, codec="pcmu")
    panel.load(loaded)
    panel.show_remarks([Remark("asr.provider", "warning", "no such provider")])
    assert panel.build() == loaded
    panel.accordion.active = [0, 1]
    fields = panel.sections["ASR"].form.fields["asr"].form.fields
    assert fields["provider"].read() == "aliyun"
    assert "no such provider" in fields["provider"].notes.pane.object
    assert panel.build() == loaded


@pytest.mark.parametrize("name", MORE)
def test_the_dialog_of_a_command_sends_what_its_form_holds(name: str):
    sent: list[WireModel] = []
    dialog = CommandDialog(sent.append)
    dialog.ask(MORE[name])
    wire = {**FILLED_FORMS[name][1], "command": name}
    dialog.form.write(commands.parse(json.dumps(wire)))
    dialog.submit()
    assert [command.to_wire() for command in sent] == [wire]
    assert not dialog.dialog.open
