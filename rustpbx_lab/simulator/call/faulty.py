"""Parts of a stand-in with injected faults: line, recogniser, clock, log."""

import math
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from typing_extensions import override

from rustpbx_lab.audio.codecs import Samples
from rustpbx_lab.models import events
from rustpbx_lab.models.options import CallOption
from rustpbx_lab.simulator.core.query import CallQuery
from rustpbx_lab.simulator.core.runtime import Runtime, Timer
from rustpbx_lab.simulator.telephone.sip_script import dialog_error, refusal_text
from rustpbx_lab.simulator.tracks.playback import SetUpError
from rustpbx_lab.speech.recognition import Hypothesis, Recogniser, RecognitionStream

from .call import Call
from .faults import Faults
from .services import Line, Services

_ANSWER = '{"event":"answer"'


class Wire(Line, Protocol):
    """A connection that can break."""

    def abort(self) -> None:
        """Drop the connection without a close."""
        ...

    def freeze(self) -> None:
        """Neither read nor write any more, and answer no ping."""
        ...


class FaultyLine:
    """A line that is late, loses and breaks events, and breaks itself."""

    def __init__(self, wire: Wire, faults: Faults, runtime: Runtime) -> None:
        self._wire, self._faults, self._runtime = wire, faults, runtime
        self._n_events = 0
        self._late: deque[Callable[[], object]] = deque()
        self._is_answered = False

    def text(self, text: str) -> None:
        """Send an event, perhaps."""
        if not self._is_answered and text.startswith(_ANSWER):
            self._is_answered = True
            self._after(self._faults.close_after, self._wire.abort)
            self._after(self._faults.half_open, self._wire.freeze)
        self._n_events += 1
        if _is_nth(self._n_events, self._faults.malformed):
            self._send(lambda: self._wire.text(text[: len(text) // 2]))
        if not _is_nth(self._n_events, self._faults.drop):
            self._send(lambda: self._wire.text(text))

    def audio(self, data: bytes) -> None:
        """Send a binary frame."""
        self._send(lambda: self._wire.audio(data))

    def send_ping(self, payload: bytes) -> None:
        """Send a control ping."""
        self._send(lambda: self._wire.send_ping(payload))

    def hang_up(self) -> None:
        """Close in an orderly way."""
        self._send(self._wire.hang_up)

    def _send(self, action: Callable[[], object]) -> None:
        if not self._faults.delay:
            action()
            return
        self._late.append(action)
        # one timer each, and each sends what is next: two of one time may swap
        self._after(self._faults.delay / 1000, lambda: self._late.popleft()())

    def _after(self, wait_s: float, then: Callable[[], object]) -> None:
        if wait_s < math.inf:
            self._runtime.call_at(self._runtime.monotonic_ms() + 1000 * wait_s, then)


def _is_nth(number: int, n: int) -> bool:
    return n > 0 and number % n == 0


class RefusedCall(Call):
    """A call of any kind that is refused."""

    def __init__(
        self, query: CallQuery, services: Services, line: Line, kind: str, code: int
    ) -> None:
        self.call_type = kind
        super().__init__(query, services, line)
        self._code = code

    @override
    def set_up(self, sender: str, option: CallOption) -> None:
        self.option = option
        reason = refusal_text(self._code)
        self.emit(
            events.Reject(
                track_id=self.id,
                timestamp=self.runtime.now_ms(),
                reason=reason,
                refer=False,
                code=self._code,
            )
        )
        raise SetUpError(dialog_error(self._code, reason))


class SlowRecogniser:
    """A recogniser whose results come late."""

    def __init__(self, recogniser: Recogniser, late_ms: int) -> None:
        self._recogniser, self._late_ms = recogniser, late_ms

    def warm_up(self) -> None:
        """Load the model now."""
        self._recogniser.warm_up()

    def stream(self) -> RecognitionStream:
        """Begin a stream."""
        return _SlowStream(self._recogniser.stream(), self._late_ms)


class _SlowStream:
    def __init__(self, stream: RecognitionStream, late_ms: int) -> None:
        self._stream, self._late_ms = stream, late_ms

    def push(self, samples: Samples) -> list[Hypothesis]:
        return self._late(self._stream.push(samples))

    def finish(self) -> list[Hypothesis]:
        return self._late(self._stream.finish())

    def _late(self, found: list[Hypothesis]) -> list[Hypothesis]:
        if found:
            time.sleep(self._late_ms / 1000)  # in a thread of its own
        return found


class SkewedRuntime:
    """A runtime whose wall clock is ahead of everybody else's."""

    def __init__(self, runtime: Runtime, ahead_ms: int) -> None:
        self._runtime, self._ahead_ms = runtime, ahead_ms

    def now_ms(self) -> int:
        """Return the wrong time."""
        return self._runtime.now_ms() + self._ahead_ms

    def monotonic_ms(self) -> float:
        """Return the clock that never steps."""
        return self._runtime.monotonic_ms()

    def call_at(self, at_ms: float, callback: Callable[[], object]) -> Timer:
        """Call back at a time of the monotonic clock."""
        return self._runtime.call_at(at_ms, callback)

    def soon(self, callback: Callable[[], object]) -> None:
        """Call back on the loop."""
        self._runtime.soon(callback)

    def in_worker(self, work: Callable[[], object]) -> None:
        """Run something in a thread."""
        self._runtime.in_worker(work)
