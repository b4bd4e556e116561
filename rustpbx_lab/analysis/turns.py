"""Who spoke when, in turns: what the caller said and the reply it was given."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from typing_extensions import override

from rustpbx_lab.log import Record
from rustpbx_lab.models import events

from .basics import Basics, BuiltFold
from .folds import Handlers, Quality, said_at
from .playback import Playback
from .recognition import Recognition
from .speech import Speech

HOLD_MS = 1500
"""A caller who goes on this soon had only paused: the turn was not over."""
MAX_REPLY_MS = 30_000
"""What the agent says later than this after the caller is no answer."""
SETTLED_MS = 3000
"""After so long nothing of the caller's can change what a reply was."""
MAX_ANSWERED = 8
MAX_PARTS = 100
"""Speeches or finals in one turn: so much without a reply gets none."""

Outcome = Literal["open", "answered", "interrupted", "cut_off", "unheard", "unanswered"]


@dataclass(frozen=True, slots=True)
class Turn:
    """What the caller said until the agent replied, and that reply."""

    number: int
    """Counts from 1."""
    start_ms: int | None
    """When the caller began."""
    stop_ms: int | None
    """When the caller stopped: end of the last speech, else of the last text."""
    stop_quality: Quality
    said_ms: int | None
    """When the server said that the speech had ended."""
    final_ms: int | None
    """When the last final came that the reply can have been made of."""
    llm_ms: int | None
    """When the language model was called; empty if nobody told."""
    command_ms: int | None
    """When the reply was asked for; ``trackStart`` if no command of the log did."""
    tts_ms: int | None
    """First byte of the synthesis."""
    first_frame_ms: int | None
    """First audio that arrived for the reply, even if it was silent."""
    first_audio_ms: int | None
    """First audio of the reply that can be heard; see `Playback`."""
    first_audio_quality: Quality
    end_ms: int | None
    """When the reply was over or cut."""
    resumed_ms: int | None
    """When the caller spoke next, as long as that can matter to the reply."""
    outcome: Outcome
    """``interrupted``: the caller broke in; ``cut_off``: the agent began before the
    caller was done; ``unheard``: the reply was stopped before its first audio."""
    latency_ms: int | None
    """``first_audio_ms`` less ``stop_ms``; empty where that is no latency."""
    quality: Quality
    """Of ``latency_ms``."""
    problem: str | None
    """Why a value is empty that ought to be known."""
    kind: str | None
    """Of the reply: tts, play or track."""
    play_id: str | None
    reply_seq: int | None
    """Log row that made the reply."""
    text: str
    """What the caller said, as far as it was recognised by then."""
    seq: int
    """Log row that made this one."""


@dataclass(slots=True)
class _Talk:
    """A turn that is not settled."""

    number: int
    seq: int
    speeches: dict[int, Speech] = field(default_factory=dict[int, Speech])
    finals: list[Recognition] = field(default_factory=list[Recognition])
    llm_ms: int | None = None
    reply: Playback | None = None
    is_reply_over: bool = False
    resumed_ms: int | None = None

    @property
    def last(self) -> Speech | None:
        spoken = self.speeches.values()
        return max(spoken, key=lambda row: row.start_ms or 0, default=None)

    @property
    def stop(self) -> tuple[int | None, Quality]:
        last = self.last
        if last is not None:
            return last.end_ms, last.quality
        ends = [final.end_ms for final in self.finals if final.end_ms is not None]
        return (ends[-1], "inferred") if ends else (None, "unknown")

    @property
    def decided_ms(self) -> int | None:
        return None if self.reply is None else decided(self.reply)

    def is_settled(self, now_ms: int) -> bool:
        if not self.is_reply_over or self.reply is None:
            return False
        times = (self.stop[0], self.reply.first_audio_ms, self.decided_ms)
        is_late = now_ms - max(at for at in times if at is not None) > SETTLED_MS
        return is_late or (self.resumed_ms is not None and is_heard(self.reply))


def decided(reply: Playback) -> int:
    """Return when a reply was asked for, as far as the log tells."""
    return reply.start_ms if reply.command_ms is None else reply.command_ms


def is_heard(reply: Playback) -> bool:
    """Whether a reply began to sound or was stopped on purpose."""
    return reply.first_audio_ms is not None or reply.interrupted_ms is not None


def ends_call(record: Record, message: Any) -> bool:
    """Whether nothing of the call comes after this; a transfer leg may end before."""
    is_end = record.name in ("hangup", "closed") and record.direction != "command"
    return is_end and not getattr(message, "refer", None)


class TurnFold(BuiltFold[Turn]):
    """Speech, finals, replies → turns.

    A reply is the first playback after the caller spoke; one that nobody heard and
    nobody stopped (a file that was not found) leaves its place to the next. Without
    voice activity detection the finals make the turns.
    """

    row: ClassVar[type] = Turn

    def __init__(self, basics: Basics | None = None) -> None:
        self._pending: _Talk | None = None
        self._answered: list[_Talk] = []
        self._short: Speech | None = None
        self._seen = -1
        self._last_stop: int | None = None
        self._has_vad = False
        self._n_turns = 0
        super().__init__(basics)

    @override
    def _handling(self) -> Handlers:
        handled = {**self._basics.recognition.handled, **self._basics.playback.handled}
        return dict.fromkeys({*handled, ("event", "metrics")}, self._take)

    @override
    def _open_rows(self) -> list[Turn]:
        talks = [*self._answered, *([self._pending] if self._pending else [])]
        return [_turn(talk) for talk in talks]

    def _take(self, record: Record, message: Any) -> None:
        now, basics = said_at(record), self._basics
        key, one = (record.direction, record.name), (record,)
        if key in basics.speech.handled:
            spoken = basics.speech.advance(one)
            for speech in (*spoken.closed, *spoken.open):
                self._hear(speech)
        if key in basics.recognition.handled:
            for text in basics.recognition.advance(one).closed:
                self._understand(text)
        if key in basics.playback.handled:
            played = basics.playback.advance(one)
            for row in played.closed:
                self._play(row, is_over=True)
            for row in played.open:
                self._play(row, is_over=False)
        if record.name == "metrics":
            self._measure(record, message)
        self._settle(now, is_over=ends_call(record, message))

    # ------------------------------------------------------------------ the caller

    def _hear(self, row: Speech) -> None:
        if row.refer or row.start_ms is None:
            return
        self._has_vad = True
        for talk in (*self._answered, self._pending):
            if talk is not None and row.seq in talk.speeches:
                talk.speeches[row.seq] = row
                return
        if row.seq <= self._seen:
            return  # of a turn that is closed
        self._seen = row.seq
        if row.kind == "short":  # counts once it turns out to be words
            self._short = row
            return
        for talk in self._answered:
            if talk.resumed_ms is None:
                talk.resumed_ms = row.start_ms
        self._add(row)

    def _add(self, row: Speech) -> None:
        self._give_up_endless()
        if self._pending is None:
            self._pending = self._new_talk(row.seq)
        self._pending.speeches[row.seq] = row
        self._short = None

    def _new_talk(self, seq: int) -> _Talk:
        self._n_turns += 1
        return _Talk(self._n_turns, seq)

    def _understand(self, row: Recognition) -> None:
        if row.refer or not row.is_final or not row.text.strip():
            return
        self._give_up_endless()
        if self._pending is None:
            if self._short is not None:
                self._add(self._short)
            elif self._is_late(row):
                return
            else:
                self._pending = self._new_talk(row.seq)
        if self._pending is not None:
            self._pending.finals.append(row)

    def _give_up_endless(self) -> None:
        """Close a turn that nobody answers, or it would cost more with each word."""
        talk = self._pending
        if talk and max(len(talk.speeches), len(talk.finals)) >= MAX_PARTS:
            self._close(talk)
            self._pending = None

    def _is_late(self, row: Recognition) -> bool:
        """Whether a final belongs to what was answered already."""
        if not self._has_vad:
            return False
        since = row.start_ms
        return since is None or self._last_stop is None or since < self._last_stop

    # ------------------------------------------------------------------ the agent

    def _measure(self, record: Record, message: events.Metrics) -> None:
        if message.key == "llm_call_start" and self._pending is not None:
            self._pending.llm_ms = said_at(record)

    def _play(self, row: Playback, *, is_over: bool) -> None:
        for talk in self._answered:
            if talk.reply is not None and talk.reply.seq == row.seq:
                talk.reply, talk.is_reply_over = row, is_over
                return
        if row.seq <= self._seen:
            return
        self._seen = row.seq
        talk = self._talk_for(row)
        if talk is not None:
            talk.reply, talk.is_reply_over = row, is_over
            if talk not in self._answered:
                self._answered.append(talk)
            if len(self._answered) > MAX_ANSWERED:
                self._close(self._answered.pop(0))

    def _talk_for(self, reply: Playback) -> _Talk | None:
        """Return the turn that a new playback answers; None: it answers nobody."""
        talk, at = self._pending, decided(reply)
        if talk is None:
            last = self._answered[-1] if self._answered else None
            if last is None or last.reply is None or last.resumed_ms is not None:
                return None
            return last if last.is_reply_over and not is_heard(last.reply) else None
        spoken = talk.speeches.items()
        before = {seq: row for seq, row in spoken if (row.start_ms or 0) <= at}
        if talk.speeches and not before:
            return None  # asked for before the caller began
        self._pending = None
        stop = max((row.end_ms or at for row in before.values()), default=talk.stop[0])
        if stop is not None and at - stop > MAX_REPLY_MS:
            self._close(talk)
            return None
        after = {seq: row for seq, row in spoken if seq not in before}
        if talk.seq in after:  # it began with what comes after the reply
            talk.seq = min(before)
        talk.speeches = before
        self._last_stop = stop
        for row in after.values():
            talk.resumed_ms = talk.resumed_ms or row.start_ms
            self._add(row)
        return talk

    # ------------------------------------------------------------------ the end

    def _settle(self, now_ms: int, *, is_over: bool) -> None:
        for talk in list(self._answered):
            if is_over or talk.is_settled(now_ms):
                self._answered.remove(talk)
                self._close(talk)
        if is_over and self._pending is not None:
            self._close(self._pending)
            self._pending = None

    def _close(self, talk: _Talk) -> None:
        self._closed.append(_turn(talk, is_over=True))


def _turn(talk: _Talk, *, is_over: bool = False) -> Turn:
    stop, stop_quality = talk.stop
    last, reply = talk.last, talk.reply
    first = None if reply is None else reply.first_audio_ms
    first_quality: Quality = "unknown" if reply is None else reply.quality
    starts = _known(
        [row.start_ms for row in (*talk.speeches.values(), *talk.finals[:1])]
    )
    at = talk.decided_ms
    finals = [row for row in talk.finals if at is None or row.said_ms <= at]
    outcome = _outcome(talk, stop, first, is_over=is_over)
    latency, problem = _latency(stop, first, outcome)
    if latency is None:
        quality: Quality = "unknown"
    else:
        both = (stop_quality, first_quality)
        quality = "measured" if both == ("measured", "measured") else "inferred"
    return Turn(
        number=talk.number,
        start_ms=min(starts, default=None),
        stop_ms=stop,
        stop_quality=stop_quality,
        said_ms=None if last is None else last.said_ms,
        final_ms=finals[-1].said_ms if finals else None,
        llm_ms=talk.llm_ms,
        command_ms=at,
        tts_ms=_first_byte(reply),
        first_frame_ms=None if reply is None else reply.first_frame_ms,
        first_audio_ms=first,
        first_audio_quality=first_quality,
        end_ms=None if reply is None else _over(reply),
        resumed_ms=talk.resumed_ms,
        outcome=outcome,
        latency_ms=latency,
        quality=quality,
        problem=problem,
        kind=None if reply is None else reply.kind,
        play_id=None if reply is None else reply.play_id,
        reply_seq=None if reply is None else reply.seq,
        text=" ".join(row.text.strip() for row in finals),
        seq=talk.seq,
    )


def _outcome(
    talk: _Talk, stop: int | None, first: int | None, *, is_over: bool
) -> Outcome:
    reply, resumed = talk.reply, talk.resumed_ms
    if reply is None:
        return "unanswered" if is_over else "open"
    if first is not None and stop is not None and stop > first:
        return "cut_off"
    if first is not None and talk.last is not None and talk.last.said_ms is None:
        return "open" if not is_over else "answered"
    if resumed is not None and stop is not None:
        is_collision = first is not None and resumed <= first
        if resumed - stop <= HOLD_MS or is_collision:
            return "cut_off"
    cut = reply.interrupted_ms
    if first is None:
        is_stopped = cut is not None or talk.is_reply_over
        return "unheard" if is_stopped and resumed is not None else "answered"
    is_broken_into = cut is not None and resumed is not None and resumed <= cut
    return "interrupted" if is_broken_into else "answered"


def _latency(
    stop: int | None, first: int | None, outcome: Outcome
) -> tuple[int | None, str | None]:
    """Return the latency of a reply, or why there is none."""
    if stop is None or first is None:
        return None, None
    if first < stop:
        return None, f"the agent began {stop - first} ms before the caller had finished"
    if first - stop > 2 * MAX_REPLY_MS:
        return None, f"{first - stop} ms are no answer's delay"
    return first - stop, None


def _first_byte(reply: Playback | None) -> int | None:
    if reply is None or reply.ttfb_ms is None:
        return None
    return max(reply.start_ms, decided(reply)) + reply.ttfb_ms


def _over(reply: Playback) -> int | None:
    return reply.end_ms if reply.interrupted_ms is None else reply.interrupted_ms


def _known(times: Iterable[int | None]) -> list[int]:
    return [at for at in times if at is not None]
