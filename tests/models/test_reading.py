"""Lenient in what we read: what is no event says so, and nothing else happens."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rustpbx_lab.errors import UnreadableFrameError
from rustpbx_lab.models import commands, events, notes

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
WIRE_KEYS = st.sampled_from(
    ["trackId", "timestamp", "startTime", "duration", "text", "index", "data", "key"]
)


def read_event(text: str | bytes) -> None:
    try:
        event = events.parse(text)
    except UnreadableFrameError:
        return
    assert events.parse(event.to_json(reveal=True)) == event


@settings(max_examples=80)
@given(st.text() | st.binary())
def test_any_text_is_an_event_or_unreadable(text: str | bytes) -> None:
    read_event(text)


@settings(max_examples=150)
@given(
    st.sampled_from(sorted(events.EVENT_NAMES)) | st.text(max_size=6),
    st.dictionaries(WIRE_KEYS, ANY_JSON),
)
def test_any_fields_make_an_event_or_unreadable(
    name: str, fields: dict[str, object]
) -> None:
    read_event(json.dumps({"event": name, **fields}))


@settings(max_examples=100)
@given(
    st.sampled_from(sorted(commands.COMMAND_NAMES)) | st.text(max_size=6),
    st.dictionaries(st.sampled_from(["text", "data", "option", "url"]), ANY_JSON),
)
def test_any_fields_make_a_command_or_unreadable(
    name: str, fields: dict[str, object]
) -> None:
    text = json.dumps({"command": name, **fields})
    try:
        command = commands.parse(text)
    except UnreadableFrameError:
        return
    assert commands.parse(command.to_json(reveal=True)) == command


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        '"event"',
        "{}",
        '{"event":5}',
        '{"event":null}',
        '{"event":"ping","timestamp":1',
        '{"event":"ping","timestamp":NaN}',
        '{"event":"ping","timestamp":Infinity}',
        '{"event":"ping","timestamp":1e999}',
        '{"event":"ping","timestamp":"1"}',
        '{"event":"ping","timestamp":true}',
        '{"event":"ping","timestamp":1.5}',
        '{"event":"ping"}',
        '{"event":"custom","timestamp":1,"data":' + "[" * 200 + "]" * 200 + "}",
        "[" * 100_000,
        '{"a":' * 100_000,
        b"\xff\xfe",
        b'{"event":"\xff"}',
        '{"event":"\ud800"}',
    ],
)
def test_what_is_no_event_is_unreadable(text: str | bytes) -> None:
    with pytest.raises(UnreadableFrameError) as caught:
        events.parse(text)
    assert len(str(caught.value)) < 600


def test_the_wrong_fields_are_named() -> None:
    text = '{"event":"speaking","trackId":7,"timestamp":1,"startTime":"soon"}'
    with pytest.raises(UnreadableFrameError, match="trackId") as caught:
        events.parse(text)
    assert "startTime" in caught.value.why
    assert caught.value.text == text


def test_a_whole_float_passes_for_a_time() -> None:
    event = events.parse(
        '{"event":"silence","trackId":"t","timestamp":9.0,"startTime":1e3,"duration":2}'
    )
    assert event == events.Silence(
        track_id="t", timestamp=9, start_time=1000, duration=2
    )


def test_an_unknown_event_keeps_every_field() -> None:
    text = '{"event":"moodRing","mood":{"hue":[1,null]},"track_id":"x"}'
    event = events.parse(text)
    assert isinstance(event, events.UnknownEvent)
    assert event.event == "moodRing"
    assert event.to_wire() == json.loads(text)


def test_python_names_are_no_wire_names() -> None:
    text = '{"command":"tts","text":"x","play_id":"p"}'
    command = commands.parse(text)
    assert isinstance(command, commands.Tts)
    assert command.play_id is None
    assert command.to_wire() == json.loads(text)


@pytest.mark.parametrize(
    "text",
    [
        '{"command":"tts","text":"a","text":"b"}',
        '{"command":"invite","option":{"codec":"pcm","codec":"pcmu"}}',
    ],
)
def test_a_key_given_twice_is_refused_in_a_command(text: str) -> None:
    with pytest.raises(UnreadableFrameError, match="twice"):
        commands.parse(text)


def test_names_the_server_wrote_as_objects_are_read_as_names() -> None:
    text = (
        '{"command":"invite","option":{"vad":{"type":{"other":"ten"}},'
        '"asr":{"provider":{"Other":"voiceapi"}},'
        '"tts":{"provider":{"other":"tencent_basic"}}}}'
    )
    command = commands.parse(text)
    assert isinstance(command, commands.Invite)
    option = command.option
    assert option.vad is not None
    assert option.tts is not None
    assert (option.vad.type, option.tts.provider) == ("ten", "tencent_basic")
    assert command.to_wire() == json.loads(text)


def test_a_note_survives_the_round_trip() -> None:
    note = notes.AudioStarted(
        leg="server", at_ms=5, sample=0, sample_rate_hz=8000, codec="pcm"
    )
    wire = '{"note":"audioStarted","leg":"server","atMs":5,"sample":0,'
    assert note.to_json() == wire + '"sampleRateHz":8000,"codec":"pcm"}'
    assert notes.parse(note.to_json()) == note
    later = notes.parse('{"note":"closed","why":"bye","mood":1}')
    assert later.to_json() == '{"note":"closed","why":"bye","mood":1}'
    assert isinstance(notes.parse('{"note":"new","x":1}'), notes.UnknownNote)
