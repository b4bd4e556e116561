"""A page's view of its call: how far it has read, and what is selected."""

import time
from collections import deque
from collections.abc import Sequence

import numpy as np
import param

from rustpbx_lab.audio.envelope import Levels, Times
from rustpbx_lab.audio.recording import Leg
from rustpbx_lab.hub.hub_call import HubCall
from rustpbx_lab.log import Record
from rustpbx_lab.plots.wall_clock import since_midnight, wall_time
from rustpbx_lab.speech.vad import VadParams
from rustpbx_lab.views.call_digest import digest_of
from rustpbx_lab.wording import clock

ROWS_A_STEP = 60
"""A long log is taken in step by step, so that it never blocks the page."""
FRESH_MS = 10_000
"""What is older than that is not news: a replay was moved on, or the page is late."""
FAR_BEHIND = 5000
"""So many rows are not read out one by one, only what they come to."""


class CallView(param.Parameterized):
    """One call as a page sees it; its digest is shared by all pages that show it."""

    selected = param.Integer(default=None, allow_None=True)
    """The selected log row."""

    def __init__(self, call: HubCall) -> None:
        super().__init__()
        self.call = call
        self.log = call.log
        self._n_history = len(call.log)
        self.began_ms: int | None = None
        """When the call began, ms after midnight; None: times are call time."""
        self._digest = digest = digest_of(call)
        self.tables, self.numbers = digest.tables, digest.numbers
        self.caller, self.agent, self.facts = digest.caller, digest.agent, digest.facts
        self.changed: frozenset[str] = frozenset()
        """Tables that changed since the refresh before."""
        self.new_records: Sequence[Record] = ()
        """What came since the refresh before."""
        self.seen = digest.seen
        """How many records this page has taken in; what was known before it came
        counts as seen."""
        self._revisions = self._revisions_now()
        self._heard = self._heard_now()

    def refresh(self, most: int = ROWS_A_STEP) -> bool:
        """Process what is new, at most so many rows; return whether anything is."""
        digest = self._digest
        if digest.seen < self.seen + most:
            digest.advance(self.call.recording, self.seen + most - digest.seen)
        stop = min(self.seen + most, digest.seen)
        self.new_records = self.log.records(self.seen, stop)
        self.seen = stop
        before, self._revisions = self._revisions, self._revisions_now()
        self.changed = frozenset(
            name for name, now in self._revisions.items() if now != before[name]
        )
        was, self._heard = self._heard, self._heard_now()
        return bool(self.new_records) or bool(self.changed) or was != self._heard

    def clock(self, at_ms: float | None, digits: int = 3) -> str:
        """Return a call time in words: as such, or as the time of day."""
        if at_ms is None or self.began_ms is None:
            return clock(at_ms, digits)
        return wall_time(self.began_ms, at_ms, digits)

    def is_fresh(self, record: Record) -> bool:
        """Whether a record is news, not history that a page reads when it opens."""
        if record.time_ms is None or record.seq < self._n_history:
            return False
        return self.now_ms - record.time_ms < FRESH_MS

    def use_wall_clock(self, is_on: bool) -> bool:
        """Say times of day from now on, or call time; return whether that is a change.

        The time of day is not known before the first event.
        """
        wall = self.log.clock.to_wall(0) if is_on else None
        began = None if wall is None else since_midnight(wall)
        before, self.began_ms = self.began_ms, began
        return began != before

    @property
    def n_lost(self) -> int:
        """How many events are known to be lost: speech whose end was never said."""
        return self._digest.n_lost

    @property
    def is_far_behind(self) -> bool:
        """Whether there is more to read than anyone would want to see pass."""
        return len(self.log) - self.seen > FAR_BEHIND

    def catch_up(self) -> None:
        """Process a piece of a long log; its rows are not among ``new_records``."""
        if self._digest.seen <= self.seen:
            self._digest.advance(self.call.recording, 4 * ROWS_A_STEP)
        self.seen, self.new_records = self._digest.seen, ()

    def _revisions_now(self) -> dict[str, int]:
        return {name: table.revision for name, table in self.tables.items()}

    def _heard_now(self) -> tuple[int, int, int]:
        n_frames = len(self.call.probabilities)
        return self.caller.n_samples, self.agent.n_samples, n_frames

    @property
    def vad_params(self) -> VadParams | None:
        """What the server's VAD was asked; None: the call has none."""
        option = self.facts.option
        vad = None if option is None else option.vad
        if vad is None or vad.type != "silero":
            return None
        return VadParams.from_option(vad)

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come."""
        return self.call.is_over

    @property
    def duration_ms(self) -> float:
        """How long the call is by now: once it is over, up to its last row."""
        if self.is_over:
            return float(self.facts.last_ms)
        ours = self.call.now_ms
        return float(max(ours or 0, self.facts.last_ms))

    @property
    def now_ms(self) -> float:
        """The last moment there is, call time: sound may outlast the log."""
        if not self.is_over:
            return self.duration_ms
        return max(self.duration_ms, self._sound_end_ms)

    @property
    def _sound_end_ms(self) -> float:
        recording = self.call.recording
        legs = (recording.caller, recording.server)
        ends = (leg.time_of(leg.n_samples) for leg in legs if leg.n_samples)
        return float(max((self.call.time_of(end) or 0 for end in ends), default=0))

    @property
    def end_ms(self) -> float:
        """The last moment, call time: of a replay the one it will come to."""
        return max(self.now_ms, float(self.call.known_end_ms or 0))

    @property
    def is_speaking(self) -> bool:
        """Whether the server says that the caller speaks now."""
        return any(row.end_ms is None for row in self.tables["speech"].open)

    @property
    def is_agent_heard(self) -> bool:
        """Whether something plays, and is not only asked for."""
        playing = self.tables["playback"].open
        return any(
            row.end_ms is None and row.first_audio_ms is not None for row in playing
        )

    def anchors(self, leg: Leg) -> list[tuple[int, float]]:
        """Return the arrival anchors of a leg in call time."""
        placed = (
            (sample, self.call.time_of(received)) for sample, received in leg.anchors
        )
        return [(sample, float(at)) for sample, at in placed if at is not None]

    def frames(self, start_ms: float, end_ms: float) -> tuple[Times, Levels]:
        """Return start and speech probability of the frames between two times."""
        probabilities: Levels = self.call.probabilities
        # a burst may go back in time: what is drawn must not
        times = np.maximum.accumulate(self.call.frame_times(0, len(probabilities)))
        low = max(int(np.searchsorted(times, start_ms)) - 1, 0)
        high = int(np.searchsorted(times, end_ms))
        return times[low:high].astype(np.float64), probabilities[low:high]


class LoopLag:
    """How late the ticks of a page run: the lag of the loop that serves it."""

    def __init__(self, period_ms: float) -> None:
        self._period_ms = period_ms
        self._last: float | None = None
        self._late: deque[float] = deque(maxlen=200)

    def tick(self) -> None:
        """Note that a tick runs now."""
        now = time.monotonic() * 1000
        if self._last is not None:
            self._late.append(max(now - self._last - self._period_ms, 0.0))
        self._last = now

    @property
    def p95_ms(self) -> float | None:
        """95th percentile of the last ticks; None before there are enough."""
        return float(np.percentile(self._late, 95)) if len(self._late) > 10 else None
