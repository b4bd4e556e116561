"""Sound files of telephone systems, decoded to 16-bit samples.

What a file is, its first bytes say. One without a header is recognised by its ending
or by the codec that is given. libsndfile decodes; G.722 and damaged headers are ours.
"""

import io
import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple, cast

import numpy as np
import numpy.typing as npt
import soundfile  # pyright: ignore[reportMissingTypeStubs]

from rustpbx_lab.errors import AudioError, shorten

from .codecs import CODECS, Samples, codec_of
from .wav_header import G722_TAGS, MP3_TAG, Wav, wav_of

FULL_SCALE = 32768
"""One more than the largest 16-bit sample: 0 dBFS."""
BLOCK_FRAMES = 2**20
MAX_SCALED = 4.0
"""Floats beyond this many times full scale are numbers of another scale."""

Source = str | os.PathLike[str] | BinaryIO
"""A path, or an open binary file (an upload)."""

KNOWN_FORMATS = "WAV, FLAC, OGG and MP3 work"
GSM = "gsm"
RAW_CODECS = (*CODECS, GSM)
"""Codecs of files without a header."""

_ENDINGS: Mapping[str, tuple[str, int | None]] = {
    ".ulaw": ("pcmu", None),
    ".ul": ("pcmu", None),
    ".mulaw": ("pcmu", None),
    ".pcmu": ("pcmu", None),
    ".alaw": ("pcma", None),
    ".al": ("pcma", None),
    ".pcma": ("pcma", None),
    ".g722": ("g722", None),
    ".gsm": (GSM, None),
    ".sln": ("pcm", 8000),
    ".slin": ("pcm", 8000),
    **{f".sln{khz}": ("pcm", khz * 1000) for khz in (12, 16, 24, 32, 48, 96, 192)},
    ".sln44": ("pcm", 44100),
    ".raw": ("pcm", None),
    ".pcm": ("pcm", None),
    ".s16": ("pcm", None),
    ".s16le": ("pcm", None),
}
"""Ending of a file without a header → codec and rate (None: the codec's own)."""
_GUESSED = frozenset({".raw", ".pcm", ".s16", ".s16le"})
"""Endings that do not say a rate, and not for certain a codec."""
_CONTAINERS = (
    *(b"RIFF", b"RIFX", b"RF64", b"fLaC", b"OggS", b"FORM", b".snd", b"caff"),
    *(b"ID3", b"riff"),
)
_BITS = {"PCM_24": 24, "PCM_32": 32, "ALAC_20": 20, "ALAC_24": 24, "ALAC_32": 32}
_EXACT = ("PCM_16", "PCM_S8", "PCM_U8", "ULAW", "ALAW", "DPCM_", "ALAC_16")


class Sound(NamedTuple):
    """A decoded file."""

    samples: Samples
    """int16, shape (n, channels)."""
    sample_rate_hz: int
    remarks: tuple[str, ...]
    """What was mended, guessed or lost, one sentence each."""


def read_sound(
    source: Source, codec: str | None = None, sample_rate_hz: int | None = None
) -> Sound:
    """Decode a sound file.

    Args:
        source: A path or an open binary file that can seek.
        codec: One of `RAW_CODECS`: the file has no header. None: its bytes say what it
            is, or else its ending.
        sample_rate_hz: Rate of samples without a header; None: the ending's or the
            codec's own.

    Raises:
        AudioError: If it cannot be read as sound; the message has no name of the file.
    """
    try:
        with _opened(source) as file:
            return _read(file, _ending(source), codec, sample_rate_hz)
    except soundfile.LibsndfileError as exc:
        reason = str(exc.error_string).rstrip(".")
        raise AudioError(f"{reason}; {KNOWN_FORMATS}") from exc
    except (OSError, RuntimeError, ValueError, TypeError) as exc:
        reason = (exc.strerror if isinstance(exc, OSError) else None) or str(exc)
        raise AudioError(f"{reason}; {KNOWN_FORMATS}") from exc


@contextmanager
def _opened(source: Source) -> Generator[BinaryIO]:
    if not isinstance(source, str | os.PathLike):
        yield source
        return
    path = Path(source)
    if not path.is_file():
        raise AudioError("there is no such file")
    with path.open("rb") as file:
        yield file


def _ending(source: Source) -> str:
    return Path(name_of(source) or "").suffix.lower()


def name_of(source: Source) -> str | None:
    """Return the path of a source, or the name of an open file if it has one."""
    if isinstance(source, str | os.PathLike):
        return str(source)
    name = getattr(source, "name", None)  # a number for a file without one
    return name if isinstance(name, str) else None


def _read(
    file: BinaryIO, ending: str, codec: str | None, sample_rate_hz: int | None
) -> Sound:
    head = file.read(16)
    file.seek(0)
    if codec is not None:
        return _raw(file.read(), codec, sample_rate_hz, ())
    if not head:
        raise AudioError(f"it is empty; {KNOWN_FORMATS}")
    if head.lstrip()[:1] == b"<":
        raise AudioError(
            f"it is HTML or XML, perhaps the error page of a download; {KNOWN_FORMATS}"
        )
    wav = wav_of(file)
    file.seek(0)
    if wav is not None:
        return _wav(file, wav)
    if head.startswith(_CONTAINERS) or ending not in _ENDINGS:
        return _container(file, ())
    codec, rate = _ENDINGS[ending]
    rate = sample_rate_hz or rate or _own_rate(codec)
    guessed = (
        f"it has no header: read as 16-bit samples at {rate} Hz; "
        "if it is anything else give --codec and --rate"
    )
    remarks = (guessed,) if ending in _GUESSED and sample_rate_hz is None else ()
    return _raw(file.read(), codec, rate, remarks)


def _own_rate(codec: str) -> int:
    return 8000 if codec == GSM else codec_of(codec).sample_rate_hz


def _raw(
    encoded: bytes, codec: str, sample_rate_hz: int | None, remarks: tuple[str, ...]
) -> Sound:
    name = codec.lower()
    if name not in RAW_CODECS:
        raise AudioError(
            f"cannot use codec {shorten(codec)}: it is not known; "
            f"{', '.join(RAW_CODECS)} are"
        )
    rate = sample_rate_hz or _own_rate(name)
    if name != GSM:
        samples = codec_of(name).decoder().decode(encoded)
        return Sound(samples[:, None], rate, remarks)
    with soundfile.SoundFile(
        io.BytesIO(encoded),
        samplerate=rate,
        channels=1,
        format="RAW",
        subtype="GSM610",
    ) as file:
        return _decoded(file, remarks)


def _wav(file: BinaryIO, wav: Wav) -> Sound:
    if wav.tag in G722_TAGS:
        return _raw(wav.data(file), "g722", None, wav.remarks)
    if wav.tag == MP3_TAG:
        return _container(io.BytesIO(wav.data(file)), wav.remarks)
    return _container(file if wav.is_right else wav.mended(file), wav.remarks)


def _container(file: BinaryIO, remarks: tuple[str, ...]) -> Sound:
    with soundfile.SoundFile(cast(BinaryIO, _Nameless(file))) as sound:
        return _decoded(sound, remarks)


class _Nameless:
    """An open file without its name, which soundfile would believe (``.raw``)."""

    def __init__(self, file: BinaryIO) -> None:
        self.read, self.seek, self.tell = file.read, file.seek, file.tell


def _decoded(file: soundfile.SoundFile, remarks: tuple[str, ...]) -> Sound:
    rate, subtype = int(file.samplerate), str(file.subtype)
    if subtype in _BITS:
        deep = _frames(file, "int32")
        rounded = f"its {_BITS[subtype]}-bit samples were rounded to 16 bits"
        return Sound(_rounded(deep), rate, (*remarks, rounded))
    if subtype in ("FLOAT", "DOUBLE"):
        samples, found = _from_floats(_frames(file, "float64"))
        return Sound(samples, rate, (*remarks, *found))
    if subtype.startswith(_EXACT):
        return Sound(_frames(file, "int16"), rate, remarks)
    # lossy codecs may overshoot: as floats they are clipped, as integers they wrap
    return Sound(to_int16(_frames(file, "float32")), rate, remarks)


def _frames(
    file: soundfile.SoundFile,
    dtype: Literal["int16", "int32", "float32", "float64"],
) -> npt.NDArray[Any]:
    """Return all frames; in blocks, since a GSM file does not know its length."""
    blocks: list[npt.NDArray[Any]] = []
    while True:
        read = file.read(BLOCK_FRAMES, dtype=dtype, always_2d=True)
        block = cast("npt.NDArray[Any]", read)
        blocks.append(block)
        if len(block) < BLOCK_FRAMES:
            return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)


def _rounded(deep: npt.NDArray[np.int32]) -> Samples:
    rounded = (deep.astype(np.int64) + 2**15) >> 16
    return np.minimum(rounded, FULL_SCALE - 1).astype(np.int16)


def _from_floats(
    floats: npt.NDArray[np.float64],
) -> tuple[Samples, tuple[str, ...]]:
    """Return floats as int16, and what had to be done to them."""
    remarks: list[str] = []
    bad = ~np.isfinite(floats)
    if n_bad := int(bad.sum()):
        floats = np.where(bad, 0.0, floats)
        remarks.append(f"{n_bad} samples that are not numbers were read as silence")
    peak = float(np.abs(floats).max(initial=0.0))
    if peak > MAX_SCALED:
        scale = FULL_SCALE if peak <= FULL_SCALE else max(2.0**31, peak)
        floats = floats / scale
        size = "16-bit" if scale == FULL_SCALE else "32-bit"
        remarks.append(
            f"its float samples reach {peak:.0f}: read as numbers of {size} size"
        )
    elif n_loud := int((np.abs(floats) > 1.0).sum()):
        remarks.append(f"{n_loud} float samples beyond full scale were clipped")
    return to_int16(floats), tuple(remarks)


def to_int16(samples: npt.NDArray[np.floating]) -> Samples:
    """Return floats in [-1, 1) as int16, rounded; louder ones are clipped."""
    # done here because soxr adds random dither to its own int16 output
    scaled = np.rint(samples * samples.dtype.type(FULL_SCALE))
    return np.clip(scaled, -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)
