"""The ``refer`` command: a second leg to a scripted telephone, mixed with the first.

Source:
    active-call 0.3.83 and 0.3.113, do_refer: the order of events was measured on the
    servers.
"""

from collections.abc import Callable
from typing import Protocol

import numpy as np
from typing_extensions import override

from rustpbx_lab.audio.codecs import Samples
from rustpbx_lab.models import commands, events
from rustpbx_lab.models.base import BaseEvent
from rustpbx_lab.models.options import CallOption, ReferOption
from rustpbx_lab.simulator.core.dialect import Dialect
from rustpbx_lab.simulator.core.runtime import Runtime, Timer
from rustpbx_lab.simulator.telephone.sip_leg import SipLeg
from rustpbx_lab.simulator.telephone.sip_script import (
    Act,
    Script,
    ScriptError,
    dialog_error,
    read_script,
    refusal_text,
)
from rustpbx_lab.simulator.telephone.telephone import SDP, Telephone
from rustpbx_lab.simulator.tracks.playback import CommandError, Playback
from rustpbx_lab.simulator.tracks.track import PlayedTrack, new_ssrc

from .caller_leg import CallerLeg
from .processors import Processors

TIMEOUT_S, TERMINATED = 30, 487
INACTIVITY_MS = 51_000
"""The hidden watch of a leg fires 50 to 51 s after its last packet."""


class TransferringCall(Protocol):
    """What a transfer needs of a call."""

    server_track: str
    runtime: Runtime
    playback: Playback
    caller: CallerLeg | None
    option: CallOption | None
    dialect: Dialect

    def emit(self, event: BaseEvent) -> None:
        """Send an event."""
        ...

    def fail(self, sender: str, error: str) -> None:
        """Send an error of the command layer."""
        ...

    def frame(self, track: PlayedTrack, samples: Samples) -> None:
        """Let the caller hear a frame."""
        ...

    def report(self, rule: str, why: str) -> None:
        """Tell strict mode what the server does in silence."""
        ...

    def telephone(self, script: Script) -> Telephone:
        """Return a telephone to call."""
        ...

    def processors(
        self, option: CallOption, track_id: str, emit: Callable[[BaseEvent], None]
    ) -> Processors | None:
        """Build what listens to a track."""
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


class LegTrack(PlayedTrack):
    """A transfer leg on the server's track; stopping it says nothing."""

    can_pause = False

    @override
    def _begin(self) -> None:
        """Wait for what the third party says."""

    @override
    def cancel(self, *, graceful: bool = False) -> None:
        self.is_over = True

    @override
    def end_now(self) -> None:
        self.is_over = True

    def play(self, samples: Samples) -> None:
        """Let a frame be heard, unless something else has taken the place."""
        if not self.is_over:
            self._play(samples)


class Transfer:
    """The transfers of one call; one at a time."""

    def __init__(self, call: TransferringCall) -> None:
        self._call = call
        self._leg: Leg | None = None

    def refer(self, command: commands.Refer) -> None:
        """Call the third party; before 0.3.84 later commands wait for its decision.

        Raises:
            CommandError: If the address of the third party makes no sense.
        """
        try:
            script = read_script(command.callee)
        except ScriptError as exc:
            raise CommandError(str(exc)) from exc
        if self._leg is not None:
            self._leg.let_go()
        self._leg = Leg(self._call, command, script)
        self._leg.start()

    @property
    def is_there(self) -> bool:
        """Whether a third party is there, or being called."""
        return self._leg is not None and not self._leg.sip.is_over

    @property
    def is_connected(self) -> bool:
        """Whether a third party is there."""
        leg = self._leg
        return leg is not None and leg.sip.is_answered and not leg.sip.is_over

    def hang_up(self, reason: str) -> None:
        """Stop the leg, or whatever plays in its place after it has ended."""
        if self._leg is not None:
            self._leg.hang_up(reason)

    def cancel(self) -> None:
        """Forget everything: the call is over."""
        if self._leg is not None:
            self._leg.let_go()


class Leg:
    """One transfer, from the command on."""

    def __init__(
        self, call: TransferringCall, command: commands.Refer, script: Script
    ) -> None:
        self._call, self._callee = call, command.callee
        self._option = option = command.options or ReferOption()
        parent = call.option.caller if call.option is not None else None
        self.sip = SipLeg(
            call.server_track, call.runtime, call.emit, is_refer=True, ssrc=new_ssrc()
        )
        if call.dialect.transfers_have_extra:
            self.sip.extra = {}
        if call.dialect.names_leg:
            self.sip.leg_id = f"ref-{new_ssrc()}"
        self.sip.caller = command.caller.strip() or parent or ""
        self.sip.callee = command.callee
        self._phone = call.telephone(script.called_with(option.sip))
        self._track = LegTrack(call, self.sip.ssrc, None)
        self._ears: Processors | None = None
        self._timeout: Timer | None = None
        self._watch: Timer | None = None
        self._last_ms = call.runtime.monotonic_ms()

    def start(self) -> None:
        """Say that it begins, and ring."""
        call, option = self._call, self._option
        if call.dialect.refer_blocks:
            call.block()
        call.playback.interrupt()
        if option.moh is None:
            self._take_track()
        else:
            call.playback.play(commands.Play(url=option.moh))
            if call.dialect.music_repeats:
                call.playback.repeat(option.moh)
        if option.auto_hangup is not False:
            lasts = not call.dialect.transfer_hangup_is_forgotten
            call.playback.hang_up_after(self.sip.ssrc, lasts=lasts)
        wait_s = TIMEOUT_S if option.timeout is None else option.timeout
        self._timeout = self._after(1000 * wait_s, self._time_out)
        self._phone.ring(self)

    def _take_track(self) -> None:
        self._call.playback.take_over(self._track)
        self._last_ms = self._call.runtime.monotonic_ms()
        if self._watch is None:
            self._watch = self._after(INACTIVITY_MS, self._check_activity)

    # ------------------------------------------------------------------ an OtherEnd

    def rings(self, *, early_media: bool) -> None:
        """Pass on that it rings."""
        self.sip.rings(early_media=early_media)

    def picks_up(self) -> None:
        """Connect the third party with the caller."""
        call = self._call
        self._stop_waiting()
        call.playback.repeat(None)
        if self._option.moh is not None:
            self._take_track()
        option = CallOption(vad=self._option.vad, asr=self._option.asr)
        self._ears = call.processors(option, call.server_track, self._say_of_leg)
        if call.caller is not None:
            call.caller.taps.append(self._phone.hear)
        self.sip.answers()
        call.emit(
            events.Answer(
                track_id=call.server_track,
                timestamp=call.runtime.now_ms(),
                sdp=SDP,
                refer=True,
            )
        )
        if self._ears is not None:
            self._ears.answered()
        # after the telephone's first packets
        call.runtime.soon(call.unblock)

    def refuses(self, code: int, reason: str) -> None:
        """Tell that it failed; with automatic hangup the call ends with it."""
        self._stop_waiting()
        self._give_up(lambda: self._was_refused(code, reason), "byCallee", "system")

    def says(self, samples: Samples) -> None:
        """Let the caller hear the third party."""
        if self.sip.is_over:
            return
        self._last_ms = self._call.runtime.monotonic_ms()
        is_early = not self.sip.is_answered and self._option.moh is not None
        self.sip.has_media(is_said=not is_early)
        if is_early:
            return  # the music has the track, and the latch is used up
        if self._track.is_muted:
            samples = np.zeros_like(samples)
        if self._ears is not None:
            self._ears.push(samples)
        self._track.play(samples)

    def does(self, act: Act) -> None:
        """Pass on what the third party does."""
        self.sip.act(act, is_muted=self._track.is_muted)
        if act.kind == "bye":
            self._over("byCallee", "callee")

    # ------------------------------------------------------------------ its end

    def hang_up(self, reason: str) -> None:
        """End the leg; if it is over already, end what plays in its place."""
        if self.sip.is_over:
            self._call.playback.interrupt()
        else:
            self.sip.reason = reason
            is_ringing = not self.sip.is_answered
            if is_ringing and not self._call.dialect.failed_transfer_ends_call:
                self._call.playback.go_on_after_leg()
            self._over("canceled", "caller")
            if is_ringing:
                self._call.playback.repeat(None)
                self._was_refused(TERMINATED, refusal_text(TERMINATED))

    def let_go(self) -> None:
        """Hang up and say nothing: another transfer, or the end of the call."""
        self.sip.is_over = True
        self._disconnect()
        if self._watch is not None:
            self._watch.cancel()

    def _time_out(self) -> None:
        self._give_up(self._took_too_long, "canceled", "caller")

    def _took_too_long(self) -> None:
        self.sip.rejects(408, "Timeout when refer")
        why = "refer sip track creation timed out"
        is_old = self._call.dialect.refer_blocks
        self._call.fail("command", why if is_old else f"Error: {why}")

    def _was_refused(self, code: int, reason: str) -> None:
        self.sip.rejects(code, reason)
        self._call.fail("command", dialog_error(code, reason))

    def _give_up(
        self, say_why: Callable[[], None], reason: str, initiator: str
    ) -> None:
        call = self._call
        self._phone.hang_up()
        call.playback.repeat(None)
        if not call.dialect.failed_transfer_ends_call:
            call.playback.go_on_after_leg()
        say_why()
        call.runtime.soon(lambda: self._over(reason, initiator))
        call.unblock()

    def _over(self, reason: str, initiator: str) -> None:
        if self.sip.is_over:
            return
        self._disconnect()
        self.sip.ends(reason, initiator)
        self._call.playback.release(self._track)

    def _disconnect(self) -> None:
        self._stop_waiting()
        self._phone.hang_up()
        self._track.is_over = True
        if self._ears is not None:
            self._ears.close()
        caller = self._call.caller
        if caller is not None and self._phone.hear in caller.taps:
            caller.taps.remove(self._phone.hear)

    def _check_activity(self) -> None:
        call = self._call
        silent_ms = call.runtime.monotonic_ms() - self._last_ms
        if silent_ms < INACTIVITY_MS:
            left_ms = round(INACTIVITY_MS - silent_ms)
            self._watch = self._after(left_ms, self._check_activity)
            return
        now = call.runtime.now_ms()
        call.emit(events.Inactivity(track_id=call.server_track, timestamp=now))
        call.end("inactivityTimeout")

    def _say_of_leg(self, event: BaseEvent) -> None:
        if isinstance(event, events.Speaking | events.Silence | events.Transcript):
            event = event.model_copy(update={"refer": True})
        self._call.emit(event)

    def _stop_waiting(self) -> None:
        if self._timeout is not None:
            self._timeout.cancel()

    def _after(self, wait_ms: int, then: Callable[[], None]) -> Timer:
        runtime = self._call.runtime
        return runtime.call_at(runtime.monotonic_ms() + wait_ms, then)
