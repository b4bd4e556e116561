"""The audio of a call as it passes: recorded, and its beginnings and ends noted."""

from collections.abc import Callable

from rustpbx_lab.audio.recording import Leg, Recording
from rustpbx_lab.models import notes

GAP_MS = 200
"""A pause this long between two frames ends a burst."""


class AudioLegs:
    """Puts frames into the recording and notes where each burst begins and ends."""

    def __init__(
        self, recording: Recording, note: Callable[[notes.KnownNote], object]
    ) -> None:
        self._recording = recording
        self._note = note
        self._last_ms: dict[str, int] = {}
        self.frames = {"caller": 0, "server": 0}
        """Binary frames per leg."""

    def _leg(self, name: str) -> Leg:
        return self._recording.caller if name == "caller" else self._recording.server

    def add(self, name: str, frame: bytes, at_ms: int) -> None:
        """Record one frame of a leg; ``at_ms`` is our clock."""
        leg = self._leg(name)
        if not frame:
            return
        if name not in self._last_ms:
            self._note(
                notes.AudioStarted(
                    leg=name,  # pyright: ignore[reportArgumentType]
                    at_ms=at_ms,
                    sample=leg.n_samples,
                    sample_rate_hz=leg.sample_rate_hz,
                    codec=leg.codec,
                )
            )
        self._last_ms[name] = at_ms
        self.frames[name] += 1
        leg.append(frame, at_ms)

    def end_bursts(self, now_ms: int | None) -> None:
        """Note the end of the bursts that have paused; of all if ``now_ms`` is None."""
        for name, last_ms in list(self._last_ms.items()):
            if now_ms is None or now_ms - last_ms >= GAP_MS:
                del self._last_ms[name]
                self._note(
                    notes.AudioStopped(
                        leg=name,  # pyright: ignore[reportArgumentType]
                        at_ms=last_ms,
                        sample=self._leg(name).n_samples,
                    )
                )
