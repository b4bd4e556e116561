"""Synthesis tracks: commands in, frames every 20 ms."""

import base64
import binascii
from collections import deque

import numpy as np
from typing_extensions import override

from rustpbx_lab.audio.clip import Clip
from rustpbx_lab.audio.codecs import Samples
from rustpbx_lab.errors import shorten
from rustpbx_lab.models import commands, events
from rustpbx_lab.models.options import SynthesisOption

from .track import FRAME_SAMPLES, SAMPLE_RATE_HZ, PlayedTrack, Stage
from .voice import Speaking, Speech, TextPieces, Voice, spoken_text

PREBUFFER_SAMPLES = SAMPLE_RATE_HZ * 200 // 1000
PREBUFFER_LIMIT_MS = 500
BYTES_PER_MS = 2 * SAMPLE_RATE_HZ // 1000


class TtsTask(PlayedTrack):
    """Speech of one or more ``tts`` commands with one play id.

    It stops reading commands after the first end of stream, and every non-streaming
    command is one. All pieces of a stream share one entry.
    """

    def __init__(
        self,
        stage: Stage,
        voice: Voice,
        option: SynthesisOption,
        command: commands.Tts,
        ssrc: int,
    ) -> None:
        super().__init__(stage, ssrc, command.play_id)
        self._voice, self._option = voice, option
        self._is_streaming = bool(command.streaming)
        self._queue: deque[Samples] = deque()
        self._n_queued = 0
        self._buffering_since: float | None = 0.0
        self._pieces = TextPieces()
        self._speaking: Speaking | None = None
        self._waiting_texts: deque[str] = deque()
        self._subtitle: str | None = None
        self._has_end = self._has_read_end = self._is_complete = self._failed = False
        self._is_tail = False
        self._n_played = self._n_received = 0
        self._asked_ms = 0.0
        self._first_audio_ms: float | None = None
        self._cache_key: str | None = None
        self._whole: list[Samples] = []

    # ------------------------------------------------------------------ commands

    @property
    def is_finished(self) -> bool:
        """Whether it takes no more commands because it has ended or was stopped."""
        return self.is_over or self.is_cancelled or self._is_tail

    def push(self, command: commands.Tts, *, end_of_stream: bool) -> None:
        """Take a command; after the end of stream it is accepted and never spoken."""
        if self._has_end:
            self.stage.report(
                "never spoken",
                f"tts {shorten(command.text)} joins playback {self.play_id!r}, which "
                "has stopped reading: it is never spoken and no event says so; use "
                "another playId, streaming, or wait for trackEnd",
            )
            return
        self._has_end = end_of_stream
        # read later: a task that is stopped before has no entry and no interruption
        self.stage.runtime.soon(lambda: self._read(command, end_of_stream))

    def _read(self, command: commands.Tts, end_of_stream: bool) -> None:
        if self.is_cancelled:
            return
        self._subtitle = command.text
        self._has_read_end = end_of_stream
        self._asked_ms = self.stage.runtime.monotonic_ms()
        if command.base64:
            self._take(_decoded(command.text, self._option.samplerate))
            self._settle()
        elif self._is_streaming:
            self._waiting_texts += self._pieces.push(
                spoken_text(command.text), is_last=end_of_stream
            )
            self._speak_next()
        else:
            self._speak_whole(command)

    def _speak_whole(self, command: commands.Tts) -> None:
        text = spoken_text(command.text)
        if not text:
            self._settle()
            return
        key = self._voice.cache_key(text, self._option, command.cache_key)
        cached = self._voice.cached(key)
        if cached is None:
            self._cache_key = key
            self._waiting_texts.append(text)
            self._speak_next()
            return
        took = round(self.stage.runtime.monotonic_ms() - self._asked_ms)
        self._emit_metrics(
            took, len(cached), took, cached=True, speaker=self._option.speaker
        )
        self._take(cached)
        self._settle()

    def _speak_next(self) -> None:
        if self._speaking is not None:
            return
        if not self._waiting_texts:
            self._settle()
            return
        speech = Speech(self._waiting_texts.popleft(), self._option)
        self._speaking = self._voice.speak(speech, self)

    # ------------------------------------------------------------------ synthesis

    def audio(self, samples: Samples) -> None:
        """Take audio of the synthesis, 16 kHz."""
        if self.is_cancelled or not len(samples):
            return
        if self._first_audio_ms is None:
            self._first_audio_ms = self.stage.runtime.monotonic_ms()
        self._n_received += len(samples)
        if self._cache_key is not None:
            self._whole.append(samples)
        self._take(samples)

    def spoken(self) -> None:
        """Take note that the synthesis of a text is complete."""
        self._speaking = None
        if not self.is_cancelled:
            self._speak_next()

    def failed(self, error: str) -> None:
        """Take note that the synthesis failed; what was made of it still plays."""
        if self.is_cancelled:
            return
        self._speaking, self._failed = None, True
        self._waiting_texts.clear()
        self.stage.emit(
            events.Error(
                track_id=self.stage.server_track,
                timestamp=self.now_ms,
                sender="tts",
                error=error,
                code=500,
            )
        )
        self._settle()

    def refused(self, error: str) -> None:
        """Take note that there is no provider; a stream just ends."""
        if not self._is_streaming:
            self.failed(error)
        elif not self.is_cancelled:
            self._speaking, self._failed = None, True
            self._waiting_texts.clear()
            self._has_read_end = True  # it ends now, whatever is still to come
            self._settle()

    def _take(self, samples: Samples) -> None:
        if len(samples):
            self._queue.append(samples)
            self._n_queued += len(samples)

    def _settle(self) -> None:
        """Complete the entry if nothing more can come."""
        if not self._has_read_end or self._is_complete or self._speaking is not None:
            return
        self._is_complete = True
        if self._failed or not self._n_received:
            return
        if self._cache_key is not None:
            self._voice.keep(self._cache_key, np.concatenate(self._whole))
        now = self.stage.runtime.monotonic_ms()
        first = now if self._first_audio_ms is None else self._first_audio_ms
        self._emit_metrics(
            round(now - self._asked_ms),
            self._n_received,
            round(max(first - self._asked_ms, 0)),
            cached=False,
        )

    def _emit_metrics(
        self,
        duration_ms: int,
        n_samples: int,
        ttfb_ms: int,
        *,
        cached: bool,
        **more: str | None,
    ) -> None:
        rate = self._option.samplerate or SAMPLE_RATE_HZ
        details = {
            "playId": self.play_id,
            "cmdSeq": None if self._is_streaming else 0,
            "length": 2 * (n_samples * rate // SAMPLE_RATE_HZ),
            "cached": cached,
            "ttfb": ttfb_ms,
            "duration": duration_ms,
            **more,
        }
        self.stage.emit(
            events.Metrics(
                timestamp=self.now_ms,
                key=f"completed.tts.{self._option.provider}",
                duration=duration_ms,
                data=details,
            )
        )

    # ------------------------------------------------------------------ playing

    @override
    def _begin(self) -> None:
        self._buffering_since = self._began_ms
        self._tick_at(self._began_ms)

    @override
    def _tick(self) -> None:
        if self.is_paused:
            return
        if self._is_complete and not self._n_queued:
            self._finish()
        elif self._is_ready():
            frame = self._next_frame()
            self._n_played += len(frame)
            padding = np.zeros(FRAME_SAMPLES - len(frame), np.int16)
            self._play(np.concatenate([frame, padding]))
        else:
            self._play(np.zeros(0, np.int16))

    def _is_ready(self) -> bool:
        now = self.stage.runtime.monotonic_ms()
        if self._buffering_since is None:
            if self._n_queued:
                return True
            self._buffering_since = now
            return False
        waited_enough = now - self._buffering_since >= PREBUFFER_LIMIT_MS
        enough = self._n_queued >= PREBUFFER_SAMPLES or self._is_complete
        if not self._n_queued or not (enough or waited_enough):
            return False
        self._buffering_since = None
        return True

    def _next_frame(self) -> Samples:
        parts: list[Samples] = []
        missing = FRAME_SAMPLES
        while missing and self._queue:
            head = self._queue.popleft()
            if len(head) > missing:
                self._queue.appendleft(head[missing:])
                head = head[:missing]
            parts.append(head)
            missing -= len(head)
        frame = np.concatenate(parts)
        self._n_queued -= len(frame)
        return frame

    # ------------------------------------------------------------------ ending

    @override
    def cancel(self, *, graceful: bool = False) -> None:
        if self.is_over or self.is_cancelled or self._is_tail:
            return
        timestamp = self.now_ms
        if graceful and not self._is_streaming and self._n_played:
            self._is_tail = True
            self.stage.runtime.soon(lambda: self._emit_interruption(timestamp))
            return
        self._stop()
        self.stage.runtime.soon(lambda: self._end_cancelled(timestamp))

    @override
    def end_now(self) -> None:
        if self.is_over:
            return
        timestamp = self.now_ms
        self._stop()
        if not self._is_tail:  # of a tail the server says nothing any more
            self._end_cancelled(timestamp)

    def _stop(self) -> None:
        self.is_cancelled = True
        if self._speaking is not None:
            self._speaking.cancel()

    def _end_cancelled(self, timestamp: int) -> None:
        if not self.is_over:
            if not self._is_tail:
                self._emit_interruption(timestamp)
            self._finish(timestamp)

    def _emit_interruption(self, timestamp: int) -> None:
        if self._subtitle is None or (self._is_complete and not self._n_queued):
            return  # no entry: before the first command, or all is said
        self.stage.emit(
            events.Interruption(
                track_id=self.stage.server_track,
                timestamp=timestamp,
                play_id=self.play_id,
                subtitle=self._subtitle,
                total_duration=_milliseconds(self._n_received),
                current=_milliseconds(self._n_played),
            )
        )


def _milliseconds(n_samples: int) -> int:
    return 2 * n_samples // BYTES_PER_MS


def _decoded(text: str, rate: int | None) -> Samples:
    try:
        pcm = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return np.zeros(0, np.int16)
    samples = np.frombuffer(pcm, "<i2", len(pcm) // 2).astype(np.int16)
    rate = rate if rate is not None and rate > 0 else SAMPLE_RATE_HZ
    return Clip(samples, rate).resampled(SAMPLE_RATE_HZ).mono().samples
