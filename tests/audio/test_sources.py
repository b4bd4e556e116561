import threading

import numpy as np
import pytest
from waiting import join

from rustpbx_lab.audio.clip import Clip
from rustpbx_lab.audio.sources import ClipSource, QueueSource, SilenceSource


def ramp(n, first=1):
    return np.arange(first, first + n).astype(np.int16)


def read_all(source, n):
    parts = []
    while (part := source.read(n)) is not None:
        parts.append(part)
    return parts


def test_a_clip_is_given_bit_for_bit_and_once():
    samples = ramp(1000)
    source = ClipSource(Clip(samples, 8000))
    parts = read_all(source, 160)
    assert [len(part) for part in parts] == [160] * 6 + [40]
    assert np.array_equal(np.concatenate(parts), samples)
    assert source.sample_rate_hz == 8000
    assert source.read(160) is None


def test_silence_lasts_its_time():
    parts = read_all(SilenceSource(8000, 50), 160)
    assert [len(part) for part in parts] == [160, 160, 80]
    assert not np.concatenate(parts).any()
    assert len(SilenceSource(8000).read(160)) == 160


def test_a_queue_is_silent_between_clips():
    source = QueueSource(16000)
    assert source.read(4).tolist() == [0, 0, 0, 0]
    source.push(Clip(ramp(3), 16000))
    source.push(Clip(ramp(4, 11), 16000))
    assert source.read(2).tolist() == [1, 2]
    assert source.read(4).tolist() == [3, 11, 12, 13]
    assert source.read(3).tolist() == [14, 0, 0]


def test_a_closed_queue_ends_after_its_last_sample():
    source = QueueSource()
    source.push(Clip(ramp(5), 16000))
    source.close()
    assert [part.tolist() for part in read_all(source, 3)] == [[1, 2, 3], [4, 5]]


def test_a_cleared_queue_is_silent_at_once():
    source = QueueSource()
    source.push(Clip(ramp(1600), 16000))
    assert source.queued_ms == 100
    source.clear()
    assert source.queued_ms == 0
    assert source.read(2).tolist() == [0, 0]


def test_a_pushed_clip_is_brought_to_the_rate_of_the_queue():
    source = QueueSource(16000)
    source.push(Clip(np.zeros((800, 2), np.int16), 8000))
    assert source.queued_ms == 100


@pytest.mark.parametrize("n_threads", [4])
def test_no_sample_is_lost_between_threads(n_threads):
    source = QueueSource()

    def push():
        for _ in range(200):
            source.push(Clip(np.ones(33, np.int16), 16000))

    threads = [threading.Thread(target=push) for _ in range(n_threads)]
    for thread in threads:
        thread.start()
    heard = 0
    while any(thread.is_alive() for thread in threads) or source.queued_ms:
        heard += int(source.read(320).sum())
    for thread in threads:
        join(thread)
    source.close()
    heard += sum(int(part.sum()) for part in read_all(source, 320))
    assert heard == n_threads * 200 * 33
