"""Recordings of newer releases: the caller's own rate, and the background sound."""

from pathlib import Path

import numpy as np
import pytest
from simulator.call_bench import CallBench, base64_tone, tone

from rustpbx_lab.audio.clip import Clip, level_dbfs
from rustpbx_lab.audio.codecs import encode
from rustpbx_lab.models.server_versions import NEWEST, OLDEST
from rustpbx_lab.simulator.call.sip_call import SipCall
from rustpbx_lab.simulator.core.dialect import Dialect

OLD, NEW = Dialect(OLDEST), Dialect(NEWEST)
NATIVE = {"nativeSamplerate": True}


def recorded(bench: CallBench, folder: Path) -> Clip:
    bench.say("hangup")
    bench.advance(100)
    return Clip.read_channels(folder / "me.wav")


def talk(bench: CallBench, ms: int, codec: str = "pcmu") -> None:
    """Let the caller and the server say a tone at the same time."""
    bench.tts(text=base64_tone(ms), base64=True, playId="p")
    rate = 16000 if codec in ("pcm", "g722") else 8000
    said = tone(ms, rate)
    for at in range(0, len(said), rate // 50):
        bench.call.take_audio(encode(said[at : at + rate // 50], codec))
        bench.advance(20)


@pytest.mark.parametrize(
    ("codec", "dialect", "rate_hz"),
    [
        *(("pcmu", NEW, 8000), ("pcma", NEW, 8000), ("pcm", NEW, 16000)),
        *(("g722", NEW, 16000), ("pcmu", OLD, 16000)),
    ],
)
def test_the_file_has_the_caller_s_rate(tmp_path, codec, dialect, rate_hz):
    bench = CallBench(dialect=dialect, dump_dir=tmp_path)
    bench.invite(codec=codec, recorder=NATIVE)
    talk(bench, 1000, codec)
    clip = recorded(bench, tmp_path)
    assert clip.sample_rate_hz == rate_hz
    assert 1000 <= clip.duration_ms <= 1400
    for channel in clip.samples.T:
        assert loudest_hz(channel[rate_hz // 4 : rate_hz * 3 // 4], rate_hz) == 440


def loudest_hz(samples, rate_hz: int) -> int:
    spectrum = np.abs(np.fft.rfft(samples.astype(float)))
    return round(int(np.argmax(spectrum)) * rate_hz / len(samples))


def test_what_the_server_said_first_is_kept_until_the_caller_is_heard(tmp_path):
    bench = CallBench(dump_dir=tmp_path)
    bench.invite(codec="pcmu", recorder=NATIVE)
    bench.tts(text=base64_tone(400), base64=True, playId="p")
    bench.advance(1000)
    bench.call.take_audio(encode(tone(20, 8000), "pcmu"))
    bench.advance(1000)
    clip = recorded(bench, tmp_path)
    assert clip.sample_rate_hz == 8000
    assert (clip.samples[:, 1] != 0).sum() > 3000, "400 ms at 8 kHz"


def test_the_file_is_empty_if_the_caller_says_nothing(tmp_path):
    bench = CallBench(dump_dir=tmp_path)
    bench.invite(codec="pcmu", recorder=NATIVE)
    bench.tts(text=base64_tone(1000), base64=True, playId="p")
    bench.advance(2000)
    clip = recorded(bench, tmp_path)
    assert (clip.sample_rate_hz, len(clip.samples)) == (16000, 0)


def test_five_seconds_of_the_server_alone_decide_for_16_khz(tmp_path):
    bench = CallBench(dump_dir=tmp_path)
    bench.invite(codec="pcmu", recorder=NATIVE)
    bench.tts(text=base64_tone(6000), base64=True, playId="p")
    bench.advance(7000)
    clip = recorded(bench, tmp_path)
    assert clip.sample_rate_hz == 16000
    assert clip.duration_ms >= 6000


def test_a_telephone_is_recorded_at_8_khz(tmp_path):
    bench = CallBench(kind=SipCall, dump_dir=tmp_path)
    bench.invite(callee="sip:answer@h", recorder=NATIVE)
    bench.advance(500)
    assert recorded(bench, tmp_path).sample_rate_hz == 8000


@pytest.mark.parametrize(("dialect", "is_heard"), [(OLD, False), (NEW, True)])
def test_background_sound_alone(tmp_path, dialect, is_heard):
    Clip(tone(2000), 16000).write(tmp_path / "background.wav")
    bench = CallBench(dialect=dialect, dump_dir=tmp_path)
    background = {"path": str(tmp_path / "background.wav"), "normalLevel": 0.5}
    bench.invite(recorder={}, ambiance=background)
    for _ in range(50):
        bench.call.take_audio(bytes(640))
        bench.advance(20)
    assert bench.line.frames, "the caller hears it"
    right = recorded(bench, tmp_path).samples[:, 1]
    assert (level_dbfs(right) > -40) == is_heard
