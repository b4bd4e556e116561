"""The stand-in's recogniser: the caller's audio to ``asrDelta`` and ``asrFinal``."""

import logging
import uuid
from collections import deque
from collections.abc import Callable

import numpy as np

from rustpbx_lab.audio.codecs import Samples
from rustpbx_lab.errors import RustpbxLabError
from rustpbx_lab.models import events
from rustpbx_lab.models.base import BaseEvent
from rustpbx_lab.models.options import TranscriptionOption
from rustpbx_lab.simulator.core.provider_reach import refusal
from rustpbx_lab.simulator.core.runtime import Runtime
from rustpbx_lab.speech.recognition import Hypothesis, Recogniser, RecognitionStream

logger = logging.getLogger(__name__)

ASR_PROVIDERS = frozenset(("tencent", "aliyun", "deepgram"))
"""Names that are served, all by the local engine; credentials are ignored."""

_SENDERS = {
    "tencent": "tencent_cloud_asr",
    "aliyun": "aliyun_asr",
    "deepgram": "deepgram_asr",
}


_CLIENTS = {
    "tencent": "TencentCloudAsrClient",
    "aliyun": "AliyunAsrClient",
    "deepgram": "DeepgramAsrClient",
}


class RefusedError(RustpbxLabError):
    """A recogniser that cannot be reached."""


class RecognitionFeed:
    """One recogniser stream, fed in a worker thread that takes all that waits.

    Times in its events count from when the stream was ready, as the server's do from
    its connection: late by the delay, and behind by every gap in the audio.
    """

    def __init__(
        self,
        option: TranscriptionOption,
        track_id: str,
        runtime: Runtime,
        recogniser: Recogniser,
        emit: Callable[[BaseEvent], None],
    ) -> None:
        self._runtime, self._recogniser = runtime, recogniser
        self._provider, self._endpoint = str(option.provider), option.endpoint
        self._says = _Transcripts(str(option.provider), track_id, runtime, emit)
        self._stream: RecognitionStream | None = None
        self._waiting: deque[Samples] = deque()
        self._is_busy = self._is_closed = False
        self._waits_for_answer = bool(option.start_when_answer)
        if not self._waits_for_answer:
            self._connect()

    def push(self, samples: Samples) -> None:
        """Take audio, int16 at 16 kHz; never blocks."""
        if self._waits_for_answer or self._is_closed or not len(samples):
            return
        self._waiting.append(samples)
        self._feed()

    def answered(self) -> None:
        """Begin now if the option said so."""
        if self._waits_for_answer:
            self._waits_for_answer = False
            self._connect()

    def close(self) -> None:
        """Stop; an utterance that is open gets no final."""
        self._is_closed = True
        self._waiting.clear()

    def _connect(self) -> None:
        self._work(self._make_stream, self._connected)

    def _make_stream(self) -> list[Hypothesis]:
        why_not = refusal(self._provider, self._endpoint)
        if why_not is not None:
            name = self._provider.capitalize()
            raise RefusedError(f"Failed to connect to {name} ASR WebSocket: {why_not}")
        self._stream = self._recogniser.stream()
        return []

    def _connected(self, _: list[Hypothesis]) -> None:
        self._says.begin()

    def _feed(self) -> None:
        stream = self._stream
        if self._is_busy or stream is None or not self._waiting:
            return
        audio = np.concatenate(self._waiting)
        self._waiting.clear()
        self._work(lambda: stream.push(audio), self._heard)

    def _work(
        self,
        work: Callable[[], list[Hypothesis]],
        then: Callable[[list[Hypothesis]], None],
    ) -> None:
        self._is_busy = True

        def run() -> None:
            try:
                found = work()
            except RefusedError as exc:
                why_not = str(exc)
                self._runtime.soon(lambda: self._refused(why_not))
            except Exception as exc:
                # an engine may fail in any way; the call must hear of it and go on
                logger.exception("the recogniser failed")
                error = str(exc)
                self._runtime.soon(lambda: self._failed(error))
            else:
                self._runtime.soon(lambda: done(found))

        def done(found: list[Hypothesis]) -> None:
            self._is_busy = False
            if not self._is_closed:
                then(found)
                self._feed()

        self._runtime.in_worker(run)

    def _heard(self, found: list[Hypothesis]) -> None:
        for hypothesis in found:
            self._says.say(hypothesis)

    def _refused(self, error: str) -> None:
        if not self._is_closed:
            self.close()
            self._says.fail(error, sender=_CLIENTS[self._provider], code=500)

    def _failed(self, error: str) -> None:
        if not self._is_closed:
            self.close()
            self._says.fail(error, sender=_SENDERS[self._provider])


class _Transcripts:
    """What a provider's recogniser says of hypotheses, and its metrics."""

    def __init__(
        self,
        provider: str,
        track_id: str,
        runtime: Runtime,
        emit: Callable[[BaseEvent], None],
    ) -> None:
        self._provider, self._track_id = provider, track_id
        self._runtime, self._emit = runtime, emit
        self._task_id = str(uuid.uuid4())
        self._index = 1 if provider == "aliyun" else 0
        self._connected_ms = 0
        self._connected_mono_ms = self._metric_from_ms = 0.0
        self._has_delta = False

    def begin(self) -> None:
        """Take note that the recogniser is connected."""
        self._connected_ms = self._runtime.now_ms()
        self._connected_mono_ms = self._runtime.monotonic_ms()
        self._metric_from_ms = self._connected_mono_ms

    def say(self, said: Hypothesis) -> None:
        """Emit one hypothesis and its metrics."""
        kind = events.AsrFinal if said.is_final else events.AsrDelta
        self._emit(
            kind(
                track_id=self._track_id,
                index=self._index,
                timestamp=self._runtime.now_ms(),
                start_time=self._connected_ms + said.start_ms,
                end_time=self._connected_ms + said.end_ms,
                text=said.text,
                confidence=self._confidence(said),
                task_id=None if self._provider == "aliyun" else self._task_id,
            )
        )
        self._emit_metrics(said)
        if said.is_final:
            self._index += 1
            self._has_delta = False
            if self._provider == "tencent":
                self._metric_from_ms = self._runtime.monotonic_ms()

    def _confidence(self, said: Hypothesis) -> float | None:
        return said.confidence if self._provider == "deepgram" else None

    def _emit_metrics(self, said: Hypothesis) -> None:
        now = self._runtime.monotonic_ms()
        if self._provider == "deepgram" and not self._has_delta:
            self._metric_from_ms = now  # counts from the first partial
        self._has_delta = True
        what = "completed" if said.is_final else "ttfb"
        key = "sentence_id" if self._provider == "aliyun" else "index"
        self._emit(
            events.Metrics(
                timestamp=self._runtime.now_ms(),
                key=f"{what}.asr.{self._provider}",
                duration=round(now - self._metric_from_ms),
                data={key: self._index},
            )
        )

    def fail(self, error: str, *, sender: str, code: int | None = None) -> None:
        """Emit the error of a stream that broke, or was never there."""
        self._emit(
            events.Error(
                track_id=self._track_id,
                timestamp=self._runtime.now_ms(),
                sender=sender,
                error=error,
                code=code,
            )
        )
