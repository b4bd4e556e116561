"""The audio a ``/call`` client hears: frames of all tracks in the call's codec."""

from collections.abc import Callable

from rustpbx_lab.audio.codecs import Samples, call_codec

from .rates import HalfRate


class AudioOut:
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
