"""One turn: its state while it is open, and its row."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from rustpbx_lab.analysis.folds import Quality
from rustpbx_lab.analysis.playback import Playback
from rustpbx_lab.analysis.recognition import Recognition
from rustpbx_lab.analysis.speech import Speech

from .clock_bounds import ClockBounds, is_certain

HOLD_MS = 1500
"""A caller who goes on this soon had only paused: the turn was not over."""
MAX_REPLY_MS = 30_000
"""What the agent says later than this after the caller is not an answer."""
SETTLED_MS = 3000
"""After so long nothing of the caller's can change what a reply was."""

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
    """``first_audio_ms`` less ``stop_ms``; empty where that is not a latency."""
    quality: Quality
    """Of ``latency_ms``: inferred if a step is, or where the two clocks it runs between
    may be more than 20 ms apart."""
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
    clock_error_ms: int | None = 0
    """How far a length may be wrong that runs from the server's clock to ours, or back;
    0 in a log of one clock, empty while nothing tells."""
    join_moved_ms: int = 0
    """How far the join of the clocks moved meanwhile: lengths by the server's clock may
    be wrong by so much."""
    said_seq: int | None = None
    """Log row of ``said_ms``."""
    final_seq: int | None = None
    """Log row of ``final_ms``."""
    command_seq: int | None = None
    """Log row of ``command_ms``; empty if no command of the log asked."""


@dataclass(slots=True)
class Talk:
    """A turn that is not settled."""

    number: int
    seq: int
    speeches: dict[int, Speech] = field(default_factory=dict[int, Speech])
    finals: list[Recognition] = field(default_factory=list[Recognition])
    llm_ms: int | None = None
    reply: Playback | None = None
    is_reply_over: bool = False
    resumed_ms: int | None = None
    joins: tuple[int, int] | None = None
    """The least and the most that the server's clock was taken to be ahead of call
    time while it lasted; none in a log of one clock."""
    clock_error_ms: int | None = 0

    @property
    def last(self) -> Speech | None:
        """The speech that began last."""
        spoken = self.speeches.values()
        return max(spoken, key=lambda row: row.start_ms or 0, default=None)

    @property
    def stop(self) -> tuple[int | None, Quality]:
        """When the caller stopped, and how that is known."""
        last = self.last
        if last is not None:
            return last.end_ms, last.quality
        ends = [final.end_ms for final in self.finals if final.end_ms is not None]
        return (ends[-1], "inferred") if ends else (None, "unknown")

    @property
    def decided_ms(self) -> int | None:
        """When the reply was asked for."""
        return None if self.reply is None else decided(self.reply)

    def join(self, join_ms: int, bounds: ClockBounds) -> None:
        """Process how a record of this turn was placed."""
        least, most = self.joins or (join_ms, join_ms)
        self.joins = (min(least, join_ms), max(most, join_ms))
        self.clock_error_ms = bounds.error_ms(*self.joins)

    def is_settled(self, now_ms: int) -> bool:
        """Whether nothing that comes now can change the turn."""
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


def turn_of(talk: Talk, *, is_over: bool = False) -> Turn:
    """Return the row of what was gathered so far."""
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
        is_known = both == ("measured", "measured") and is_certain(talk.clock_error_ms)
        quality = "measured" if is_known else "inferred"
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
        clock_error_ms=talk.clock_error_ms,
        join_moved_ms=talk.joins[1] - talk.joins[0] if talk.joins else 0,
        said_seq=None if last is None else last.said_seq,
        final_seq=finals[-1].said_seq if finals else None,
        command_seq=None if reply is None else reply.command_seq,
    )


def _outcome(
    talk: Talk, stop: int | None, first: int | None, *, is_over: bool
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
        return None, f"{first - stop} ms cannot be the delay of an answer"
    return first - stop, None


def _first_byte(reply: Playback | None) -> int | None:
    if reply is None or reply.ttfb_ms is None:
        return None
    return max(reply.start_ms, decided(reply)) + reply.ttfb_ms


def _over(reply: Playback) -> int | None:
    return reply.end_ms if reply.interrupted_ms is None else reply.interrupted_ms


def _known(times: Iterable[int | None]) -> list[int]:
    return [at for at in times if at is not None]
