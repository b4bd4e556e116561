"""Recording of passing audio, with notes where it begins and ends."""

from collections.abc import Callable

from rustpbx_lab.audio.recording import Leg, Recording
from rustpbx_lab.models import notes

from .listener import Listener

GAP_MS = 200
"""A pause this long between two frames ends a burst."""


class AudioLegs:
    """Puts frames into the recording and notes where each burst begins and ends.

    What the server plays is listened to: its silences are noted apart from its sound.
    """

    def __init__(
        self, recording: Recording, note: Callable[[notes.KnownNote], object]
    ) -> None:
        self._recording = recording
        self._note = note
        self._last_ms: dict[str, int] = {}
        self._first: dict[str, int] = {}  # sample of the burst that is under way
        self._began_ms: dict[str, int] = {}  # and when it was noted to begin
        self._listener: Listener | None = None
        self.frames = {"caller": 0, "server": 0}
        """Binary frames per leg."""

    def _leg(self, name: str) -> Leg:
        return self._recording.caller if name == "caller" else self._recording.server

    @property
    def is_sounding(self) -> bool:
        """Whether a burst of audio is under way."""
        return bool(self._last_ms)

    def add(self, name: str, frame: bytes, at_ms: int) -> None:
        """Record one frame of a leg; ``at_ms`` is our clock."""
        leg = self._leg(name)
        if not frame:
            return
        is_first = name not in self._last_ms
        self._last_ms[name] = at_ms
        self.frames[name] += 1
        sample = leg.n_samples
        if is_first:
            self._first[name], self._began_ms[name] = sample, at_ms
        leg.append(frame, at_ms)
        if name == "server":
            self._listen(leg, sample, at_ms, is_first=is_first)
        elif is_first:
            self._begin(name, leg, sample, at_ms, is_silent=None)

    def _begin(
        self, name: str, leg: Leg, sample: int, at_ms: int, *, is_silent: bool | None
    ) -> None:
        self._note(
            notes.AudioStarted(
                leg=name,  # pyright: ignore[reportArgumentType]
                at_ms=at_ms,
                sample=sample,
                sample_rate_hz=leg.sample_rate_hz,
                codec=leg.codec,
                is_silent=is_silent,
            )
        )

    def _listen(self, leg: Leg, sample: int, at_ms: int, *, is_first: bool) -> None:
        if is_first or self._listener is None:
            self._listener = Listener(sample, leg.sample_rate_hz)
        changes = list(self._listener.push(leg.samples(sample)))
        if is_first:
            is_loud = bool(changes) and changes[0].sample == sample
            self._begin("server", leg, sample, at_ms, is_silent=not is_loud)
            changes = changes[is_loud:]
        for is_sound, place in changes:
            kind = notes.SoundStarted if is_sound else notes.SoundStopped
            self._note(kind(leg="server", at_ms=leg.time_of(place), sample=place))

    def end_bursts(self, now_ms: int | None) -> None:
        """Note the end of the bursts that have paused; of all if ``now_ms`` is None."""
        for name, last_ms in list(self._last_ms.items()):
            if now_ms is None or now_ms - last_ms >= GAP_MS:
                del self._last_ms[name]
                leg, first = self._leg(name), self._first[name]
                began = first, self._began_ms.pop(name, None)
                off = tuple(a for a in leg.anchors if a[0] >= first and a != began)
                self._note(
                    notes.AudioStopped(
                        leg=name,  # pyright: ignore[reportArgumentType]
                        at_ms=last_ms,
                        sample=leg.n_samples,
                        clock=off or None,
                    )
                )
