"""One call from the command line: made, played, logged and summed up."""

from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio

from rustpbx_lab.agent.conversation import FrontDesk
from rustpbx_lab.analysis.summary import summary
from rustpbx_lab.audio.clip import Clip
from rustpbx_lab.audio.sources import AudioSource, ClipSource, SilenceSource
from rustpbx_lab.client import CallSession, connect
from rustpbx_lab.errors import CallClosedError, CallError, LogFileError
from rustpbx_lab.log import EventLog, write_as_it_comes
from rustpbx_lab.models import options
from rustpbx_lab.simulator.caller import (
    HangUp,
    Pause,
    Say,
    ScriptedCaller,
    Step,
    WaitForBot,
)

AFTER_AUDIO_S = 3.0
"""What a call goes on for after the caller's last sample, unless told otherwise."""
HANGUP_GRACE_S = 3.0
"""What the server is given to close after a hangup."""


class _ThenSilence:
    """A clip, and silence behind it: a caller who says no more is still there."""

    def __init__(self, clip: Clip) -> None:
        self._clip = ClipSource(clip)
        self.sample_rate_hz = clip.sample_rate_hz
        self._silence = SilenceSource(clip.sample_rate_hz)

    def read(self, n_samples: int) -> Any:
        samples = self._clip.read(n_samples)
        return self._silence.read(n_samples) if samples is None else samples


@dataclass(frozen=True)
class CallPlan:
    """What ``rustpbx-lab call`` was asked to do."""

    url: str
    option: options.CallOption
    call_type: str = "websocket"
    wav: Clip | None = None
    say: Sequence[str] = ()
    tts: str | None = None
    has_agent: bool = False
    seconds: float | None = None
    log_path: Path | None = None
    record_path: Path | None = None
    told: Callable[[str], object] = field(default=lambda line: None)
    """Gets a line for each step."""


def default_option() -> options.CallOption:
    """Return the option of a call without ``--option``."""
    return options.CallOption(
        vad=options.VADOption(type="silero"),
        asr=options.TranscriptionOption(provider="deepgram"),
        tts=options.SynthesisOption(provider="deepgram"),
    )


async def make_call(plan: CallPlan) -> dict[str, Any]:
    """Make one call and hang up.

    Returns:
        What ``--json`` prints: id, how it ended, a summary, where log and audio are,
        and ``error`` if the call was refused or failed.

    Raises:
        ConnectError: If there is no connection.
        LogFileError: If the log cannot be written.
    """
    log = EventLog()
    audio: AudioSource | None = None if plan.say else _sound(plan)
    caller = _caller(plan)
    if caller is not None:
        await caller.prepare()
    _check_writable(plan.log_path)
    async with AsyncExitStack() as stack:
        call = await stack.enter_async_context(
            connect(plan.url, plan.call_type, log=log, audio=audio)  # pyright: ignore[reportArgumentType]
        )
        tasks = await stack.enter_async_context(anyio.create_task_group())
        if plan.log_path is not None:
            plan.log_path.write_bytes(b"")
            tasks.start_soon(write_as_it_comes, log, plan.log_path)
        error = await _converse(call, plan, caller)
        await call.aclose()
    return _result(call, plan, error)


async def _converse(
    call: CallSession, plan: CallPlan, caller: ScriptedCaller | None
) -> str | None:
    """Hold the conversation; returns why it could not be held."""
    try:
        await call.invite(plan.option)
        plan.told(f"in call {call.id}")
        if plan.tts is not None:
            await call.tts(plan.tts, play_id="say-1")
        with anyio.move_on_after(_seconds(plan)):
            await _take_part(call, plan, caller)
        await _hang_up(call)
    except CallError as exc:
        return str(exc)
    return None


async def _take_part(
    call: CallSession, plan: CallPlan, caller: ScriptedCaller | None
) -> None:
    async with anyio.create_task_group() as tasks:
        if caller is not None:
            tasks.start_soon(caller.run, call)
        if plan.has_agent:
            tasks.start_soon(FrontDesk().run, call)
        async for event in call:
            plan.told(f"{event.event}")
        tasks.cancel_scope.cancel()


async def _hang_up(call: CallSession) -> None:
    if call.close_reason is not None:
        return
    try:
        await call.hangup()
    except CallClosedError:
        return  # the server was quicker
    with anyio.move_on_after(HANGUP_GRACE_S):
        async for _ in call:
            continue


def _seconds(plan: CallPlan) -> float | None:
    """Return how long the conversation may last; None is until it ends."""
    if plan.seconds is not None or plan.has_agent:
        return plan.seconds
    audio_s = plan.wav.duration_ms / 1000 if plan.wav is not None else 0.0
    return None if plan.say else audio_s + AFTER_AUDIO_S


def _sound(plan: CallPlan) -> AudioSource:
    return SilenceSource() if plan.wav is None else _ThenSilence(plan.wav)


def _caller(plan: CallPlan) -> ScriptedCaller | None:
    if not plan.say:
        return None
    waits = [WaitForBot()] if plan.has_agent or plan.tts is not None else []
    steps: list[Step] = [step for text in plan.say for step in (*waits, Say(text))]
    if plan.seconds is None:
        steps += [*waits, Pause(int(AFTER_AUDIO_S * 1000)), HangUp()]
    return ScriptedCaller(steps)


def _check_writable(path: Path | None) -> None:
    if path is None:
        return
    try:
        with path.open("ab"):
            pass
    except OSError as exc:
        raise LogFileError(
            f"cannot write {str(path)!r}: {exc.strerror or exc}; "
            "choose a folder that exists and may be written"
        ) from exc


def _result(call: CallSession, plan: CallPlan, error: str | None) -> dict[str, Any]:
    recorded = None
    if plan.record_path is not None and _has_audio(call):
        call.recording.export(plan.record_path)
        recorded = str(plan.record_path)
    return {
        "id": call.id,
        "error": error,
        "closeReason": call.close_reason,
        "rows": len(call.log),
        "log": None if plan.log_path is None else str(plan.log_path),
        "record": recorded,
        "summary": summary(call.log),
    }


def _has_audio(call: CallSession) -> bool:
    return bool(call.recording.caller.n_samples or call.recording.server.n_samples)
