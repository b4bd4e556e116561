"""The server's VAD decision, exactly.

One state machine, twice: `VadDecision` takes chunk by chunk, as the server does;
`decide` jumps from change to change over stored probabilities and gives the same
events in a few milliseconds an hour.

Source:
    active-call, src/media/vad/mod.rs, process_vad_logic.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd  # pyright: ignore[reportMissingTypeStubs]

from rustpbx_lab.audio.codecs import Samples
from rustpbx_lab.errors import SpeechEngineError, shorten
from rustpbx_lab.models.options import VADOption

from .vad_engines import CHUNK_MS, Probabilities, SileroEngine, VadEngine

VadKind = Literal["speaking", "end_of_speech", "timeout"]


@dataclass(frozen=True, slots=True)
class VadParams:
    """The thresholds of the decision, with the server's defaults."""

    speech_padding_ms: int = 250
    """Speech is announced, or worth a ``silence``, from this length on."""
    silence_padding_ms: int = 100
    """Silence this long ends speech."""
    voice_threshold: float = 0.5
    """A chunk is voice if its probability is greater, compared as 32-bit floats."""
    silence_timeout_ms: int | None = None
    """Silence this long gives a tick, again and again; ``None`` is never."""

    @classmethod
    def from_option(cls, option: VADOption) -> "VadParams":
        """Return the thresholds of a ``vad`` option."""
        return cls(
            option.speech_padding,
            option.silence_padding,
            option.voice_threshold,
            option.silence_timeout,
        )


class VadEvent(NamedTuple):
    """A ``speaking`` or ``silence`` event as the server would send it."""

    kind: VadKind
    """Which of the three: the server calls the last two both ``silence``."""
    start_time: int
    """Start of the speech (of the silence for a timeout), milliseconds."""
    at: int
    """Start of the chunk that decided it, milliseconds."""
    duration: int | None = None
    """Length of the speech (of the silence for a timeout); none for speaking."""

    @property
    def event(self) -> Literal["speaking", "silence"]:
        """Name on the wire."""
        return "speaking" if self.kind == "speaking" else "silence"


class VadDecision:
    """The state machine, one chunk at a time."""

    def __init__(self, params: VadParams | None = None) -> None:
        self.params = params or VadParams()
        self._speech_start: int | None = None
        self._is_announced = False
        self._quiet_since: int | None = None

    def step(self, voice: bool, ts: int) -> list[VadEvent]:
        """Take one chunk.

        Args:
            voice: Whether it is voice.
            ts: Its start in milliseconds. Differences never go below 0, so a clock
                that steps back delays an event and breaks nothing.

        Returns:
            What it decides, in the server's order; nearly always nothing.
        """
        if voice:
            self._quiet_since = None
            return self._step_voice(ts)
        return self._step_silence(ts)

    def due_ms(self, voice: bool) -> int | None:
        """Return from when on one more chunk like the last would decide something.

        Every step of the same kind before that changes nothing; ``None``: however
        many there are.
        """
        if voice:
            if self._speech_start is None or self._is_announced:
                return None
            return self._speech_start + self.params.speech_padding_ms
        since, timeout = self._quiet_since, self.params.silence_timeout_ms
        if since is None:
            return None
        end = None if self._speech_start is None else self.params.silence_padding_ms
        waits = [wait for wait in (end, timeout) if wait is not None]
        return since + min(waits) if waits else None

    def _step_voice(self, ts: int) -> list[VadEvent]:
        if self._speech_start is None:
            self._speech_start, self._is_announced = ts, False
            return []
        is_long = max(ts - self._speech_start, 0) >= self.params.speech_padding_ms
        if self._is_announced or not is_long:
            return []
        self._is_announced = True
        return [VadEvent("speaking", self._speech_start, ts)]

    def _step_silence(self, ts: int) -> list[VadEvent]:
        events: list[VadEvent] = []
        since = ts if self._quiet_since is None else self._quiet_since
        self._quiet_since = since
        quiet = max(ts - since, 0)
        if self._speech_start is not None and quiet >= self.params.silence_padding_ms:
            length = max(since - self._speech_start, 0)
            if length >= self.params.speech_padding_ms:
                events.append(VadEvent("end_of_speech", self._speech_start, ts, length))
            self._speech_start = None
            self._quiet_since = ts
        timeout = self.params.silence_timeout_ms
        # measured from the old start, even if speech has just ended
        if timeout is not None and quiet >= timeout:
            events.append(VadEvent("timeout", since, ts, quiet))
            self._quiet_since = ts
        return events


def is_voice(
    probabilities: Probabilities, voice_threshold: float
) -> npt.NDArray[np.bool_]:
    """Return which chunks are voice: strictly above, as 32-bit floats."""
    return probabilities.astype(np.float32, copy=False) > np.float32(voice_threshold)


def decide(
    probabilities: Probabilities, params: VadParams, frame_ms: int = CHUNK_MS
) -> list[VadEvent]:
    """Replay the server's decision over stored probabilities.

    Args:
        probabilities: Shape (n_frames,); frame i starts at ``i * frame_ms``.
        params: Thresholds to replay with.
        frame_ms: Audio one frame covers, milliseconds.

    Returns:
        The events `VadDecision` would give frame by frame, times from 0.

    Raises:
        ValueError: If ``probabilities`` is not one-dimensional.
    """
    if probabilities.ndim != 1:
        raise ValueError(
            f"cannot decide over probabilities of shape {probabilities.shape}: "
            "they need one dimension, a value a frame"
        )
    decision = VadDecision(params)
    events: list[VadEvent] = []
    for voice, frame, end in _runs(is_voice(probabilities, params.voice_threshold)):
        while frame < end:
            events += decision.step(voice, frame * frame_ms)
            due = decision.due_ms(voice)
            if due is None:
                break
            frame = max(frame + 1, -(-due // frame_ms))
    return events


def speech_segments(
    probabilities: Probabilities, frame_ms: int, params: VadParams
) -> pd.DataFrame:
    """Replay the server's speech decision over stored probabilities.

    Args:
        probabilities: Shape (n_frames,), float32, in [0, 1]; frame i starts at
            i * frame_ms.
        frame_ms: Audio one frame covers, milliseconds.
        params: Thresholds to replay with.

    Returns:
        One row a segment, by start: ``start_ms``, ``end_ms`` (int64), end exclusive.
        Speech that was announced and not ended lasts to the last voiced frame. No
        speech gives an empty table with the same columns.

    Raises:
        ValueError: If ``probabilities`` is not one-dimensional.

    Source:
        active-call, src/media/vad/mod.rs, process_vad_logic.
    """
    events = decide(probabilities, params, frame_ms)
    ended = [event for event in events if event.kind == "end_of_speech"]
    starts = [event.start_time for event in ended]
    ends = [event.start_time + (event.duration or 0) for event in ended]
    announced = [event.start_time for event in events if event.kind == "speaking"]
    if announced and announced[-1] not in starts:
        voiced = np.flatnonzero(is_voice(probabilities, params.voice_threshold))
        starts.append(announced[-1])
        ends.append((int(voiced[-1]) + 1) * frame_ms)
    return pd.DataFrame(
        {"start_ms": np.array(starts, np.int64), "end_ms": np.array(ends, np.int64)}
    )


def marginal(
    probabilities: Probabilities,
    threshold: float,
    frame_ms: int = CHUNK_MS,
    within: float = 0.02,
) -> list[tuple[int, float]]:
    """Return the frames whose decision the server might take otherwise.

    Args:
        probabilities: Shape (n_frames,).
        threshold: The ``voiceThreshold`` to compare with.
        frame_ms: Audio one frame covers, milliseconds.
        within: The distance that counts as near, inclusive. The server's arithmetic
            differs from ours by 0.018 at most.

    Returns:
        Start in milliseconds and probability of each, by start.
    """
    near = np.flatnonzero(
        np.abs(probabilities.astype(np.float64) - threshold) <= within
    )
    return [(int(frame) * frame_ms, float(probabilities[frame])) for frame in near]


class VadProcessor:
    """What the server runs on a track: audio in, events out.

    ``silero`` anchors its sample clock at the first message and never again, so it
    falls behind the wall clock wherever audio is missing; ``nop`` takes any sample
    that is not 0 for voice and goes by the time of each message.
    """

    def __init__(self, option: VADOption, engine: VadEngine | None = None) -> None:
        """Prepare a detector.

        Args:
            option: The ``vad`` option of the call.
            engine: Another engine in the place of Silero.

        Raises:
            SpeechEngineError: If the server has no such detector; it then installs
                no processor at all, the recogniser included.
        """
        if option.type not in ("silero", "nop"):
            raise SpeechEngineError(
                f"cannot run vad type {shorten(option.type)}: the server has no such "
                "detector; 'silero' and 'nop' work"
            )
        self.params = VadParams.from_option(option)
        self._decision = VadDecision(self.params)
        self._is_nop = option.type == "nop"
        self._engine = engine or SileroEngine()
        self._stream = None if self._is_nop else self._engine.stream()
        self._anchor_ms: int | None = None
        self._n_consumed = 0

    def push(self, samples: Samples, frame_time_ms: int) -> list[VadEvent]:
        """Take one message of audio.

        Args:
            samples: int16 at 16 kHz, shape (n,); an empty message anchors the clock
                of ``silero`` and is silence to ``nop``.
            frame_time_ms: The server's clock when it takes the message.

        Returns:
            What it decides, in order; times on the server's clock.
        """
        if self._stream is None:
            return self._decision.step(bool(np.any(samples)), frame_time_ms)
        if self._anchor_ms is None:
            self._anchor_ms = frame_time_ms
        events: list[VadEvent] = []
        probabilities = self._stream.push(samples)
        for voice in is_voice(probabilities, self.params.voice_threshold).tolist():
            elapsed_ms = self._n_consumed * 1000 // self._engine.sample_rate_hz
            events += self._decision.step(voice, self._anchor_ms + elapsed_ms)
            self._n_consumed += self._engine.frame_samples
        return events


def _runs(voice: npt.NDArray[np.bool_]) -> Iterator[tuple[bool, int, int]]:
    """Yield value, first and end of each run of equal values."""
    if not len(voice):
        return
    changes = (np.flatnonzero(voice[1:] != voice[:-1]) + 1).tolist()
    value = bool(voice[0])
    for first, end in zip([0, *changes], [*changes, len(voice)], strict=True):
        yield value, first, end
        value = not value
