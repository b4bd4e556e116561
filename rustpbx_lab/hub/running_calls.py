"""Loop of a hub: its calls run on a thread of their own until they end."""

from collections.abc import Callable
from concurrent.futures import Future
from contextlib import ExitStack
from typing import Self

import anyio
from anyio.from_thread import BlockingPortal, start_blocking_portal

from rustpbx_lab.client.at_exit import close_at_exit
from rustpbx_lab.errors import InvalidOptionError, RustpbxLabError, shorten

from .call_registry import KeptCalls
from .call_run import CallRun
from .hub_call import HubCall
from .replay_call import ReplayRun

CLOSE_LIMIT_S = 10
"""What the calls are given to close when the hub does."""


class RunningCalls(KeptCalls):
    """Calls that run on a loop in a thread, whoever comes and goes.

    Args:
        keep_ended: How many ended calls stay in memory; older ones are forgotten.
        portal: A loop to run on; None starts a thread with one at the first call.
    """

    def __init__(self, keep_ended: int, portal: BlockingPortal | None) -> None:
        super().__init__()
        self._keep_ended = keep_ended
        self._runs: dict[str, CallRun | ReplayRun] = {}
        self._portal = portal
        self._own = ExitStack()
        self._forget: Callable[[], None] = lambda: None
        self._is_closed = False
        self._gone = anyio.Event()

    def _add(self, call: HubCall, run: CallRun | ReplayRun) -> None:
        self._keep(call, run)
        self._begin(call, run)

    def _keep(self, call: HubCall, run: CallRun | ReplayRun) -> None:
        with self._lock:
            self._running_portal()
            if call.id in self._runs:
                raise InvalidOptionError(
                    f"cannot start a call {shorten(call.id)}: one of this id runs; "
                    "hang it up first or choose another id"
                )
            self._calls.pop(call.id, None)
            self._calls[call.id], self._runs[call.id] = call, run
        self._changed()

    def _begin(self, call: HubCall, run: CallRun | ReplayRun) -> None:
        """Start a run; without the lock, which the loop may be waiting for."""
        self._running_portal().start_task_soon(self._run, run, call.id)

    async def _run(self, run: CallRun | ReplayRun, call_id: str) -> None:
        try:
            await run.run()
        finally:
            with self._lock:
                del self._runs[call_id]
                self._forget_old()
            self._gone.set()
            self._changed()

    def _forget_old(self) -> None:
        ended = [call_id for call_id in self._calls if call_id not in self._runs]
        for call_id in ended[: max(0, len(ended) - self._keep_ended)]:
            del self._calls[call_id]

    def _stop(self, call_id: str) -> "Future[None]":
        with self._lock:
            run = self._runs.get(call_id)
        if run is None:
            done: Future[None] = Future()
            done.set_result(None)
            return done
        return self._running_portal().start_task_soon(run.stop)

    def _running_portal(self) -> BlockingPortal:
        with self._lock:
            self._check_open()
            if self._portal is None:
                self._portal = self._own.enter_context(
                    start_blocking_portal(name="rustpbx-lab calls")
                )
                # its thread would die with a script that forgets to close the hub
                self._forget = close_at_exit(self.close)
            return self._portal

    async def _end_calls(self) -> None:
        for run in list(self._runs.values()):
            run.stop()
        with anyio.move_on_after(CLOSE_LIMIT_S):
            while self._runs:
                self._gone = anyio.Event()
                await self._gone.wait()
        for run in list(self._runs.values()):
            run.abort()

    def close(self) -> None:
        """End all calls with code 1000, save them, and stop the thread."""
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
        if self._portal is not None:
            self._portal.call(self._end_calls)
        self._own.close()
        self._forget()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _check_open(self) -> None:
        if self._is_closed:
            raise RustpbxLabError("the hub is closed; make a new one")
