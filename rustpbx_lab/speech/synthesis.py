"""Local speech synthesis.

Threads: all streams may run in different threads; each engine of the process has one
model and its streams take turns. Taking the next piece **blocks** while it is made
(about 1 % of its length for Hibari), so do it through ``anyio.to_thread.run_sync``.
"""

import ctypes
import importlib.util
import threading
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, Protocol
from zlib import crc32

import numpy as np
import soxr  # pyright: ignore[reportMissingTypeStubs]

from rustpbx_lab.audio.clip import Clip, to_int16
from rustpbx_lab.audio.codecs import Samples
from rustpbx_lab.errors import MissingExtraError, SpeechEngineError, shorten

SLOWEST, FASTEST = 0.5, 2.0
"""A speed beyond these is taken for the nearest of them."""


class Synthesiser(Protocol):
    """A speech synthesiser."""

    @property
    def sample_rate_hz(self) -> int:
        """Rate of the samples it gives."""
        ...

    @property
    def voices(self) -> tuple[str, ...]:
        """Names of its voices, the usual one first, the one least like it second."""
        ...

    def warm_up(self) -> None:
        """Load the model now, so that the first sentence need not wait for it."""
        ...

    def stream(
        self, text: str, voice: str | None = None, speed: float = 1.0
    ) -> Iterator[Samples]:
        """Speak a text piece by piece.

        Args:
            text: What to say; without anything to pronounce nothing is given.
            voice: One of `voices`; ``None`` is the usual one.
            speed: 2.0 is twice as fast; held within `SLOWEST` and `FASTEST`.

        Yields:
            int16, shape (n,), each as soon as it is made.

        Raises:
            SpeechEngineError: If there is no such voice, or the engine fails.
        """
        ...


class HibariSynthesiser:
    """Hibari: a neural voice from an installed package; nothing is downloaded.

    The same text gives the same samples. One voice comes with it; the others are
    made of it: spoken faster or slower and resampled back, which moves pitch and
    timbre together, as in a larger or smaller person.
    """

    sample_rate_hz = 24000
    voices = ("heart", "heart-low", "heart-high")
    _PITCH = {"heart": 1.0, "heart-low": 0.8, "heart-high": 1.2}  # noqa: RUF012

    def warm_up(self) -> None:
        """Load the model and speak a word."""
        for _ in self.stream("Ready."):
            pass

    def stream(
        self, text: str, voice: str | None = None, speed: float = 1.0
    ) -> Iterator[Samples]:
        """Speak sentence by sentence."""
        pitch = self._PITCH[_chosen(voice, self.voices)]
        pace = _held(speed) / pitch
        engine, random = _hibari(), np.random.default_rng(0)
        with _hibari_turn:
            sentences: list[str] = engine.phonemize(text)
        for phonemes in sentences:
            with _hibari_turn:
                floats = engine.from_ids(engine.ids(phonemes), pace, random)
            if pitch != 1.0 and len(floats):
                apparent_hz = self.sample_rate_hz * pitch
                floats = soxr.resample(floats, apparent_hz, self.sample_rate_hz)
            if len(floats):
                yield to_int16(floats)


_loading = threading.Lock()
_hibari_turn = threading.Lock()


def _hibari() -> Any:
    with _loading:
        return _loaded_hibari()


@cache
def _loaded_hibari() -> Any:
    try:
        from hibari import Hibari  # pyright: ignore[reportMissingTypeStubs]
    except ImportError as exc:
        raise MissingExtraError("the Hibari synthesiser", "local") from exc
    return Hibari()


class EspeakSynthesiser:
    """eSpeak NG: plain to hear, and instant.

    Not the same twice: the library carries its phase from one text to the next.
    """

    sample_rate_hz = 22050
    voices = ("en-us", "en-us+f3", "en-us+m7")
    _WORDS_PER_MINUTE = 170

    def warm_up(self) -> None:
        """Load the library."""
        _espeak()

    def stream(
        self, text: str, voice: str | None = None, speed: float = 1.0
    ) -> Iterator[Samples]:
        """Speak a text; it is made whole and given in pieces of a second."""
        name = _chosen(voice, self.voices)
        rate = round(self._WORDS_PER_MINUTE * _held(speed))
        whole = _espeak().speak(text, name, rate)
        for first in range(0, len(whole), self.sample_rate_hz):
            yield whole[first : first + self.sample_rate_hz]


class _EspeakLibrary:
    """The C library: one for the process, one text at a time."""

    _SYNCHRONOUS, _RATE, _CHARACTERS, _UTF8, _BUFFER_MS = 2, 1, 1, 1, 60

    def __init__(self, library: Any, data_path: str) -> None:
        self._library, self._turn = library, threading.Lock()
        rate = library.espeak_Initialize(
            self._SYNCHRONOUS, self._BUFFER_MS, data_path.encode(), 0
        )
        if rate != EspeakSynthesiser.sample_rate_hz:
            raise SpeechEngineError(
                f"cannot start eSpeak NG: it answered {rate} where its sample rate "
                "was expected; reinstall espeakng-loader"
            )
        self._pieces: list[Samples] = []
        pointer = ctypes.POINTER(ctypes.c_short)
        take = ctypes.CFUNCTYPE(ctypes.c_int, pointer, ctypes.c_int, ctypes.c_void_p)
        # kept here: the library calls it for as long as it lives
        self._callback = take(self._take)
        library.espeak_SetSynthCallback(self._callback)

    def speak(self, text: str, voice: str, words_per_minute: int) -> Samples:
        # a NUL would end the text for C
        encoded = text.replace("\0", " ").encode("utf-8", "replace")
        with self._turn:
            self._pieces = []
            failed = self._library.espeak_SetVoiceByName(voice.encode())
            self._library.espeak_SetParameter(self._RATE, words_per_minute, 0)
            failed = failed or self._library.espeak_Synth(
                *(encoded, ctypes.c_size_t(len(encoded) + 1), 0, self._CHARACTERS, 0),
                *(self._UTF8, None, None),
            )
            pieces = self._pieces
        if failed:
            raise SpeechEngineError(
                f"cannot speak {shorten(text)} with voice {voice!r}: "
                f"eSpeak NG answered {failed}; another voice or text may work"
            )
        return np.concatenate([np.zeros(0, np.int16), *pieces])

    def _take(self, samples: Any, n_samples: int, _: int | None) -> int:
        if n_samples > 0 and samples:
            self._pieces.append(np.ctypeslib.as_array(samples, (n_samples,)).copy())
        return 0


def _espeak() -> _EspeakLibrary:
    with _loading:
        return _loaded_espeak()


@cache
def _loaded_espeak() -> _EspeakLibrary:
    try:
        import espeakng_loader  # pyright: ignore[reportMissingTypeStubs]
    except ImportError as exc:
        raise MissingExtraError("the eSpeak NG synthesiser", "local") from exc
    try:
        library = ctypes.CDLL(espeakng_loader.get_library_path())
        return _EspeakLibrary(library, espeakng_loader.get_data_path())
    except (OSError, RuntimeError) as exc:
        raise SpeechEngineError(
            f"cannot start eSpeak NG: {exc}; reinstall espeakng-loader"
        ) from exc


class ScriptedSynthesiser:
    """A tone whose length is known beforehand. For tests: nothing is said.

    Each character takes ``ms_per_character``; the second voice is an octave up.
    """

    voices = ("tone", "tone-high")
    _PIECE_MS = 200
    _PEAK = 0.25

    def __init__(self, sample_rate_hz: int = 16000, ms_per_character: int = 60) -> None:
        self.sample_rate_hz = sample_rate_hz
        self._ms_per_character = ms_per_character

    def warm_up(self) -> None:
        """Do nothing: there is no model."""

    def stream(
        self, text: str, voice: str | None = None, speed: float = 1.0
    ) -> Iterator[Samples]:
        """Give the tone in pieces of 200 ms, the last one shorter."""
        pitch_hz = 440 * (1 + self.voices.index(_chosen(voice, self.voices)))
        duration_ms = len(text) * self._ms_per_character / _held(speed)
        n_samples = round(duration_ms * self.sample_rate_hz / 1000)
        phase = np.arange(n_samples) * (2 * np.pi * pitch_hz / self.sample_rate_hz)
        tone = to_int16(self._PEAK * np.sin(phase))
        piece = self._PIECE_MS * self.sample_rate_hz // 1000
        for first in range(0, n_samples, piece):
            yield tone[first : first + piece]


SYNTHESISERS: dict[str, Callable[[], Synthesiser]] = {
    "hibari": HibariSynthesiser,
    "espeak": EspeakSynthesiser,
    "scripted": ScriptedSynthesiser,
}
"""Synthesisers by name."""

_NEEDED = {"hibari": "hibari", "espeak": "espeakng_loader"}


def synthesiser(name: str = "auto") -> Synthesiser:
    """Return a synthesiser by name; ``"auto"`` is the best that is installed.

    Raises:
        MissingExtraError: If ``"auto"`` finds none.
        SpeechEngineError: If there is no synthesiser of that name.
    """
    if name == "auto":
        for engine, module in _NEEDED.items():
            if importlib.util.find_spec(module):
                return SYNTHESISERS[engine]()
        raise MissingExtraError("a speech synthesiser", "local")
    if name not in SYNTHESISERS:
        raise SpeechEngineError(
            f"cannot use synthesiser {shorten(name)}: it is not known; "
            f"auto, {', '.join(SYNTHESISERS)} are"
        )
    return SYNTHESISERS[name]()


def voice_for(engine: Synthesiser, speaker: str | None) -> str:
    """Return the voice that stands for a provider's speaker, always the same one.

    A name the engine knows stands for itself, none for the usual voice.
    """
    voices = engine.voices
    if not speaker:
        return voices[0]
    if speaker in voices:
        return speaker
    return voices[crc32(speaker.encode("utf-8", "replace")) % len(voices)]


def spoken(
    engine: Synthesiser, text: str, voice: str | None = None, speed: float = 1.0
) -> Clip:
    """Return a whole text as one clip, at the engine's rate."""
    pieces = engine.stream(text, voice, speed)
    whole = np.concatenate([np.zeros(0, np.int16), *pieces])
    return Clip(whole, engine.sample_rate_hz)


def _chosen(voice: str | None, voices: tuple[str, ...]) -> str:
    if voice is None:
        return voices[0]
    if voice not in voices:
        raise SpeechEngineError(
            f"cannot speak with voice {shorten(voice)}: there is no such voice; "
            f"{', '.join(voices)} work"
        )
    return voice


def _held(speed: float) -> float:
    return min(max(speed, SLOWEST), FASTEST)
