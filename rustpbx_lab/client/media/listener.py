"""Detection of audible sound in a leg."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from rustpbx_lab.audio.codecs import Samples

WINDOW_MS = 10
AUDIBLE_DBFS = -50.0
"""What is quieter is silence: comfort noise, the codec's own, a provider's padding."""
QUIET_MS = 300
"""So long a pause is between two sounds; a shorter one belongs to speech."""
_AUDIBLE = 32768 * 10 ** (AUDIBLE_DBFS / 20)


class Change(NamedTuple):
    """Sound begins or ends."""

    is_sound: bool
    sample: int
    """The first sample of the sound, or the first after it."""


class Listener:
    """Tells sound from silence in the samples of one burst.

    Args:
        sample: Offset of the first sample in the leg.
        sample_rate_hz: Of the leg.
    """

    def __init__(self, sample: int, sample_rate_hz: int) -> None:
        self._size = max(sample_rate_hz * WINDOW_MS // 1000, 1)
        self._at = self._last_sound = sample
        self._rest = np.zeros(0, np.int16)
        self._quiet = QUIET_MS // WINDOW_MS * self._size
        self.is_sound = False
        """Whether there is sound now."""

    def push(self, samples: Samples) -> Iterator[Change]:
        """Process the samples that follow; tell each change."""
        samples = np.concatenate([self._rest, samples])
        whole = len(samples) // self._size * self._size
        self._rest = samples[whole:]
        windows = samples[:whole].reshape(-1, self._size).astype(np.float32)
        is_loud = np.mean(windows * windows, axis=1) >= _AUDIBLE * _AUDIBLE
        for sounds in is_loud.tolist():
            if sounds:
                self._last_sound = self._at + self._size
                if not self.is_sound:
                    self.is_sound = True
                    yield Change(True, self._at)
            elif self.is_sound and self._at + self._size - self._last_sound >= (
                self._quiet
            ):
                self.is_sound = False
                yield Change(False, self._last_sound)
            self._at += self._size
