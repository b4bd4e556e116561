"""The caller's audio of a new call, chosen without a browser."""

from pathlib import Path

import numpy as np
import pytest

from rustpbx_lab.audio.clip import Clip
from rustpbx_lab.audio.sources import ClipSource, SilenceSource
from rustpbx_lab.dashboard.sidebar.caller_fields import CallerFields
from rustpbx_lab.errors import AudioError, InvalidOptionError
from rustpbx_lab.participants.registry import SCRIPTED, SOUND_FILE

RAMP = np.arange(800, dtype=np.int16)


@pytest.fixture
def told() -> list[tuple[str, str]]:
    return []


@pytest.fixture
def fields(told: list[tuple[str, str]]) -> CallerFields:
    return CallerFields(lambda text, severity: told.append((text, severity)))


def test_it_begins_with_silence_and_without_a_file_to_choose(fields: CallerFields):
    assert isinstance(fields.source(), SilenceSource)
    assert fields.browse is None
    fields.audio.value = SCRIPTED
    assert fields.source() is None


def test_a_file_is_read_from_its_path(fields: CallerFields, tmp_path: Path):
    Clip(RAMP, 8000).write(tmp_path / "a.wav")
    fields.audio.value = SOUND_FILE
    fields.path.value = f" {tmp_path / 'a.wav'} "
    source = fields.source()
    assert isinstance(source, ClipSource)
    fields.path.value = str(tmp_path / "none.wav")
    with pytest.raises(AudioError, match="no such file"):
        fields.source()
    fields.path.value = ""
    with pytest.raises(InvalidOptionError, match="press Browse"):
        fields.source()


def test_of_several_channels_the_first_is_sent(
    fields: CallerFields, told: list[tuple[str, str]], tmp_path: Path
):
    Clip(np.stack([RAMP, 0 * RAMP], axis=1), 8000).write(tmp_path / "two.wav")
    fields.audio.value = SOUND_FILE
    fields.path.value = str(tmp_path / "two.wav")
    assert fields.source() is not None
    assert told == [("two.wav has 2 channels; the first is sent", "info")]


def test_a_file_that_the_browser_sent_is_read_by_its_ending(fields: CallerFields):
    fields.audio.value = SOUND_FILE
    fields.browse.param.update(filename="said.ulaw", value=bytes(800))
    assert fields.path.value == "said.ulaw"
    assert isinstance(fields.source(), ClipSource)
    fields.path.value = "/not/what/was/sent.wav"
    with pytest.raises(AudioError, match="no such file"):
        fields.source()


def test_a_call_without_a_connection_for_sound_offers_no_scripted_caller(
    fields: CallerFields,
):
    fields.audio.value = SCRIPTED
    fields.show_type("webrtc")
    assert fields.audio.value != SCRIPTED
    assert SCRIPTED not in fields.audio.options
    fields.show_type("sip")
    assert not fields._layout.visible
