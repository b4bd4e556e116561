import threading
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from waiting import join

from rustpbx_lab.audio.clip import Clip
from rustpbx_lab.audio.codecs import decode, encode
from rustpbx_lab.audio.recording import EARLY_MS, Leg, Recording
from rustpbx_lab.errors import AudioError


def noise(n, seed=0):
    random = np.random.default_rng(seed)
    return random.integers(-20000, 20000, n).astype(np.int16)


def paced(leg, samples, start_ms=0, frame_ms=20, jitter=()):
    size = leg.sample_rate_hz * frame_ms // 1000
    for n, first in enumerate(range(0, len(samples), size)):
        late_ms = jitter[n % len(jitter)] if jitter else 0
        frame = encode(samples[first : first + size], leg.codec)
        leg.append(frame, start_ms + n * frame_ms + late_ms)


def test_a_leg_keeps_the_very_bytes(tmp_path):
    leg, samples = Leg(), noise(16000)
    paced(leg, samples, jitter=[0, 300, 7])
    assert leg.data == samples.tobytes()
    leg.export(tmp_path / "caller.wav")
    assert Clip.read(tmp_path / "caller.wav") == Clip(samples, 16000)


@pytest.mark.parametrize("codec", ["pcm", "pcmu", "pcma", "g722"])
def test_samples_are_decoded_from_anywhere(codec):
    leg = Leg(codec)
    encoded = encode(noise(6400), codec)
    half = len(encoded) // 2
    leg.append(encoded[:half], 0)
    first = leg.samples()
    leg.append(encoded[half:], 200)
    whole = decode(encoded, codec)
    assert np.array_equal(first, whole[:3200])
    assert np.array_equal(leg.samples(), whole)
    assert np.array_equal(leg.samples(5000), whole[5000:])
    assert leg.n_samples == 6400
    assert len(leg.samples(6400)) == 0


def test_a_steady_stream_has_one_anchor():
    leg = Leg()
    paced(leg, noise(16000), start_ms=1000, jitter=[0, 40, -40, 13])
    assert leg.anchors == [(0, 1000)]
    assert leg.time_of(0) == 1000
    assert leg.time_of(8000) == 1500
    assert leg.time_of(32000) == 3000


def test_a_pause_and_a_burst_each_set_an_anchor():
    leg = Leg()
    frame = bytes(640)
    for received_ms in [0, 20, 40, 541, 561, 561, 561, 561]:
        leg.append(frame, received_ms)
    # the last comes 60 ms before it is due
    assert leg.anchors == [(0, 0), (960, 541), (2240, 561)]
    assert leg.time_of(959) == 59
    assert leg.time_of(960) == 541
    assert leg.time_of(2240) == 561


def test_nothing_has_no_time():
    with pytest.raises(AudioError, match="no audio was recorded"):
        Leg().time_of(0)


def test_a_torn_sample_is_dropped_as_the_server_does():
    leg = Leg()
    leg.append(b"\x01\x00\x02", 0)
    leg.append(b"\x03\x00", 0)
    leg.append(b"\x09", 0)
    assert leg.samples().tolist() == [1, 3]
    assert leg.dropped_bytes == 0


def test_a_full_leg_stops_growing_and_counts():
    leg = Leg(limit_bytes=1001)
    for n in range(4):
        leg.append(bytes(400), n * 13)
    assert len(leg.data) == 1000
    assert leg.dropped_bytes == 600
    assert leg.n_samples == 500


def test_a_codec_is_set_before_the_audio():
    recording = Recording()
    recording.configure("PCMU")
    assert (recording.server.codec, recording.server.sample_rate_hz) == ("pcmu", 8000)
    recording.server.append(b"\xff", 0)
    with pytest.raises(AudioError, match="audio in pcmu was recorded"):
        recording.configure("g722")


def test_pcm_comes_back_at_8_khz():
    recording = Recording("opus")
    assert (recording.caller.codec, recording.caller.sample_rate_hz) == ("pcm", 16000)
    assert (recording.server.codec, recording.server.sample_rate_hz) == ("pcm", 8000)


def test_an_export_lays_both_legs_on_one_clock(tmp_path):
    recording = Recording()
    said, answered = noise(8000), np.full(4000, 5000, np.int16)
    paced(recording.caller, said, start_ms=5000)
    paced(recording.server, answered, start_ms=5700)
    recording.export(tmp_path / "call.wav")
    clip = Clip.read_channels(tmp_path / "call.wav")
    assert (clip.sample_rate_hz, clip.channels, clip.duration_ms) == (16000, 2, 1200)
    caller, server = clip.samples[:, 0], clip.samples[:, 1]
    assert np.array_equal(caller[:8000], said)
    assert not caller[8000:].any()
    # 700 ms of silence but for the ringing of the resampler
    assert np.abs(server[:11000]).max() < 50
    assert np.median(server[11200:19200]) == 5000


def test_an_export_fills_pauses_and_never_overwrites():
    leg = Leg()
    leg.append(np.full(160, 1, np.int16).tobytes(), 100)
    leg.append(np.full(160, 2, np.int16).tobytes(), 200)
    leg.append(np.full(1600, 3, np.int16).tobytes(), 300)
    leg.append(np.full(160, 4, np.int16).tobytes(), 310)
    placed = leg.placed(100, 16000)
    runs = np.split(placed, np.flatnonzero(np.diff(placed)) + 1)
    assert [(int(run[0]), len(run)) for run in runs] == [
        (1, 160),
        (0, 1440),
        (2, 160),
        (0, 1440),
        (3, 1600),
        (4, 160),
    ]


def test_an_empty_recording_cannot_be_exported(tmp_path):
    with pytest.raises(AudioError, match="no audio was recorded"):
        Recording().export(tmp_path / "a.wav")


def test_a_clock_that_jumped_is_not_padded_with_days(tmp_path):
    recording = Recording()
    recording.caller.append(bytes(640), 0)
    recording.caller.append(bytes(640), 100 * 24 * 3600 * 1000)
    with pytest.raises(AudioError, match="more than a day"):
        recording.export(tmp_path / "a.wav")


@pytest.mark.slow
def test_readers_see_a_prefix_while_one_thread_writes():
    leg, samples = Leg("g722"), noise(32000)
    encoded = encode(samples, "g722")
    whole = decode(encoded, "g722")
    writer = threading.Thread(
        target=lambda: [
            leg.append(encoded[first : first + 160], first // 8)
            for first in range(0, len(encoded), 160)
        ]
    )
    writer.start()
    seen = []
    while writer.is_alive():
        seen.append(leg.samples())
    join(writer)
    for part in [*seen, leg.samples()]:
        assert np.array_equal(part, whole[: len(part)])
    assert leg.n_samples == len(whole)


def timely(arrivals: list[tuple[int, int]]) -> Leg:
    """Return a leg whose sender keeps time: (begin of its 20 ms, when they came)."""
    leg = Leg("pcm")
    leg.keep_time()
    for begin_ms, at_ms in arrivals:
        assert leg.duration_ms == begin_ms
        leg.append(bytes(640), at_ms)
    return leg


def test_delays_are_taken_out_of_a_leg_that_keeps_time():
    # each 20 ms are sent on time; the network holds some of them up
    late = [70, 60, 40, 0, 3, 45, 25, 5, 0, 12]
    leg = timely([(20 * n, 1000 + 20 * n + ms) for n, ms in enumerate(late)])
    assert leg.anchors == [(0, 1000)]
    assert leg.time_of(640) == 1040


def test_a_pause_stays_where_it_was():
    before = [(20 * n, 1000 + 20 * n) for n in range(10)]
    after = [(200 + 20 * n, 1700 + 20 * n + late) for n, late in enumerate((30, 0, 8))]
    leg = timely(before + after)
    assert leg.anchors == [(0, 1000), (3200, 1700)]
    assert len(leg.placed(1000, 16000)) == 16 * (700 + 60)


@given(st.lists(st.integers(0, 300), min_size=1, max_size=400), st.randoms())
def test_a_leg_that_keeps_time_is_placed_between_its_sending_and_its_coming(
    late: list[int], random: Random
):
    leg = timely([(20 * n, 20 * n + ms) for n, ms in enumerate(late)])
    place = random.randrange(len(late))
    assert 0 <= leg.time_of(320 * place) - 20 * place <= late[place] + EARLY_MS
    assert len(leg.anchors) <= len(late)
    begins = [sample for sample, _ in leg.anchors]
    assert begins == sorted(set(begins))
