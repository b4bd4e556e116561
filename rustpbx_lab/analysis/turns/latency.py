"""Turn latency split into contiguous segments."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from rustpbx_lab.analysis.folds import Quality
from rustpbx_lab.analysis.timelines import as_table

from .clock_bounds import is_certain
from .turn import Turn

SEGMENTS = ("hang-over", "ASR final", "app", "LLM", "TTS", "buffer", "lead-in")
"""In the order of time: until the server said that speech had ended, until the last
final, until the application acted (called its language model, else asked for the
reply), until the reply was asked for, until its first byte, until its first frame
arrived, until it could be heard: silence that the reply itself begins with."""
MIN_FOR_P95 = 5
"""Under this many turns a 95th percentile says nothing."""


class Segment(NamedTuple):
    """A part of a turn's latency. Each begins where the one before ended."""

    name: str
    """One of `SEGMENTS`; ``TTS + buffer`` where nobody can tell them apart."""
    start_ms: int
    end_ms: int
    quality: Quality
    """Unknown where the parts of a joined one are, and where two clocks do not tell."""
    begins: str
    """What happened at its start."""
    ends: str
    """What happened at its end."""
    error_ms: int | None = 0
    """How far its length may be wrong; more than 0 between two clocks, empty while
    nothing tells how far these are apart."""
    seq: int | None = None
    """Log row of what happened at its end; empty if no row did."""

    @property
    def length_ms(self) -> int:
        """How long it took."""
        return self.end_ms - self.start_ms


class _Step(NamedTuple):
    name: str
    at_ms: int | None
    what: str
    quality: Quality = "measured"
    is_ours: bool = False
    """Whether it is a time of our clock, not of the server's."""
    seq: int | None = None
    """Log row of what happened."""


def segments(turn: Turn) -> list[Segment]:
    """Return the parts of a turn's latency, in order; their lengths sum to it.

    A step that did not take place in this turn has no segment. What lies between two
    steps that are known is one segment, named by all that took place in it. Without a
    latency there are none.
    """
    if turn.latency_ms is None or turn.stop_ms is None or turn.first_audio_ms is None:
        return []
    parts: list[Segment] = []
    at, was, joined, is_ours = turn.stop_ms, "the caller stopped", "", False
    for step in _steps(turn):
        if step.at_ms is None:
            joined += f"{step.name} + "
            continue
        # two clocks that agree within milliseconds: never before what caused it
        end = min(max(step.at_ms, at), turn.first_audio_ms)
        error = _error_ms(turn, from_ours=is_ours, to_ours=step.is_ours)
        is_known = not joined and is_certain(error)
        quality: Quality = step.quality if is_known else "unknown"
        name = joined + step.name
        ends = (step.what, error, step.seq)
        parts.append(Segment(name, at, end, quality, was, *ends))
        at, was, joined, is_ours = end, step.what, "", step.is_ours
    return parts


def _error_ms(turn: Turn, *, from_ours: bool, to_ours: bool) -> int | None:
    """Return how far a length between two times may be wrong, by whose clocks."""
    if from_ours != to_ours:
        return turn.clock_error_ms
    return 0 if from_ours else turn.join_moved_ms


def _steps(turn: Turn) -> list[_Step]:
    command = turn.command_ms if turn.command_ms is not None else turn.first_audio_ms
    steps: list[_Step] = []
    if turn.said_ms is not None and turn.said_ms <= (command or 0):
        said = _Step("hang-over", turn.said_ms, "the server said so")
        steps.append(said._replace(quality=turn.stop_quality, seq=turn.said_seq))
    if turn.final_ms is not None:
        final = _Step("ASR final", turn.final_ms, "asrFinal", seq=turn.final_seq)
        steps.append(final)
    if turn.kind == "track":
        asked = _Step("", command, "trackStart", "inferred")
    else:
        asked = _Step("", command, f"the {turn.kind} command", is_ours=True)
    asked = asked._replace(seq=turn.command_seq)
    if turn.llm_ms is None:
        steps.append(asked._replace(name="app"))
    else:
        steps.append(_Step("app", turn.llm_ms, "llm_call_start"))
        steps.append(asked._replace(name="LLM"))
    reply = (step._replace(seq=turn.reply_seq) for step in _reply_steps(turn))
    return [*steps, *reply]


def _reply_steps(turn: Turn) -> list[_Step]:
    first, quality = turn.first_audio_ms, turn.first_audio_quality
    if quality == "inferred":  # the first byte is all that is known
        return [_Step("TTS", first, "the first byte", quality)]
    heard = [_Step("buffer", first, "the first audio", quality, is_ours=True)]
    frame = turn.first_frame_ms
    if frame is not None and first is not None and frame < first:
        heard = [
            _Step("buffer", frame, "the first frame", is_ours=True),
            _Step("lead-in", first, "the first sound", quality, is_ours=True),
        ]
    if turn.kind == "play":
        return heard
    # asked for and heard by our clock: what lies between is exact, its parts are not
    first_byte = turn.tts_ms if is_certain(turn.clock_error_ms) else None
    return [_Step("TTS", first_byte, "the first byte", "inferred"), *heard]


@dataclass(frozen=True, slots=True)
class Latency:
    """The latency of one turn in one row. What is unknown is empty."""

    number: int
    outcome: str
    total_ms: int | None
    quality: Quality
    hang_over_ms: int | None
    asr_final_ms: int | None
    app_ms: int | None
    llm_ms: int | None
    tts_ms: int | None
    buffer_ms: int | None
    lead_in_ms: int | None
    unknown_ms: int | None
    """What cannot be told apart. All parts sum to ``total_ms``."""
    stop_ms: int | None
    first_audio_ms: int | None
    seq: int


def latency_table(turns: Iterable[Turn]) -> pd.DataFrame:
    """Return one row a turn, in the order given; no turns give an empty table."""
    return as_table(Latency, [latency(turn) for turn in turns])


def latency(turn: Turn) -> Latency:
    """Return the latency of a turn and its parts."""
    parts = segments(turn)
    told = [part for part in parts if part.quality != "unknown"]
    known = {part.name: part.length_ms for part in told}
    rest = [part.length_ms for part in parts if part.quality == "unknown"]
    return Latency(
        number=turn.number,
        outcome=turn.outcome,
        total_ms=turn.latency_ms,
        quality=turn.quality,
        hang_over_ms=known.get("hang-over"),
        asr_final_ms=known.get("ASR final"),
        app_ms=known.get("app"),
        llm_ms=known.get("LLM"),
        tts_ms=known.get("TTS"),
        buffer_ms=known.get("buffer"),
        lead_in_ms=known.get("lead-in"),
        unknown_ms=sum(rest) if rest else None,
        stop_ms=turn.stop_ms,
        first_audio_ms=turn.first_audio_ms,
        seq=turn.seq,
    )


@dataclass(frozen=True, slots=True)
class Percentiles:
    """What is typical of some values, and how many there were."""

    n: int
    p50: int | None
    p90: int | None
    p95: int | None
    """Empty under `MIN_FOR_P95` values."""


def percentiles(values: Sequence[int]) -> Percentiles:
    """Return percentiles in whole milliseconds, between two values interpolated."""
    if not values:
        return Percentiles(0, None, None, None)
    p50, p90, p95 = (round(float(p)) for p in np.percentile(values, (50, 90, 95)))
    return Percentiles(
        len(values), p50, p90, p95 if len(values) >= MIN_FOR_P95 else None
    )


def turn_latencies(turns: Iterable[Turn], outcome: str = "answered") -> list[int]:
    """Return the latencies of the turns that ended one way.

    Interrupted turns and cut-offs are kept apart: ask for them by their outcome.
    """
    return [
        turn.latency_ms
        for turn in turns
        if turn.outcome == outcome and turn.latency_ms is not None
    ]
