"""A call of the stand-in with a clock of its own and no socket."""

import base64
import heapq
import json
from collections import deque
from itertools import count

import numpy as np

from rustpbx_lab.simulator.call.call import Call
from rustpbx_lab.simulator.call.services import Services
from rustpbx_lab.simulator.core.query import CallQuery
from rustpbx_lab.simulator.core.strict import StrictReports
from rustpbx_lab.simulator.tracks.media import Media
from rustpbx_lab.simulator.tracks.voice import Voice
from rustpbx_lab.speech.recognition import ScriptedRecogniser
from rustpbx_lab.speech.synthesis import ScriptedSynthesiser

EPOCH_MS = 1_800_000_000_000
SST = "server-side-track"
TTS = {"provider": "deepgram"}


class FakeTimer:
    def __init__(self, callback):
        self.callback = callback

    def cancel(self):
        self.callback = None


class FakeRuntime:
    """Time stands still until `advance`; work in threads takes `work_ms`."""

    def __init__(self):
        self._clock_ms = 0.0
        self._timers, self._soon, self._number = [], deque(), count()
        self.work_ms = 0

    def now_ms(self):
        return EPOCH_MS + round(self._clock_ms)

    def monotonic_ms(self):
        return self._clock_ms

    def call_at(self, at_ms, callback):
        timer = FakeTimer(callback)
        heapq.heappush(self._timers, (at_ms, next(self._number), timer))
        return timer

    def soon(self, callback):
        self._soon.append(callback)

    def in_worker(self, work):
        if self.work_ms:
            self.call_at(self._clock_ms + self.work_ms, work)
        else:
            self.soon(work)

    def advance(self, ms):
        end_ms = self._clock_ms + ms
        self._settle()
        while self._timers and self._timers[0][0] <= end_ms:
            at_ms, _, timer = heapq.heappop(self._timers)
            self._clock_ms = max(self._clock_ms, at_ms)
            if timer.callback is not None:
                timer.callback()
            self._settle()
        self._clock_ms = end_ms

    def _settle(self):
        while self._soon:
            self._soon.popleft()()


class FakeLine:
    def __init__(self, runtime):
        self._runtime = runtime
        self.events, self.frames, self.pings = [], [], []
        self.closed_ms = None

    def text(self, text):
        self.events.append((round(self._runtime.monotonic_ms()), json.loads(text)))

    def audio(self, data):
        self.frames.append((round(self._runtime.monotonic_ms()), data))

    def send_ping(self, payload):
        self.pings.append((round(self._runtime.monotonic_ms()), payload))

    def hang_up(self):
        self.closed_ms = round(self._runtime.monotonic_ms())


class CallBench:
    """One call: say commands, advance the clock, look at what it said."""

    def __init__(
        self,
        query=None,
        script=(),
        dump_dir=None,
        kind=Call,
        media_dir=None,
        **services,
    ):
        self.runtime = FakeRuntime()
        self.line = FakeLine(self.runtime)
        self.strict = StrictReports(is_strict=True)
        self.services = Services(
            runtime=self.runtime,
            voice=Voice(self.runtime, ScriptedSynthesiser(ms_per_character=100)),
            recogniser=ScriptedRecogniser(script),
            media=Media(self.runtime, media_dir),
            strict=self.strict,
            dump_dir=dump_dir,
            **services,
        )
        self.call = kind(query or CallQuery("me"), self.services, self.line)
        self.call.start()
        self._seen = 0

    def invite(self, **option):
        self.say("invite", option={"tts": TTS, **option})
        self.advance(100)
        return self.new_events()

    def say(self, command, **fields):
        self.call.take_text(json.dumps({"command": command, **fields}))

    def tts(self, **fields):
        self.say("tts", **fields)

    def advance(self, ms):
        self.runtime.advance(ms)

    def new_events(self):
        """What came since the last look: (time since the bench began, event)."""
        new = self.line.events[self._seen :]
        self._seen = len(self.line.events)
        return new

    def story(self):
        """What came since the last look, in short: name and play id or track."""
        return [
            (event["event"], event.get("playId") or event.get("trackId"))
            for _, event in self.new_events()
        ]

    def rules(self):
        return [report.rule for report in self.strict.reports]


def tone(ms, rate=16000):
    n = np.arange(ms * rate // 1000)
    return np.rint(8000 * np.sin(2 * np.pi * 440 * n / rate)).astype("<i2")


def base64_tone(ms, rate=16000):
    return base64.b64encode(tone(ms, rate).tobytes()).decode()
