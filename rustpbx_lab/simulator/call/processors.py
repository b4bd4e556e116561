"""Processors of the caller's audio: VAD, recogniser, inactivity timer.

If one of them cannot be built, none is, and no event says so.
"""

from collections.abc import Callable
from typing import Protocol

from rustpbx_lab.audio.codecs import Samples
from rustpbx_lab.errors import SpeechEngineError
from rustpbx_lab.models import events
from rustpbx_lab.models.base import BaseEvent
from rustpbx_lab.models.options import CallOption
from rustpbx_lab.simulator.core.dialect import Dialect
from rustpbx_lab.simulator.core.runtime import Runtime, Timer
from rustpbx_lab.speech.recognition import Recogniser
from rustpbx_lab.speech.vad import VadEvent, VadProcessor
from rustpbx_lab.speech.vad_engines import server_engine

from .recognition_feed import ASR_PROVIDERS, RecognitionFeed

INACTIVITY_POLL_MS = 1000


class HearingServices(Protocol):
    """What the processors need of a stand-in."""

    runtime: Runtime
    recogniser: Recogniser
    dialect: Dialect


class ProcessorError(SpeechEngineError):
    """A processor that the server cannot build: it then installs none."""


class Processors:
    """The processors of one caller track; fixed for the call."""

    def __init__(
        self,
        option: CallOption,
        track_id: str,
        services: HearingServices,
        emit: Callable[[BaseEvent], None],
        end: Callable[[], None],
    ) -> None:
        """Build them all.

        Args:
            option: The call's option.
            track_id: The caller's track.
            services: Time, the recogniser, and which release is simulated.
            emit: Takes the events.
            end: Ends the call, because nothing comes any more.

        Raises:
            ProcessorError: If one of them does not exist.
        """
        runtime = services.runtime
        self._track_id, self._runtime, self._emit = track_id, runtime, emit
        self._end = end
        self._vad = _vad(option, services.dialect)
        asr = option.asr
        if asr is not None and asr.provider not in ASR_PROVIDERS:
            raise ProcessorError(
                f"cannot run asr provider {asr.provider}: the server has no such "
                f"recogniser; {', '.join(sorted(ASR_PROVIDERS))} work"
            )
        if option.eou is not None:
            raise ProcessorError(
                "cannot run eou: the server has no engine for it; leave it out"
            )
        self._feed = (
            None
            if asr is None
            else RecognitionFeed(asr, track_id, runtime, services.recogniser, emit)
        )
        self._limit_ms = 1000 * (option.inactivity_timeout or 0)
        self._last_ms = runtime.monotonic_ms()
        self._timer: Timer | None = None
        if self._limit_ms:
            self._watch(self._last_ms)

    def push(self, samples: Samples) -> None:
        """Take a message of audio, int16 at 16 kHz; empty ones count as activity."""
        self._last_ms = self._runtime.monotonic_ms()
        if self._vad is not None:
            for event in self._vad.push(samples, self._runtime.now_ms()):
                self._emit(self._wire_event(event))
        if self._feed is not None:
            self._feed.push(samples)

    def answered(self) -> None:
        """Take note that the call is answered."""
        if self._feed is not None:
            self._feed.answered()

    def close(self) -> None:
        """Stop at once; what was half heard is lost."""
        if self._feed is not None:
            self._feed.close()
        if self._timer is not None:
            self._timer.cancel()

    def _wire_event(self, event: VadEvent) -> BaseEvent:
        now = self._runtime.now_ms()
        if event.kind == "speaking":
            return events.Speaking(
                track_id=self._track_id,
                timestamp=now,
                start_time=event.start_time,
                confidence=1.0,
            )
        return events.Silence(
            track_id=self._track_id,
            timestamp=now,
            start_time=event.start_time,
            duration=event.duration or 0,
        )

    def _watch(self, polled_ms: float) -> None:
        next_ms = polled_ms + INACTIVITY_POLL_MS
        self._timer = self._runtime.call_at(next_ms, lambda: self._poll(next_ms))

    def _poll(self, polled_ms: float) -> None:
        if self._runtime.monotonic_ms() - self._last_ms < self._limit_ms:
            self._watch(polled_ms)
            return
        self._timer = None
        self._emit(
            events.Inactivity(track_id=self._track_id, timestamp=self._runtime.now_ms())
        )
        self._end()


def build_processors(
    option: CallOption,
    track_id: str,
    services: HearingServices,
    emit: Callable[[BaseEvent], None],
    end: Callable[[], None],
    report: Callable[[str, str], None],
) -> Processors | None:
    """Build all processors, or none and tell only strict mode why."""
    if option.realtime is not None:
        return None
    try:
        return Processors(option, track_id, services, emit, end)
    except ProcessorError as exc:
        why = (
            f"{exc}. Denoise, VAD, AGC, ASR and the inactivity watch are all off "
            "for this call, and no event says so"
        )
        report("no processors", why)
        return None


def _vad(option: CallOption, dialect: Dialect) -> VadProcessor | None:
    if option.vad is None:
        return None
    try:
        return VadProcessor(option.vad, server_engine(dialect.version))
    except SpeechEngineError as exc:
        raise ProcessorError(str(exc)) from exc
