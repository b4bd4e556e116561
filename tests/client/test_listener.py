"""Sound and silence are told apart as they come, within a window of 10 ms."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rustpbx_lab.audio.recording import Recording
from rustpbx_lab.client.media.audio_legs import AudioLegs
from rustpbx_lab.client.media.listener import QUIET_MS, WINDOW_MS, Change, Listener
from rustpbx_lab.models import notes

RATE = 16000
T0 = 1_787_302_461_000


def made(*parts: tuple[int, int], rate: int = RATE) -> np.ndarray:
    """Return sound of an amplitude for so many milliseconds, one part after another."""
    pieces = []
    for amplitude, ms in parts:
        time = np.arange(rate * ms // 1000) / rate
        pieces.append(amplitude * np.sin(2 * np.pi * 300 * time + 1))
    return np.concatenate(pieces).astype(np.int16)


def changes_of(samples: np.ndarray, sizes: list[int], at: int = 0) -> list[Change]:
    listener, found = Listener(at, RATE), []
    for size in sizes:
        found += listener.push(samples[:size])
        samples = samples[size:]
    return found + list(listener.push(samples))


@given(
    st.lists(st.tuples(st.sampled_from([0, 40, 800, 9000]), st.integers(20, 900))),
    st.lists(st.integers(0, 2000), max_size=20),
)
def test_changes_lie_where_the_sound_does_however_it_is_cut(parts, sizes):
    samples = made(*parts, (0, 0))
    found = changes_of(samples, sizes, at=7)
    assert found == changes_of(samples, [], at=7)
    assert [change.is_sound for change in found] == [
        index % 2 == 0 for index in range(len(found))
    ]
    for change in found:
        place = (change.sample - 7) / RATE * 1000
        assert place == pytest.approx(round(place / WINDOW_MS) * WINDOW_MS)
        edge = min(abs(place - at) for at in edges_of(parts))
        assert edge <= WINDOW_MS


def edges_of(parts: list[tuple[int, int]]) -> list[int]:
    """Return where sound begins or ends."""
    edges, at, was_loud = [0], 0, False
    for amplitude, ms in parts:
        if (amplitude > 400) != was_loud:
            edges.append(at)
            was_loud = amplitude > 400
        at += ms
    return [*edges, at]


def test_a_pause_within_speech_is_none():
    speech = made((9000, 200), (0, QUIET_MS - 20), (9000, 200), (0, QUIET_MS + 20))
    found = changes_of(speech, [])
    assert [change.is_sound for change in found] == [True, False]
    assert found[1].sample == (200 + QUIET_MS - 20 + 200) * RATE // 1000


@pytest.mark.parametrize("codec", ["pcm", "pcmu", "g722"])
def test_what_the_server_plays_is_noted_where_it_is_heard(codec: str):
    recording, told = Recording(), []
    recording.server.configure(codec)
    legs = AudioLegs(recording, told.append)
    rate = recording.server.sample_rate_hz
    sound = made((0, 240), (9000, 400), (0, 500), (9000, 100), rate=rate)
    for number, frame in enumerate(frames_of(sound, codec, rate)):
        legs.add("server", frame, T0 + 20 * number)
    legs.end_bursts(None)
    begun, *changes, ended = told
    assert isinstance(begun, notes.AudioStarted)
    assert begun.is_silent is True
    assert isinstance(ended, notes.AudioStopped)
    assert [note.note for note in changes] == [
        "soundStarted",
        "soundStopped",
        "soundStarted",
    ]
    for note, at in zip(changes, (240, 640, 1140), strict=True):
        assert abs(note.at_ms - T0 - at) <= 20
        assert note.sample == pytest.approx((note.at_ms - T0) * rate / 1000, abs=rate)


def frames_of(sound: np.ndarray, codec: str, rate: int) -> list[bytes]:
    from rustpbx_lab.audio.codecs import call_codec

    size = rate // 50
    encoder = call_codec(codec).encoder()
    cut = range(0, len(sound) - size + 1, size)
    return [encoder.encode(sound[at : at + size]) for at in cut]


def test_a_burst_that_begins_with_sound_says_so_in_one_note():
    recording, told = Recording(), []
    legs = AudioLegs(recording, told.append)
    legs.add("server", made((9000, 20), rate=8000).tobytes(), T0)
    assert [(note.note, note.is_silent) for note in told] == [("audioStarted", False)]


def test_nobody_listens_to_what_the_caller_sends():
    told = []
    legs = AudioLegs(Recording(), told.append)
    legs.add("caller", bytes(640), T0)
    legs.add("caller", made((9000, 20)).tobytes(), T0 + 20)
    assert [(note.note, note.is_silent) for note in told] == [("audioStarted", None)]
