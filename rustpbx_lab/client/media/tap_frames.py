"""Frames of an audio tap: whose audio, when it sounded, and what was lost."""

from dataclasses import dataclass
from typing import Literal

from rustpbx_lab.errors import UnreadableFrameError
from rustpbx_lab.models.tap import LEGS, SAMPLE_RATE_HZ

LegName = Literal["caller", "server"]
BYTES_PER_MS = 2 * SAMPLE_RATE_HZ // 1000
QUEUED_FRAMES = 200
"""What a server keeps for a slow reader, in its own frames of 20 ms, both legs."""
FRAME_MS = 20
STALL_MS = 500
"""A pause this long of both legs, and what comes then at once was held up."""
PACE_MS = 10
"""Frames closer together than this come from a queue, not from the line."""
LEAST_LOSS_MS = 60
"""A shorter shortfall is jitter."""


@dataclass(frozen=True, slots=True)
class Loss:
    """Audio of a leg that the server dropped because we read too slowly."""

    leg: LegName
    lost_ms: int
    """How much, about."""
    began_ms: int
    """Last frame before it, our clock."""
    ended_ms: int
    """Begin of what came after it, our clock."""


@dataclass(frozen=True, slots=True)
class TapFrame:
    """A piece of one leg's audio."""

    leg: LegName
    audio: bytes
    """s16le mono at 16 kHz, whole samples."""
    at_ms: int
    """When the server had its first 20 ms, our clock, as far as the arrival tells."""
    losses: tuple[Loss, ...] = ()
    """What is known to be lost before it."""


class TapReader:
    """Reads the binary frames of one tap."""

    def __init__(self) -> None:
        self._rest: dict[LegName, bytes] = {}
        self._losses = _LossWatch()

    def read(self, frame: bytes, received_ms: int) -> TapFrame | None:
        """Read a frame; None if it holds less than a sample.

        A message may end inside a sample, if ``bufferSize`` is odd.

        Args:
            frame: One byte for the leg, then audio.
            received_ms: Our clock.

        Raises:
            UnreadableFrameError: If it is of no leg.
        """
        name = LEGS.get(frame[0]) if frame else None
        if name is None:
            first = f"it begins with {frame[0]}" if frame else "it is empty"
            raise UnreadableFrameError(
                "frame of a tap",
                frame[:40].hex(" "),
                f"{first}; the first byte is 0 (agent) or 1 (caller)",
            )
        leg: LegName = "caller" if name == "caller" else "server"
        data = self._rest.pop(leg, b"") + frame[1:]
        whole = len(data) // 2 * 2
        if whole < len(data):
            self._rest[leg] = data[whole:]
        if not whole:
            return None
        length_ms = whole // BYTES_PER_MS
        losses = self._losses.push(leg, length_ms, received_ms)
        # a server times a frame of its own by its arrival, and its events by that
        held_ms = max(length_ms - FRAME_MS, 0)
        return TapFrame(leg, data[:whole], received_ms - held_ms, losses)


class _LossWatch:
    """Finds what a server dropped, which it tells nobody.

    It keeps the newest frames for a reader that stalls. So after a stall comes first
    what the network still held, then a hole, then a queue that is full: a leg that was
    continuous is short of the time that passed, although nothing is late any more.
    """

    def __init__(self) -> None:
        self._last_ms: int | None = None
        self._stalled_ms: int | None = None
        """Last arrival before the stall whose queue comes just now."""
        self._got_ms: dict[LegName, int] = {}
        self._came: dict[LegName, int] = {}
        """Arrival of a leg's last frame."""
        self._flowing: set[LegName] = set()
        """Legs that were continuous when the stall began."""

    def push(self, leg: LegName, length_ms: int, at_ms: int) -> tuple[Loss, ...]:
        """Count a frame; return what turns out to be lost before it."""
        found: tuple[Loss, ...] = ()
        last = at_ms if self._last_ms is None else self._last_ms
        self._last_ms = at_ms
        if at_ms - last >= STALL_MS:
            self._stalled_ms, self._got_ms = last, {}
            self._flowing = {
                name for name, came in self._came.items() if last - came < STALL_MS
            }
        elif self._stalled_ms is not None and at_ms - last >= PACE_MS:
            # the queue is empty: this frame is on time
            found = self._judge(self._stalled_ms, last)
            self._stalled_ms = None
        if self._stalled_ms is not None:
            self._got_ms[leg] = self._got_ms.get(leg, 0) + length_ms
        self._came[leg] = at_ms
        return found

    def _judge(self, stalled_ms: int, until_ms: int) -> tuple[Loss, ...]:
        queue_ms = QUEUED_FRAMES * FRAME_MS
        if sum(self._got_ms.values()) < queue_ms:
            return ()  # the server's queue was never full
        passed = until_ms - stalled_ms
        hole_ms = until_ms - queue_ms // max(len(self._flowing), 1)
        return tuple(
            Loss(leg, lost, max(hole_ms - lost, stalled_ms), hole_ms)
            for leg in sorted(self._flowing)
            if (lost := passed - self._got_ms.get(leg, 0)) >= LEAST_LOSS_MS
        )
