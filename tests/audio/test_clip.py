import io
import warnings

import numpy as np
import pytest
import soundfile

from rustpbx_lab.audio.clip import Clip, level_dbfs, read_raw, to_int16
from rustpbx_lab.audio.codecs import encode
from rustpbx_lab.errors import AudioError


def noise(n, seed=0, channels=None):
    shape = n if channels is None else (n, channels)
    random = np.random.default_rng(seed)
    return random.integers(-32768, 32768, shape).astype(np.int16)


def sine(hz, rate, duration_s=1.0, peak=10000):
    n = int(rate * duration_s)
    return np.round(peak * np.sin(2 * np.pi * hz * np.arange(n) / rate)).astype(
        np.int16
    )


@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_what_is_written_is_read_bit_for_bit(tmp_path, suffix):
    clip = Clip(noise(12345), 22050)
    clip.write(tmp_path / f"a.{suffix}")
    assert Clip.read(tmp_path / f"a.{suffix}") == clip


def test_two_channels_need_a_choice(tmp_path):
    path = tmp_path / "call.wav"
    both = noise(800, channels=2)
    Clip(both, 16000).write(path)
    with pytest.raises(AudioError) as caught:
        Clip.read(path)
    assert str(caught.value).endswith("it has 2 channels; pass channel=0 or channel=1")
    assert Clip.read(path, channel=1) == Clip(both[:, 1], 16000)
    assert Clip.read_channels(path) == Clip(both, 16000)


def test_a_channel_that_is_not_there_is_an_error(tmp_path):
    path = tmp_path / "a.wav"
    Clip(noise(80), 8000).write(path)
    with pytest.raises(AudioError, match="no channel 1; there are only channel 0"):
        Clip.read(path, channel=1)


def test_a_missing_file_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # a long path is cut in the message
    with pytest.raises(AudioError, match=r"gone\.wav.*no such file"):
        Clip.read("gone.wav")


@pytest.mark.parametrize("content", [b"", b"hello, this is text", b"RIFF\0\0\0\0WAVE"])
def test_a_file_that_is_no_audio_is_an_error(tmp_path, content):
    path = tmp_path / "x.wav"
    path.write_bytes(content)
    with pytest.raises(AudioError, match=r"cannot read .*WAV, FLAC, OGG and MP3 work"):
        Clip.read(path)


def test_a_directory_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(AudioError, match="cannot write"):
        Clip(noise(80), 8000).write(tmp_path / "no" / "a.wav")


def test_an_unknown_suffix_is_an_error(tmp_path):
    with pytest.raises(AudioError, match="cannot write"):
        Clip(noise(80), 8000).write(tmp_path / "a.something")


def test_an_upload_is_read_like_a_file():
    upload = io.BytesIO()
    samples = noise(400)
    soundfile.write(upload, samples, 8000, format="WAV", subtype="PCM_16")
    upload.seek(0)
    assert Clip.read(upload) == Clip(samples, 8000)
    with pytest.raises(AudioError, match="cannot read the audio"):
        Clip.read(io.BytesIO(b"nothing"))


@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE", "PCM_24", "PCM_32"])
def test_deeper_files_keep_their_level(tmp_path, subtype):
    samples = noise(1000)
    soundfile.write(tmp_path / "a.wav", samples / 32768, 16000, subtype=subtype)
    read = Clip.read(tmp_path / "a.wav").samples
    # libsndfile scales floats by 2**31 - 1, so an integer file may be one step off
    assert np.abs(read.astype(int) - samples).max() <= 1


def test_loud_floats_are_clipped_not_wrapped(tmp_path):
    loud = np.array([1.5, -1.5, 1.0, -1.0], np.float32)
    soundfile.write(tmp_path / "a.wav", loud, 16000, subtype="FLOAT")
    assert Clip.read(tmp_path / "a.wav").samples.tolist() == [
        32767,
        -32768,
        32767,
        -32768,
    ]


def test_a_file_without_samples_is_an_empty_clip(tmp_path):
    Clip(noise(0), 16000).write(tmp_path / "a.wav")
    clip = Clip.read(tmp_path / "a.wav")
    assert (len(clip.samples), clip.duration_ms) == (0, 0)


def test_mono_is_the_mean():
    clip = Clip(np.array([[100, 300], [-32768, -32768]], np.int16), 8000)
    assert clip.mono().samples.tolist() == [200, -32768]


@pytest.mark.parametrize(
    ("samples", "dbfs"),
    [
        (np.full(10, -32768, np.int16), 0.0),
        (sine(1000, 16000, peak=32767), -3.01),
        (np.full((10, 2), 3277, np.int16), -20.0),
    ],
)
def test_level_is_rms_below_full_scale(samples, dbfs):
    assert level_dbfs(samples) == pytest.approx(dbfs, abs=0.01)


def test_silence_and_nothing_have_no_level():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert level_dbfs(np.zeros(100, np.int16)) == float("-inf")
        assert Clip(np.zeros(0, np.int16), 8000).level_dbfs == float("-inf")


@pytest.mark.parametrize("rate", [8000, 22050, 24000, 44100, 48000])
def test_resampling_keeps_a_tone(rate):
    clip = Clip(sine(1000, rate), rate).resampled(16000)
    assert len(clip.samples) == 16000
    middle = slice(1000, 15000)  # the filter rings at the ends
    expected = sine(1000, 16000)
    error = clip.samples[middle].astype(float) - expected[middle]
    assert level_dbfs(to_int16(error / 32768)) < -80


def test_resampling_is_the_same_every_time():
    clip = Clip(noise(48000), 48000)
    assert clip.resampled(16000) == clip.resampled(16000)
    assert clip.resampled(48000) is clip


def test_channels_are_resampled_side_by_side():
    both = np.stack([sine(500, 8000), sine(1500, 8000)], axis=1)
    at_16k = Clip(both, 8000).resampled(16000)
    assert at_16k.samples.shape == (16000, 2)
    assert at_16k.channel(1) == Clip(both[:, 1], 8000).resampled(16000)


def test_a_raw_file_is_read_by_its_codec(tmp_path):
    samples = sine(440, 8000)
    (tmp_path / "a.ulaw").write_bytes(encode(samples, "pcmu"))
    clip = read_raw(tmp_path / "a.ulaw", "PCMU")
    assert clip.sample_rate_hz == 8000
    assert np.abs(clip.samples.astype(int) - samples).max() <= 10000 / 32
    with pytest.raises(AudioError, match="cannot read"):
        read_raw(tmp_path / "b.ulaw", "pcmu")
    with pytest.raises(AudioError, match="cannot use codec 'opus'"):
        read_raw(tmp_path / "a.ulaw", "opus")


@pytest.mark.parametrize(
    ("samples", "rate"),
    [
        (np.zeros(3, np.float32), 8000),
        (np.zeros((2, 2, 2), np.int16), 8000),
        (np.zeros(3, np.int16), 0),
    ],
)
def test_a_clip_is_checked(samples, rate):
    with pytest.raises(AudioError, match="cannot make a clip"):
        Clip(samples, rate)
