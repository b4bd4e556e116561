"""The codecs of a ``/call`` connection: samples to bytes and back.

Source:
    ITU-T G.711 and G.722 (in g722.py); the names and rates are those of the
    server's ``option.codec``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from rustpbx_lab.errors import AudioError, shorten

from .g722 import G722Decoder, G722Encoder

Samples = npt.NDArray[np.int16]
"""16-bit samples, shape (n,) unless said otherwise."""


class Encoder(Protocol):
    """Turns samples into bytes; may keep state from call to call."""

    def encode(self, samples: Samples) -> bytes:
        """Return the bytes of ``samples``, shape (n,), at the codec's rate."""
        ...


class Decoder(Protocol):
    """Turns bytes into samples; may keep state from call to call."""

    def decode(self, data: bytes) -> Samples:
        """Return the samples of ``data``, shape (n,), at the codec's rate."""
        ...


@dataclass(frozen=True, slots=True)
class Codec:
    """One way to write samples as bytes."""

    name: str
    sample_rate_hz: int
    """Rate of the samples that go in and come out."""
    block_bytes: int
    block_samples: int
    """`block_bytes` bytes hold this many samples; both are the smallest such."""
    encoder: Callable[[], Encoder]
    """Makes an encoder for one stream."""
    decoder: Callable[[], Decoder]
    """Makes a decoder for one stream."""
    is_stateful: bool = False
    """Whether bytes can be decoded only after all bytes before them."""

    def n_samples(self, n_bytes: int) -> int:
        """Return how many samples ``n_bytes`` hold; a torn block does not count."""
        return n_bytes // self.block_bytes * self.block_samples

    def n_bytes(self, n_samples: int) -> int:
        """Return how many bytes the blocks before sample ``n_samples`` take."""
        return n_samples // self.block_samples * self.block_bytes


class PcmCoder:
    """Signed 16-bit little-endian; an odd last byte of a message is dropped."""

    def encode(self, samples: Samples) -> bytes:
        """Return two bytes a sample."""
        return samples.astype("<i2").tobytes()

    def decode(self, data: bytes) -> Samples:
        """Return one sample for every two bytes."""
        return np.frombuffer(data, "<i2", len(data) // 2).astype(np.int16)


class TableCoder:
    """G.711: one byte a sample, by table in both directions."""

    def __init__(
        self, to_byte: npt.NDArray[np.uint8], to_sample: npt.NDArray[np.int16]
    ) -> None:
        self._to_byte, self._to_sample = to_byte, to_sample

    def encode(self, samples: Samples) -> bytes:
        """Return one byte a sample."""
        return self._to_byte[samples.astype(np.uint16)].tobytes()

    def decode(self, data: bytes) -> Samples:
        """Return one sample a byte."""
        return self._to_sample[np.frombuffer(data, np.uint8)]


def _mu_law_samples() -> npt.NDArray[np.int16]:
    inverted = ~np.arange(256, dtype=np.uint8)
    exponent, mantissa = (inverted >> 4 & 7).astype(int), (inverted & 15).astype(int)
    magnitude = ((2 * mantissa + 33) << exponent + 2) - 4 * 33
    return np.where(inverted & 0x80, -magnitude, magnitude).astype(np.int16)


def _mu_law_bytes() -> npt.NDArray[np.uint8]:
    samples = np.arange(65536).astype(np.uint16).view(np.int16).astype(int)
    magnitude = np.where(samples < 0, ~samples, samples) >> 2
    magnitude = np.minimum(magnitude + 33, 0x1FFF)
    segment = np.floor(np.log2(magnitude)).astype(int) - 4
    mantissa = magnitude >> segment & 15
    code = (8 - segment << 4) | (15 - mantissa)
    return (code | np.where(samples >= 0, 0x80, 0)).astype(np.uint8)


def _a_law_samples() -> npt.NDArray[np.int16]:
    codes = np.arange(256) ^ 0x55
    exponent, mantissa = codes >> 4 & 7, codes & 15
    magnitude = ((mantissa + np.where(exponent, 16, 0)) << 4) + 8
    magnitude <<= np.maximum(exponent - 1, 0)
    return np.where(codes & 0x80, magnitude, -magnitude).astype(np.int16)


def _a_law_bytes() -> npt.NDArray[np.uint8]:
    samples = np.arange(65536).astype(np.uint16).view(np.int16).astype(int)
    magnitude = np.where(samples < 0, ~samples, samples) >> 4
    exponent = np.floor(np.log2(np.maximum(magnitude, 16))).astype(int) - 3
    exponent[magnitude < 16] = 0
    mantissa = (magnitude >> np.maximum(exponent - 1, 0)) & 15
    code = (exponent << 4 | mantissa) ^ 0x55
    return (code ^ np.where(samples >= 0, 0x80, 0)).astype(np.uint8)


_PCM = PcmCoder()
_MU_LAW = TableCoder(_mu_law_bytes(), _mu_law_samples())
_A_LAW = TableCoder(_a_law_bytes(), _a_law_samples())

CODECS: dict[str, Codec] = {
    codec.name: codec
    for codec in (
        Codec("pcm", 16000, 2, 1, lambda: _PCM, lambda: _PCM),
        Codec("pcmu", 8000, 1, 1, lambda: _MU_LAW, lambda: _MU_LAW),
        Codec("pcma", 8000, 1, 1, lambda: _A_LAW, lambda: _A_LAW),
        Codec("g722", 16000, 1, 2, G722Encoder, G722Decoder, is_stateful=True),
    )
}
"""The codecs the server knows on ``/call``, by the name of ``option.codec``."""


def codec_of(name: str) -> Codec:
    """Return the codec of a name, in any case.

    Raises:
        AudioError: If there is no such codec.
    """
    try:
        return CODECS[name.lower()]
    except KeyError:
        raise AudioError(
            f"cannot use codec {shorten(name)}: it is not known; "
            f"{', '.join(CODECS)} are"
        ) from None


def call_codec(name: str | None) -> Codec:
    """Return the codec a ``/call`` connection really uses for ``option.codec``.

    The server takes every name that it does not know, and a missing one, as
    ``pcm``.
    """
    return CODECS.get((name or "pcm").lower(), CODECS["pcm"])


def encode(samples: Samples, codec: str) -> bytes:
    """Return a whole stream, shape (n,) at the codec's rate, as bytes."""
    return codec_of(codec).encoder().encode(samples)


def decode(data: bytes, codec: str) -> Samples:
    """Return the samples of a whole stream of bytes, at the codec's rate."""
    return codec_of(codec).decoder().decode(data)
