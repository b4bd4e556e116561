"""Between 8 and 16 kHz, block by block, with exactly twice or half the samples.

The server's frames keep their length from the first one on; a general resampler
would hold the first milliseconds back.
"""

import numpy as np
import numpy.typing as npt

from rustpbx_lab.audio.clip import to_float32, to_int16
from rustpbx_lab.audio.codecs import Samples

_N_TAPS = 63


def _low_pass() -> npt.NDArray[np.float32]:
    n = np.arange(_N_TAPS) - _N_TAPS // 2
    taps = np.sinc(0.46 * n) * np.hamming(_N_TAPS)  # passes up to 3.7 kHz
    return (taps / taps.sum()).astype(np.float32)


_TAPS = _low_pass()


class _Filter:
    def __init__(self) -> None:
        self._history = np.zeros(_N_TAPS - 1, np.float32)

    def run(self, floats: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        whole = np.concatenate([self._history, floats])
        self._history = whole[len(whole) - (_N_TAPS - 1) :]
        return np.convolve(whole, _TAPS, "valid")


class HalfRate:
    """16 kHz in, 8 kHz out."""

    def __init__(self) -> None:
        self._filter, self._odd = _Filter(), 0

    def push(self, samples: Samples) -> Samples:
        """Return every second sample, band-limited."""
        if not len(samples):
            return samples
        first, self._odd = self._odd, (self._odd + len(samples)) % 2
        return to_int16(self._filter.run(to_float32(samples))[first::2])


class DoubleRate:
    """8 kHz in, 16 kHz out."""

    def __init__(self) -> None:
        self._filter = _Filter()

    def push(self, samples: Samples) -> Samples:
        """Return twice as many samples."""
        if not len(samples):
            return samples
        spread = np.zeros(2 * len(samples), np.float32)
        spread[::2] = 2 * to_float32(samples)
        return to_int16(self._filter.run(spread))
