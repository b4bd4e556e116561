"""The ``refer`` command: a second leg that nobody ever answers.

The stand-in has no SIP, so a transfer behaves as on the server when the other side
never answers: it blocks until its timeout.
"""

from collections.abc import Callable
from typing import Protocol

from rustpbx_lab.models import commands, events
from rustpbx_lab.models.base import BaseEvent
from rustpbx_lab.models.options import ReferOption

from .playback import Playback
from .runtime import Runtime, Timer
from .times import rfc3339
from .tracks import new_ssrc

TIMEOUT_S = 30
INACTIVITY_MS = 51_000
"""The hidden watch of a leg fires 50 to 51 s after its last packet."""


class TransferringCall(Protocol):
    """What a transfer needs of a call."""

    server_track: str
    runtime: Runtime
    playback: Playback

    def emit(self, event: BaseEvent) -> None:
        """Send an event."""
        ...

    def fail(self, sender: str, error: str) -> None:
        """Send an error of the command layer."""
        ...

    def block(self) -> None:
        """Hold later commands back."""
        ...

    def unblock(self) -> None:
        """Let them run."""
        ...

    def end(self, reason: str) -> None:
        """End the call."""
        ...


class Transfer:
    """The transfers of one call."""

    def __init__(self, call: TransferringCall) -> None:
        self._call = call
        self._timers: list[Timer] = []
        self._was_made = False

    def refer(self, command: commands.Refer) -> None:
        """Call the third party and wait for it in vain."""
        option = command.options or ReferOption()
        call, runtime = self._call, self._call.runtime
        self._was_made = True
        call.block()
        call.playback.interrupt()
        ssrc, began = new_ssrc(), runtime.now_ms()
        if option.moh is None:
            call.playback.forget_current()
            self._emit(events.TrackStart(track_id=call.server_track, timestamp=began))
            self._after(INACTIVITY_MS, self._inactive)
        else:
            call.playback.play(commands.Play(url=option.moh))
        if option.auto_hangup is not False:
            call.playback.hang_up_after(ssrc)
        wait_ms = 1000 * (TIMEOUT_S if option.timeout is None else option.timeout)
        self._after(wait_ms, lambda: self._time_out(command, ssrc, began))

    def hang_up(self) -> None:
        """Stop the leg, or whatever plays in its place after it has ended."""
        if self._was_made:
            self._call.playback.interrupt()

    def cancel(self) -> None:
        """Forget everything: the call is over."""
        for timer in self._timers:
            timer.cancel()

    def _time_out(self, command: commands.Refer, ssrc: int, began: int) -> None:
        call = self._call
        self._emit(
            events.Reject(
                track_id=call.server_track,
                timestamp=call.runtime.now_ms(),
                reason="Timeout when refer",
                refer=True,
                code=408,
            )
        )
        call.fail("command", "refer sip track creation timed out")
        call.runtime.soon(lambda: self._leg_over(command, ssrc, began))
        call.unblock()

    def _leg_over(self, command: commands.Refer, ssrc: int, began: int) -> None:
        call, now = self._call, self._call.runtime.now_ms()
        self._emit(
            events.TrackEnd(
                track_id=call.server_track, timestamp=now, duration=0, ssrc=ssrc
            )
        )
        self._emit(
            events.Hangup.model_validate(
                {
                    "trackId": call.server_track,
                    "timestamp": now,
                    "reason": "Some(Canceled)",
                    "initiator": "caller",
                    "startTime": rfc3339(began),
                    "hangupTime": rfc3339(now),
                    "from": _attendee(command.caller),
                    "to": _attendee(command.callee),
                    "refer": True,
                }
            )
        )

    def _inactive(self) -> None:
        now = self._call.runtime.now_ms()
        self._emit(events.Inactivity(track_id=self._call.server_track, timestamp=now))
        self._call.end("inactivityTimeout")

    def _emit(self, event: BaseEvent) -> None:
        self._call.emit(event)

    def _after(self, wait_ms: int, then: Callable[[], None]) -> None:
        runtime = self._call.runtime
        self._timers.append(runtime.call_at(runtime.monotonic_ms() + wait_ms, then))


def _attendee(source: str) -> dict[str, str]:
    address = source.removeprefix("sips:").removeprefix("sip:")
    user, at, host = address.partition("@")
    if not at:
        user, host = "", address
    realm = host.split(";")[0]
    if not realm.startswith("[") and realm.rpartition(":")[2].isdecimal():
        realm = realm.rpartition(":")[0]
    return {"username": user, "realm": realm, "source": source}
