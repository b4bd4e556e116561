"""Strict in what we send."""

from typing import Any, get_args

import pytest
from pydantic import ValidationError

from rustpbx_lab.models import commands, events, notes, options
from rustpbx_lab.models import rest as records
from rustpbx_lab.models.base import WireModel

OPTIONS = [
    cls
    for name in options.__all__
    if name.endswith("Option")
    and isinstance(cls := getattr(options, name), type)
    and issubclass(cls, WireModel)
]
RECORDS = [
    cls
    for cls in vars(records).values()
    if isinstance(cls, type) and issubclass(cls, records.BaseRecord)
]
MODELS = [
    *get_args(events.KnownEvent),
    *get_args(commands.Command),
    *get_args(notes.KnownNote),
    *OPTIONS,
    *RECORDS,
    events.Attendee,
]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__qualname__)
def test_every_field_is_described(model: type[WireModel]) -> None:
    tag = model.tag
    silent = [
        name
        for name, field in model.model_fields.items()
        if name != tag and not field.description
    ]
    assert not silent
    assert model.__doc__


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__qualname__)
def test_log_columns_name_attributes(model: type[WireModel]) -> None:
    known = set(model.model_fields) | set(dir(model))
    assert set(model.log_columns.values()) <= known


def test_unknown_keys_are_refused_when_we_build() -> None:
    with pytest.raises(ValidationError, match="playID"):
        commands.Tts.model_validate({"text": "x", "playID": "p"})
    with pytest.raises(ValidationError, match="silencePading"):
        options.CallOption.model_validate({"vad": {"silencePading": 3}})


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        (options.VADOption, {"silence_padding": -1}),
        (options.VADOption, {"silence_padding": 100.5}),
        (options.VADOption, {"silence_padding": "100"}),
        (options.VADOption, {"silence_padding": True}),
        (options.VADOption, {"ratio": None}),
        (options.VADOption, {"voice_threshold": float("nan")}),
        (options.RecorderOption, {"recorder_file": None}),
        (options.RecorderOption, {"format": "WAV"}),
        (options.SynthesisOption, {"volume": 2**31}),
        (options.SipOption, {"headers": {"X": 1}}),
        (options.SipOption, {"hangupHeaders": {}}),
        (options.CallOption, {"denoise": 1}),
        (options.TranscriptionOption, {"model_type": "a", "model": "b"}),
        (commands.Play, {"url": b"x"}),
        (commands.Play, {"url": "x", "offset_ms": 2**32}),
        (commands.Custom, {}),
    ],
)
def test_what_the_server_refuses_is_refused(
    model: type[WireModel], fields: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError):
        model.model_validate(fields)


def test_what_was_set_is_sent_and_null_is_not_nothing() -> None:
    command = commands.Tts(
        text="喂", option=options.SynthesisOption(speed=None, speaker="a")
    )
    assert command.to_json() == (
        '{"command":"tts","text":"喂","option":{"speed":null,"speaker":"a"}}'
    )
    assert commands.Pause().to_wire() == {"command": "pause"}
    assert commands.Custom(data=None).to_wire() == {"command": "custom", "data": None}
    sip = options.SipOption(hangup_headers={"X": "1"})
    assert sip.to_wire() == {"hangup_headers": {"X": "1"}}


def test_a_missing_key_reads_as_the_servers_default() -> None:
    vad = options.VADOption()
    assert (vad.speech_padding, vad.silence_padding, vad.voice_threshold) == (
        250,
        100,
        0.5,
    )
    assert vad.silence_timeout is None
    assert options.ReferOption().auto_hangup is True
    assert vad.to_wire() == {}


def test_both_spellings_are_read_and_the_servers_is_sent() -> None:
    built = options.TranscriptionOption.model_validate({"sampleRate": 8000})
    assert built.to_wire() == {"samplerate": 8000}
    ice = {"candidate": "c", "sdpMLineIndex": 1}
    assert commands.AddIceCandidate.model_validate(ice).sdp_mline_index == 1
    both = commands.parse(
        '{"command":"addIceCandidate","candidate":"c","sdpMLineIndex":1,"sdpMlineIndex":2}'
    )
    assert isinstance(both, commands.AddIceCandidate)
    assert both.sdp_mline_index == 2
    assert both.to_wire()["sdpMLineIndex"] == 1
    eou = events.parse('{"event":"eou","trackId":"t","timestamp":1,"complete":true}')
    assert isinstance(eou, events.Eou)
    assert eou.completed is True


def test_models_are_equal_by_value_and_frozen() -> None:
    read = commands.parse('{"command":"mute","trackId":"a"}')
    assert read == commands.Mute(track_id="a")
    assert hash(read) == hash(commands.Mute(track_id="a"))
    assert read != commands.parse('{"command":"mute","trackId":"a","x":1}')
    assert read != commands.Unmute(track_id="a")
    with pytest.raises(ValidationError):
        read.track_id = "b"  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize(
    ("reason", "name"),
    [
        ("Some(ByCaller)", "byCaller"),
        ("Some(InactivityTimeout)", "inactivityTimeout"),
        ("Some(Autohangup)", "autohangup"),
        ('Some(Other("max call time reached"))', "max call time reached"),
        (r'Some(Other("a \"b\" \\ c"))', r'a "b" \ c'),
        (r'Some(Other("it\'s \u{1f600}"))', "it's 😀"),
        (r'Some(Other("C:\\users\\\'x"))', r"C:\users\'x"),
        (r'Some(Other("\u{110000}"))', r"\u{110000}"),
        (r'Some(Other("\u{d800}"))', r"\u{d800}"),
        ("None", None),
        ("", None),
        (None, None),
        ("user_requested", "user_requested"),
    ],
)
def test_a_hangup_names_its_reason(reason: str | None, name: str | None) -> None:
    assert events.Hangup(timestamp=1, reason=reason).reason_name == name


def test_a_hangup_fills_the_time_columns_with_milliseconds() -> None:
    event = events.Hangup(timestamp=1, start_time="2026-08-21T08:54:21.123456789+00:00")
    assert getattr(event, event.log_columns["start_time"]) == 1787302461123
    assert getattr(event, event.log_columns["end_time"]) is None


def test_metrics_tell_the_number_to_look_at() -> None:
    llm = events.Metrics(
        timestamp=1, key="llm_response", duration=0, data={"duration": 820, "ttfb": 240}
    )
    assert (llm.value, llm.ttfb, llm.play_id) == (820, 240, None)
    tts = events.Metrics(timestamp=1, key="completed.tts.x", duration=7, data=[1])
    assert (tts.value, tts.ttfb) == (7, None)


def test_records_of_the_server_are_read() -> None:
    calls = records.read(
        records.ActiveCalls,
        '{"active_calls":[{"id":"a","callType":"sip","cs.option":{"vad":{"type":'
        '{"other":"ten"}},"new":1},"ringTime":null,"startTime":null},'
        '{"id":"b","callType":"webrtc","status":"locked"}]}',
    )
    option = calls.active_calls[0].option
    assert option is not None
    assert option.vad is not None
    assert option.vad.type == "ten"
    assert calls.active_calls[1].status == "locked"
    ice = records.read_list(
        records.IceServer,
        '[{"urls":["stun:x"],"username":null,"credential":"hidden-word",'
        '"credential_type":"password"}]',
    )
    assert "hidden-word" not in repr(ice)
    assert ice[0].to_wire(reveal=True)["credential"] == "hidden-word"
    cdr = records.read(
        records.CallRecord,
        '{"callType":"sip","option":{},"callId":"c","startTime":"2026-08-21T09:03:19.9Z",'
        '"endTime":"2026-08-21T09:03:29.9Z","caller":"","callee":"","statusCode":200,'
        '"hangupReason":{"other":"tired"}}',
    )
    assert (cdr.reason_name, cdr.duration_ms) == ("tired", 10_000)


def test_a_repr_shows_what_was_set() -> None:
    option = options.CallOption(codec="pcmu", vad=options.VADOption(ratio=0.1))
    assert repr(option) == "CallOption(vad=VADOption(ratio=0.1), codec='pcmu')"
    assert repr(commands.parse('{"command":"pause","x":1}')) == "Pause(x=1)"
    assert repr(events.parse('{"event":"new"}')) == "UnknownEvent(event='new')"
