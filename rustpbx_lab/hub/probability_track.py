"""Speech probability of the caller, computed while the call runs."""

import numpy as np
import numpy.typing as npt

from rustpbx_lab.audio.clip import Resampler
from rustpbx_lab.audio.recording import Leg
from rustpbx_lab.speech.vad_engines import Probabilities, VadEngine, VadStream

FIRST_FRAMES = 1024


class ProbabilityTrack:
    """The probability of speech over one leg, one number for each frame.

    One thread advances it, any thread reads; reading costs nothing.

    Args:
        engine: Computes it.
    """

    def __init__(self, engine: VadEngine) -> None:
        self.engine = engine
        self._stream: VadStream | None = None
        self._resampler: Resampler | None = None
        self._position = 0
        self._kept: tuple[Probabilities, int] = (np.zeros(0, np.float32), 0)

    @property
    def values(self) -> Probabilities:
        """Shape (n_frames,), read only; frame k begins at k times a frame's length."""
        buffer, n_frames = self._kept  # one read: both belong together
        view = buffer[:n_frames]
        view.flags.writeable = False
        return view

    def advance(self, leg: Leg, most: int | None = None) -> int:
        """Run the model over what is new in the leg; blocks while it does.

        Args:
            leg: The leg, always the same.
            most: Samples it takes at most.

        Returns:
            The number of new frames.
        """
        samples = leg.samples(self._position)[:most]
        if not len(samples):
            return 0
        if self._stream is None or self._resampler is None:
            self._stream = self.engine.stream()
            self._resampler = Resampler(leg.sample_rate_hz, self.engine.sample_rate_hz)
        self._position += len(samples)
        new = self._stream.push(self._resampler.push(samples))
        self._append(new)
        return len(new)

    def _append(self, new: Probabilities) -> None:
        buffer, n_frames = self._kept
        needed = n_frames + len(new)
        if needed > len(buffer):  # readers keep the old one, whose values stay
            grown = np.zeros(max(FIRST_FRAMES, 2 * len(buffer), needed), np.float32)
            grown[:n_frames] = buffer[:n_frames]
            buffer = grown
        buffer[n_frames:needed] = new
        self._kept = (buffer, needed)


def frame_times(
    leg: Leg, engine: VadEngine, start: int, stop: int
) -> npt.NDArray[np.int64]:
    """Return when frames ``start`` to ``stop`` (exclusive) began, our clock in ms.

    Before any audio came there are none: an empty array.
    """
    anchors = np.array(leg.anchors, np.int64).reshape(-1, 2)
    if not len(anchors):
        return np.zeros(0, np.int64)
    rate = leg.sample_rate_hz
    samples = np.arange(start, stop, dtype=np.int64) * engine.frame_samples
    samples = samples * rate // engine.sample_rate_hz
    places = np.searchsorted(anchors[:, 0], samples, side="right") - 1
    chosen = anchors[np.maximum(places, 0)]
    return chosen[:, 1] + (samples - chosen[:, 0]) * 1000 // rate
