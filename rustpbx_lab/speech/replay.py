"""VAD events of a recording, as the server would report them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rustpbx_lab.audio.clip import Clip
from rustpbx_lab.audio.codecs import Samples
from rustpbx_lab.models.options import VADOption

from .vad import VadEvent, VadParams, VadProcessor, decide, marginal
from .vad_engines import SAMPLE_RATE_HZ, SileroEngine, VadEngine, frame_ms

FRAME_MS = 20
"""How callers send audio; ``nop`` decides once a frame."""


@dataclass(frozen=True, slots=True)
class VadReplay:
    """The events of a recording, times in milliseconds from its start."""

    events: list[VadEvent]
    """In the order the server would send them."""
    marginal: list[tuple[int, float]]
    """Start and probability of the chunks within 0.02 of the threshold: the server's
    arithmetic may decide these otherwise, and with them the events around."""
    duration_ms: int
    params: VadParams
    vad_type: str
    remarks: list[str]
    """What one should know of the recording, one sentence each."""

    def to_dict(self) -> dict[str, Any]:
        """Return what ``rustpbx-lab vad replay --json`` prints."""
        return {
            "events": [_event(event) for event in self.events],
            "marginal": [
                {"at": at, "probability": round(probability, 5)}
                for at, probability in self.marginal
            ],
            "durationMs": self.duration_ms,
            "remarks": self.remarks,
            "option": {
                "type": self.vad_type,
                "speechPadding": self.params.speech_padding_ms,
                "silencePadding": self.params.silence_padding_ms,
                "voiceThreshold": self.params.voice_threshold,
                "silenceTimeout": self.params.silence_timeout_ms,
            },
        }


def replay_vad(
    clip: Clip, option: VADOption, engine: VadEngine | None = None
) -> VadReplay:
    """Return what the server would say of a recording that is sent in real time.

    Args:
        clip: One channel; resampled to 16 kHz if it has another rate, which makes the
            result approximate.
        option: As in ``invite``.
        engine: In the place of Silero, the server's; it has no say where the option's
            type is ``nop``.

    Raises:
        SpeechEngineError: If the server has no VAD of this type.
    """
    params = VadParams.from_option(option)
    if option.type != "silero":
        processor = VadProcessor(option)
        events = [
            event
            for start, frame in _frames(clip.mono().resampled(SAMPLE_RATE_HZ).samples)
            for event in processor.push(frame, start)
        ]
        near: list[tuple[int, float]] = []
    else:
        engine = engine or SileroEngine()
        heard = clip.mono().resampled(engine.sample_rate_hz).samples
        probabilities = engine.probabilities(heard)
        step_ms = frame_ms(engine)
        events = decide(probabilities, params, step_ms)
        near = marginal(probabilities, params.voice_threshold, step_ms)
    told = [*clip.remarks, *_remarks(clip)]
    return VadReplay(events, near, clip.duration_ms, params, option.type, told)


def _remarks(clip: Clip) -> Iterator[str]:
    rate = clip.sample_rate_hz
    if not len(clip.samples):
        yield "it holds no sound"
    elif rate < SAMPLE_RATE_HZ:
        yield (
            f"it has {rate} Hz: resampled to {SAMPLE_RATE_HZ}, there is nothing above "
            f"{rate // 2} Hz, and the server's own resampling may differ a little"
        )
    elif rate > SAMPLE_RATE_HZ:
        yield f"it has {rate} Hz: resampled to {SAMPLE_RATE_HZ}"


def _frames(samples: Samples) -> Iterator[tuple[int, Samples]]:
    step = SAMPLE_RATE_HZ * FRAME_MS // 1000
    for index, first in enumerate(range(0, len(samples), step)):
        yield index * FRAME_MS, samples[first : first + step]


def _event(event: VadEvent) -> dict[str, int | str]:
    shown: dict[str, int | str] = {
        "event": event.event,
        "startTime": event.start_time,
        "at": event.at,
    }
    if event.duration is not None:
        shown["duration"] = event.duration
    return shown
