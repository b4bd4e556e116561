"""Audio beside a call: its recording, its monitor, the background sound."""

from collections.abc import Callable
from functools import partial

from rustpbx_lab.audio.codecs import Samples
from rustpbx_lab.models.options import CallOption
from rustpbx_lab.simulator.core.times import rfc3339
from rustpbx_lab.simulator.tracks.ambiance import Ambiance
from rustpbx_lab.simulator.tracks.audio_out import AudioOut
from rustpbx_lab.simulator.tracks.recorder import Recorder

from .caller_leg import CallerLeg
from .monitor import Monitor, monitor_start
from .services import Services


class SideAudio:
    """What hears both legs of a call, or sounds under the server's.

    Args:
        call_id: The session id.
        services: Those of the stand-in.
        report: Tells strict mode of what is not done: a rule, and why.
    """

    def __init__(
        self, call_id: str, services: Services, report: Callable[[str, str], None]
    ) -> None:
        self._id, self._services, self._report = call_id, services, report
        self._begun_ms = services.runtime.now_ms()
        self._recorder: Recorder | None = None
        self._monitor: Monitor | None = None
        self._ambiance: Ambiance | None = None
        self._ears: list[Recorder | Monitor] = []

    def begin(self, option: CallOption, caller: CallerLeg, out: AudioOut) -> None:
        """Start what the option asks for, unless it runs."""
        folder = self._services.dump_dir
        if option.recorder is None or self._recorder is not None:
            pass
        elif folder is None:
            self._report("not simulated", "recorder: it needs a dump_dir to write to")
        else:
            runtime = self._services.runtime
            rate_hz = caller.native_rate_hz
            self._recorder = Recorder(
                option.recorder, self._id, folder, runtime, caller_rate_hz=rate_hz
            )
            self._hear_with(self._recorder, caller)
        if option.monitor is not None and self._monitor is None:
            self._monitor = Monitor(option.monitor, self._id)
            self._hear_with(self._monitor, caller)
        if option.ambiance is not None and self._ambiance is None:
            self._ambiance = Ambiance(
                option.ambiance,
                self._services.runtime,
                self._services.media,
                lambda samples: self._background(samples, out),
                self._report,
            )

    def _background(self, samples: Samples, out: AudioOut) -> None:
        """Send the background sound while nothing plays."""
        if self._recorder is not None and self._services.dialect.background_is_recorded:
            self._recorder.server(samples)
        out.frame("ambiance-track", samples)

    def _hear_with(self, ear: Recorder | Monitor, caller: CallerLeg) -> None:
        self._ears.append(ear)
        caller.taps.append(ear.caller)

    def answered(self, call_type: str) -> None:
        """Connect the monitor: the call is answered."""
        if self._monitor is not None:
            self._monitor.open()
            began = rfc3339(self._begun_ms, zone="Z")
            said = monitor_start(self._id, call_type, began)
            self._services.start(partial(self._monitor.run, said))

    def played(self, samples: Samples) -> Samples:
        """Hear a frame that the server plays; return it with the background sound."""
        if self._ambiance is not None:
            samples = self._ambiance.under(samples)
        self.bridged(samples)
        return samples

    def bridged(self, samples: Samples) -> None:
        """Hear a frame of another call's party."""
        for ear in self._ears:
            ear.server(samples)

    def close(self, then: Callable[[], None]) -> None:
        """Stop, then go on: at once, or when the recording is written."""
        if self._monitor is not None:
            self._monitor.close()
        if self._recorder is None:
            then()
        else:
            self._recorder.close(then)

    def end_background(self) -> None:
        """Stop the background sound."""
        if self._ambiance is not None:
            self._ambiance.close()
