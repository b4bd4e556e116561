"""Waveform outlines: minima and maxima of hours of samples for a screen."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

BIN_MS = 5
"""The finest outline that is kept."""
COARSE = 100
"""Fine bins in a coarse one: half a second."""
FULL_SCALE = 32768.0
TALK_HEIGHT = 0.2
"""Of full scale: what stands for speech that was not recorded."""

Floats = npt.NDArray[np.float64]
Levels = npt.NDArray[np.float32]
Times = npt.NDArray[np.float64]
Anchors = Sequence[tuple[int, float]]
"""Where arrivals left the sample clock: (sample, call time in ms), by sample."""


class Envelope:
    """Lowest and highest sample of each 5 ms, kept as samples come.

    Args:
        sample_rate_hz: Of the samples that will be pushed.
    """

    def __init__(self, sample_rate_hz: int) -> None:
        self.bin_samples = max(sample_rate_hz * BIN_MS // 1000, 1)
        self.n_samples = 0
        """How many samples were pushed."""
        self._rest = np.zeros(0, np.int16)
        self._fine = _Bins()
        self._coarse = _Bins()

    def push(self, samples: npt.NDArray[np.int16]) -> None:
        """Add samples that follow those pushed before."""
        self.n_samples += len(samples)
        samples = np.concatenate([self._rest, samples])
        whole = len(samples) // self.bin_samples * self.bin_samples
        self._rest = samples[whole:]
        grid = samples[:whole].reshape(-1, self.bin_samples)
        self._fine.append(grid.min(axis=1), grid.max(axis=1))
        ready = len(self._fine) // COARSE * COARSE
        done = len(self._coarse) * COARSE
        low, high = self._fine.between(done, ready)
        self._coarse.append(
            low.reshape(-1, COARSE).min(axis=1), high.reshape(-1, COARSE).max(axis=1)
        )

    def outline(
        self, anchors: Anchors, start_ms: float, end_ms: float, n_slots: int
    ) -> dict[str, npt.NDArray[np.generic]]:
        """Return the outline between two call times, one row a slot.

        Slots lie on a grid of their own width from 0, so that a moving range redraws
        the same steps. Where nothing was recorded the outline is flat.

        Args:
            anchors: Places the samples on the clock.
            start_ms: Left edge, call time.
            end_ms: Right edge, call time.
            n_slots: How many slots at most.

        Returns:
            ``x`` (start of the slot, call time), ``low`` and ``high`` in [-1, 1].
        """
        slot_ms = max((end_ms - start_ms) / max(n_slots - 1, 1), BIN_MS)
        bins, step = self._fine, self.bin_samples
        if slot_ms > BIN_MS * COARSE:
            bins, step = self._coarse, self.bin_samples * COARSE
        rate_per_ms = self.bin_samples / BIN_MS
        first_slot = int(np.floor(start_ms / slot_ms))
        count = max(int(np.ceil(end_ms / slot_ms)) - first_slot, 0)
        low, high = np.zeros(count, np.float32), np.zeros(count, np.float32)
        for sample, due_ms, stop in _runs(anchors, len(bins) * step):
            left, right = due_ms, due_ms + (stop - sample) / rate_per_ms
            if right < start_ms or left > end_ms:
                continue
            skip = max(start_ms - left, 0) * rate_per_ms
            take = (min(right, end_ms) - left) * rate_per_ms
            begin = int((sample + skip) // step)
            until = min(int((sample + take) // step) + 1, len(bins))
            lows, highs = bins.between(begin, until)
            times = due_ms + (np.arange(begin, until) * step - sample) / rate_per_ms
            slots = np.floor(times / slot_ms).astype(np.int64) - first_slot
            inside = (slots >= 0) & (slots < count)
            np.minimum.at(low, slots[inside], lows[inside] / np.float32(FULL_SCALE))
            np.maximum.at(high, slots[inside], highs[inside] / np.float32(FULL_SCALE))
        return {
            "x": (first_slot + np.arange(count)) * slot_ms,
            "low": low,
            "high": high,
        }

    def peak_dbfs(
        self, anchors: Anchors, start_ms: float, end_ms: float
    ) -> float | None:
        """Return the peak level between two call times, dBFS.

        None where nothing was recorded; -inf where all samples are 0.
        """
        rate_per_ms = self.bin_samples / BIN_MS
        if not any(
            due_ms < end_ms and due_ms + (stop - sample) / rate_per_ms > start_ms
            for sample, due_ms, stop in _runs(anchors, self.n_samples)
        ):
            return None
        found = self.outline(anchors, start_ms, end_ms, 2)
        low, high = found["low"], found["high"]
        peak = max(float(high.max(initial=0)), -float(low.min(initial=0)))
        return -np.inf if peak == 0 else 20 * float(np.log10(peak))

    def recent_level_dbfs(self, last_ms: int = 400) -> float | None:
        """Return the peak level of the last moment, dBFS; None before any sound."""
        n_bins = last_ms // BIN_MS
        low, high = self._fine.between(len(self._fine) - n_bins, len(self._fine))
        peak = max(int(high.max(initial=0)), -int(low.min(initial=0)))
        return None if peak == 0 else 20 * float(np.log10(peak / FULL_SCALE))


def thin_out(x: Times, y: Levels, n_points: int) -> tuple[Times, Levels]:
    """Return at most ``n_points`` of a step line; each keeps its group's highest."""
    size = -(-len(x) // n_points) if n_points else 0
    if size <= 1:
        return x, y
    # groups on a fixed grid, or a moving window would flicker
    whole = len(x) // size * size
    return x[:whole:size], y[:whole].reshape(-1, size).max(axis=1)


def talk_outline(
    starts_ms: Times, ends_ms: Times, end_ms: float, n_slots: int
) -> dict[str, npt.NDArray[np.generic]]:
    """Return what stands for the outline of a sound that nobody recorded.

    Args:
        starts_ms: When someone began to talk, call time.
        ends_ms: When they stopped, in the same order.
        end_ms: The right edge; the left one is 0.
        n_slots: How many slots.

    Returns:
        As `Envelope.outline`: the same height wherever someone talks.
    """
    slot_ms = max(end_ms / n_slots, 1.0)
    edges = np.zeros(n_slots + 1, np.int64)
    first = np.clip(np.floor(starts_ms / slot_ms), 0, n_slots - 1).astype(np.int64)
    last = np.clip(np.floor(ends_ms / slot_ms), 0, n_slots - 1).astype(np.int64)
    np.add.at(edges, first, 1)
    np.add.at(edges, last + 1, -1)
    height = np.where(np.cumsum(edges)[:-1] > 0, TALK_HEIGHT, 0).astype(np.float32)
    return {"x": np.arange(n_slots) * slot_ms, "low": -height, "high": height}


class _Bins:
    """Two growing arrays; amortised constant cost a bin."""

    def __init__(self) -> None:
        self._low = np.zeros(1024, np.int16)
        self._high = np.zeros(1024, np.int16)
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def append(self, low: npt.NDArray[np.int16], high: npt.NDArray[np.int16]) -> None:
        """Add bins."""
        needed = self._length + len(low)
        if needed > len(self._low):
            room = max(needed, 2 * len(self._low))
            self._low = np.resize(self._low, room)
            self._high = np.resize(self._high, room)
        self._low[self._length : needed] = low
        self._high[self._length : needed] = high
        self._length = needed

    def between(
        self, begin: int, until: int
    ) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.int16]]:
        """Return lowest and highest of bins ``begin`` to ``until`` (exclusive)."""
        begin, until = max(begin, 0), min(max(until, 0), self._length)
        return self._low[begin:until], self._high[begin:until]


def _runs(anchors: Anchors, n_samples: int) -> list[tuple[int, float, int]]:
    """Return the stretches of gap-free samples: (first, its time, end)."""
    ends = [sample for sample, _ in anchors[1:]] + [n_samples]
    return [
        (sample, time, end)
        for (sample, time), end in zip(anchors, ends, strict=False)
        if end > sample
    ]
