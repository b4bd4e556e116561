"""The recording of a call: left the caller, right everything the server plays.

Source:
    active-call 0.3.83: 16 kHz, 16 bit, two channels, written in blocks on a clock.
    active-call 0.3.113, media/recorder.rs: the caller's own rate, if asked for.
"""

import logging
import struct
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import numpy as np

from rustpbx_lab.audio.codecs import Samples
from rustpbx_lab.models.options import RecorderOption
from rustpbx_lab.simulator.core.dump import safe_name
from rustpbx_lab.simulator.core.rates import HalfRate
from rustpbx_lab.simulator.core.runtime import Runtime, Timer

from .track import SAMPLE_RATE_HZ

logger = logging.getLogger(__name__)

USUAL_BLOCK_MS = 200
MOST_PENDING = 250
"""Frames kept until the caller's rate is known; one more decides without the caller."""
LONGEST_BLOCK_MS = 10_000
WAIT_MS = 30_000
"""How long a call's end waits for a first frame that never came."""


class Recorder:
    """Writes blocks of both channels, zero-filled, from the first frame on."""

    def __init__(
        self,
        option: RecorderOption,
        call_id: str,
        folder: Path,
        runtime: Runtime,
        *,
        caller_rate_hz: int = SAMPLE_RATE_HZ,
    ) -> None:
        self._path = recording_path(option.recorder_file, call_id, folder)
        block_ms = option.ptime if "ptime" in option.model_fields_set else 0
        self._block_ms = min(block_ms or USUAL_BLOCK_MS, LONGEST_BLOCK_MS)
        self._runtime = runtime
        self._channels: tuple[list[Samples], list[Samples]] = ([], [])
        self._caller_rate_hz = caller_rate_hz
        self._rate_hz = SAMPLE_RATE_HZ
        self._is_undecided = option.native_samplerate is True
        self._filters: tuple[HalfRate, HalfRate] | None = None
        self._file: BinaryIO | None = None
        self._timer: Timer | None = None
        self._n_bytes = 0
        self._is_closed = False
        self.has_begun = False
        """A frame of any track has come."""

    def caller(self, samples: Samples) -> None:
        """Take the caller's audio."""
        self._take(0, samples)

    def server(self, samples: Samples) -> None:
        """Take what the server plays, in order of arrival; empty frames count."""
        self._take(1, samples)

    def _take(self, channel: int, samples: Samples) -> None:
        if self._is_closed:
            return
        if len(samples):
            self._decide_rate(channel)
            if self._filters is not None:
                samples = self._filters[channel].push(samples)
            self._channels[channel].append(samples)
        if not self.has_begun:
            self.has_begun = True
            self._open()
            self._write_block(self._runtime.monotonic_ms())

    def _decide_rate(self, channel: int) -> None:
        """Take the caller's rate with its first frame, or ours if that never comes."""
        pending = self._channels[1]
        if not self._is_undecided or (channel and len(pending) < MOST_PENDING):
            return
        self._is_undecided = False
        if channel == 0 and self._caller_rate_hz == SAMPLE_RATE_HZ // 2:
            self._rate_hz = self._caller_rate_hz
            self._filters = HalfRate(), HalfRate()
            pending[:] = [self._filters[1].push(each) for each in pending]

    def _open(self) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("wb")
            self._file.write(_header(0, self._rate_hz))
        except OSError as exc:
            logger.warning("cannot record to %s: %s", self._path, exc.strerror)
            self._file = None

    def _write_block(self, at_ms: float) -> None:
        if not self._is_undecided:
            self._write(self._block_ms * self._rate_hz // 1000)
        next_ms = at_ms + self._block_ms
        self._timer = self._runtime.call_at(next_ms, lambda: self._write_block(next_ms))

    def _write(self, n_samples: int) -> None:
        both = np.zeros((n_samples, 2), "<i2")
        for index, channel in enumerate(self._channels):
            waiting = np.concatenate([np.zeros(0, np.int16), *channel])
            taken = waiting[:n_samples]
            both[: len(taken), index] = taken
            channel[:] = [waiting[n_samples:]]
        if self._file is None:
            return
        self._n_bytes += both.nbytes
        try:
            self._file.write(both.tobytes())
            self._file.seek(0)
            self._file.write(_header(self._n_bytes, self._rate_hz))
            self._file.seek(0, 2)
            self._file.flush()
        except OSError as exc:
            logger.warning("the recording %s stops: %s", self._path, exc.strerror)
            self._file.close()
            self._file = None

    def close(self, then: Callable[[], None]) -> None:
        """Write the rest, then go on; if no frame ever came, half a minute later."""
        self._is_closed = True
        if not self.has_begun:
            self._runtime.call_at(self._runtime.monotonic_ms() + WAIT_MS, then)
            return
        if self._timer is not None:
            self._timer.cancel()
        rest = max(sum(map(len, channel)) for channel in self._channels)
        if rest and not self._is_undecided:  # else the server loses it, too
            self._write(rest)
        if self._file is not None:
            self._file.close()
            self._file = None
        then()


def recording_path(name: str, call_id: str, folder: Path) -> Path:
    """Return where a recording goes; an id in the name never adds a folder."""
    path = Path(name.replace("{id}", safe_name(call_id)) or safe_name(call_id))
    if path.suffix != ".wav":
        path = path.with_name(f"{path.name}.wav")
    return folder / path


def _header(n_bytes: int, rate: int) -> bytes:
    return struct.pack(
        *("<4sI4s4sIHHIIHH4sI", b"RIFF", min(36 + n_bytes, 2**32 - 1), b"WAVE"),
        *(b"fmt ", 16, 1, 2, rate, 4 * rate, 4, 16),
        *(b"data", min(n_bytes, 2**32 - 1)),
    )
