"""Playback on the server: requested, started, heard, interrupted, ended."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

from typing_extensions import override

from rustpbx_lab.log import Record
from rustpbx_lab.models import commands, events, notes

from .folds import (
    MAX_OPEN,
    Fold,
    Handlers,
    Quality,
    Tracks,
    call_option,
    details,
    flag,
    length,
    our_time,
    said_at,
)

SWAP_MS = 100
"""A server's own log may have a command this long behind the events it caused."""
SAME_BURST_MS = 60
"""Audio that goes on this long after a track's start may be the track's own."""
MAX_WAITING = 64
"""Commands that may wait for their track."""
DEFAULT_RATE_HZ = 16000


@dataclass(frozen=True, slots=True)
class Playback:
    """One track that the server played."""

    play_id: str | None
    text: str | None
    """Text of the tts command(s), all pieces of a stream; of a play command the url;
    empty for audio in base64."""
    kind: Literal["tts", "play", "track"]
    """``track``: no command of the log asked for it (ringtone, music on hold, …)."""
    command_ms: int | None
    start_ms: int
    """``trackStart``: made, before any of its audio exists."""
    first_frame_ms: int | None
    """First audio that arrived here, silent or not; empty if audio was arriving when
    the track began, or if none was subscribed to."""
    first_audio_ms: int | None
    """First audio that can be heard: measured in what arrived here (in older logs, the
    first frame), inferred as the later of command and ``trackStart`` plus the time to
    the first byte of the synthesis."""
    quality: Quality
    """Of ``first_audio_ms``."""
    is_audible: bool
    """Whether ``first_audio_ms`` is when sound began, not merely audio."""
    end_ms: int | None
    """``trackEnd``; the end of the call where that came first."""
    interrupted_ms: int | None
    heard_ms: int | None
    """How much had been played when it was interrupted; empty if it never was."""
    total_ms: int | None
    """How much had been synthesised; empty for cached and base64 audio."""
    ttfb_ms: int | None
    """Time to the first byte of the synthesis, as the server measured it."""
    is_cached: bool | None
    track_id: str
    seq: int
    """Log row that made this one."""
    command_seq: int | None = None
    """Log row of the command that asked for it."""
    interrupted_seq: int | None = None
    """Log row of the interruption."""
    hangup_reason: str | None = None
    """Why the server hangs up after it, as ``trackEnd.autoHangup`` says (0.3.100 and
    newer); empty if it does not, or does not say so."""


@dataclass(slots=True)
class _Asked:
    """A command that waits for its track."""

    kind: Literal["tts", "play"]
    play_id: str | None
    at_ms: int
    text: str | None
    rate_hz: int
    seq: int


class PlaybackFold(Fold[Playback]):
    """``tts``, ``play``, ``trackStart``, ``trackEnd``, … → playbacks.

    Tracks of one playback may overlap (the new one is registered while the old one
    winds down), so rows are matched by track and play id, oldest first.
    """

    row: ClassVar[type] = Playback

    def __init__(self) -> None:
        self._tracks = Tracks()
        self._asked: dict[str | None, _Asked] = {}
        self._open: list[Playback] = []
        self._rates: dict[int, int] = {}
        self._contiguous: set[int] = set()
        self._released: set[int] = set()
        self._rate_hz = DEFAULT_RATE_HZ
        self._is_sounding = False
        super().__init__()

    @override
    def _handling(self) -> Handlers:
        return {
            ("note", "connected"): self._tracks.learn,
            ("command", "invite"): self._configure,
            ("command", "accept"): self._configure,
            ("command", "tts"): self._ask_tts,
            ("command", "play"): self._ask_play,
            ("command", "interrupt"): self._release,
            ("event", "answer"): self._tracks.learn,
            ("event", "trackStart"): self._start,
            ("event", "trackEnd"): self._end,
            ("event", "interruption"): self._interrupted,
            ("event", "metrics"): self._measured,
            ("note", "audioStarted"): self._audio_started,
            ("note", "audioStopped"): self._audio_stopped,
            ("note", "soundStarted"): self._sound_started,
            ("note", "soundStopped"): self._sound_stopped,
            ("event", "hangup"): self._call_end,
            ("note", "closed"): self._call_end,
        }

    @override
    def _open_rows(self) -> list[Playback]:
        return list(self._open)

    # ------------------------------------------------------------------ asked for

    def _configure(self, _: Record, message: Any) -> None:
        option = call_option(message)
        tts = None if option is None else option.tts
        rate = None if tts is None else tts.samplerate
        self._rate_hz = rate or DEFAULT_RATE_HZ

    def _ask_tts(self, record: Record, message: commands.Tts) -> None:
        text = None if message.base64 else message.text
        rate = message.option.samplerate if message.option is not None else None
        asked = _Asked(
            kind="tts",
            play_id=message.play_id,
            at_ms=said_at(record),
            text=text,
            rate_hz=rate or self._rate_hz,
            seq=record.seq,
        )
        place = self._running(asked)
        if place is None:
            waiting = self._asked.get(message.play_id)
            if waiting is not None and message.streaming:
                waiting.text = (waiting.text or "") + (text or "")
                return
            self._wait(asked)
        elif self._open[place].command_ms is None:
            self._adopt(place, asked)
        elif message.streaming:
            row = self._open[place]
            self._open[place] = replace(row, text=(row.text or "") + (text or ""))
        # else it is never spoken: the running one ignores it

    def _ask_play(self, record: Record, message: commands.Play) -> None:
        play_id = message.play_id or message.url
        asked = _Asked(
            kind="play",
            play_id=play_id,
            at_ms=said_at(record),
            text=message.url,
            rate_hz=DEFAULT_RATE_HZ,
            seq=record.seq,
        )
        place = self._running(asked)
        if place is not None and self._open[place].command_ms is None:
            self._adopt(place, asked)
        else:
            self._wait(asked)

    def _running(self, asked: _Asked) -> int | None:
        """Return the place of the running row that the command may belong to."""
        for place in reversed(range(len(self._open))):
            row = self._open[place]
            if row.play_id != asked.play_id or row.seq in self._released:
                continue
            is_swapped = asked.at_ms - row.start_ms <= SWAP_MS
            if row.command_ms is not None or is_swapped:
                return place
        return None

    def _release(self, _: Record, __: commands.Interrupt) -> None:
        # what comes after an interrupt begins a track of its own, under any play id
        self._released = {row.seq for row in self._open}

    def _adopt(self, place: int, asked: _Asked) -> None:
        row = self._open[place]
        self._rates[row.seq] = asked.rate_hz
        self._open[place] = replace(
            row,
            kind=asked.kind,
            text=asked.text,
            command_ms=asked.at_ms,
            command_seq=asked.seq,
        )

    def _wait(self, asked: _Asked) -> None:
        self._asked.pop(asked.play_id, None)
        self._asked[asked.play_id] = asked
        if len(self._asked) > MAX_WAITING:
            del self._asked[next(iter(self._asked))]

    # ------------------------------------------------------------------ played

    def _start(self, record: Record, message: events.TrackStart) -> None:
        self._tracks.learn(record, message)
        track, play_id = message.track_id, message.play_id
        if not self._tracks.is_server(track):
            is_other = self._tracks.caller is not None and track != self._tracks.caller
            if not (is_other and None in self._asked):
                return
            self._tracks.learn_playing(track)
        asked = self._asked.pop(play_id, None)
        row = Playback(
            play_id=play_id,
            text=None if asked is None else asked.text,
            kind="track" if asked is None else asked.kind,
            command_ms=None if asked is None else asked.at_ms,
            start_ms=said_at(record),
            first_frame_ms=None,
            first_audio_ms=None,
            quality="unknown",
            is_audible=False,
            end_ms=None,
            interrupted_ms=None,
            heard_ms=None,
            total_ms=None,
            ttfb_ms=None,
            is_cached=None,
            track_id=track,
            seq=record.seq,
            command_seq=None if asked is None else asked.seq,
        )
        if len(self._open) >= MAX_OPEN:
            self._close(0)
        self._rates[row.seq] = self._rate_hz if asked is None else asked.rate_hz
        if self._is_sounding:
            self._contiguous.add(row.seq)
        self._open.append(row)

    def _end(self, record: Record, message: events.TrackEnd) -> None:
        self._tracks.learn(record, message)
        place = self._place(message.track_id, message.play_id)
        if place is not None:
            row = self._open[place]
            self._open[place] = replace(row, hangup_reason=message.auto_hangup)
            self._close(place, said_at(record))

    def _interrupted(self, record: Record, message: events.Interruption) -> None:
        self._tracks.learn(record, message)
        place = self._place(message.track_id, message.play_id)
        if place is None:
            return
        row = self._open[place]
        self._open[place] = replace(
            row,
            interrupted_ms=said_at(record),
            interrupted_seq=record.seq,
            heard_ms=length(message.current),
            # 0: cached or base64 audio, whose length the server does not say
            total_ms=length(message.total_duration) or row.total_ms,
        )

    def _place(self, track_id: str, play_id: str | None) -> int | None:
        for place, row in enumerate(self._open):
            if row.track_id == track_id and row.play_id == play_id:
                return place
        return None

    def _close(self, place: int, end_ms: int | None = None) -> None:
        row = self._open.pop(place)
        self._rates.pop(row.seq, None)
        self._contiguous.discard(row.seq)
        self._released.discard(row.seq)
        if end_ms is not None and end_ms >= row.start_ms:
            row = replace(row, end_ms=end_ms)
        self._closed.append(row)

    def _call_end(self, record: Record, message: Any) -> None:
        if getattr(message, "refer", None):
            return
        while self._open:
            self._close(0, said_at(record))

    # ------------------------------------------------------------------ first audio

    def _measured(self, _: Record, message: events.Metrics) -> None:
        if not message.key.startswith("completed.tts."):
            return
        for place in reversed(range(len(self._open))):
            if self._open[place].play_id == message.play_id:
                self._open[place] = self._with_metrics(self._open[place], message)
                return

    def _with_metrics(self, row: Playback, message: events.Metrics) -> Playback:
        data = details(message)
        ttfb, n_bytes = length(message.ttfb), data.get("length")
        total = row.total_ms
        if isinstance(n_bytes, int) and not isinstance(n_bytes, bool) and n_bytes > 0:
            total = length(n_bytes * 500 / self._rates[row.seq])
        row = replace(
            row,
            ttfb_ms=ttfb if row.ttfb_ms is None else row.ttfb_ms,
            is_cached=flag(data.get("cached")),
            total_ms=total,
        )
        is_silent = row.first_frame_ms is not None  # so far: it will be measured
        if row.first_audio_ms is None and ttfb is not None and not is_silent:
            since = max(row.start_ms, row.command_ms or row.start_ms)
            return replace(row, first_audio_ms=since + ttfb, quality="inferred")
        return row

    def _audio_started(self, record: Record, message: notes.AudioStarted) -> None:
        if message.leg != "server":
            return
        at = our_time(record, message.at_ms)
        if self._open and not self._is_sounding:
            self._arrive(at)
        if not message.is_silent:
            self._sound(at, is_audible=message.is_silent is False)

    def _sound_started(self, record: Record, message: notes.SoundStarted) -> None:
        if message.leg == "server":
            self._sound(our_time(record, message.at_ms), is_audible=True)

    def _arrive(self, at: int) -> None:
        row = self._open[-1]
        is_known = row.quality == "measured" or row.first_frame_ms is not None
        if not is_known and row.seq not in self._contiguous:
            # two clocks that agree within milliseconds: not before its own start
            first = max(at, row.start_ms)
            self._open[-1] = replace(
                row, first_frame_ms=first, first_audio_ms=None, quality="unknown"
            )

    def _sound(self, at: int, *, is_audible: bool) -> None:
        self._is_sounding = True
        if not self._open:
            return
        row = self._open[-1]
        if row.quality != "measured" and row.seq not in self._contiguous:
            self._open[-1] = replace(
                row,
                first_audio_ms=max(at, row.start_ms),
                quality="measured",
                is_audible=is_audible,
            )

    def _audio_stopped(self, record: Record, message: notes.AudioStopped) -> None:
        if message.leg == "server":
            self._fall_silent(our_time(record, message.at_ms))

    def _sound_stopped(self, record: Record, message: notes.SoundStopped) -> None:
        if message.leg == "server":
            self._fall_silent(our_time(record, message.at_ms))

    def _fall_silent(self, at: int) -> None:
        self._is_sounding = False
        # a burst that ended as the track began was the one before it: the next is ours
        self._contiguous = {
            row.seq
            for row in self._open
            if row.seq in self._contiguous and at - row.start_ms > SAME_BURST_MS
        }
