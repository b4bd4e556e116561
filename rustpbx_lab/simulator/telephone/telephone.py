"""A scripted telephone: rings, answers, speaks, presses keys, hangs up."""

from collections.abc import Callable
from typing import Protocol

import numpy as np

from rustpbx_lab.audio.codecs import Samples
from rustpbx_lab.models.options import SynthesisOption
from rustpbx_lab.simulator.core.runtime import Runtime, Timer
from rustpbx_lab.simulator.tracks.media import Media
from rustpbx_lab.simulator.tracks.track import FRAME_MS, FRAME_SAMPLES
from rustpbx_lab.simulator.tracks.voice import Speech, Voice

from .sip_script import Act, Script, refusal_text

SDP = "\r\n".join(
    (
        *("v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0"),
        *("m=audio 40000 RTP/AVP 0 101", "a=rtpmap:0 PCMU/8000"),
        *("a=rtpmap:101 telephone-event/8000", "a=sendrecv", ""),
    )
)
"""What either side of a simulated SIP call says about its media."""
UNHEARD_MS = 32_000
"""How long the server repeats an INVITE of which it hears nothing (SIP's timer B)."""
TIMEOUT = 408
LONGEST_WAITING = 50 * FRAME_SAMPLES
"""Samples an echo keeps; the rest of a faster sender is lost."""


class OtherEnd(Protocol):
    """Takes what a telephone does: the server's leg to it."""

    def rings(self, *, early_media: bool) -> None:
        """It sent a provisional answer."""
        ...

    def picks_up(self) -> None:
        """It answered."""
        ...

    def refuses(self, code: int, reason: str) -> None:
        """It refused."""
        ...

    def says(self, samples: Samples) -> None:
        """It sent 20 ms of audio at 16 kHz."""
        ...

    def does(self, act: Act) -> None:
        """It pressed a key, held, wrote, asked for a transfer or hung up."""
        ...


class Telephone:
    """One remote party; the same for callees, transfer targets and callers."""

    def __init__(
        self, script: Script, runtime: Runtime, voice: Voice, media: Media
    ) -> None:
        self.script = script
        self._runtime, self._voice, self._media = runtime, voice, media
        self._other: OtherEnd | None = None
        self._timers: list[Timer] = []
        self._waiting: list[Samples] = []
        self._is_over = self._sends = False
        self._tick_ms = 0.0
        self._next_tick: Timer | None = None

    def ring(self, other: OtherEnd) -> None:
        """Take an INVITE."""
        self._other = other
        script = self.script
        for number in range(script.rings):
            self._after(number * script.ring_ms, self._ring)
        if script.code is not None:
            self._after(script.rings * script.ring_ms, self._decide)
        elif not script.rings:
            self._after(
                UNHEARD_MS, lambda: other.refuses(TIMEOUT, refusal_text(TIMEOUT))
            )

    def talk(self, other: OtherEnd) -> None:
        """Begin to talk: the call is answered, by this side or the other."""
        self._other = other
        self._send_audio()
        if self.script.says:
            option = SynthesisOption(provider="supertonic", speaker=self.script.voice)
            self._voice.speak(Speech(self.script.says, option), self)
        if self.script.plays:
            self._media.load(self.script.plays, self._queue, self.failed)
        for act in self.script.acts:
            self._after(act.after_ms, lambda act=act: self._do(act))

    def hear(self, samples: Samples) -> None:
        """Take what the server plays to it."""
        if self.script.is_echo and sum(map(len, self._waiting)) < LONGEST_WAITING:
            self._waiting.append(samples)

    def hang_up(self) -> None:
        """Stop: it was hung up on, or hung up itself."""
        self._is_over = True
        for timer in (*self._timers, self._next_tick):
            if timer is not None:
                timer.cancel()

    # ------------------------------------------------------------------ ringing

    def _ring(self) -> None:
        if self._other is not None:
            self._other.rings(early_media=self.script.has_early_media)
        if self.script.has_early_media:
            self._send_audio()

    def _decide(self) -> None:
        other, code = self._other, self.script.code
        if other is None or code is None:
            return
        if code < 300:
            other.picks_up()
            if not self._is_over:
                self.talk(other)
        else:
            other.refuses(code, self.script.reason or refusal_text(code))

    # ------------------------------------------------------------------ talking

    def audio(self, samples: Samples) -> None:
        """Take the next of what it is to say."""
        self._queue(samples)

    def spoken(self) -> None:
        """Take note that all is synthesised."""

    def failed(self, error: str) -> None:
        """Say nothing: its file or voice does not work."""

    def refused(self, error: str) -> None:
        """Say nothing, too; a telephone's voice has no provider."""

    def _queue(self, samples: Samples) -> None:
        self._waiting.append(samples)

    def _send_audio(self) -> None:
        if not self._sends and not self.script.is_silent:
            self._sends = True
            self._tick_at(self._runtime.monotonic_ms())

    def _tick_at(self, at_ms: float) -> None:
        self._tick_ms = at_ms
        self._next_tick = self._call_at(at_ms, self._tick)

    def _tick(self) -> None:
        if self._other is not None:
            self._other.says(self._next_frame())
        if not self._is_over:
            self._tick_at(self._tick_ms + FRAME_MS)

    def _next_frame(self) -> Samples:
        waiting = np.concatenate([np.zeros(0, np.int16), *self._waiting])
        self._waiting = [waiting[FRAME_SAMPLES:]]
        frame = waiting[:FRAME_SAMPLES]
        return np.pad(frame, (0, FRAME_SAMPLES - len(frame)))

    def _do(self, act: Act) -> None:
        if self._other is not None:
            self._other.does(act)

    def _after(self, wait_ms: int, then: Callable[[], None]) -> None:
        self._timers.append(self._call_at(self._runtime.monotonic_ms() + wait_ms, then))

    def _call_at(self, at_ms: float, then: Callable[[], None]) -> Timer:
        def run() -> None:
            if not self._is_over:
                then()

        return self._runtime.call_at(at_ms, run)
