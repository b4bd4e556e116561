"""Background sound, mixed under playback or alone."""

from collections.abc import Callable

import numpy as np

from rustpbx_lab.audio.codecs import Samples
from rustpbx_lab.models.options import AmbianceOption
from rustpbx_lab.simulator.core.runtime import Runtime, Timer

from .media import Media
from .track import FRAME_MS, FRAME_SAMPLES

IDLE_MS = 25
"""Silence of the server's track after which the sound is sent alone."""
DUCK_LEVEL, NORMAL_LEVEL, TRANSITION = 0.1, 0.3, 0.01


class Ambiance:
    """A looped sound of one call, fixed once it is loaded."""

    def __init__(
        self,
        option: AmbianceOption,
        runtime: Runtime,
        media: Media,
        send: Callable[[Samples], None],
        report: Callable[[str, str], None],
    ) -> None:
        self._runtime, self._send = runtime, send
        self._duck = _or(option.duck_level, DUCK_LEVEL)
        self._normal = _or(option.normal_level, NORMAL_LEVEL)
        self._step = _or(option.transition_speed, TRANSITION)
        self._level = self._normal
        self._loop: Samples | None = None
        self._next = 0
        self._last_ms = runtime.monotonic_ms() - IDLE_MS
        self._timer: Timer | None = None
        self._is_closed = False
        if option.path is not None and option.enabled is not False:
            media.load(option.path, self._loaded, lambda why: report("ambiance", why))

    def under(self, samples: Samples) -> Samples:
        """Return a frame of the server's track with the sound under it."""
        if self._loop is None or not len(samples):
            return samples
        self._last_ms = self._runtime.monotonic_ms()
        mixed = samples.astype(np.float32) + self._take(len(samples), self._duck)
        return np.clip(np.rint(mixed), -32768, 32767).astype(np.int16)

    def close(self) -> None:
        """Be silent: the call is over."""
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()

    def _loaded(self, samples: Samples) -> None:
        if not self._is_closed and len(samples):
            self._loop = samples
            self._tick(self._runtime.monotonic_ms())

    def _tick(self, at_ms: float) -> None:
        if self._runtime.monotonic_ms() - self._last_ms >= IDLE_MS:
            alone = self._take(FRAME_SAMPLES, self._normal)
            self._send(np.rint(alone).astype(np.int16))
        next_ms = at_ms + FRAME_MS
        self._timer = self._runtime.call_at(next_ms, lambda: self._tick(next_ms))

    def _take(self, n_samples: int, wanted: float) -> np.ndarray:
        assert self._loop is not None
        change = min(max(wanted - self._level, -self._step), self._step)
        self._level += change
        where = np.arange(self._next, self._next + n_samples) % len(self._loop)
        self._next = (self._next + n_samples) % len(self._loop)
        return self._loop[where] * np.float32(self._level)


def _or(value: float | None, usual: float) -> float:
    return usual if value is None else value
