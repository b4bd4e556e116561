"""The digest of a call, shared by all pages that show it."""

import threading
import time
from collections import deque
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from rustpbx_lab.analysis.ending import Ending
from rustpbx_lab.analysis.key_figures import NumbersFold
from rustpbx_lab.analysis.pipeline import Basics
from rustpbx_lab.analysis.timelines import begin_timelines
from rustpbx_lab.audio.envelope import Anchors, Envelope
from rustpbx_lab.audio.recording import Leg, Recording
from rustpbx_lab.hub.hub_call import HubCall
from rustpbx_lab.log import EventLog, Record
from rustpbx_lab.models import commands, events
from rustpbx_lab.models.notes import SIP_MESSAGE
from rustpbx_lab.models.options import CallOption

from .call_tables import Table
from .event_rows import kind_of, message_of

SAMPLES_A_TICK = 16000 * 120
HEARD = ("speaking", "asrDelta", "asrFinal", "dtmf")
"""Events that only sound from the other side can cause."""
SLOT_S, RATE_SLOTS = 0.1, 50
"""Arrivals are counted by the tenth of a second, over five seconds."""


class Sound:
    """The outline of one leg, kept up with its recording."""

    def __init__(self) -> None:
        self._leg: Leg | None = None
        self._envelope: Envelope | None = None

    def refresh(self, leg: Leg) -> None:
        """Process the new samples of the leg."""
        if leg is not self._leg:  # the recording begins with the connection
            self._leg, self._envelope = leg, None
        have = self.n_samples
        if leg.n_samples > have:
            if self._envelope is None:
                self._envelope = Envelope(leg.sample_rate_hz)
            self._envelope.push(leg.samples(have)[:SAMPLES_A_TICK])

    def outline(
        self, anchors: Anchors, start_ms: float, end_ms: float, n_slots: int
    ) -> dict[str, Any]:
        """Return what to draw between two call times, nothing if there is no sound.

        See `Envelope.outline`.
        """
        if self._envelope is None:
            return {"x": np.zeros(0), "low": np.zeros(0), "high": np.zeros(0)}
        return self._envelope.outline(anchors, start_ms, end_ms, n_slots)

    def peak_dbfs(
        self, anchors: Anchors, start_ms: float, end_ms: float
    ) -> float | None:
        """Return the peak level between two call times; see `Envelope.peak_dbfs`."""
        if self._envelope is None:
            return None
        return self._envelope.peak_dbfs(anchors, start_ms, end_ms)

    @property
    def n_samples(self) -> int:
        """How many samples were taken in."""
        return 0 if self._envelope is None else self._envelope.n_samples

    @property
    def is_empty(self) -> bool:
        """Whether there is no sound at all."""
        return self._envelope is None

    @property
    def level_dbfs(self) -> float | None:
        """Peak of the last moment."""
        return None if self._envelope is None else self._envelope.recent_level_dbfs()


class Facts:
    """How the call stands, by what its records say."""

    def __init__(self) -> None:
        self.option: CallOption | None = None
        """The option that the call was made with, secrets masked."""
        self.caller_track: str | None = None
        self.is_muted = False
        """Whether the caller was muted, by the commands sent."""
        self.is_paused = False
        """Whether playback was paused, by the commands sent."""
        self.is_media_lost = False
        """Whether no audio packets come from the other side, as far as is known."""
        self.first_ms = 0
        """The earliest call time of a record: a SIP message may precede the log."""
        self.last_ms = 0
        """The newest call time of a record; SIP messages do not count."""
        self.n_errors = 0
        """Rows of the chip Errors: errors, refusals, failures, what nobody can read."""
        self.ending = Ending()
        self._arrivals: deque[list[int]] = deque(maxlen=RATE_SLOTS)

    def learn(self, record: Record) -> None:
        """Process the next record."""
        if record.time_ms is not None:
            self.first_ms = min(self.first_ms, record.time_ms)
            if record.name != SIP_MESSAGE:
                self.last_ms = max(self.last_ms, record.time_ms)
        self.n_errors += kind_of(record) == "Errors"
        if record.direction == "event":
            self._count_arrival()
        self.ending.take(record)
        if record.name == "rtpTimeout":
            self.is_media_lost = True
        elif record.name in HEARD:
            self.is_media_lost = False
        if record.name in ("invite", "accept", "answer"):
            message = message_of(record)
            if isinstance(message, commands.Invite | commands.Accept):
                self.option = message.option
            elif isinstance(message, events.Answer) and not message.refer:
                self.caller_track = message.track_id

    def _count_arrival(self) -> None:
        slot = int(time.monotonic() / SLOT_S)
        if self._arrivals and self._arrivals[-1][0] == slot:
            self._arrivals[-1][1] += 1
        else:
            self._arrivals.append([slot, 1])

    @property
    def events_per_s(self) -> float:
        """Events that came in the last five seconds, per second."""
        since = int(time.monotonic() / SLOT_S) - RATE_SLOTS
        came = sum(n for slot, n in self._arrivals if slot > since)
        return came / (RATE_SLOTS * SLOT_S)


class CallDigest:
    """A call's tables, key figures and sound; advanced by whoever looks first.

    It knows the log, not the call, which is thus forgotten when the hub forgets it.
    """

    def __init__(self, log: EventLog) -> None:
        self.log = log
        basics = Basics.shared()
        self.tables = {
            name: Table(fold) for name, fold in begin_timelines(basics).items()
        }
        self.numbers = NumbersFold(basics)
        self.facts = Facts()
        self.caller, self.agent = Sound(), Sound()
        self.n_lost = 0
        """Speech whose end the server never said: an event was lost on the way."""
        self._cursor = log.cursor()
        self._lock = threading.Lock()

    @property
    def seen(self) -> int:
        """How many records were taken in."""
        return self._cursor.position

    def advance(self, recording: Recording, most: int) -> None:
        """Process what is new, at most so many records."""
        with self._lock:
            records = self._cursor.read(most)
            for record in records:
                self.facts.learn(record)
            for table in self.tables.values():
                table.advance(records)
            held = {row.kind for row in self.tables["holds"].open}
            self.facts.is_muted = "muted" in held
            self.facts.is_paused = "paused" in held
            spoken = self.tables["speech"].changes.closed
            self.n_lost += sum(row.end_ms is row.said_ms is None for row in spoken)
            turns, overlaps = self.tables["turns"], self.tables["overlaps"]
            self.numbers.advance(records, turns.changes, overlaps.changes)
            self.caller.refresh(recording.caller)
            self.agent.refresh(recording.server)


_digests: WeakKeyDictionary[HubCall, CallDigest] = WeakKeyDictionary()


def digest_of(call: HubCall) -> CallDigest:
    """Return the digest of a call, the same one for every page."""
    digest = _digests.get(call)
    if digest is None or digest.log is not call.log:  # a replay that went back
        digest = _digests[call] = CallDigest(call.log)
    return digest
