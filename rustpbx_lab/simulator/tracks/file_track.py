"""A track that plays a file or URL."""

from typing_extensions import override

from rustpbx_lab.audio.codecs import Samples
from rustpbx_lab.models import commands, events

from .media import Media
from .track import FRAME_SAMPLES, SAMPLE_RATE_HZ, PlayedTrack, Stage


class FileTrack(PlayedTrack):
    """A ``play`` command: load, then frames 1 and 2 at once, then one every 20 ms."""

    def __init__(
        self, stage: Stage, media: Media, command: commands.Play, ssrc: int
    ) -> None:
        super().__init__(stage, ssrc, command.play_id or command.url)
        self._media, self._url = media, command.url
        self._next = (command.offset_ms or 0) * SAMPLE_RATE_HZ // 1000
        self._samples: Samples | None = None

    @override
    def _begin(self) -> None:
        self._media.load(self._url, self._loaded, self._failed)

    def _loaded(self, samples: Samples) -> None:
        if self.is_over:
            return
        if self.is_cancelled:
            self._finish()
            return
        self._samples = samples
        self._tick()
        if not self.is_over:
            self._tick_at(self.stage.runtime.monotonic_ms())

    def _failed(self, error: str) -> None:
        if self.is_over:
            return
        if not self.is_cancelled:
            self.stage.emit(
                events.Error(
                    track_id=self.stage.server_track,
                    timestamp=self.now_ms,
                    sender=f"filetrack: {self._url}",
                    error=error,
                )
            )
        self._finish()

    @override
    def _tick(self) -> None:
        if self.is_paused or self._samples is None:
            return
        frame = self._samples[self._next : self._next + FRAME_SAMPLES]
        self._next += FRAME_SAMPLES
        if len(frame):
            self._play(frame)
        else:
            self._finish()

    @override
    def cancel(self, *, graceful: bool = False) -> None:
        if self.is_over or self.is_cancelled:
            return
        self.is_cancelled = True
        timestamp = self.now_ms
        if self._samples is not None:  # else its end comes when loading is over
            self.stage.runtime.soon(lambda: self._finish(timestamp))

    @override
    def end_now(self) -> None:
        self.is_cancelled = True
        if self._samples is not None:
            self._finish()
        else:
            self.is_over = True
