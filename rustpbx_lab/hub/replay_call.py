"""Replay of a saved call, at 0.5 to 20 times its speed."""

import threading
import time
from bisect import bisect_right
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path

import anyio
import anyio.to_thread
import numpy as np
from typing_extensions import override

from rustpbx_lab.audio.recording import Leg, Recording
from rustpbx_lab.client.protocol import CallPhase
from rustpbx_lab.client.session import system_clock_ms
from rustpbx_lab.errors import InvalidOptionError, shorten
from rustpbx_lab.log import EventLog
from rustpbx_lab.models.server_versions import ServerVersion
from rustpbx_lab.speech.vad_engines import SAMPLE_RATE_HZ, Probabilities, VadEngine

from .hub_call import CallState, HubCall
from .replay_controls import ReplayControls
from .saved_call import SavedCall, due_samples

SLOWEST, FASTEST = 0.5, 20.0
PERIOD_S = 0.04
"""How often what has become due is fed."""
LISTEN_SAMPLES = SAMPLE_RATE_HZ * 60
"""Samples the model takes in one go."""


class ReplayCall(HubCall):
    """A saved call, fed in call time; for a page it is a call like any other.

    It begins with ``begin`` or ``play`` (a page calls it when it is drawn) and runs
    while someone watches it. Seeking back begins a new ``log`` and a new
    ``recording`` with what was before that moment: who keeps the old ones sees that
    they are closed.

    Args:
        saved: The call.
        call_id: Its id in the hub.
        speed: Seconds of call a second, 0.5 to 20.
        now_s: A clock that only goes forward, seconds.
        engine: Computes the probability of speech; None is Silero.
        server_version: Release of the server it was on; None is not known.
    """

    role = "replay"
    is_ours = is_live = False

    def __init__(
        self,
        saved: SavedCall,
        call_id: str,
        speed: float = 1.0,
        now_s: Callable[[], float] = time.monotonic,
        engine: VadEngine | None = None,
        server_version: ServerVersion | None = None,
    ) -> None:
        source, made = saved.log, saved.connected
        super().__init__(
            call_id,
            str(saved.path) if made is None else made.url,
            "websocket" if made is None else made.call_type or "websocket",
            saved.option,
            source.clock.to_wall(0) or 0,
            now_s,
            engine,
            server_version,
        )
        self.saved = saved
        """Log and sound as they lie on disk."""
        times = [record.time_ms or 0 for record in source]
        self._due: list[int] = np.maximum.accumulate(
            np.array(times or [0], np.int64)
        ).tolist()
        self._origin_ms = source.clock.to_wall(0) or 0
        self.end_ms = max(self._due[-1], *self._ends_of_sound())
        """Call time of the last there is."""
        self._mutex = threading.RLock()
        self._feeding = threading.Lock()
        self._speed = _checked(speed)
        self._is_paused, self._has_begun = True, False
        self._base_ms, self._since_s = 0.0, now_s()
        self._fed_ms = -1.0
        self._n_fed = 0
        self._begin_again()

    def _ends_of_sound(self) -> list[int]:
        legs = (self.saved.recording.caller, self.saved.recording.server)
        return [0] + [
            self.time_of(leg.time_of(leg.n_samples)) for leg in legs if leg.n_samples
        ]

    @property
    @override
    def why_no_commands(self) -> str:
        return (
            f"{shorten(self.id)} is a replay of a call that is over; start or watch a "
            "running one"
        )

    # ------------------------------------------------------------------ steering

    @property
    def position_ms(self) -> float:
        """Where the replay is, call time."""
        with self._mutex:
            runs = not self._is_paused and self.watchers > 0
            passed = (self._now_s() - self._since_s) * 1000 * self._speed if runs else 0
            return min(self._base_ms + passed, float(self.end_ms))

    @property
    def speed(self) -> float:
        """Seconds of call a second."""
        return self._speed

    @speed.setter
    def speed(self, speed: float) -> None:
        with self._mutex:
            self._keep_position()
            self._speed = _checked(speed)

    @property
    def is_paused(self) -> bool:
        """Whether it stands still."""
        return self._is_paused

    def pause(self) -> None:
        """Stand still."""
        with self._mutex:
            self._keep_position()
            self._is_paused = True

    def begin(self) -> None:
        """Play, if nobody has played or moved it yet."""
        if not self._has_begun:
            self.play()

    def play_from(self, at_ms: float) -> None:
        """Let it happen once more from a call time; from the beginning at the end."""
        self.seek(at_ms)
        self.play()

    def show_whole(self) -> None:
        """Go to the end and stay there: all of the call is there to look at."""
        self.pause()
        self.seek(self.end_ms)

    def play(self) -> None:
        """Go on; from the beginning if it was at its end."""
        with self._mutex:
            self._keep_position()
            self._is_paused, self._has_begun = False, True
            if self._base_ms >= self.end_ms:
                self._base_ms = 0.0

    def seek(self, at_ms: float) -> None:
        """Go to a call time; beyond the ends is at the ends."""
        with self._mutex:
            self._keep_position()
            self._has_begun = True
            self._base_ms = min(max(float(at_ms), 0.0), float(self.end_ms))

    def _keep_position(self) -> None:
        self._base_ms = self.position_ms
        self._since_s = self._now_s()

    @override
    def attach(self, watcher: Hashable) -> None:
        with self._mutex:
            self._keep_position()
            super().attach(watcher)

    @override
    def detach(self, watcher: Hashable) -> None:
        with self._mutex:
            self._keep_position()
            super().detach(watcher)

    # ------------------------------------------------------------------ as a call

    @property
    @override
    def recording(self) -> Recording:
        return self._heard

    @property
    @override
    def whole(self) -> Recording:
        return self.saved.recording

    @property
    @override
    def phase(self) -> CallPhase | None:
        return None

    @property
    @override
    def state(self) -> CallState:
        return "replay" if self.ended_ms is None else "ended"

    @property
    @override
    def is_over(self) -> bool:
        return self.log.is_closed

    @property
    @override
    def is_whole(self) -> bool:
        return self.position_ms >= self.end_ms or self.ended_ms is not None

    @property
    @override
    def file(self) -> Path:
        return self.saved.path

    @property
    @override
    def replay(self) -> ReplayControls:
        return self

    @property
    def remarks(self) -> Sequence[str]:
        """What one should know of the file, one sentence each."""
        return self.saved.remarks

    @property
    @override
    def label(self) -> str:
        if self.is_whole:
            return "saved"
        return f"replay {self.speed:g}×" + (" paused" if self.is_paused else "")  # noqa: RUF001

    @property
    @override
    def known_end_ms(self) -> int:
        return self.end_ms

    @override
    def time_of(self, our_ms: int) -> int:
        # a log of the server knows nothing of our clock: there both are its own
        return our_ms - self._origin_ms

    @property
    @override
    def now_ms(self) -> int:
        return round(self.position_ms)

    @property
    @override
    def probabilities(self) -> Probabilities:
        leg = self._heard.caller
        heard = leg.n_samples * 1000 // leg.sample_rate_hz // self.frame_ms
        return super().probabilities[:heard]

    @override
    def listen(self) -> int:
        """Compute the probabilities of the next minute of the file."""
        return self._track.advance(self.saved.recording.caller, LISTEN_SAMPLES)

    # ------------------------------------------------------------------ feeding

    @property
    def is_due(self) -> bool:
        """Whether there is something to feed."""
        return self.ended_ms is None and self.position_ms != self._fed_ms

    def advance(self) -> bool:
        """Feed what is due by now; return whether the replay began again or ended."""
        with self._feeding:
            position, was_over = self.position_ms, self.is_over
            begins_anew = position < self._fed_ms
            if begins_anew:
                self._begin_again()
            self._feed(position)
            self._fed_ms = position
            if position >= self.end_ms and not self.log.is_closed:
                self.log.close()
            return begins_anew or was_over != self.is_over

    def _begin_again(self) -> None:
        whole = self.saved.recording
        old, heard = self.log, Recording(limit_bytes=2**40)
        for leg, source in _legs(heard, whole):
            leg.configure("pcm", source.sample_rate_hz)
        self._n_fed = 0
        self._heard, self.log = heard, EventLog()
        self._fed_ms = -1.0
        old.close()

    def _feed(self, position: float) -> None:
        stop = bisect_right(self._due, position) if len(self.saved.log) else 0
        for record in self.saved.log.records(self._n_fed, max(stop, self._n_fed)):
            self.log.append(record.copy())
        self._n_fed = max(stop, self._n_fed)
        for leg, source in _legs(self._heard, self.saved.recording):
            _feed_leg(leg, source, position + self._origin_ms)

    def finish(self) -> None:
        """Say that it will not go on."""
        with self._feeding:
            self.pause()
            self.ended_ms = system_clock_ms()
            self.log.close()


class ReplayRun:
    """Feeds a replay while the hub has it."""

    def __init__(self, call: ReplayCall, changed: Callable[[], None]) -> None:
        self._call = call
        self._changed = changed
        self._is_stopped = False
        self._scope: anyio.CancelScope | None = None

    async def run(self) -> None:
        """Feed until stopped."""
        with anyio.CancelScope() as self._scope:
            if self._is_stopped:
                self._scope.cancel()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._listen)
                while True:
                    if self._call.is_due and await anyio.to_thread.run_sync(
                        self._call.advance
                    ):
                        self._changed()
                    await anyio.sleep(PERIOD_S)
        self._call.finish()
        self._changed()

    async def _listen(self) -> None:
        while await anyio.to_thread.run_sync(self._call.listen):
            await anyio.lowlevel.checkpoint()

    def stop(self) -> None:
        """End it."""
        self._is_stopped = True
        if self._scope is not None:  # else it has not begun
            self._scope.cancel()

    abort = stop


def _legs(to: Recording, of: Recording) -> tuple[tuple[Leg, Leg], tuple[Leg, Leg]]:
    return (to.caller, of.caller), (to.server, of.server)


def _feed_leg(leg: Leg, source: Leg, our_ms: float) -> None:
    start, stop = leg.n_samples, due_samples(source, our_ms)
    if stop <= start:
        return
    data = source.data_between(2 * start, 2 * stop)
    cuts = [sample for sample, _ in source.anchors if start < sample < stop]
    for low, high in zip([start, *cuts], [*cuts, stop], strict=True):
        piece = data[2 * (low - start) : 2 * (high - start)]
        leg.append(piece, source.time_of(low))


def _checked(speed: float) -> float:
    if not SLOWEST <= speed <= FASTEST:
        raise InvalidOptionError(
            f"cannot replay at {speed:g} times the speed: "
            f"{SLOWEST:g} to {FASTEST:g} work"
        )
    return speed
