"""Symptoms of known server faults, in the messages of a call as they come."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rustpbx_lab.models import commands, events, notes
from rustpbx_lab.models.server_faults import FAULTS, ServerFault
from rustpbx_lab.models.server_versions import ServerVersion

SWAPPED_MS = 80
"""The same key again within this was pressed once: of two presses Q.24 wants the
beginnings 93 ms apart at least; the two events of one press were 39 to 70 ms apart."""
INFO_MS = 1000
"""A key's INFO comes within this after its first packet: 77 to 116 ms were seen."""
SPOKEN_MS = 300
"""A text that plays for less may be empty."""
SHOWN = frozenset(
    {
        *("key_doubled_by_order", "key_doubled_by_info", "cancel_not_told"),
        *("refusal_after_ringing_lost", "hold_without_change"),
        *("hangup_cuts_farewell", "second_text_silent"),
    }
)
"""Names of the faults that show in the messages of a call."""


@dataclass(frozen=True)
class Symptom:
    """A known fault that shows in a call."""

    fault: ServerFault
    at_ms: int
    """When it was certain, on the clock that the messages were given with."""
    rows: tuple[int, ...]
    """The log rows that show it, in order."""
    evidence: str
    """What they show, in words."""


@dataclass(slots=True)
class _Playback:
    play_id: str | None
    row: int
    is_streamed: bool
    started: tuple[int, int] | None = None
    """Row and time of its trackStart."""
    is_doubtful: bool = False
    """Whether something else explains its silence."""


Seen = Iterator[Symptom]


class FaultWatch:
    """Watches a call for what known faults look like; no I/O, no clock.

    It names a fault once a call, and only for releases that have it. What can have
    another cause it leaves alone.
    """

    def __init__(self, server_version: ServerVersion | None = None) -> None:
        """Begin with the first message of a call.

        Args:
            server_version: The server's; None is not known, and may have any fault.
        """
        self._version = server_version
        self._named: set[str] = set()
        self._keys: dict[str, tuple[events.Dtmf, int, int]] = {}
        self._held: dict[tuple[str, bool | None], bool] = {}
        self._ringing: int | None = None
        self._is_decided = self._was_announced = self._has_begun = False
        self._may_be_incoming, self._has_gone = True, False
        self._playback: _Playback | None = None
        self._hears_server = self._is_sounding = False
        self._handlers: Mapping[type, Callable[[Any, int, int], Seen]] = {
            events.Dtmf: self._key,
            events.Hold: self._hold,
            events.Incoming: self._incoming,
            events.Reject: self._rejected,
            events.Answer: self._decided,
            events.Hangup: self._decided,
            events.TrackStart: self._track_start,
            events.TrackEnd: self._track_end,
            events.Error: self._doubt,
            events.Interruption: self._doubt,
            commands.Interrupt: self._doubt,
            commands.Pause: self._doubt,
            commands.Refer: self._doubt,
            commands.Bridge: self._doubt,
            commands.Tts: self._tts,
            commands.Play: self._play,
            commands.Ringing: self._ring,
            commands.Accept: self._begin,
            commands.Invite: self._call_out,
            notes.Connected: self._connect,
            commands.Reject: self._refuse,
            commands.Hangup: self._hang_up,
            notes.Closed: self._close,
            notes.AudioStarted: self._sound,
            notes.AudioStopped: self._sound,
        }

    def take(self, message: object, at_ms: int, row: int) -> list[Symptom]:
        """Process the next message and return the faults that it makes certain.

        Args:
            message: An event, a command or a note.
            at_ms: When, milliseconds; only differences count.
            row: Its row in the log.
        """
        handle = self._handlers.get(type(message))
        if handle is None:
            return []
        found: list[Symptom] = []
        for symptom in handle(message, at_ms, row):
            name = symptom.fault.name
            if name not in self._named and symptom.fault.affects(self._version):
                self._named.add(name)
                found.append(symptom)
        return found

    # ------------------------------------------------------------------ keys, hold

    def _key(self, event: events.Dtmf, at_ms: int, row: int) -> Seen:
        before = self._keys.get(event.track_id)
        self._keys[event.track_id] = (event, event.timestamp, row)
        if before is None or before[0].digit != event.digit:
            return
        gap = event.timestamp - before[1]
        # the event of an INFO says whose leg it is, that of packets of a caller not
        is_info = (event.refer is None) != (before[0].refer is None)
        name = "key_doubled_by_info" if is_info else "key_doubled_by_order"
        if 0 <= gap <= (INFO_MS if is_info else SWAPPED_MS):
            told = f"two events of one key, {gap} ms apart"
            yield Symptom(FAULTS[name], at_ms, (before[2], row), told)

    def _hold(self, event: events.Hold, at_ms: int, row: int) -> Seen:
        leg = (event.track_id, event.refer)
        held = self._held.get(leg, False)
        self._held[leg] = event.on_hold
        if held == event.on_hold:
            state = str(event.on_hold).lower()
            told = f"onHold {state}, as it was before"
            yield Symptom(FAULTS["hold_without_change"], at_ms, (row,), told)

    # ------------------------------------------------------------------ set-up

    def _incoming(self, event: events.Incoming, at_ms: int, row: int) -> Seen:
        self._was_announced = True
        yield from ()

    def _ring(self, command: commands.Ringing, at_ms: int, row: int) -> Seen:
        if self._ringing is None and not self._has_begun:
            self._ringing = row
        yield from ()

    def _connect(self, note: notes.Connected, at_ms: int, row: int) -> Seen:
        self._may_be_incoming = note.call_type == "sip"
        yield from ()

    def _call_out(self, command: commands.Invite, at_ms: int, row: int) -> Seen:
        self._may_be_incoming = False
        yield from ()

    def _begin(self, command: object, at_ms: int, row: int) -> Seen:
        self._has_begun = True
        yield from ()

    def _rejected(self, event: events.Reject, at_ms: int, row: int) -> Seen:
        is_gone = event.reason == "no pending call" and event.code == 486
        if is_gone and self._may_be_incoming and not (self._is_decided or event.refer):
            told = "the caller had gone before our first command"
            yield Symptom(FAULTS["cancel_not_told"], at_ms, (row,), told)
        yield from self._decided(event, at_ms, row)

    def _decided(self, event: Any, at_ms: int, row: int) -> Seen:
        if not event.refer:
            self._is_decided = True
        yield from ()

    def _refuse(self, command: object, at_ms: int, row: int) -> Seen:
        if self._ringing is None or self._has_begun:
            return
        if self._is_decided or self._has_gone:  # nobody waits for an answer
            return
        self._is_decided = True
        told = "the call had been answered with ringing"
        fault = FAULTS["refusal_after_ringing_lost"]
        yield Symptom(fault, at_ms, (self._ringing, row), told)

    def _close(self, note: notes.Closed, at_ms: int, row: int) -> Seen:
        if note.code == 1000:  # we left
            yield from self._refuse(note, at_ms, row)

    # ------------------------------------------------------------------ playback

    def _tts(self, command: commands.Tts, at_ms: int, row: int) -> Seen:
        now = self._playback
        if now is None or now.play_id != command.play_id or now.started is None:
            streamed = bool(command.streaming)
            self._playback = _Playback(command.play_id, row, streamed)
        else:
            now.is_doubtful = True  # a second text of one id
        yield from ()

    def _play(self, command: commands.Play, at_ms: int, row: int) -> Seen:
        play_id = command.url if command.play_id is None else command.play_id
        self._playback = _Playback(play_id, row, is_streamed=True)
        yield from ()

    def _doubt(self, message: object, at_ms: int, row: int) -> Seen:
        if self._playback is not None:
            self._playback.is_doubtful = True
        yield from ()

    def _track_start(self, event: events.TrackStart, at_ms: int, row: int) -> Seen:
        now = self._playback
        if now is not None and now.started is None and event.play_id == now.play_id:
            # without an id it may be the caller's track
            if now.play_id is not None:
                now.started, now.is_doubtful = (row, at_ms), self._is_sounding
        elif self._ringing is not None and self._may_be_incoming:
            if self._was_announced or self._has_begun:
                return
            self._has_gone = True
            told = "ringing was sent, and no incoming event came before the track"
            fault = FAULTS["cancel_not_told"]
            yield Symptom(fault, at_ms, (self._ringing, row), told)

    def _track_end(self, event: events.TrackEnd, at_ms: int, row: int) -> Seen:
        now = self._playback
        if now is None or now.started is None or event.play_id != now.play_id:
            return
        self._playback = None
        start_row, start_ms = now.started
        is_silent = self._hears_server and not now.is_streamed and not now.is_doubtful
        if is_silent and at_ms - start_ms >= SPOKEN_MS:
            told = f"{at_ms - start_ms} ms from trackStart to trackEnd without a byte"
            rows = (now.row, start_row, row)
            yield Symptom(FAULTS["second_text_silent"], at_ms, rows, told)

    def _sound(
        self, note: notes.AudioStarted | notes.AudioStopped, at_ms: int, row: int
    ) -> Seen:
        if note.leg == "server":
            self._is_sounding = isinstance(note, notes.AudioStarted)
            self._hears_server = True
            yield from self._doubt(note, at_ms, row)

    def _hang_up(self, command: commands.Hangup, at_ms: int, row: int) -> Seen:
        if command.refer:
            return
        yield from self._refuse(command, at_ms, row)
        now = self._playback
        if now is not None and now.started is not None:
            told = f"hangup was sent {at_ms - now.started[1]} ms after trackStart"
            rows = (now.row, now.started[0], row)
            yield Symptom(FAULTS["hangup_cuts_farewell"], at_ms, rows, told)


WATCHED = frozenset(
    {
        *("dtmf", "hold", "incoming", "reject", "answer", "hangup", "trackStart"),
        *("trackEnd", "error", "interruption", "interrupt", "pause", "refer"),
        *("bridge", "tts", "play", "ringing", "accept", "invite", "closed"),
        *("connected", "audioStarted", "audioStopped"),
    }
)
"""Names of the messages that can matter; all others need not be read."""
