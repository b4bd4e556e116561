"""Recordings of both legs of a call, with arrival times.

Nothing is padded or resampled while recording: a replay of a leg gives the very
samples the server saw. Only `Recording.export` puts the legs on one clock.
"""

import os
import threading
from bisect import bisect_right

import numpy as np

from rustpbx_lab.errors import AudioError, shorten

from .clip import Clip
from .codecs import Codec, Decoder, Samples, call_codec

LIMIT_BYTES = 2 * 3600 * 16000 * 2
"""What a leg keeps unless told otherwise: two hours of 16-bit samples at 16 kHz."""
SLACK_MS = 40
"""How far an arrival may be off the sample clock without a new anchor."""
FRAME_MS, EARLY_MS = 20, 5
"""The same on a leg whose sender keeps time, for arrivals that are late and early."""
SETTLED_ANCHORS = 256
"""So many are looked over at once; where more come, the older ones stay."""
EXPORT_RATE_HZ = 16000
EXPORT_LIMIT_MS = 24 * 3600 * 1000
"""The longest export: a day."""


class Leg:
    """One direction of a call's audio; one thread writes, any thread reads."""

    def __init__(
        self,
        codec: str | None = None,
        sample_rate_hz: int | None = None,
        limit_bytes: int = LIMIT_BYTES,
    ) -> None:
        self._lock, self._decoding = threading.Lock(), threading.Lock()
        self._data = bytearray()
        self._limit_bytes = limit_bytes
        self._anchors: list[tuple[int, int]] = []
        self._dropped_bytes = 0
        self.keeps_time = False
        """Whether the sender sends in real time and is never early: what then comes
        before it is due shows that what came before it was late."""
        self._late_ms = self._early_ms = SLACK_MS
        self._set_codec(codec, sample_rate_hz)

    def keep_time(self) -> None:
        """Say that the sender sends in real time, however late its frames come."""
        self.keeps_time = True
        self._late_ms, self._early_ms = FRAME_MS, EARLY_MS

    def configure(self, codec: str | None, sample_rate_hz: int | None = None) -> None:
        """Say what the bytes will be, before the first of them.

        Args:
            codec: As in ``option.codec``; what the server does not know is ``pcm``.
            sample_rate_hz: If it is not the codec's own: the server sends ``pcm`` at
                8 kHz on ``/call``.

        Raises:
            AudioError: If there is audio already.
        """
        with self._lock:
            if self._data:
                raise AudioError(
                    f"cannot change the codec to {shorten(codec)}: audio in "
                    f"{self.codec} was recorded; the first codec of a call stays"
                )
            self._set_codec(codec, sample_rate_hz)

    def append(self, pcm: bytes, received_ms: int) -> None:
        """Keep one message.

        A torn last block (an odd byte of ``pcm``) is dropped, as the server does.
        A leg that is full keeps nothing more and counts it in `dropped_bytes`.

        Args:
            pcm: Encoded audio.
            received_ms: Our clock when the message came or went.
        """
        with self._lock:
            block = self._codec.block_bytes
            room = max(self._limit_bytes - len(self._data), 0) // block * block
            whole = len(pcm) // block * block
            kept = min(whole, room)
            self._dropped_bytes += whole - kept
            if not kept:
                return
            sample = self._codec.n_samples(len(self._data))
            if self._is_off(sample, received_ms):
                self._anchors.append((sample, received_ms))
                if self._settles and len(self._anchors) > SETTLED_ANCHORS:
                    self._anchors = self._settled(self._anchors)
            self._data += pcm[:kept]

    def _is_off(self, sample: int, received_ms: int) -> bool:
        if not self._anchors:
            return True
        late_ms = received_ms - self._clock(self._anchors[-1], sample)
        return late_ms > self._late_ms or -late_ms > self._early_ms

    @property
    def _settles(self) -> bool:
        return self._early_ms == EARLY_MS

    def _settled(self, anchors: list[tuple[int, int]]) -> list[tuple[int, int]]:
        """Return the anchors of a sender that keeps time: those after its pauses.

        What was early shows that all before it was late, without a pause between.
        """
        early = list(anchors)
        for place in range(len(early) - 2, -1, -1):
            (sample, at_ms), (following, next_ms) = early[place : place + 2]
            length_ms = (following - sample) * 1000 // self._sample_rate_hz
            early[place] = sample, min(at_ms, next_ms - length_ms)
        kept = early[:1]
        for sample, at_ms in early[1:]:
            if at_ms - self._clock(kept[-1], sample) > self._late_ms:
                kept.append((sample, at_ms))
        return kept

    @property
    def codec(self) -> str:
        """Name of the codec."""
        return self._codec.name

    @property
    def sample_rate_hz(self) -> int:
        """Rate of the samples."""
        return self._sample_rate_hz

    @property
    def data(self) -> bytes:
        """All bytes so far, a copy."""
        with self._lock:
            return bytes(self._data)

    def data_from(self, start: int) -> bytes:
        """Return the bytes from byte ``start`` on."""
        with self._lock:
            return bytes(self._data[start:])

    def data_between(self, start: int, stop: int) -> bytes:
        """Return the bytes from byte ``start`` to byte ``stop`` (exclusive)."""
        with self._lock:
            return bytes(self._data[start:stop])

    @property
    def n_samples(self) -> int:
        """How many samples there are so far."""
        with self._lock:
            return self._codec.n_samples(len(self._data))

    @property
    def duration_ms(self) -> int:
        """Length of the samples so far, without any gaps."""
        return self.n_samples * 1000 // self._sample_rate_hz

    @property
    def dropped_bytes(self) -> int:
        """Bytes that came when the leg was full."""
        return self._dropped_bytes

    @property
    def anchors(self) -> list[tuple[int, int]]:
        """Where the arrivals left the sample clock: (sample, our clock in ms).

        The first is the first sample. Another follows whenever a message came more
        than `SLACK_MS` before or after the time its samples were due. If the sender
        keeps time (`keep_time`), they are the ends of its pauses: the delays of the
        network are taken out, as far as what has come so far shows them.
        """
        with self._lock:
            anchors = list(self._anchors)
        return self._settled(anchors) if self._settles else anchors

    def samples(self, start: int = 0) -> Samples:
        """Return the decoded samples from ``start`` on, shape (n,)."""
        if self._codec.is_stateful:
            return self._decoded_from(start)
        with self._lock:
            encoded = bytes(self._data[self._codec.n_bytes(start) :])
        return self._codec.decoder().decode(encoded)

    def time_of(self, sample: int) -> int:
        """Return when a sample came, our clock in ms; beyond the end it runs on.

        Raises:
            AudioError: If nothing was recorded.
        """
        anchors = self.anchors
        if not anchors:
            raise AudioError(f"cannot time sample {sample}: no audio was recorded")
        index = bisect_right(anchors, sample, key=lambda anchor: anchor[0])
        return self._clock(anchors[max(index - 1, 0)], sample)

    def clip(self) -> Clip:
        """Return all samples so far."""
        return Clip(self.samples(), self._sample_rate_hz)

    def export(self, path: str | os.PathLike[str]) -> None:
        """Write the exact samples, without gaps, at their own rate.

        Raises:
            AudioError: If the file cannot be written.
        """
        self.clip().write(path)

    def placed(self, from_ms: int, sample_rate_hz: int) -> Samples:
        """Return the leg on a clock: silence where nothing came.

        A part that came early, in a burst, follows what is before it. If the sender
        keeps time, a burst is what it was held up with, and fills the gap before, so
        that what follows is on time again.

        Args:
            from_ms: Our clock at the first sample returned; not after the leg began.
            sample_rate_hz: The rate wanted.
        """
        anchors, samples = self.anchors, self.samples()
        if not anchors:
            return np.zeros(0, np.int16)
        parts: list[Samples] = []
        filled = 0
        ends = [sample for sample, _ in anchors[1:]] + [len(samples)]
        times = [
            (received_ms - from_ms) * self._sample_rate_hz // 1000
            for _, received_ms in anchors
        ]
        if self.keeps_time:
            for place in range(len(times) - 2, -1, -1):
                length = ends[place] - anchors[place][0]
                times[place] = min(times[place], times[place + 1] - length)
        for (sample, _), end, due in zip(anchors, ends, times, strict=True):
            parts.append(np.zeros(max(due - filled, 0), np.int16))
            parts.append(samples[sample:end])
            filled = max(due, filled) + end - sample
        whole = Clip(np.concatenate(parts), self._sample_rate_hz)
        return whole.resampled(sample_rate_hz).samples

    def _set_codec(self, codec: str | None, sample_rate_hz: int | None) -> None:
        self._codec: Codec = call_codec(codec)
        self._sample_rate_hz = sample_rate_hz or self._codec.sample_rate_hz
        self._decoder: Decoder = self._codec.decoder()
        self._decoded, self._n_decoded_bytes = bytearray(), 0

    def _decoded_from(self, start: int) -> Samples:
        # such bytes mean nothing without those before them: each is decoded once,
        # and not under the writer's lock, because a long leg takes a while
        with self._decoding:
            with self._lock:
                new = bytes(self._data[self._n_decoded_bytes :])
            self._decoded += self._decoder.decode(new).tobytes()
            self._n_decoded_bytes += len(new)
            return np.frombuffer(bytes(self._decoded[2 * start :]), np.int16)

    def _clock(self, anchor: tuple[int, int], sample: int) -> int:
        return anchor[1] + (sample - anchor[0]) * 1000 // self._sample_rate_hz


class Recording:
    """What the caller said and what the server said."""

    def __init__(
        self, codec: str | None = None, limit_bytes: int = LIMIT_BYTES
    ) -> None:
        self.caller = Leg(limit_bytes=limit_bytes)
        """What the remote party sent: on ``/call`` this is our own audio."""
        self.server = Leg(limit_bytes=limit_bytes)
        """What the server played."""
        self.caller.keeps_time = True
        self.configure(codec)

    def configure(self, codec: str | None) -> None:
        """Set both legs for ``option.codec`` of a ``/call`` connection.

        Raises:
            AudioError: If there is audio already.
        """
        chosen = call_codec(codec)
        self.caller.configure(chosen.name)
        # the server reads pcm at 16 kHz and sends it at 8 kHz
        self.server.configure(chosen.name, 8000 if chosen.name == "pcm" else None)

    def clip(self) -> Clip:
        """Return both legs on one clock: shape (n, 2), 16 kHz, caller left.

        Sample 0 is the first audio of either leg.

        Raises:
            AudioError: If there is no audio, or more than a day of it.
        """
        legs = (self.caller, self.server)
        heard = [leg for leg in legs if leg.n_samples]
        if not heard:
            raise AudioError("cannot export the recording: no audio was recorded")
        from_ms = min(received for leg in heard for _, received in leg.anchors)
        to_ms = max(leg.time_of(leg.n_samples) for leg in heard)
        if to_ms - from_ms > EXPORT_LIMIT_MS:
            raise AudioError(
                f"cannot export the recording: it spans {(to_ms - from_ms) // 1000} s, "
                "more than a day; export its legs one by one"
            )
        placed = [leg.placed(from_ms, EXPORT_RATE_HZ) for leg in legs]
        n_samples = max(len(samples) for samples in placed)
        both = np.zeros((n_samples, 2), np.int16)
        for side, samples in enumerate(placed):
            both[: len(samples), side] = samples
        return Clip(both, EXPORT_RATE_HZ)

    def export(self, path: str | os.PathLike[str]) -> None:
        """Write `clip` to a file; the suffix chooses the format.

        Raises:
            AudioError: If there is nothing to write or it cannot be written.
        """
        self.clip().write(path)
