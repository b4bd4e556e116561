"""A secret never shows, wherever it was planted."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr, ValidationError

from rustpbx_lab.errors import UnreadableFrameError
from rustpbx_lab.masking import mask_text, mask_url, mask_value, secret_values
from rustpbx_lab.models import commands, events, options

PLANT = "h0neyp0t-word"
OPTIONS = [getattr(options, name) for name in options.__all__ if "Option" in name]
PLACES = [
    (model, name)
    for model in OPTIONS
    for name, field in model.model_fields.items()
    if "SecretStr" in str(field.annotation)
]


def test_the_secret_fields_are_known() -> None:
    names = {name for _, name in PLACES}
    assert names == {"secret_key", "secret_id", "app_id", "password"}
    assert len(PLACES) == 13


@pytest.mark.parametrize(
    ("model", "name"),
    PLACES,
    ids=[f"{model.__name__}.{name}" for model, name in PLACES],
)
def test_a_planted_secret_never_shows(model: type[BaseModel], name: str) -> None:
    option: Any = model(**{name: PLANT})
    assert PLANT not in repr(option) + str(option) + option.to_json()
    assert PLANT not in option.model_dump_json() + str(option.model_dump())
    assert list(option.to_wire().values()) == ["***"]
    assert PLANT in option.to_json(reveal=True)
    assert secret_values(option) == {PLANT}
    for wrong in ({name: PLANT, "nope": PLANT}, {name: [PLANT]}):
        with pytest.raises(ValidationError) as caught:
            model(**wrong)
        assert PLANT not in str(caught.value) + repr(caught.value)


@pytest.mark.parametrize("key", ["apiKey", "secretKey", "appId", "token", "password"])
def test_secrets_beside_the_known_fields_never_show(key: str) -> None:
    text = json.dumps(
        {
            "command": "invite",
            "option": {"asr": {key: PLANT}, "x": [{key: PLANT}]},
            "more": {key: PLANT},
        }
    )
    command = commands.parse(text)
    assert PLANT not in repr(command) + command.to_json()
    assert command.to_json(reveal=True).count(PLANT) == 3
    assert secret_values(command) == {PLANT}
    with pytest.raises(UnreadableFrameError) as caught:
        commands.parse(text.replace('"asr"', '"codec":5,"asr"'))
    error = caught.value
    assert PLANT not in str(error) + repr(error) + error.text + error.why


def test_a_masked_message_is_still_a_message() -> None:
    option = options.SipOption(password=SecretStr("pass"), username="pass")
    raw = commands.Invite(option=options.CallOption(sip=option)).to_json(reveal=True)
    masked = mask_text(raw, secret_values(option))
    assert json.loads(masked)["option"]["sip"] == {"username": "***", "password": "***"}
    assert isinstance(commands.parse(masked), commands.Invite)


@pytest.mark.parametrize(
    "secret", ["event", "hangup", "1787302461000", "Some", "trackId"]
)
def test_an_unlucky_secret_does_not_break_the_message(secret: str) -> None:
    event = events.Hangup(timestamp=1787302461000, track_id="t", reason="bye")
    assert events.parse(mask_text(event.to_json(), [secret])) == event


@pytest.mark.parametrize("levels", [0, 1, 2, 3])
@pytest.mark.parametrize(
    "secret", ["plain-secret", 'q"uo"te', "back\\slash\\", "\\", '"', "密码-1", "a\nb"]
)
@pytest.mark.parametrize("ascii_only", [False, True])
def test_a_secret_inside_json_inside_json_is_masked(
    levels: int, secret: str, ascii_only: bool
) -> None:
    def wrapped(value: str) -> str:
        text = json.dumps({"apiKey": value, "text": "kept"}, ensure_ascii=ascii_only)
        for _ in range(levels):
            text = json.dumps({"content": text, "n": 1}, ensure_ascii=ascii_only)
        return text

    assert mask_text(wrapped(secret)) == wrapped("***")
    # a broken line, cut anywhere behind the secret's beginning, hides it as well
    whole = wrapped(secret)
    start = whole.index("apiKey") + len("apiKey") + 3 + 2 ** (levels + 1)
    cut = mask_text(whole[: start + 3])
    assert len(secret) < 4 or secret[:3] not in cut


def test_values_of_any_type_under_a_secret_key_are_masked() -> None:
    text = (
        '{"appId":1250000000,"password":["a",{"b":"]"}],"token":null,'
        '"secretKey": true, "credential":{"x":1},"key":"ttfb.asr.x","z":1}'
    )
    assert mask_text(text) == (
        '{"appId":"***","password":"***","token":null,'
        '"secretKey": true, "credential":"***","key":"ttfb.asr.x","z":1}'
    )
    assert mask_value(json.loads(text)) == json.loads(mask_text(text))


def test_known_values_are_masked_wherever_they_are_repeated() -> None:
    values = ["sk-12345", 'o"dd', "ab", "12345"]
    text = json.dumps(
        {"event": "error", "error": 'bad key sk-12345 or o"dd', "n": 12345, "x": "ab"}
    )
    assert json.loads(mask_text(text, values)) == {
        "event": "error",
        "error": "bad key *** or ***",
        "n": 12345,
        "x": "***",
    }
    content = json.dumps({"content": text})
    inner = json.loads(json.loads(mask_text(content, values))["content"])
    assert inner == json.loads(mask_text(text, values))
    assert mask_text("wrong password sk-12345!", values) == "wrong password ***!"
    assert mask_text("about ab", values) == "about ab"
    assert mask_text('{"error":"sk-12345', values) == '{"error":"***'


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        ("wss://u:pw@h:80/a?x=1&token=abc#f", "wss://u:***@h:80/a?x=1&token=***#f"),
        ("https://h/p?api_key=a&Secret=b", "https://h/p?api_key=***&Secret=***"),
        ("http://h/a.wav?x=1&y=2", "http://h/a.wav?x=1&y=2"),
        ("sip:bob:pw@h:5060", "sip:bob:***@h:5060"),
        ("sip:bob@h:5060", "sip:bob@h:5060"),
        ("http://h:8080/a@b", "http://h:8080/a@b"),
    ],
)
def test_urls_lose_their_secrets(url: str, masked: str) -> None:
    assert mask_url(url) == masked
    assert mask_text(json.dumps({"url": url})) == json.dumps({"url": masked})


def test_an_innocent_text_is_returned_unchanged() -> None:
    text = '{"event":"metrics","timestamp":1,"key":"ttfb.asr.x","duration":1,"data":{}}'
    assert mask_text(text, ["other-secret"]) is text


@settings(max_examples=150)
@given(st.text() | st.text('{}[]":\\,apiKey password', max_size=60), st.text())
def test_masking_never_fails(text: str, value: str) -> None:
    mask_text(text, [value])
    mask_text('{"apiKey":' + text, [value])


@settings(max_examples=80)
@given(st.text(min_size=4).filter(lambda s: "*" not in s), st.text(max_size=5))
def test_masked_json_stays_json(value: str, around: str) -> None:
    text = json.dumps(
        {"event": "custom", "data": [around + value, {"password": value}]}
    )
    masked = json.loads(mask_text(text, [value]))
    assert masked["event"] == "custom"
    assert value not in masked["data"][0]
    assert masked["data"][1]["password"] == "***"


def test_masking_a_long_broken_text_is_quick() -> None:
    text = '{"apiKey":"' + '\\"' * 200_000
    masked = mask_text(text)  # quadratic work would take minutes
    mask_text("[" * 200_000 + '"password":[' * 1000)
    assert masked == '{"apiKey":"***"'
