"""Streaming resampling with little delay.

soxr works in blocks: on 20 ms frames its output lags 40 to 120 ms and comes in
gulps, which would shift everything a live detector says. This filter holds back
`ZERO_CROSSINGS` samples of the lower rate, 3 ms at 8 kHz, and gives every frame its
share at once. Whole clips go through soxr.
"""

from math import ceil, gcd

import numpy as np
import numpy.typing as npt

from .codecs import Samples

ZERO_CROSSINGS = 24
"""Reach of the filter to either side, in samples of the lower rate."""
_PASSED = 0.92
"""Share of the band that is passed."""
_KAISER_BETA = 8.0


class Resampler:
    """A windowed-sinc filter that keeps its state between pushes.

    Sample 0 out is sample 0 in, at the same time. Equal input gives equal output
    however it was cut.
    """

    def __init__(self, from_hz: int, to_hz: int) -> None:
        self.from_hz, self.to_hz = from_hz, to_hz
        common = gcd(from_hz, to_hz)
        self._up, self._down = to_hz // common, from_hz // common
        self._reach = ceil(ZERO_CROSSINGS * max(1.0, from_hz / to_hz))
        self._filters = _filters(self._up, self._down, self._reach)
        self._begin()

    def push(self, samples: Samples) -> Samples:
        """Return what ``samples``, shape (n,), complete at the new rate."""
        if self._up == self._down:
            return samples
        self._n_in += len(samples)
        self._waiting = np.concatenate([self._waiting, samples.astype(np.float64)])
        # output m lies at input m * down / up and needs `reach` samples beyond it
        ready = ceil((self._n_in - self._reach) * self._up / self._down)
        return self._made(ready)

    def flush(self) -> Samples:
        """Return what is still held back, and begin again."""
        due = ceil(self._n_in * self._up / self._down)
        self._waiting = np.concatenate([self._waiting, np.zeros(self._reach)])
        rest = self._made(due)
        self._begin()
        return rest

    def _begin(self) -> None:
        self._n_in = self._n_out = 0
        self._waiting = np.zeros(self._reach - 1)
        # index in the input of the first sample that waits
        self._first = 1 - self._reach

    def _made(self, end: int) -> Samples:
        if end <= self._n_out:
            return np.zeros(0, np.int16)
        at = np.arange(self._n_out, end) * self._down
        starts = at // self._up + 1 - self._reach - self._first
        reaches = np.lib.stride_tricks.sliding_window_view(
            self._waiting, 2 * self._reach
        )
        floats = np.einsum("ij,ij->i", reaches[starts], self._filters[at % self._up])
        self._n_out = end
        done = end * self._down // self._up + 1 - self._reach - self._first
        done = min(done, len(self._waiting))
        self._waiting, self._first = self._waiting[done:], self._first + done
        return np.clip(np.rint(floats), -32768, 32767).astype(np.int16)


def _filters(up: int, down: int, reach: int) -> npt.NDArray[np.float64]:
    """Return one filter for each place between two input samples: (up, 2 * reach)."""
    cutoff = _PASSED * min(1.0, up / down)
    offsets = np.arange(1 - reach, reach + 1) - np.arange(up)[:, None] / up
    inside = np.clip(1 - (offsets / reach) ** 2, 0, None)
    window = np.i0(_KAISER_BETA * np.sqrt(inside))
    filters = np.sinc(cutoff * offsets) * window
    return filters / filters.sum(axis=1, keepdims=True)
