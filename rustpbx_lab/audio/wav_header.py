"""Repair of WAV headers that are wrong, before decoding.

Recorders write the header first and the length last. One that was killed leaves a
length of 0, one that wrote into a pipe the largest number, and a disk that was full
less sound than the header promises.
"""

import io
import struct
from typing import BinaryIO, NamedTuple

from rustpbx_lab.errors import AudioError

MIN_RATE_HZ = 2000
MAX_RATE_HZ = 768_000
"""Rates outside are mistakes of the header."""
G722_TAGS = (0x0065, 0x028F)
MP3_TAG = 0x0055

_UNREADABLE = {
    0x0022: "TrueSpeech",
    0x0042: "G.723.1",
    0x0083: "G.729",
    0x0111: "G.723.1",
    0x0130: "ACELP.net",
    0x0161: "WMA",
    0x0162: "WMA",
    0x4143: "AAC",
    0x704F: "Opus",
    0xA109: "Speex",
}
_EXTENSIBLE = 0xFFFE
_NO_LENGTH = 0x7FFFFF00
"""Lengths from here on are what a writer puts down that does not know its own."""
_LATER_CHUNKS = (b"LIST", b"id3 ", b"ID3 ", b"cue ", b"bext", b"fact", b"smpl", b"PEAK")
"""What may follow a ``data`` chunk that is empty on purpose."""
MAX_CHUNKS = 1000


class Wav(NamedTuple):
    """A WAV file as it is, whatever its header says."""

    form: bytes
    """Body of the ``fmt`` chunk."""
    tag: int
    """How the samples are encoded."""
    start: int
    """Offset of the samples in the file."""
    n_bytes: int
    """How many bytes of them there are."""
    is_right: bool
    """Whether a decoder that believes the header finds them."""
    remarks: tuple[str, ...]

    def data(self, file: BinaryIO) -> bytes:
        """Return the encoded samples."""
        file.seek(self.start)
        return file.read(self.n_bytes)

    def mended(self, file: BinaryIO) -> BinaryIO:
        """Return the file with a header that tells the truth."""
        data = self.data(file)
        body = b"".join((_chunk(b"fmt ", self.form), _chunk(b"data", data)))
        return io.BytesIO(_chunk(b"RIFF", b"WAVE" + body))


def wav_of(file: BinaryIO) -> Wav | None:
    """Return what a little-endian WAV file holds; None if it is another file.

    The file is left anywhere.

    Raises:
        AudioError: If it holds no sound that can be decoded.
    """
    end = file.seek(0, io.SEEK_END)
    file.seek(0)
    head = file.read(12)
    if head[:4] != b"RIFF" or head[8:] != b"WAVE":
        return None
    form, at, is_odd = b"", 12, False
    for _ in range(MAX_CHUNKS):
        file.seek(at)
        name, size = file.read(4), int.from_bytes(file.read(4), "little")
        if len(name) < 4:
            return None
        if name == b"data":
            return _wav(file, form, at + 8, size, end, is_odd=is_odd)
        if name == b"fmt ":
            form = file.read(min(size, 1024))
        at += 8 + size
        if size % 2:  # chunks begin at even bytes; some writers forget it
            file.seek(at)
            is_padded = not file.read(4).isalnum()
            at, is_odd = at + is_padded, is_odd or not is_padded
    return None


def _wav(
    file: BinaryIO, form: bytes, start: int, size: int, end: int, *, is_odd: bool
) -> Wav | None:
    if len(form) < 16:
        return None
    tag, channels, rate, _, block = struct.unpack_from("<HHIIH", form)
    if tag == _EXTENSIBLE and len(form) >= 26:
        tag = int.from_bytes(form[24:26], "little")
    _check(tag, channels, rate)
    file.seek(start)
    follows = file.read(4)
    rest = end - start
    remark = None
    if size == 0 and rest and follows not in _LATER_CHUNKS:
        remark = (
            "its header says 0 bytes of sound, as a recorder leaves it that was "
            "killed: read to the end of the file"
        )
    elif size > rest and size >= _NO_LENGTH:
        remark = "its header gives no length: read to the end of the file"
    elif size > rest:
        lost = (size - rest) // max(block, 1) / rate
        remark = f"it ends {lost:.3f} s before its header says: it was cut off"
    n_bytes = size if remark is None else rest
    remarks = () if remark is None else (remark,)
    is_right = remark is None and not is_odd
    return Wav(form, tag, start, n_bytes, is_right, remarks)


def _check(tag: int, channels: int, rate: int) -> None:
    if not channels:
        raise AudioError("its header says 0 channels; record it anew")
    if not MIN_RATE_HZ <= rate <= MAX_RATE_HZ:
        raise AudioError(
            f"its header says {rate} Hz, which is not a sample rate; give the samples "
            "without a header and their --codec and --rate"
        )
    if tag in _UNREADABLE:
        raise AudioError(
            f"it holds {_UNREADABLE[tag]}, which cannot be decoded here; "
            "convert it first, for instance with ffmpeg"
        )


def _chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)
