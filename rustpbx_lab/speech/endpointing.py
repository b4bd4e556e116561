"""Endpointing: where utterances begin and end.

As streaming services do: Silero VAD finds the speech, and an utterance is over after
`ENDPOINT_MS` of silence. The engine sees one utterance at a time.
"""

from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np

from rustpbx_lab.audio.codecs import Samples

from .vad_engines import CHUNK_MS, CHUNK_SAMPLES, SileroEngine

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
    """What someone said, or seems to be saying."""

    text: str
    is_final: bool
    start_ms: int
    """Start of the utterance, milliseconds from the first sample of the stream."""
    end_ms: int
    """End of its last voiced chunk so far."""
    confidence: float | None = None
    """0 to 1, from the engine's own likelihood; not calibrated."""


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
