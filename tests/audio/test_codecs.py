import hashlib
import io
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile

from rustpbx_lab.audio.clip import Clip
from rustpbx_lab.audio.codecs import CODECS, call_codec, codec_of, decode, encode
from rustpbx_lab.errors import AudioError

SPEECH = Path(__file__).parents[1] / "speech" / "audio" / "sense_0890.flac"
EVERY_SAMPLE = np.arange(-32768, 32768).astype(np.int16)
EVERY_BYTE = bytes(range(256))


def noise(n, seed):
    random = np.random.default_rng(seed)
    return random.integers(-32768, 32768, n).astype(np.int16)


def snr_db(samples, decoded):
    signal, error = samples.astype(float), samples.astype(float) - decoded
    return 10 * np.log10((signal @ signal) / (error @ error))


def test_pcm_is_little_endian_and_drops_an_odd_byte():
    assert encode(np.array([1, -2], np.int16), "pcm") == b"\x01\x00\xfe\xff"
    assert decode(b"\x01\x00\xfe\xff\x07", "pcm").tolist() == [1, -2]
    assert decode(b"", "pcm").tolist() == []


@pytest.mark.parametrize(("codec", "subtype"), [("pcmu", "ULAW"), ("pcma", "ALAW")])
def test_g711_decodes_every_byte_like_libsndfile(codec, subtype):
    expected, _ = soundfile.read(
        io.BytesIO(EVERY_BYTE),
        dtype="int16",
        samplerate=8000,
        channels=1,
        format="RAW",
        subtype=subtype,
    )
    assert np.array_equal(decode(EVERY_BYTE, codec), expected)


@pytest.mark.parametrize("codec", ["pcmu", "pcma"])
def test_g711_encodes_to_the_byte_it_came_from(codec):
    again = encode(decode(EVERY_BYTE, codec), codec)
    # mu-law has two zeros; the negative one is never made
    expected = EVERY_BYTE.replace(b"\x7f", b"\xff") if codec == "pcmu" else EVERY_BYTE
    assert again == expected


@pytest.mark.parametrize(
    ("codec", "samples", "expected"),
    [
        ("pcmu", [0, -1, 32767, -32768, 4, -4, 1000], "ff7f8000fe7fce"),
        ("pcma", [0, -1, 32767, -32768, 16, -17, 1000], "d555aa2ad454fa"),
    ],
)
def test_g711_known_values(codec, samples, expected):
    assert encode(np.array(samples, np.int16), codec).hex() == expected


@pytest.mark.parametrize("codec", ["pcmu", "pcma"])
def test_g711_is_monotonic_and_near(codec):
    decoded = decode(encode(EVERY_SAMPLE, codec), codec).astype(int)
    assert (np.diff(decoded) >= 0).all()
    inside = np.abs(EVERY_SAMPLE.astype(int)) <= 32000
    error = np.abs(decoded - EVERY_SAMPLE)[inside]
    # half a step: 1/32 of the sample with the offset of 132 that mu-law adds
    allowed = (np.abs(EVERY_SAMPLE.astype(int))[inside] + 132) / 32 + 8
    assert (error <= allowed).all()


def test_g722_is_bit_equal_to_another_implementation():
    # both made by libavcodec's g722 from the same input
    encoded = encode(noise(32000, 0), "g722")
    assert hashlib.sha256(encoded).hexdigest() == G722_ENCODED
    random_bytes = np.random.default_rng(1).integers(0, 256, 16000).astype(np.uint8)
    decoded = decode(random_bytes.tobytes(), "g722")
    assert hashlib.sha256(decoded.astype("<i2").tobytes()).hexdigest() == G722_DECODED


G722_ENCODED = "bd0e31fd08b3e06ed2966769904119270a47988f8318f69d259c88186acbdce8"
G722_DECODED = "3ba1e2d4d3a988588d9bc4209864a60fbfe1dc7b92daac1360427142bb5d30f7"


def test_g722_keeps_speech():
    samples = Clip.read(SPEECH).samples
    decoded = decode(encode(samples, "g722"), "g722")
    delay = 22  # samples, of both mirror filters
    assert snr_db(samples[: len(decoded) - delay], decoded[delay:]) > 20


def test_g722_is_the_same_however_it_is_cut():
    samples = noise(3001, 2)
    encoder, decoder = codec_of("g722").encoder(), codec_of("g722").decoder()
    ends = [0, 1, 2, 321, 640, 1999, 3001]
    parts = [encoder.encode(samples[first:end]) for first, end in pairwise(ends)]
    whole = encode(samples, "g722")
    assert b"".join(parts) == whole
    assert len(whole) == 1500
    decoded = [decoder.decode(part) for part in parts]
    assert np.array_equal(np.concatenate(decoded), decode(whole, "g722"))


@pytest.mark.parametrize("codec", CODECS.values(), ids=lambda codec: codec.name)
def test_bytes_and_samples_are_counted_alike(codec):
    encoded = codec.encoder().encode(noise(640, 3))
    assert codec.n_samples(len(encoded)) == 640
    assert codec.n_bytes(640) == len(encoded)
    assert len(codec.decoder().decode(encoded)) == 640


@pytest.mark.parametrize("name", ["pcmu", "PCMU", "Pcmu"])
def test_names_are_taken_in_any_case(name):
    assert codec_of(name).name == call_codec(name).name == "pcmu"


@pytest.mark.parametrize("name", [None, "opus", "", "L16"])
def test_on_a_call_an_unknown_codec_is_pcm(name):
    assert call_codec(name).name == "pcm"


def test_elsewhere_an_unknown_codec_is_an_error():
    with pytest.raises(AudioError, match="pcm, pcmu, pcma, g722 are"):
        encode(noise(2, 0), "opus")
