"""One call from the command line: made, logged and summarised."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import anyio.to_thread
from anyio.abc import TaskGroup

from rustpbx_lab.analysis.summary import summary
from rustpbx_lab.audio.clip import Clip, check_format
from rustpbx_lab.audio.sources import AudioSource, SilenceSource
from rustpbx_lab.client import CallSession, connect
from rustpbx_lab.client.call_address import type_of_call
from rustpbx_lab.client.protocol import CallPhase
from rustpbx_lab.client.rest.refusals import tls_context
from rustpbx_lab.client.task_groups import plain_task_group
from rustpbx_lab.errors import CallClosedError, CallError, RustpbxLabError, leaves
from rustpbx_lab.hub.caller_audio import Invite, ThenSilence, caller_audio, check_audio
from rustpbx_lab.log import EventLog, LogWriter
from rustpbx_lab.log.output_files import check_outputs, export_whole
from rustpbx_lab.models import options
from rustpbx_lab.participants.front_desk import FrontDesk
from rustpbx_lab.participants.scripted_caller import (
    HangUp,
    Pause,
    Say,
    ScriptedCaller,
    Step,
    WaitForBot,
)

from .outcome import CallOutcome
from .stopping import StopRequest, stop_signals

AFTER_AUDIO_S = 3.0
"""What a call goes on for after the caller's last sample, unless ``seconds`` says."""
HANGUP_GRACE_S = 3.0
"""What the server is given to close after a hangup."""


@dataclass(frozen=True)
class CallPlan:
    """What ``rustpbx-lab call`` was asked to do."""

    url: str
    option: options.CallOption
    call_type: str | None = None
    """None: what the address ends in, else ``websocket``."""
    cafile: Path | None = None
    """PEM file of certificates to trust, besides those of the system."""
    server_version: str | None = None
    """Release of the server; None is not known."""
    dtmf: str = ""
    """Keys that the agent presses once the call is answered."""
    wav: Clip | None = None
    say: Sequence[str] = ()
    tts: str | None = None
    has_agent: bool = False
    seconds: float | None = None
    log_path: Path | None = None
    record_path: Path | None = None
    overwrite: bool = False
    """Whether files that exist may be replaced."""
    on_progress: Callable[[str], object] = field(default=lambda line: None)
    """Called with a line for each step."""


def default_option() -> options.CallOption:
    """Return the option of a call without ``--option``."""
    return options.CallOption(
        vad=options.VADOption(type="silero"),
        asr=options.TranscriptionOption(provider="deepgram"),
        tts=options.SynthesisOption(provider="deepgram"),
    )


def check_plan_outputs(
    log: Path | None, record: Path | None, wav: Path | None, overwrite: bool
) -> None:
    """Refuse a log or a recording that could not be written after the call.

    Raises:
        OutputFileError: If a file exists or cannot be made.
        AudioError: If there is no such format of a recording.
    """
    check_outputs({"--log": log, "--record": record}, inputs=[wav], overwrite=overwrite)
    if record is not None:
        check_format(record)


async def make_call(plan: CallPlan) -> CallOutcome:
    """Make one call and hang up; a first SIGINT or SIGTERM hangs up early.

    Whatever ends the call, its log and its recording are saved first. A file that
    cannot be written ends nothing: it is one of the ``problems`` of the result.

    Raises:
        ConnectError: If there is no connection.
        InvalidOptionError: If the caller cannot be heard on a call of this type.
        MissingExtraError: If a WebRTC call lacks its package.
        OutputFileError: If the log or the recording could not be written.
    """
    check_audio(type_of_call(plan.url, plan.call_type), bool(plan.wav or plan.say))
    check_plan_outputs(plan.log_path, plan.record_path, None, plan.overwrite)
    one = _OneCall(plan)
    with stop_signals() as stop:
        await one.run(stop)
    return one.outcome(stop)


class _OneCall:
    """One call of a plan, from the connection to its files."""

    def __init__(self, plan: CallPlan) -> None:
        self._plan = plan
        self._log = EventLog()
        self._call: CallSession | None = None
        self._error: str | None = None
        self._failure: Exception | None = None
        self._problems: list[str] = []
        self._recorded: Path | None = None
        self._connecting = anyio.CancelScope()
        self._talking: anyio.CancelScope | None = None

    async def run(self, stop: StopRequest) -> None:
        """Hold the call to its end and save what is left of it."""
        async with plain_task_group() as beside:
            watching = anyio.CancelScope()
            beside.start_soon(self._stop_on, stop, watching)
            try:
                with self._connecting:
                    await self._connect(beside)
            finally:
                watching.cancel()
                with anyio.CancelScope(shield=True):
                    await self._save_recording()

    async def _stop_on(self, stop: StopRequest, watching: anyio.CancelScope) -> None:
        with watching:
            await stop.wait()
            self._plan.on_progress("hanging up … (once more ends at once)")
            (self._talking or self._connecting).cancel()

    async def _connect(self, beside: TaskGroup) -> None:
        plan = self._plan
        caller = _caller(plan)
        if caller is not None:
            await caller.prepare()
        source = _sound(plan) if caller is None else caller.line
        kind, ssl = type_of_call(plan.url, plan.call_type), tls_context(plan.cafile)
        audio = source if kind == "websocket" and caller is None else None
        connecting = connect(
            plan.url,
            kind,  # pyright: ignore[reportArgumentType]
            log=self._log,
            audio=audio,
            ssl=ssl,
            server_version=plan.server_version,
        )
        async with connecting as call:
            self._call = call
            if plan.log_path is not None:
                beside.start_soon(self._write_log, plan.log_path)
            async with caller_audio(call, plan.url, kind, source, ssl) as invite:
                # inside the connection, so that stopping closes it in good order
                with anyio.CancelScope() as self._talking:
                    await self._guarded(call, caller, invite)
                await self._hang_up(call)
            await call.aclose()

    async def _guarded(
        self, call: CallSession, caller: ScriptedCaller | None, invite: Invite
    ) -> None:
        """Hold the conversation; what fails in it is kept for the result."""
        try:
            await self._converse(call, caller, invite)
        except Exception as exc:  # noqa: BLE001  (an agent is anyone's code)
            call.fail(exc)  # a row of the log, and part of the closing reason
            found = leaves(exc)
            if isinstance(exc, ExceptionGroup):  # someone was busy when it ended
                found = [leaf for leaf in found if not _is_end(leaf)]
            if not found:
                return
            known = isinstance(found[0], RustpbxLabError)
            self._error = str(found[0]) if known else f"{found[0]!r}"
            if not all(isinstance(leaf, CallError) for leaf in found):
                self._failure = exc

    async def _converse(
        self, call: CallSession, caller: ScriptedCaller | None, invite: Invite
    ) -> None:
        plan = self._plan
        await invite(plan.option)
        plan.on_progress(f"in call {call.id}")
        if plan.tts is not None:
            await call.tts(plan.tts, play_id="say-1")
        if plan.dtmf:
            await call.press(plan.dtmf)
        with anyio.move_on_after(_seconds(plan)):
            await self._take_part(call, caller)

    async def _take_part(
        self, call: CallSession, caller: ScriptedCaller | None
    ) -> None:
        async with anyio.create_task_group() as tasks:
            if caller is not None:
                tasks.start_soon(caller.run, call)
            if self._plan.has_agent:
                tasks.start_soon(FrontDesk().run, call)
            async for event in call:
                self._plan.on_progress(f"{event.event}")
            tasks.cancel_scope.cancel()

    async def _hang_up(self, call: CallSession) -> None:
        # what still rings is cancelled by closing: a hangup would wait for its answer
        if call.phase is not CallPhase.ANSWERED:
            return
        with anyio.move_on_after(HANGUP_GRACE_S):
            try:
                await call.hangup()
            except CallClosedError:
                return  # the server was quicker
            async for _ in call:
                continue

    async def _write_log(self, path: Path) -> None:
        writer = LogWriter(
            self._log,
            path,
            overwrite=self._plan.overwrite,
            on_failure=lambda error: self._plan.on_progress(
                f"{error}; the call goes on"
            ),
        )
        await writer.run()
        if writer.failure is not None:
            missing = len(self._log) - writer.n_lines
            self._problems.append(f"{writer.failure}; {missing} rows are missing")

    async def _save_recording(self) -> None:
        path, call = self._plan.record_path, self._call
        if path is None or call is None:
            return
        recording = call.recording
        if not (recording.caller.n_samples or recording.server.n_samples):
            self._plan.on_progress("no audio in the call: no recording is written")
            return

        try:
            await anyio.to_thread.run_sync(export_whole, recording.export, path)
            self._recorded = path
        except RustpbxLabError as exc:
            self._problems.append(str(exc))

    def outcome(self, stop: StopRequest) -> CallOutcome:
        """Return how it ended."""
        plan, call = self._plan, self._call
        if call is None:
            self._error = "stopped before the connection was open"
        has_log = plan.log_path is not None and call is not None
        result = {
            "id": None if call is None else call.id,
            "error": self._error,
            "closeReason": None if call is None else call.close_reason,
            "stopped": None if stop.signal is None else stop.signal.name,
            "rows": len(self._log),
            "log": str(plan.log_path) if has_log else None,
            "record": None if self._recorded is None else str(self._recorded),
            "problems": self._problems,
            "summary": summary(self._log),
        }
        number = None if stop.signal is None else int(stop.signal)
        return CallOutcome(result, number, self._failure)


def _is_end(failure: BaseException) -> bool:
    return isinstance(failure, CallClosedError)


def _seconds(plan: CallPlan) -> float | None:
    """Return how long the conversation may last; None is until it ends."""
    if plan.seconds is not None or plan.has_agent:
        return plan.seconds
    audio_s = plan.wav.duration_ms / 1000 if plan.wav is not None else 0.0
    return None if plan.say else audio_s + AFTER_AUDIO_S


def _sound(plan: CallPlan) -> AudioSource:
    return SilenceSource() if plan.wav is None else ThenSilence(plan.wav)


def _caller(plan: CallPlan) -> ScriptedCaller | None:
    if not plan.say:
        return None
    waits = [WaitForBot()] if plan.has_agent or plan.tts is not None else []
    steps: list[Step] = [step for text in plan.say for step in (*waits, Say(text))]
    if plan.seconds is None:
        steps += [*waits, Pause(int(AFTER_AUDIO_S * 1000)), HangUp()]
    return ScriptedCaller(steps)
