"""Scripted callers that talk, wait, hesitate and interrupt."""

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import anyio
import anyio.to_thread
import numpy as np

from rustpbx_lab.analysis.playback import Playback, PlaybackFold
from rustpbx_lab.audio.codecs import Samples, call_codec
from rustpbx_lab.audio.sources import AudioSource
from rustpbx_lab.client import CallSession
from rustpbx_lab.client.media.audio_sender import pump
from rustpbx_lab.client.task_groups import plain_task_group
from rustpbx_lab.errors import CallClosedError
from rustpbx_lab.speech.synthesis import Synthesiser, spoken, synthesiser

SAMPLE_RATE_HZ = 16000
NOISE_DBFS = -65.0
SPEECH_DBFS = -24.0
"""Level that sentences are brought to, over their whole length."""
QUIET = 200
"""Samples of a synthesiser up to here are its silence."""
NOISE_S = 10
"""The noise repeats after so long."""


@dataclass(frozen=True, slots=True)
class Say:
    """Say a sentence, and go on when it is over."""

    text: str


@dataclass(frozen=True, slots=True)
class Pause:
    """Hesitate: send line noise for so long."""

    ms: int


@dataclass(frozen=True, slots=True)
class WaitForBot:
    """Wait until the bot has answered and is quiet again; give up after a time."""

    timeout_s: float = 15.0


@dataclass(frozen=True, slots=True)
class BargeIn:
    """Say a sentence ``after_ms`` into what the bot says next, or is saying."""

    text: str
    after_ms: int = 1200
    timeout_s: float = 15.0
    """How long to wait for the bot to begin; the sentence is said all the same."""


@dataclass(frozen=True, slots=True)
class HangUp:
    """Hang up."""

    reason: str | None = None


Step = Say | Pause | WaitForBot | BargeIn | HangUp


class CallerVoice:
    """A line: what is queued, and comfort noise all the time, under speech too."""

    sample_rate_hz = SAMPLE_RATE_HZ

    def __init__(self, seed: int = 0) -> None:
        rms = 32768 * 10 ** (NOISE_DBFS / 20)
        random = np.random.default_rng(seed)
        noise = random.normal(0, rms, NOISE_S * SAMPLE_RATE_HZ)
        self._noise = np.rint(noise).astype(np.int16)
        self._position = 0
        self._waiting: deque[Samples] = deque()
        self._drained = anyio.Event()

    async def play(self, samples: Samples) -> None:
        """Queue samples and wait until they are sent."""
        if not len(samples):
            return
        if not self._waiting:
            self._drained = anyio.Event()
        self._waiting.append(samples)
        await self._drained.wait()

    def read(self, n_samples: int) -> Samples:
        """Return the next samples; there are always some."""
        places = np.arange(self._position, self._position + n_samples)
        self._position += n_samples
        line = self._noise.take(places, mode="wrap").astype(np.int32)
        filled = 0
        while filled < n_samples and self._waiting:
            head = self._waiting.popleft()
            taken = head[: n_samples - filled]
            line[filled : filled + len(taken)] += taken
            filled += len(taken)
            if len(head) > len(taken):
                self._waiting.appendleft(head[len(taken) :])
        if not self._waiting:
            self._drained.set()
        return np.clip(line, -32768, 32767).astype(np.int16)


class ScriptedCaller:
    """Plays a caller in a call: real speech, line noise, and reactions to the bot.

    For one call. After the script it stays on the line, quietly, until the call ends.

    Args:
        script: The steps, in order.
        synthesiser: Speaks the sentences; None is the best one installed.
        seed: Of the line noise; the same seed sends the same samples between sentences.
        voice: Of the synthesiser; None is the one least like its usual voice.
    """

    def __init__(
        self,
        script: Sequence[Step],
        synthesiser: Synthesiser | None = None,
        seed: int = 0,
        voice: str | None = None,
    ) -> None:
        self.script = tuple(script)
        self.said: list[str] = []
        """The sentences begun so far."""
        self._synthesiser = synthesiser
        self._voice = voice
        self._line = CallerVoice(seed)
        self._clips: dict[str, Samples] = {}
        self._playbacks = PlaybackFold()
        self._open: list[Playback] = []
        self._ended: list[Playback] = []
        self._n_rows = self._begun_row = self._over_row = 0
        self._moved = anyio.Event()

    async def prepare(self) -> None:
        """Speak all sentences in a worker thread, so that none need be waited for."""
        await anyio.to_thread.run_sync(self._speak_all)

    def _speak_all(self) -> None:
        engine = self._synthesiser or synthesiser()
        voice = self._voice or engine.voices[min(1, len(engine.voices) - 1)]
        for step in self.script:
            if isinstance(step, Say | BargeIn) and step.text not in self._clips:
                clip = spoken(engine, step.text, voice).resampled(SAMPLE_RATE_HZ)
                self._clips[step.text] = _levelled(_trimmed(clip.samples))

    @property
    def line(self) -> AudioSource:
        """What the caller sounds like, for a WebRTC peer to send."""
        return self._line

    async def run(self, call: CallSession) -> None:
        """Take part in a call that is answered, until it ends.

        On a WebRTC call someone else must send ``line``.
        """
        codec = call_codec(call.recording.caller.codec)
        async with plain_task_group() as tasks:
            if call.takes_audio:
                send = call.send_audio
                tasks.start_soon(self._quietly, pump, self._line, codec, send)
            tasks.start_soon(self._quietly, self._play_script, call)
            await self._follow(call)
            tasks.cancel_scope.cancel()

    @staticmethod
    async def _quietly(part: Callable[..., Awaitable[None]], *args: object) -> None:
        try:
            await part(*args)
        except CallClosedError:
            return

    async def _follow(self, call: CallSession) -> None:
        """Keep track of what the bot plays, until the call is over."""
        async for record in call.log.cursor():
            changes = self._playbacks.advance((record,))
            self._open, self._n_rows = changes.open, record.seq + 1
            self._ended += changes.closed
            moved, self._moved = self._moved, anyio.Event()
            moved.set()

    async def _play_script(self, call: CallSession) -> None:
        await self.prepare()
        for step in self.script:
            match step:
                case Say():
                    await self._say(step.text)
                case Pause():
                    n_samples = step.ms * SAMPLE_RATE_HZ // 1000
                    await self._line.play(np.zeros(n_samples, np.int16))
                case WaitForBot():
                    await self._until(self._is_answered, step.timeout_s)
                case BargeIn():
                    await self._until(self._is_heard, step.timeout_s)
                    await anyio.sleep(step.after_ms / 1000)
                    await self._say(step.text)
                case HangUp():
                    await call.hangup(reason=step.reason)

    async def _say(self, text: str) -> None:
        self._ended, self._begun_row = [], self._n_rows
        self.said.append(text)
        await self._line.play(self._clips[text])
        self._over_row = self._n_rows

    def _is_answered(self) -> bool:
        """Whether the bot has answered our last sentence and is quiet again."""
        return not self._open and any(map(self._is_answer, self._ended))

    def _is_answer(self, row: Playback) -> bool:
        # what began while we spoke and then gave way was not an answer to all of it
        began_while_we_spoke = self._begun_row <= row.seq < self._over_row
        gave_way = row.interrupted_ms is not None
        return row.seq >= self._over_row or (began_while_we_spoke and not gave_way)

    def _is_heard(self) -> bool:
        return any(row.first_audio_ms is not None for row in self._open)

    async def _until(self, is_true: Callable[[], bool], timeout_s: float) -> None:
        with anyio.move_on_after(timeout_s):
            while not is_true():
                await self._moved.wait()


def _trimmed(samples: Samples) -> Samples:
    """Cut the quiet before and after: pauses are the script's."""
    loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > QUIET)
    return samples[loud[0] : loud[-1] + 1] if len(loud) else samples


def _levelled(samples: Samples) -> Samples:
    floats = samples.astype(np.float64)
    rms = float(np.sqrt(np.mean(floats**2))) if len(floats) else 0.0
    if rms == 0.0:
        return samples
    gain = 32768 * 10 ** (SPEECH_DBFS / 20) / rms
    return np.clip(np.rint(floats * gain), -32768, 32767).astype(np.int16)
