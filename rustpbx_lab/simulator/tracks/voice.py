"""The stand-in's voice: one local engine under every provider's name, with a cache."""

import hashlib
import logging
import re
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from rustpbx_lab.audio.clip import Resampler
from rustpbx_lab.audio.codecs import Samples
from rustpbx_lab.models.options import SynthesisOption
from rustpbx_lab.simulator.core.provider_reach import refusal
from rustpbx_lab.simulator.core.runtime import Runtime
from rustpbx_lab.speech.synthesis import Synthesiser, voice_for

from .track import SAMPLE_RATE_HZ

logger = logging.getLogger(__name__)

_TENCENT_SPEEDS = ((-2, -1, 0, 1, 2, 6), (0.6, 0.8, 1.0, 1.2, 1.5, 2.5))

TTS_PROVIDERS = frozenset(
    ("tencent", "tencent_basic", "aliyun", "deepgram", "supertonic")
)
"""Names that are served, all by the local engine; credentials are ignored."""

_EMOJI = re.compile(
    "[\U0001f000-\U0001faff\u2600-\u27bf\u2b00-\u2bff\ufe0f\u200d\u20e3]"
)
_SENTENCE_END = re.compile(
    "[.!?\u2026][\"')\\]]*\\s+|[\u3002\uff01\uff1f\uff1b\n]+"  # Western, Chinese
)


@dataclass(frozen=True, slots=True)
class Speech:
    """A text to be spoken, and how."""

    text: str
    option: SynthesisOption


class SpeechSink(Protocol):
    """Takes what is spoken, on the loop."""

    def audio(self, samples: Samples) -> None:
        """Take the next audio, 16 kHz."""
        ...

    def spoken(self) -> None:
        """Take note that the text is spoken."""
        ...

    def failed(self, error: str) -> None:
        """Take note that it cannot be spoken."""
        ...

    def refused(self, error: str) -> None:
        """Take note that the provider cannot be reached."""
        ...


class Speaking:
    """One synthesis that runs."""

    def __init__(self) -> None:
        self.is_cancelled = False

    def cancel(self) -> None:
        """Want no more of it."""
        self.is_cancelled = True


class Voice:
    """Speaks texts in worker threads, piece by piece."""

    def __init__(self, runtime: Runtime, engine: Synthesiser) -> None:
        self._runtime, self._engine = runtime, engine
        self._cache: dict[str, Samples] = {}

    def speak(self, speech: Speech, sink: SpeechSink) -> Speaking:
        """Begin to speak; the sink gets the pieces as they are made."""
        speaking = Speaking()
        self._runtime.in_worker(lambda: self._work(speech, sink, speaking))
        return speaking

    def _work(self, speech: Speech, sink: SpeechSink, speaking: Speaking) -> None:
        def tell(samples: Samples) -> None:
            self._runtime.soon(lambda: sink.audio(samples))

        why_not = _refusal(speech.option)
        if why_not is not None:
            self._runtime.soon(lambda: sink.refused(why_not))
            return
        gain = _gain(speech.option)
        rates = Resampler(self._engine.sample_rate_hz, SAMPLE_RATE_HZ)
        name = voice_for(self._engine, _speaker(speech.option))
        try:
            for piece in self._engine.stream(speech.text, name, _speed(speech.option)):
                if speaking.is_cancelled:
                    return
                tell(_louder(rates.push(piece), gain))
            tell(_louder(rates.flush(), gain))
        except Exception as exc:
            # an engine may fail in any way; the call must hear of it and go on
            logger.exception("the synthesis of %r failed", speech.text[:80])
            error = str(exc)
            self._runtime.soon(lambda: sink.failed(error))
        else:
            self._runtime.soon(sink.spoken)

    def cached(self, key: str) -> Samples | None:
        """Return what is kept under a key."""
        return self._cache.get(_file_name(key))

    def keep(self, key: str, samples: Samples) -> None:
        """Keep audio under a key."""
        self._cache[_file_name(key)] = samples

    @staticmethod
    def cache_key(text: str, option: SynthesisOption, given: str | None) -> str:
        """Return the key of a text, as the server computes it."""
        if given is not None:
            return given
        digest = hashlib.sha256(f"tts:{option.provider}{text}".encode()).hexdigest()
        rate = SAMPLE_RATE_HZ if option.samplerate is None else option.samplerate
        speaker = "" if option.speaker is None else f"_{option.speaker}"
        speed = 1.0 if option.speed is None else option.speed
        return f"{digest}_{rate}{speaker}_{speed:g}"


class TextPieces:
    """Gathers the pieces of a streamed text into sentences, as the services do."""

    def __init__(self) -> None:
        self._rest = ""

    def push(self, piece: str, *, is_last: bool) -> list[str]:
        """Return the sentences a piece completes; the rest too if it is the last."""
        text = self._rest + piece
        cuts = [match.end() for match in _SENTENCE_END.finditer(text)]
        if is_last:
            cuts.append(len(text))
        sentences = [text[a:b] for a, b in zip([0, *cuts], cuts, strict=False)]
        self._rest = text[cuts[-1] :] if cuts else text
        return [sentence for sentence in sentences if sentence.strip()]


def spoken_text(text: str) -> str:
    """Return a text without emoji, which the server does not speak."""
    return _EMOJI.sub("", text)


def _file_name(key: str) -> str:
    """Everything after the last dot is lost: speeds 1.0 and 1.2 share a file."""
    return key.rpartition(".")[0] or key


def _refusal(option: SynthesisOption) -> str | None:
    # the server's deepgram takes no endpoint for synthesis
    if option.provider != "aliyun":
        return None
    return refusal(option.provider, option.endpoint)


def _speaker(option: SynthesisOption) -> str | None:
    if option.provider == "deepgram":
        return option.model or option.speaker
    return option.speaker


def _speed(option: SynthesisOption) -> float:
    """Return the pace: tencent counts from 0 (normal), the others from 1."""
    if option.provider in ("tencent", "tencent_basic"):
        scale = 0.0 if option.speed is None else option.speed
        return float(np.interp(scale, *_TENCENT_SPEEDS))
    return 1.0 if option.speed is None else option.speed


def _gain(option: SynthesisOption) -> float:
    """Return the factor: aliyun counts to 100 and 50 is normal, so 5 is faint."""
    if option.provider == "aliyun" and option.volume is not None:
        return option.volume / 50
    return 1.0


def _louder(samples: Samples, gain: float) -> Samples:
    if gain == 1.0:
        return samples
    return np.clip(np.rint(samples * gain), -32768, 32767).astype(np.int16)
