"""Sources of a caller's audio.

A source is asked for samples and never waits; who asks keeps the pace.
"""

import threading
from collections import deque
from typing import Protocol

import numpy as np

from .clip import Clip
from .codecs import Samples


class AudioSource(Protocol):
    """Samples on request."""

    @property
    def sample_rate_hz(self) -> int:
        """Rate of the samples that `read` returns."""
        ...

    def read(self, n_samples: int) -> Samples | None:
        """Return the next samples.

        Args:
            n_samples: How many at most, above 0.

        Returns:
            int16, shape (n,); fewer than asked for only at the end. ``None``: the
            source is over.
        """
        ...


class ClipSource:
    """Gives the samples of a clip, once, bit for bit; several channels are mixed."""

    def __init__(self, clip: Clip) -> None:
        self._samples = clip.mono().samples
        self._next = 0
        self.sample_rate_hz = clip.sample_rate_hz

    def read(self, n_samples: int) -> Samples | None:
        """Return the next samples; the last ones may be fewer."""
        if self._next >= len(self._samples):
            return None
        taken = self._samples[self._next : self._next + n_samples]
        self._next += len(taken)
        return taken


class SilenceSource:
    """Gives zeros, for a time or for ever."""

    def __init__(
        self, sample_rate_hz: int = 16000, duration_ms: int | None = None
    ) -> None:
        self.sample_rate_hz = sample_rate_hz
        self._left = (
            None if duration_ms is None else duration_ms * sample_rate_hz // 1000
        )

    def read(self, n_samples: int) -> Samples | None:
        """Return zeros; the last ones may be fewer."""
        if self._left is None:
            return np.zeros(n_samples, np.int16)
        if self._left <= 0:
            return None
        taken = min(n_samples, self._left)
        self._left -= taken
        return np.zeros(taken, np.int16)


class QueueSource:
    """Plays clips in the order they are pushed, and silence in between.

    Any thread may push while another reads.
    """

    def __init__(self, sample_rate_hz: int = 16000) -> None:
        self.sample_rate_hz = sample_rate_hz
        self._waiting: deque[Samples] = deque()
        self._is_closed = False
        self._lock = threading.Lock()

    @property
    def queued_ms(self) -> int:
        """Audio that is still to be read, milliseconds."""
        with self._lock:
            n_samples = sum(len(samples) for samples in self._waiting)
        return n_samples * 1000 // self.sample_rate_hz

    def push(self, clip: Clip) -> None:
        """Add a clip; it is mixed to mono and resampled if need be."""
        samples = clip.mono().resampled(self.sample_rate_hz).samples
        with self._lock:
            if len(samples):
                self._waiting.append(samples)

    def clear(self) -> None:
        """Forget what has not been read."""
        with self._lock:
            self._waiting.clear()

    def close(self) -> None:
        """End the source once everything pushed has been read."""
        with self._lock:
            self._is_closed = True

    def read(self, n_samples: int) -> Samples | None:
        """Return the next samples, filled up with silence until closed."""
        parts: list[Samples] = []
        missing = n_samples
        with self._lock:
            while missing and self._waiting:
                head = self._waiting.popleft()
                if len(head) > missing:
                    self._waiting.appendleft(head[missing:])
                    head = head[:missing]
                parts.append(head)
                missing -= len(head)
            if self._is_closed and missing:
                return np.concatenate(parts) if parts else None
        return np.concatenate([*parts, np.zeros(missing, np.int16)])
