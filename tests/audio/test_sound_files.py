"""Sound files as telephone systems leave them: read whole, or refused in one line."""

import io
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from rustpbx_lab.audio.clip import Clip
from rustpbx_lab.audio.codecs import encode
from rustpbx_lab.errors import AudioError

RATE = 16000
TONE = np.round(8000 * np.sin(np.arange(RATE) * 0.2)).astype("<i2")
PCM = TONE.tobytes()


def form(tag=1, channels=1, rate=RATE, bits=16, block=None):
    block = block or channels * bits // 8
    return struct.pack(
        "<HHIIHH", tag, channels, rate, rate * block % 2**32, block, bits
    )


def wav(data=PCM, fmt=None, size=None, before=b"", after=b""):
    fmt = form() if fmt is None else fmt
    chunks = b"fmt " + struct.pack("<I", len(fmt)) + fmt + before
    chunks += b"data" + struct.pack("<I", len(data) if size is None else size)
    body = b"WAVE" + chunks + data + after
    return b"RIFF" + struct.pack("<I", len(body)) + body


def read(content: bytes, **how) -> Clip:
    return Clip.read(io.BytesIO(content), **how)


def written(samples, subtype, rate=RATE, **how):
    file = io.BytesIO()
    soundfile.write(file, samples, rate, subtype=subtype, format="WAV", **how)
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "remark"),
    [
        (wav(size=0), "its header says 0 bytes of sound"),
        (wav(size=0xFFFFFFFF), "gives no length"),
        (wav(size=0x7FFFFFFF), "gives no length"),
        (wav(before=b"LIST" + struct.pack("<I", 5) + b"abcde"), None),
        (wav(before=b"LIST" + struct.pack("<I", 5) + b"abcde\0"), None),
        (wav(after=b"id3 \4\0\0\0abcd"), None),
        (wav(), None),
    ],
)
def test_a_header_that_is_wrong_costs_no_sample(content, remark):
    clip = read(content)
    assert clip.samples.tolist() == TONE.tolist()
    if remark is None:
        assert clip.remarks == ()
    else:
        assert remark in clip.remarks[0]


def test_a_recording_that_was_cut_off_says_what_is_missing():
    clip = read(wav()[:-8000])
    assert len(clip.samples) == RATE - 4000
    assert clip.remarks == ("it ends 0.250 s before its header says: it was cut off",)


def test_an_empty_recording_stays_empty():
    listed = b"LIST" + struct.pack("<I", 4) + b"INFO"
    for content in (wav(b""), wav(b"", after=listed)):
        assert len(read(content).samples) == 0


@pytest.mark.parametrize(
    ("fmt", "why"),
    [
        (form(channels=0, block=2), "0 channels"),
        (form(rate=0), "0 Hz, which is not a sample rate"),
        (form(rate=1), "1 Hz, which is not a sample rate"),
        (form(tag=0x0083, bits=1, block=10), "it holds G.729"),
    ],
)
def test_a_header_that_cannot_be_is_refused_in_words(fmt, why):
    with pytest.raises(AudioError, match=why):
        read(wav(fmt=fmt))


@pytest.mark.parametrize("content", [b"", b"<!doctype html>", b"RIFF\0\0"])
def test_what_is_no_sound_is_refused_in_words(content):
    with pytest.raises(AudioError, match=r"cannot read the audio: .*MP3 work"):
        read(content)


@pytest.mark.parametrize("subtype", ["GSM610", "IMA_ADPCM", "ULAW", "ALAW", "PCM_U8"])
def test_the_codecs_of_telephony_in_wav_are_read(subtype):
    slow = np.round(8000 * np.sin(np.arange(8000) * 0.1)).astype(np.int16)
    clip = read(written(slow, subtype, 8000))
    assert 1000 <= clip.duration_ms <= 1064  # the last block may be filled up
    error = clip.samples[:7800].astype(float) - slow[:7800]
    assert np.abs(error).mean() < 1000


def test_g722_in_wav_is_read():
    content = wav(encode(TONE, "g722"), form(tag=0x028F, bits=8, block=1))
    assert read(content).duration_ms == 1000


ENDINGS = [
    ("ulaw", "pcmu", 8000),
    ("ul", "pcmu", 8000),
    ("alaw", "pcma", 8000),
    ("al", "pcma", 8000),
    ("g722", "g722", 16000),
    ("sln", "pcm", 8000),
    ("sln16", "pcm", 16000),
    ("sln48", "pcm", 48000),
]


@pytest.mark.parametrize(("ending", "codec", "rate"), ENDINGS)
def test_a_file_without_a_header_is_known_by_its_ending(
    tmp_path: Path, ending, codec, rate
):
    path = tmp_path / f"a.{ending}"
    path.write_bytes(encode(TONE, codec))
    clip = Clip.read(path)
    assert (clip.sample_rate_hz, clip.remarks) == (rate, ())
    assert len(clip.samples) == len(TONE)
    assert clip == Clip.read(path, codec=codec, sample_rate_hz=rate)


def test_a_gsm_file_is_read(tmp_path: Path):
    (tmp_path / "a.gsm").write_bytes(bytes(33 * 50))
    clip = Clip.read(tmp_path / "a.gsm")
    assert (clip.duration_ms, clip.sample_rate_hz) == (1000, 8000)


@pytest.mark.parametrize("ending", ["raw", "pcm"])
def test_a_guess_is_said_and_can_be_overruled(tmp_path: Path, ending):
    path = tmp_path / f"a.{ending}"
    path.write_bytes(PCM)
    clip = Clip.read(path)
    assert clip.samples.tolist() == TONE.tolist()
    assert "no header: read as 16-bit samples at 16000 Hz" in clip.remarks[0]
    sure = Clip.read(path, codec="pcm", sample_rate_hz=8000)
    assert (sure.duration_ms, sure.remarks) == (2000, ())


def test_a_wav_of_any_name_is_a_wav(tmp_path: Path):
    (tmp_path / "a.raw").write_bytes(wav())
    assert Clip.read(tmp_path / "a.raw").remarks == ()


def test_a_codec_that_is_not_known_is_an_error():
    with pytest.raises(AudioError, match=r"cannot use codec 'opus'.*gsm are"):
        read(PCM, codec="opus")


def test_floats_of_integer_size_are_scaled_and_that_is_said():
    clip = read(written(TONE.astype("f4"), "FLOAT"))
    assert np.abs(clip.samples.astype(int) - TONE).max() <= 1
    assert "reach 8000: read as numbers of 16-bit size" in clip.remarks[0]


def test_floats_that_are_no_numbers_are_silence_and_that_is_said():
    floats = (TONE / 32768).astype("f4")
    floats[100:110], floats[200] = np.nan, np.inf
    clip = read(written(floats, "FLOAT"))
    assert clip.samples[100:110].tolist() == [0] * 10
    assert clip.samples[201] == TONE[201]
    assert clip.remarks == ("11 samples that are not numbers were read as silence",)


def test_loud_floats_are_clipped_and_that_is_said():
    clip = read(written(np.array([0.5, 1.5, -2.0], "f4"), "FLOAT"))
    assert clip.samples.tolist() == [16384, 32767, -32768]
    assert clip.remarks == ("2 float samples beyond full scale were clipped",)


def test_24_bit_samples_are_rounded_and_that_is_said():
    deep = np.array([255, 256, 128, 127, -128, -129, 2**23 - 1], np.int32) << 8
    clip = read(written(deep, "PCM_24"))
    assert clip.samples.tolist() == [1, 1, 1, 0, 0, -1, 32767]
    assert clip.remarks == ("its 24-bit samples were rounded to 16 bits",)


def test_remarks_stay_with_what_is_made_of_a_clip():
    clip = read(wav(size=0))
    assert clip.mono().resampled(8000).channel(0).remarks == clip.remarks
