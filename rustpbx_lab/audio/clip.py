"""Clips: audio in memory, read, written, resampled, measured."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile  # pyright: ignore[reportMissingTypeStubs]
import soxr  # pyright: ignore[reportMissingTypeStubs]

from rustpbx_lab.errors import AudioError, shorten

from .codecs import Samples
from .resampling import Resampler as Resampler
from .sound_file import FULL_SCALE, Source, name_of, read_sound, to_int16


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """Audio of known rate.

    Two clips are equal if their rates and all their samples are.
    """

    samples: Samples
    """int16, shape (n,) or (n, channels)."""
    sample_rate_hz: int
    remarks: tuple[str, ...] = ()
    """What was mended, guessed or lost when it was read, one sentence each."""

    def __post_init__(self) -> None:
        if self.samples.dtype != np.int16 or self.samples.ndim not in (1, 2):
            raise AudioError(
                f"cannot make a clip of {self.samples.dtype} samples of shape "
                f"{self.samples.shape}: a clip holds int16, (n,) or (n, channels)"
            )
        if self.sample_rate_hz <= 0:
            raise AudioError(
                f"cannot make a clip at {self.sample_rate_hz} Hz: "
                "a sample rate is above 0"
            )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Clip):
            return NotImplemented
        return self.sample_rate_hz == other.sample_rate_hz and np.array_equal(
            self.samples, other.samples
        )

    __hash__ = None  # pyright: ignore[reportAssignmentType] # arrays change

    @classmethod
    def read(
        cls,
        source: Source,
        channel: int | None = None,
        *,
        codec: str | None = None,
        sample_rate_hz: int | None = None,
    ) -> "Clip":
        """Read one channel of a sound file (WAV, FLAC, OGG, MP3, …).

        16-bit files are read bit for bit; deeper ones are rounded. What was mended,
        guessed or lost is in ``remarks``. A file without a header is recognised by its
        ending (``.ulaw``, ``.alaw``, ``.g722``, ``.gsm``, ``.sln``, ``.raw``, …).

        Args:
            source: A path or an open binary file.
            channel: Which channel, from 0; needed if there are several.
            codec: ``pcm``, ``pcmu``, ``pcma``, ``g722`` or ``gsm``: the file is samples
                without a header.
            sample_rate_hz: Their rate; None: the codec's own.

        Returns:
            A clip of shape (n,) at the file's own rate.

        Raises:
            AudioError: If it cannot be read as audio, has no such channel, or has
                several and none was chosen.
        """
        clip = cls.read_channels(source, codec=codec, sample_rate_hz=sample_rate_hz)
        try:
            return clip._only_channel(channel)
        except AudioError as exc:
            raise AudioError(f"cannot read {_name_of(source)}: {exc}") from exc

    @classmethod
    def read_channels(
        cls,
        source: Source,
        *,
        codec: str | None = None,
        sample_rate_hz: int | None = None,
    ) -> "Clip":
        """Read all channels of a sound file, shape (n, channels); see `read`.

        Raises:
            AudioError: If it cannot be read as audio.
        """
        try:
            sound = read_sound(source, codec, sample_rate_hz)
        except AudioError as exc:
            raise AudioError(f"cannot read {_name_of(source)}: {exc}") from exc
        return cls(sound.samples, sound.sample_rate_hz, sound.remarks)

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the clip as 16-bit audio; the suffix chooses the format.

        Raises:
            AudioError: If the file cannot be written.
        """
        try:
            soundfile.write(path, self.samples, self.sample_rate_hz, subtype="PCM_16")
        except (soundfile.LibsndfileError, OSError, ValueError, TypeError) as exc:
            raise AudioError(
                f"cannot write {shorten(str(path))}: {_write_reason(exc)}; "
                "a .wav or .flac in a directory that exists works"
            ) from exc

    @property
    def channels(self) -> int:
        """How many channels the clip has."""
        return 1 if self.samples.ndim == 1 else self.samples.shape[1]

    @property
    def duration_ms(self) -> int:
        """Length, rounded down to whole milliseconds."""
        return len(self.samples) * 1000 // self.sample_rate_hz

    @property
    def level_dbfs(self) -> float:
        """RMS level over all samples; see `level_dbfs`."""
        return level_dbfs(self.samples)

    def channel(self, index: int) -> "Clip":
        """Return one channel, shape (n,).

        Raises:
            AudioError: If there is no such channel.
        """
        if not 0 <= index < self.channels:
            raise AudioError(
                f"there is no channel {index}; there are {_listed(self.channels)}"
            )
        if self.samples.ndim == 1:
            return self
        one = np.ascontiguousarray(self.samples[:, index])
        return Clip(one, self.sample_rate_hz, self.remarks)

    def mono(self) -> "Clip":
        """Return the mean of all channels, shape (n,)."""
        if self.channels == 1:
            return self.channel(0)
        mean = np.rint(self.samples.mean(axis=1)).astype(np.int16)
        return Clip(mean, self.sample_rate_hz, self.remarks)

    def resampled(self, sample_rate_hz: int) -> "Clip":
        """Return the clip at another rate; the same clip if it has that rate."""
        if sample_rate_hz == self.sample_rate_hz:
            return self
        floats = to_float32(self.samples)
        at_rate = soxr.resample(floats, self.sample_rate_hz, sample_rate_hz)
        return Clip(to_int16(at_rate), sample_rate_hz, self.remarks)

    def _only_channel(self, channel: int | None) -> "Clip":
        if channel is None and self.channels > 1:
            choices = " or ".join(f"channel={i}" for i in range(min(self.channels, 4)))
            raise AudioError(f"it has {self.channels} channels; pass {choices}")
        return self.channel(channel or 0)


def check_format(path: str | os.PathLike[str]) -> None:
    """Refuse a name whose suffix is not a format that `Clip.write` can write.

    Raises:
        AudioError: With what works.
    """
    suffix = Path(path).suffix.removeprefix(".").upper()
    if not soundfile.check_format(suffix, "PCM_16"):
        raise AudioError(
            f"cannot write {shorten(str(path))}: {Path(path).suffix or 'no suffix'} "
            "is not a format of 16-bit samples; .wav, .flac or .aiff work"
        )


def read_raw(path: str | os.PathLike[str], codec: str) -> Clip:
    """Read a file of encoded samples without a header; see `Clip.read`.

    Raises:
        AudioError: If the file or the codec is not there.
    """
    return Clip.read(path, codec=codec)


def level_dbfs(samples: Samples) -> float:
    """Return the RMS level in dB below full scale; ``-inf`` for silence or nothing.

    A full-scale square wave has 0 dBFS, a full-scale sine -3 dBFS.
    """
    if not samples.size:
        return float("-inf")
    floats = samples.astype(np.float64).ravel()
    power = float(np.dot(floats, floats)) / floats.size
    return 10 * float(np.log10(power / FULL_SCALE**2)) if power else float("-inf")


def to_float32(samples: Samples) -> npt.NDArray[np.float32]:
    """Return samples as float32 in [-1, 1)."""
    return samples.astype(np.float32) / np.float32(FULL_SCALE)


def _name_of(source: Source) -> str:
    name = name_of(source)
    return "the audio" if name is None else shorten(name)


def _reason(exc: BaseException) -> str:
    if isinstance(exc, soundfile.LibsndfileError):
        return str(exc.error_string).rstrip(".")
    return exc.strerror or str(exc) if isinstance(exc, OSError) else str(exc)


def _write_reason(exc: BaseException) -> str:
    why = _reason(exc)  # libsndfile keeps the system's own reason to itself
    return "the disk is full or refuses it" if why == "System error" else why


def _listed(channels: int) -> str:
    return "only channel 0" if channels == 1 else f"channels 0 to {channels - 1}"
