"""Thread-safe view of a call of the hub."""

from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Literal, Protocol

import anyio
import numpy as np
import numpy.typing as npt

from rustpbx_lab.audio.recording import Recording
from rustpbx_lab.client.protocol import CallPhase
from rustpbx_lab.client.session import CallSession, system_clock_ms
from rustpbx_lab.client.tap import HeardCall
from rustpbx_lab.client.watch import WatchedCall
from rustpbx_lab.errors import shorten
from rustpbx_lab.log import EventLog
from rustpbx_lab.masking import mask_url
from rustpbx_lab.models.options import CallOption
from rustpbx_lab.models.server_versions import ServerVersion
from rustpbx_lab.speech.vad_engines import (
    Probabilities,
    SileroEngine,
    VadEngine,
    frame_ms,
)

from .probability_track import ProbabilityTrack, frame_times
from .replay_controls import ReplayControls

CallState = Literal[
    "connecting",
    "connected",
    "inviting",
    "ringing",
    "in call",
    "replay",
    "ended",
    "failed",
]
CallRole = Literal["own", "watched", "replay"]
"""Ours, someone else's that we watch, or one from a file."""

_STATES: dict[CallPhase, CallState] = {
    CallPhase.CONNECTED: "connected",
    CallPhase.INVITING: "inviting",
    CallPhase.RINGING: "ringing",
    CallPhase.ANSWERED: "in call",
    CallPhase.CLOSED: "ended",
}


class Participant(Protocol):
    """Someone who takes part in a call: an agent, a scripted caller."""

    async def run(self, call: CallSession) -> object:
        """Take part until done; cancelled when the call is over."""
        ...


class HubCall:
    """One call of the hub. Everything here may be read from any thread."""

    role: CallRole = "own"
    is_ours = True
    """Whether it is made here, so that closing the connection ends it."""
    is_live = True
    """Whether it happens on a server; else it is read from a file."""

    ended_ms: int | None = None
    """Our clock at its end; None while it runs."""
    saved_as: Path | None = None
    """The event log on disk, its recording beside it; None: it is not kept."""
    error: str | None = None
    """Why it failed, one line; None if it did not."""

    def __init__(
        self,
        call_id: str,
        url: str,
        call_type: str,
        option: CallOption | None,
        started_ms: int,
        now_s: Callable[[], float],
        engine: VadEngine | None = None,
        server_version: ServerVersion | None = None,
    ) -> None:
        self.id = call_id
        """The session id; the hub chose it unless it was given."""
        self.url = mask_url(url)
        """Address of the server, tokens masked."""
        self.call_type = call_type
        self.option = option
        """What the call was invited with; None: nobody invited yet."""
        self.log = EventLog()
        """Every event, command and note, from the first moment on."""
        self.started_ms = started_ms
        """Our clock, milliseconds since the Unix epoch."""
        self.session: CallSession | WatchedCall | HeardCall | None = None
        """The session, for those on the hub's loop; None while connecting."""
        self.connected = anyio.Event()
        """Set on the hub's loop when there is a session, or will never be one."""
        self.server_version = server_version
        """The server's release; None is not known."""
        self._now_s = now_s
        self._watchers: set[Hashable] = set()
        self._unwatched_since_s = now_s()
        self._empty = Recording()
        self._track = ProbabilityTrack(engine or SileroEngine())

    @property
    def recording(self) -> Recording:
        """The audio of both legs; empty while connecting."""
        return self._empty if self.session is None else self.session.recording

    @property
    def whole(self) -> Recording:
        """All the audio there is, also what a replay has not come to yet."""
        return self.recording

    @property
    def phase(self) -> CallPhase | None:
        """Where the call stands; None while connecting."""
        return None if self.session is None else self.session.phase

    @property
    def state(self) -> CallState:
        """Where the call stands, in a word."""
        if self.ended_ms is not None:
            return "ended" if self.error is None else "failed"
        return "connecting" if self.phase is None else _STATES[self.phase]

    @property
    def is_over(self) -> bool:
        """Whether the call has ended or failed and nothing will change."""
        return self.ended_ms is not None

    @property
    def is_whole(self) -> bool:
        """Whether all of the call is there to look at: nothing more will come."""
        return self.is_over

    @property
    def can_leave(self) -> bool:
        """Whether one can stop watching it without ending it."""
        return False

    @property
    def takes_commands(self) -> bool:
        """Whether a server takes commands for it, once it is connected."""
        return self.is_live

    @property
    def why_no_commands(self) -> str | None:
        """Why no command can be sent now, and what would work; None if one can."""
        if self.session is not None:
            return None
        return (
            f"the call {shorten(self.id)} is not connected ({self.state}); wait until "
            "it is"
        )

    @property
    def can_end(self) -> bool:
        """Whether it can be hung up."""
        return self.is_live and not self.is_over

    @property
    def file(self) -> Path | None:
        """The event log it is read from; None if it happens on a server."""
        return None

    @property
    def replay(self) -> ReplayControls | None:
        """What plays, seeks and sets the speed; None for a call that happens."""
        return None

    @property
    def label(self) -> str:
        """What it is doing, in a word or two, for a list of calls."""
        return self.state

    @property
    def known_end_ms(self) -> int | None:
        """Call time of the end, where it is known before the call gets there."""
        return None

    @property
    def close_reason(self) -> str | None:
        """Why the connection closed; None while it is open."""
        return None if self.session is None else self.session.close_reason

    # ------------------------------------------------------------------ time

    def time_of(self, our_ms: int) -> int | None:
        """Return the call time of a moment of our clock; None while unknown."""
        return self.log.clock.from_ours(our_ms)

    @property
    def now_ms(self) -> int | None:
        """This moment as call time; None while unknown."""
        return self.time_of(system_clock_ms())

    # ------------------------------------------------------------------ watchers

    @property
    def watchers(self) -> int:
        """How many watch it now."""
        return len(self._watchers)

    def attach(self, watcher: Hashable) -> None:
        """Count someone who watches."""
        self._watchers.add(watcher)

    def detach(self, watcher: Hashable) -> None:
        """Count someone no longer; harmless if it was not counted."""
        self._watchers.discard(watcher)
        if not self._watchers:
            self._unwatched_since_s = self._now_s()

    @property
    def unwatched_s(self) -> float:
        """Seconds since nobody watches; 0 while someone does."""
        return 0.0 if self._watchers else self._now_s() - self._unwatched_since_s

    # ------------------------------------------------------------------ probabilities

    @property
    def probabilities(self) -> Probabilities:
        """The hub's VAD engine over the caller's leg, as far as computed.

        Shape (n_frames,), float32, read only; see ``frame_ms`` and ``frame_times``.
        """
        return self._track.values

    @property
    def frame_ms(self) -> int:
        """How long a frame of ``probabilities`` lasts: 32 with Silero."""
        return frame_ms(self._track.engine)

    @property
    def engine_name(self) -> str:
        """Name of the engine that computes ``probabilities``."""
        return self._track.engine.name

    def listen(self) -> int:
        """Compute the probabilities of new audio; blocks, for one worker thread."""
        return self._track.advance(self.recording.caller)

    def frame_times(
        self, start: int = 0, stop: int | None = None
    ) -> npt.NDArray[np.int64]:
        """Return the call time of frames ``start`` to ``stop`` of ``probabilities``."""
        end = len(self.probabilities) if stop is None else stop
        ours = frame_times(self.recording.caller, self._track.engine, start, end)
        origin = self.time_of(0)
        return ours if origin is None else ours + origin

    def time_of_frame(self, frame: int) -> int | None:
        """Return the call time of one frame; None before any audio came."""
        times = self.frame_times(frame, frame + 1)
        return int(times[0]) if len(times) else None

    def __repr__(self) -> str:
        return f"<HubCall {self.id!r} to {self.url!r}, {self.state}>"
