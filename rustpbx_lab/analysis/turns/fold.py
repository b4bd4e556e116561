"""The turn fold: utterances of the caller and the replies to them."""

from typing import Any, ClassVar

from typing_extensions import override

from rustpbx_lab.analysis.folds import Handlers, said_at
from rustpbx_lab.analysis.pipeline import Basics, BuiltFold
from rustpbx_lab.analysis.playback import Playback
from rustpbx_lab.analysis.recognition import Recognition
from rustpbx_lab.analysis.speech import Speech
from rustpbx_lab.log import Record
from rustpbx_lab.models import events

from .clock_bounds import ClockBounds
from .turn import MAX_REPLY_MS, Talk, Turn, decided, is_heard, turn_of

MAX_ANSWERED = 8
MAX_PARTS = 100
"""Speeches or finals in one turn: so much without a reply gets none."""


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
        self._pending: Talk | None = None
        self._answered: list[Talk] = []
        self._short: Speech | None = None
        self._seen = -1
        self._last_stop: int | None = None
        self._has_vad = False
        self._n_turns = 0
        self._bounds = ClockBounds()
        super().__init__(basics)

    @override
    def _handling(self) -> Handlers:
        handled = {**self._basics.recognition.handled, **self._basics.playback.handled}
        return dict.fromkeys({*handled, *ClockBounds.TOLD_BY}, self._take)

    @override
    def _open_rows(self) -> list[Turn]:
        talks = [*self._answered, *([self._pending] if self._pending else [])]
        return [turn_of(talk) for talk in talks]

    def _take(self, record: Record, message: Any) -> None:
        now, basics = said_at(record), self._basics
        self._bounds.take(record, message)
        key = (record.direction, record.name)
        if key in basics.speech.handled:
            spoken = basics.speech.step(record)
            for speech in (*spoken.closed, *spoken.open):
                self._hear(speech)
        if key in basics.recognition.handled:
            for text in basics.recognition.step(record).closed:
                self._understand(text)
        if key in basics.playback.handled:
            played = basics.playback.step(record)
            for row in played.closed:
                self._play(row, is_over=True)
            for row in played.open:
                self._play(row, is_over=False)
        if record.name == "metrics":
            self._measure(record, message)
        self._join(record)
        self._settle(now, is_over=ends_call(record, message))

    def _join(self, record: Record) -> None:
        if record.received_ms is None or record.timestamp is None:
            return
        for talk in (*self._answered, self._pending):
            if talk is not None:
                talk.join(record.timestamp - said_at(record), self._bounds)

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

    def _new_talk(self, seq: int) -> Talk:
        self._n_turns += 1
        return Talk(self._n_turns, seq)

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

    def _talk_for(self, reply: Playback) -> Talk | None:
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

    def _close(self, talk: Talk) -> None:
        self._closed.append(turn_of(talk, is_over=True))
