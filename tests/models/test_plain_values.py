"""Values as notebooks have them, and what is said of those that are refused."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from rustpbx_lab.errors import UnreadableFrameError
from rustpbx_lab.lint.rules import lint_text
from rustpbx_lab.models import commands, options

SECRET = "sk-1234567890"


@pytest.mark.parametrize(
    "value",
    [
        np.arange(100, 600, 50)[4],
        np.int16(300),
        np.uint64(300),
        np.float32(300),
        np.array(300),
        300.0,
        pd.Series([300]).iloc[0],
        pd.Series([300, 400, 200]).median(),
        pd.Series([300], dtype="int64[pyarrow]").iloc[0],
    ],
    ids=repr,
)
def test_a_whole_number_of_any_library_is_an_integer(value):
    option = options.VADOption(type="silero", silence_padding=value)
    assert type(option.silence_padding) is int
    assert option.to_json() == '{"type":"silero","silencePadding":300}'


def test_bools_texts_and_paths_are_what_they_are_meant_as():
    tts = commands.Tts(text=np.array(["hello"])[0], streaming=np.bool_(True))
    assert tts.to_wire() == {"command": "tts", "text": "hello", "streaming": True}
    play = commands.Play(url=Path("sounds") / "hold.wav", offset_ms=np.int64(5))
    assert play.to_wire()["url"] == str(Path("sounds/hold.wav"))
    assert options.RecorderOption(recorder_file=Path("a.wav")).recorder_file == "a.wav"
    assert options.AmbianceOption(enabled=np.False_).enabled is False


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (300.5, "not 300.5"),
        (np.float64(300.5), "not 300.5"),
        ("300", "not '300'"),
        (True, "not True"),
        (np.True_, "not True"),
        (1e300, "not 1e+300"),
        (float("nan"), "not nan (a missing value: leave the key out"),
        (pd.NA, "not <NA> (a missing value"),
        (pd.NaT, "not NaT (a missing value"),
        ([300], "not a list"),
        (-1, "not -1"),
        ("x" * 500, "xxx…"),
    ],
    ids=repr,
)
def test_a_refused_value_is_shown(value, shown):
    with pytest.raises(ValidationError) as told:
        options.CallOption(vad={"type": "silero", "silence_padding": value})
    assert shown in str(told.value)
    assert str(told.value).count(", not ") == 1
    assert "vad.silence_padding" in str(told.value).replace(
        "silencePadding", "silence_padding"
    )


def test_a_missing_text_of_a_table_is_said():
    with pytest.raises(ValidationError, match="a missing value"):
        commands.Tts(text=pd.DataFrame({"t": ["x", np.nan]}).t[1])


@pytest.mark.parametrize(
    "build",
    [
        lambda: options.SynthesisOption(secret_key=SECRET.encode()),
        lambda: options.SynthesisOption(secretkey=SECRET),
        lambda: options.SipOption(password=[SECRET]),
        lambda: options.SipOption(headers={"Authorization": [SECRET]}),
        lambda: options.CallOption(tts={"provider": "x", "apikey": SECRET}),
        lambda: options.CallOption(vad=f"ws://user:{SECRET}@host"),
        lambda: options.CallOption(tts=SECRET.encode()),
    ],
)
def test_a_secret_is_never_shown(build):
    with pytest.raises(ValidationError) as told:
        build()
    for text in (str(told.value), repr(told.value)):
        assert SECRET not in text


def test_a_text_of_others_is_read_as_strictly_as_the_server_reads():
    with pytest.raises(UnreadableFrameError) as told:
        commands.parse('{"command":"play","url":"x","offsetMs":5.0}')
    assert ", not " not in told.value.why
    (remark,) = lint_text('{"command":"play","url":"x","offsetMs":5.0}')
    assert (remark.rule, remark.severity) == ("float_refused", "error")
