"""ITU-T G.722 at 64 kbit/s: 16 kHz samples, one byte for two of them.

Two bands of adaptive differential PCM, 6 bits below 4 kHz and 2 above, cut and
joined by a mirror filter. The recursions are plain Python integers, the filters
numpy; one core codes several streams in real time.
"""

from bisect import bisect_left

import numpy as np
import numpy.typing as npt

_MIRROR = np.array(
    [3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11], np.int64
)
_DECISIONS = (
    *(35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714),
    *(786, 858, 940, 1023, 1121, 1219, 1339, 1458, 1612, 1765, 1980, 2195, 2557, 2919),
)
_LOW_NEGATIVE = (63, 62, *range(31, 3, -1))
_LOW_POSITIVE = tuple(range(61, 31, -1))
_LEVELS_6 = (
    *(-136, -136, -136, -136, -24808, -21904, -19008, -16704, -14984, -13512, -12280),
    *(-11192, -10232, -9360, -8576, -7856, -7192, -6576, -6000, -5456, -4944, -4464),
    *(-4008, -3576, -3168, -2776, -2400, -2032, -1688, -1360, -1040, -728),
    *(24808, 21904, 19008, 16704, 14984, 13512, 12280, 11192, 10232, 9360, 8576),
    *(7856, 7192, 6576, 6000, 5456, 4944, 4464, 4008, 3576, 3168, 2776, 2400, 2032),
    *(1688, 1360, 1040, 728, 432, 136, -432, -136),
)
_LEVELS_4 = (
    *(0, -20456, -12896, -8968, -6288, -4240, -2584, -1200),
    *(20456, 12896, 8968, 6288, 4240, 2584, 1200, 0),
)
_LEVELS_2 = (-7408, -1616, 7408, 1616)
_LOG_STEPS_4 = (
    *(-60, 3042, 1198, 538, 334, 172, 58, -30),
    *(3042, 1198, 538, 334, 172, 58, -30, -60),
)
_LOG_STEPS_2 = (798, -214, 798, -214)
_SCALE = (
    *(2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656),
    *(2714, 2774, 2834, 2896, 2960, 3025, 3091, 3158, 3228, 3298, 3371, 3444, 3520),
    *(3597, 3676, 3756, 3838, 3922, 4008),
)
_HIGH_DECISION = 564
_DELAY = 22
"""Samples the mirror filter remembers."""

Samples = npt.NDArray[np.int16]


def _saturated(value: int) -> int:
    return -32768 if value < -32768 else min(value, 32767)


def _sign(value: int) -> int:
    return -1 if value < 0 else 1


class _Band:
    """What encoder and decoder of one band share: step size and predictor."""

    def __init__(self, step: int, largest_log_step: int, scale_shift: int) -> None:
        self.prediction = 0
        self.step = step
        self._log_step, self._largest_log_step = 0, largest_log_step
        self._scale_shift = scale_shift
        self._zero_part = 0
        self._zeros, self._differences = [0] * 6, [0] * 6
        self._pole_1 = self._pole_2 = 0
        self._rebuilt_1 = 0
        self._sign_1 = self._sign_2 = 1

    def advance(self, difference: int, log_step: int) -> None:
        """Process one quantised difference; `prediction` and `step` follow."""
        self._scale(log_step)
        rebuilt = _saturated(self.prediction + difference)
        self._adapt_poles(_sign(_saturated(self._zero_part + difference)))
        self._adapt_zeros(difference)
        pole_part = (self._pole_1 * _saturated(2 * rebuilt) >> 15) + (
            self._pole_2 * _saturated(2 * self._rebuilt_1) >> 15
        )
        self._rebuilt_1 = rebuilt
        self.prediction = _saturated(_saturated(pole_part) + self._zero_part)

    def _scale(self, log_step: int) -> None:
        grown = (self._log_step * 127 >> 7) + log_step
        self._log_step = min(max(grown, 0), self._largest_log_step)
        shift = self._scale_shift - (self._log_step >> 11)
        fraction = _SCALE[self._log_step >> 6 & 31]
        self.step = (fraction >> shift if shift >= 0 else fraction << -shift) << 2

    def _adapt_poles(self, sign: int) -> None:
        pole_1 = _saturated(4 * self._pole_1)
        pulled = min(-pole_1 if sign == self._sign_1 else pole_1, 32767) >> 7
        pulled += 128 if sign == self._sign_2 else -128
        pole_2 = min(max(pulled + (self._pole_2 * 32512 >> 15), -12288), 12288)
        drift = 192 if sign == self._sign_1 else -192
        limit = 15360 - pole_2
        pole_1 = drift + (self._pole_1 * 32640 >> 15)
        self._pole_1, self._pole_2 = min(max(pole_1, -limit), limit), pole_2
        self._sign_2, self._sign_1 = self._sign_1, sign

    def _adapt_zeros(self, difference: int) -> None:
        drift = 128 if difference else 0
        against = -drift
        is_negative = difference < 0
        self._zeros = [
            (drift if (past < 0) == is_negative else against) + (zero * 32640 >> 15)
            for zero, past in zip(self._zeros, self._differences, strict=True)
        ]
        self._differences = [difference, *self._differences[:5]]
        self._zero_part = _saturated(
            sum(
                zero * _saturated(2 * past) >> 15
                for zero, past in zip(self._zeros, self._differences, strict=True)
            )
        )


class _LowBand(_Band):
    def __init__(self) -> None:
        super().__init__(step=32, largest_log_step=18432, scale_shift=8)

    def encode(self, sample: int) -> int:
        error = _saturated(sample - self.prediction)
        size = error if error >= 0 else ~error
        # the first level q with size < q * step >> 12
        least = -(-((size + 1) << 12) // self.step)
        code = (_LOW_NEGATIVE if error < 0 else _LOW_POSITIVE)[
            bisect_left(_DECISIONS, least)
        ]
        self._take(code)
        return code

    def decode(self, code: int) -> int:
        sample = self.prediction + (self.step * _LEVELS_6[code] >> 15)
        self._take(code)
        return min(max(sample, -16384), 16383)

    def _take(self, code: int) -> None:
        # the predictor sees 4 of the 6 bits, so that lower rates keep in step
        coarse = code >> 2
        self.advance(self.step * _LEVELS_4[coarse] >> 15, _LOG_STEPS_4[coarse])


class _HighBand(_Band):
    def __init__(self) -> None:
        super().__init__(step=8, largest_log_step=22528, scale_shift=10)

    def encode(self, sample: int) -> int:
        error = _saturated(sample - self.prediction)
        size = error if error >= 0 else ~error
        is_large = size >= _HIGH_DECISION * self.step >> 12
        code = (0 if is_large else 1) + (0 if error < 0 else 2)
        self.advance(self.step * _LEVELS_2[code] >> 15, _LOG_STEPS_2[code])
        return code

    def decode(self, code: int) -> int:
        difference = self.step * _LEVELS_2[code] >> 15
        sample = self.prediction + difference
        self.advance(difference, _LOG_STEPS_2[code])
        return min(max(sample, -16384), 16383)


def _mirrored(
    pairs: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Filter pairs, shape (n + 11, 2), by the two halves: n values each."""
    return (
        np.convolve(pairs[:, 0], _MIRROR[::-1], "valid"),
        np.convolve(pairs[:, 1], _MIRROR, "valid"),
    )


class G722Encoder:
    """Encodes one stream; an odd last sample waits for the next call."""

    def __init__(self) -> None:
        self._low, self._high = _LowBand(), _HighBand()
        self._past = np.zeros(_DELAY, np.int64)

    def encode(self, samples: Samples) -> bytes:
        """Return one byte for every two samples at 16 kHz."""
        waiting = np.concatenate([self._past, samples.astype(np.int64)])
        n_pairs = (len(waiting) - _DELAY) // 2
        self._past = waiting[2 * n_pairs :]
        if not n_pairs:
            return b""
        first, second = _mirrored(waiting[: 2 * n_pairs + _DELAY].reshape(-1, 2))
        low, high = (second + first >> 14).tolist(), (second - first >> 14).tolist()
        encode_low, encode_high = self._low.encode, self._high.encode
        return bytes(
            encode_high(upper) << 6 | encode_low(lower)
            for lower, upper in zip(low, high, strict=True)
        )


class G722Decoder:
    """Decodes one stream."""

    def __init__(self) -> None:
        self._low, self._high = _LowBand(), _HighBand()
        self._past = np.zeros((_DELAY // 2, 2), np.int64)

    def decode(self, data: bytes) -> Samples:
        """Return two samples at 16 kHz for every byte."""
        if not data:
            return np.zeros(0, np.int16)
        low = np.fromiter(map(self._low.decode, (b & 63 for b in data)), np.int64)
        high = np.fromiter(map(self._high.decode, (b >> 6 for b in data)), np.int64)
        new = np.stack([low + high, low - high], axis=1)
        pairs = np.concatenate([self._past, new])
        self._past = pairs[-(_DELAY // 2) :]
        second, first = _mirrored(pairs)
        samples = np.stack([first, second], axis=1).ravel() >> 11
        return np.clip(samples, -32768, 32767).astype(np.int16)
