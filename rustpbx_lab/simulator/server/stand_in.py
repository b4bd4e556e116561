"""The stand-in's server: WebSocket and REST on one port of this machine."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Collection, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import anyio
from tornado.httpserver import HTTPServer

from rustpbx_lab.client.at_exit import thread_of
from rustpbx_lab.client.incoming.gate import Gate
from rustpbx_lab.client.incoming.host_policy import HostPolicy, Pages
from rustpbx_lab.client.incoming.listening_socket import listening_socket, reachable
from rustpbx_lab.models.server_versions import NEWEST, ServerVersion
from rustpbx_lab.simulator.call.faults import Faults
from rustpbx_lab.simulator.call.faulty import SkewedRuntime, SlowRecogniser
from rustpbx_lab.simulator.call.services import Services
from rustpbx_lab.simulator.call.subscribers import EVENT_QUEUE
from rustpbx_lab.simulator.core.dialect import Dialect
from rustpbx_lab.simulator.core.runtime import LoopRuntime, Runtime
from rustpbx_lab.simulator.core.strict import StrictReport, StrictReports
from rustpbx_lab.simulator.tracks.media import Media
from rustpbx_lab.simulator.tracks.voice import Voice
from rustpbx_lab.speech.recognition import recogniser
from rustpbx_lab.speech.synthesis import synthesiser
from rustpbx_lab.speech.vad_engines import server_engine

from .endpoints import application
from .handlers import ServerState

WORKERS = 8
"""Threads for synthesis, recognition and files."""
CLOSE_GRACE_S = 6
"""What clients are given to answer the close when the server stops."""


class StandIn:
    """A local server that behaves as the Active Call server does on ``/call``.

    ::

        async with StandIn() as server:
            async with connect(server.url) as call: ...

        with StandIn(asr="scripted", tts="scripted").in_thread() as server: ...

    Engines are named as in ``rustpbx_lab.speech``; every provider name of the
    protocol is served by them and credentials are ignored. The scripted ones are for
    tests: they do not listen and say nothing.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        asr: str = "auto",
        tts: str = "auto",
        strict: bool = False,
        dump_dir: str | Path | None = None,
        media_dir: str | Path | None = None,
        watch_queue: int | None = EVENT_QUEUE,
        webhook: str | None = None,
        faults: Faults | None = None,
        allow_hosts: Collection[str] = (),
        server_version: str | ServerVersion = NEWEST,
    ) -> None:
        """Prepare a server; nothing starts yet.

        Args:
            host: Address to listen on. It has no authentication: loopback only.
            port: Port to listen on; 0 takes a free one.
            asr: Name of the recogniser.
            tts: Name of the synthesiser.
            strict: Say aloud, and keep in `strict_reports`, what the server does in
                silence: dropped commands, lost processors, speech never spoken.
            dump_dir: Where event logs are written; None writes none.
            media_dir: Where relative paths of ``play`` begin; None is the working
                directory.
            watch_queue: Entries kept for a slow reader of a call's events; the oldest
                are lost, as with the server. None keeps all.
            webhook: URL that is told of incoming SIP calls; they are begun with
                ``POST /simulate/incoming``, which is the stand-in's own.
            faults: What goes wrong on purpose; None is nothing.
            allow_hosts: Further names it may be reached by (``NAME`` or
                ``NAME:PORT``), also those of pages elsewhere that may use it.
            server_version: The release that it reads, speaks and behaves as.

        Raises:
            MissingExtraError: If an engine is not installed.
            SpeechEngineError: If there is no engine of a name.
            ServerStartError: If one of ``allow_hosts`` is malformed.
            InvalidOptionError: If ``server_version`` is malformed.
        """
        self.host = host
        self._policy = HostPolicy(
            host, allow_hosts, pages=Pages.LOCAL, server="the stand-in server"
        )
        self._wanted_port, self._port = port, 0
        self._recogniser, self._synthesiser = recogniser(asr), synthesiser(tts)
        self._dialect = Dialect(ServerVersion.parse(server_version))
        self._strict = StrictReports(is_strict=strict)
        self._dump_dir = None if dump_dir is None else Path(dump_dir)
        self._media_dir = None if media_dir is None else Path(media_dir)
        self._watch_queue, self._webhook = watch_queue, webhook
        self._faults = faults or Faults()
        if self._faults.slow_asr:
            slow = SlowRecogniser(self._recogniser, self._faults.slow_asr)
            self._recogniser = slow
        self._exit: AsyncExitStack | None = None

    @property
    def port(self) -> int:
        """The port it listens on; 0 before it has started."""
        return self._port

    @property
    def url(self) -> str:
        """Where clients connect to: ``ws://127.0.0.1:8080``."""
        return f"ws://{reachable(self.host)}:{self.port}"

    @property
    def strict_reports(self) -> list[StrictReport]:
        """What strict mode has said so far, oldest first."""
        return list(self._strict.reports)

    async def __aenter__(self) -> "StandIn":
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._running())
            self._exit = stack.pop_all()
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._exit is not None:
            await self._exit.aclose()
            self._exit = None

    @contextmanager
    def in_thread(self) -> Generator["StandIn"]:
        """Run in a thread of its own, with its own event loop.

        Left open, it is closed at the end of the script.
        """
        with thread_of(self, "stand-in"):
            yield self

    @asynccontextmanager
    async def _running(self) -> AsyncGenerator[None]:
        loop = asyncio.get_running_loop()
        workers = ThreadPoolExecutor(WORKERS, thread_name_prefix="stand-in")
        services = self._services(LoopRuntime(loop, workers))
        runtime = services.runtime
        state = ServerState(services)
        try:
            # first: an error in a task group would come out as a group of errors
            server = self._listen(state)
            async with anyio.create_task_group() as tasks:
                state.tasks, services.start = tasks, tasks.start_soon
                # so that the first sentence of the first call need not wait
                runtime.in_worker(self._synthesiser.warm_up)
                runtime.in_worker(self._recogniser.warm_up)
                runtime.in_worker(server_engine(self._dialect.version).stream)
                try:
                    yield
                finally:
                    server.stop()
                    with anyio.move_on_after(CLOSE_GRACE_S, shield=True):
                        await state.close()
                        await server.close_all_connections()
                    tasks.cancel_scope.cancel()
        finally:
            with anyio.CancelScope(shield=True):
                await _shut_down(workers)

    def _services(self, runtime: Runtime) -> Services:
        if self._faults.clock_skew:
            runtime = SkewedRuntime(runtime, self._faults.clock_skew)
        return Services(
            runtime=runtime,
            voice=Voice(runtime, self._synthesiser),
            recogniser=self._recogniser,
            media=Media(runtime, self._media_dir),
            strict=self._strict,
            dialect=self._dialect,
            dump_dir=self._dump_dir,
            watch_queue=self._watch_queue,
            webhook=self._webhook,
            is_local=self.host in ("127.0.0.1", "::1", "localhost"),
            faults=self._faults,
        )

    def _listen(self, state: ServerState) -> HTTPServer:
        bound = listening_socket(self.host, self._wanted_port)
        self._port = int(bound.getsockname()[1])
        server = HTTPServer(Gate(self._policy, application(state)))
        server.add_socket(bound)
        return server


async def _shut_down(workers: ThreadPoolExecutor) -> None:
    """Wait for the threads while the loop still takes what they report."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop() -> None:
        workers.shutdown(wait=True, cancel_futures=True)
        loop.call_soon_threadsafe(stopped.set)

    thread = threading.Thread(target=stop, name="stand-in-stop")
    try:
        thread.start()
    except RuntimeError:  # Python 3.12 starts none once the script has ended
        workers.shutdown(wait=False, cancel_futures=True)
        return
    await stopped.wait()
    thread.join()
