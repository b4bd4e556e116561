"""Where the time of a turn went: contiguous segments that sum to its latency."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from .folds import Quality
from .timelines import as_table
from .turns import Turn

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
    """Unknown where the parts of a joined one are."""
    begins: str
    """What happened at its start."""
    ends: str
    """What happened at its end."""

    @property
    def length_ms(self) -> int:
        """How long it took."""
        return self.end_ms - self.start_ms


class _Step(NamedTuple):
    name: str
    at_ms: int | None
    what: str
    quality: Quality = "measured"


def segments(turn: Turn) -> list[Segment]:
    """Return the parts of a turn's latency, in order; their lengths sum to it.

    A step that did not take place in this turn has no segment. What lies between two
    steps that are known is one segment, named by all that took place in it. Without a
    latency there are none.
    """
    if turn.latency_ms is None or turn.stop_ms is None or turn.first_audio_ms is None:
        return []
    parts: list[Segment] = []
    at, was, joined = turn.stop_ms, "the caller stopped", ""
    for step in _steps(turn):
        if step.at_ms is None:
            joined += f"{step.name} + "
            continue
        # two clocks that agree within milliseconds: never before what caused it
        end = min(max(step.at_ms, at), turn.first_audio_ms)
        quality: Quality = "unknown" if joined else step.quality
        parts.append(Segment(joined + step.name, at, end, quality, was, step.what))
        at, was, joined = end, step.what, ""
    return parts


def _steps(turn: Turn) -> list[_Step]:
    command = turn.command_ms if turn.command_ms is not None else turn.first_audio_ms
    steps: list[_Step] = []
    if turn.said_ms is not None and turn.said_ms <= (command or 0):
        quality = turn.stop_quality
        steps.append(_Step("hang-over", turn.said_ms, "the server said so", quality))
    if turn.final_ms is not None:
        steps.append(_Step("ASR final", turn.final_ms, "asrFinal"))
    asked = f"the {turn.kind} command" if turn.kind != "track" else "trackStart"
    asked_quality: Quality = "inferred" if turn.kind == "track" else "measured"
    if turn.llm_ms is None:
        steps.append(_Step("app", command, asked, asked_quality))
    else:
        steps.append(_Step("app", turn.llm_ms, "llm_call_start"))
        steps.append(_Step("LLM", command, asked, asked_quality))
    first, quality = turn.first_audio_ms, turn.first_audio_quality
    heard = [_Step("buffer", first, "the first audio", quality)]
    frame = turn.first_frame_ms
    if frame is not None and first is not None and frame < first:
        heard = [
            _Step("buffer", frame, "the first frame"),
            _Step("lead-in", first, "the first sound", quality),
        ]
    if turn.kind == "play":
        return [*steps, *heard]
    if quality == "inferred":  # the first byte is all that is known
        return [*steps, _Step("TTS", first, "the first byte", quality)]
    return [*steps, _Step("TTS", turn.tts_ms, "the first byte", "inferred"), *heard]


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
    known = {part.name: part.length_ms for part in parts if part.name in SEGMENTS}
    joined = [part.length_ms for part in parts if part.name not in SEGMENTS]
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
        unknown_ms=sum(joined) if joined else None,
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
