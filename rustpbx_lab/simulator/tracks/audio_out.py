"""Output of a call's audio frames: to the client or to a media peer."""

from collections.abc import Callable
from typing import Protocol

from rustpbx_lab.audio.codecs import Samples, call_codec
from rustpbx_lab.simulator.core.rates import HalfRate

SERVER_HEADER, CALLER_HEADER = b"\x00", b"\x01"
"""First byte of a subscribed frame. Source: protocol.md, 1.6."""


class AudioOut(Protocol):
    """Takes what the tracks of a call play."""

    def frame(self, source: object, samples: Samples) -> None:
        """Take a frame of a track, int16 at 16 kHz."""
        ...


class PeerOut:
    """Plays to a media peer, and tells the client if it has subscribed.

    Bridges and idle ambiance are heard by the peer and told to nobody.
    """

    def __init__(
        self,
        play: Callable[[Samples], None],
        send: Callable[[bytes], None],
        *,
        is_subscribed: bool,
    ) -> None:
        self._play, self._send = play, send
        self.tells_server = self.tells_caller = is_subscribed

    def frame(self, source: object, samples: Samples) -> None:
        """Take a frame; a track is an ssrc, bridges and ambiance have names."""
        if not len(samples):
            return
        self._play(samples)
        if self.tells_server and isinstance(source, int):
            self._send(SERVER_HEADER + samples.astype("<i2").tobytes())

    def caller(self, samples: Samples) -> None:
        """Tell what the peer says."""
        if self.tells_caller and len(samples):
            self._send(CALLER_HEADER + samples.astype("<i2").tobytes())


class SocketOut:
    """Turns 16 kHz frames into messages of the call's codec.

    ``pcm`` goes out at 8 kHz although it comes in at 16 kHz: the server's quirk.
    """

    def __init__(self, codec: str | None, send: Callable[[bytes], None]) -> None:
        chosen = call_codec(codec)
        self._encoder = chosen.encoder()
        self._is_wide = chosen.name == "g722"
        self._send = send
        self._filters: dict[object, HalfRate] = {}

    def frame(self, source: object, samples: Samples) -> None:
        """Send a frame of a track; an empty one is not sent.

        Args:
            source: Tells tracks apart: each has a filter of its own.
            samples: int16 at 16 kHz, shape (n,).
        """
        if not len(samples):
            return
        if not self._is_wide:
            samples = self._filters.setdefault(source, HalfRate()).push(samples)
        self._send(self._encoder.encode(samples))

    def forget(self, source: object) -> None:
        """Forget a track that is over."""
        self._filters.pop(source, None)
