"""The run of one call of the hub: connect, invite, take part, save, clean up."""

import logging
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import anyio

from rustpbx_lab.client import CallSession
from rustpbx_lab.client.at_exit import run_in_worker
from rustpbx_lab.client.session import system_clock_ms
from rustpbx_lab.client.tap import HeardCall
from rustpbx_lab.client.watch import WatchedCall
from rustpbx_lab.errors import CallClosedError, LogFileError, RustpbxLabError, leaves
from rustpbx_lab.log import LogWriter, Record, free_path
from rustpbx_lab.log.output_files import export_whole
from rustpbx_lab.models import notes

from .caller_audio import Invite
from .hub_call import HubCall, Participant

LISTEN_PERIOD_S = 0.25
"""How often new audio is taken to the model."""
LOG_SUFFIX = ".events.jsonl"

logger = logging.getLogger(__name__)


Opening = Callable[
    [], AbstractAsyncContextManager[CallSession | WatchedCall | HeardCall]
]
"""Makes the connection of a call: our own, or to a call that we only watch."""
Sounding = Callable[[CallSession], AbstractAsyncContextManager[Invite]]
"""Gives a call its audio for the time of a block, and says how to set it up."""


class CallRun:
    """One call from its connection to its files; never raises."""

    def __init__(
        self,
        call: HubCall,
        opening: Opening,
        participants: list[Participant],
        *,
        sounding: Sounding,
        logs: Path | None,
        unwatched_limit_s: float | None,
        changed: Callable[[], None],
    ) -> None:
        self._call = call
        self._opening = opening
        self._participants = participants
        self._sounding = sounding
        self._path = None if logs is None else free_path(logs, call.id)
        call.saved_as = self._path
        self._unwatched_limit_s = unwatched_limit_s
        self._changed = changed
        self._is_stopped = self._is_up = False
        self._talking: anyio.CancelScope | None = None
        self._connecting: anyio.CancelScope | None = None

    async def run(self) -> None:
        """Run the call to its end; what goes wrong is the call's ``error``."""
        async with anyio.create_task_group() as keepers:
            keepers.start_soon(self._follow)
            if self._path is not None:
                keepers.start_soon(self._save_log, self._path)
            with anyio.CancelScope() as self._connecting:
                if self._is_stopped:
                    self._connecting.cancel()
                await self._guarded(self._talk)
            self._close_log()
        await self._guarded(self._save_audio)
        self._call.ended_ms = system_clock_ms()
        self._call.connected.set()
        self._changed()

    def stop(self) -> None:
        """End the call: its connection is closed with code 1000."""
        self._is_stopped = True
        scope = self._talking or self._connecting
        if scope is not None:  # else it has not begun
            scope.cancel()

    def abort(self) -> None:
        """End the call without waiting for an orderly close."""
        self._is_stopped = True
        if self._connecting is not None:
            self._connecting.cancel()

    async def _talk(self) -> None:
        call = self._call
        async with self._opening() as session:
            call.session = session
            call.connected.set()
            self._changed()
            # inside the connection, or stopping would not close it with 1000
            with anyio.CancelScope() as self._talking:
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(self._listen)
                    tasks.start_soon(self._watch_watchers)
                    if isinstance(session, CallSession):
                        await self._guarded(self._take_part, session)
                    else:
                        self._is_up = True
        await run_in_worker(call.listen)

    async def _take_part(self, session: CallSession) -> None:
        async with self._sounding(session) as invite:
            if self._call.option is not None:
                await invite(self._call.option, timeout=None)
            self._is_up = True
            async with anyio.create_task_group() as tasks:
                for participant in self._participants:
                    tasks.start_soon(self._guarded, participant.run, session)
            await anyio.sleep_forever()  # the audio lasts as long as the call

    async def _guarded(
        self, part: Callable[..., Awaitable[object]], *args: object
    ) -> None:
        """Run a part of the call; its failure ends this call and no other."""
        try:
            await part(*args)
        except Exception as exc:  # an agent is anyone's code
            failures = [leaf for leaf in leaves(exc) if not self._is_end(leaf)]
            if not failures:
                return
            if isinstance(failures[0], RustpbxLabError):
                self._fail(str(failures[0]))
                return
            logger.error("the call %s failed", self._call.id, exc_info=exc)
            if self._call.session is not None:
                self._call.session.fail(exc)
            name, said = type(failures[0]).__name__, str(failures[0])
            self._fail(" ".join(f"{name}: {said}".split()))

    def _is_end(self, failure: BaseException) -> bool:
        """Whether someone was merely busy when the call ended, as most are."""
        return self._is_up and isinstance(failure, CallClosedError)

    def _fail(self, why: str) -> None:
        if self._call.error is None:
            self._call.error = why
        self.stop()

    # ------------------------------------------------------------------ beside the call

    async def _follow(self) -> None:
        """Say when the state changes, and stop when the connection has closed."""
        cursor, state = self._call.log.cursor(), self._call.state
        while not cursor.is_finished:
            await cursor.wait()
            cursor.read()
            if self._call.state != state:
                state = self._call.state
                self._changed()
        self.stop()

    async def _listen(self) -> None:
        while True:
            await run_in_worker(self._call.listen)
            await anyio.sleep(LISTEN_PERIOD_S)

    async def _watch_watchers(self) -> None:
        limit = self._unwatched_limit_s
        if limit is None:
            return
        period = min(max(limit / 20, 0.01), 60)
        while True:
            left = limit - self._call.unwatched_s
            if left <= 0:
                break
            await anyio.sleep(min(left, period))  # someone may come and go meanwhile
        self._note(
            notes.Advice(
                rule="unwatched",
                severity="warning",
                text=f"the call was not watched for {limit:g} s: it is hung up",
                instead="keep a page of the call open, or give the hub a longer limit",
            )
        )
        self.stop()

    # ------------------------------------------------------------------ files

    async def _save_log(self, path: Path) -> None:
        def on_failure(error: LogFileError) -> None:
            logger.error("the log of call %s is not saved: %s", self._call.id, error)
            if not self._call.log.is_closed:
                advice = notes.Advice(
                    rule="autosave", severity="error", text=f"{error}; the call goes on"
                )
                self._note(advice)

        await LogWriter(self._call.log, path, on_failure=on_failure).run()

    async def _save_audio(self) -> None:
        recording = self._call.recording
        has_audio = recording.caller.n_samples or recording.server.n_samples
        if self._path is None or not has_audio:
            return
        stem = self._path.name.removesuffix(LOG_SUFFIX)
        exports = {f"{stem}.wav": recording.export}
        if recording.caller.n_samples:
            exports[f"{stem}.caller.wav"] = recording.caller.export
        for name, export in exports.items():
            try:
                await run_in_worker(export_whole, export, self._path.with_name(name))
            except RustpbxLabError as exc:
                logger.error("the audio of call %s: %s", self._call.id, exc)

    def _close_log(self) -> None:
        if not self._call.log.is_closed:  # it never came to a connection
            why = self._call.error or "hung up before the connection was open"
            failed = True if self._call.error else None
            self._note(notes.Closed(why=why, failed=failed))
            self._call.log.close()

    def _note(self, note: notes.KnownNote) -> None:
        self._call.log.append(Record.of_note(note, system_clock_ms()))
