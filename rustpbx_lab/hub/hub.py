"""CallHub: the calls of this process, for pages, notebooks and webhooks."""

import time
import uuid
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from ssl import SSLContext
from typing import Any

from anyio.from_thread import BlockingPortal

from rustpbx_lab.audio.sources import AudioSource
from rustpbx_lab.client import connect
from rustpbx_lab.client.incoming.audio_tap import TappedCall
from rustpbx_lab.client.session import system_clock_ms
from rustpbx_lab.client.steered_call import SteeredCall
from rustpbx_lab.client.tap import hear
from rustpbx_lab.client.watch import watch
from rustpbx_lab.errors import (
    CallError,
    shorten,
)
from rustpbx_lab.log import Record, latest_path
from rustpbx_lab.log.output_files import make_log_folder
from rustpbx_lab.models.base import BaseCommand
from rustpbx_lab.models.options import CallOption
from rustpbx_lab.models.rest import ActiveCall
from rustpbx_lab.models.server_versions import ServerVersion, named_version
from rustpbx_lab.speech.vad_engines import make_engine

from .call_run import CallRun, Opening, Sounding
from .caller_audio import by_the_connection, caller_audio, check_audio
from .hub_call import HubCall, Participant
from .operators import check_allowed
from .replay_call import ReplayCall, ReplayRun
from .running_calls import RunningCalls
from .saved_call import SavedCall, read_saved
from .tapped_call import HubTap, TappedHubCall
from .watched_call import WatchedHubCall, running_calls

UNWATCHED_LIMIT_S = 7200
KEEP_ENDED = 20
REPLAY_PREFIX = "replay."


class CallHub(RunningCalls):
    """Keeps calls alive on a loop of its own, whoever comes and goes.

    All methods may be called from any thread; ``calls`` and what a call shows may be
    read at any time. Use it in a ``with`` block, or ``close()`` it.

    Args:
        logs: Folder for event logs and recordings; None keeps nothing on disk.
        unwatched_limit_s: A call that nobody watches for so long is hung up; None lets
            it run.
        keep_ended: How many ended calls stay in memory; older ones are forgotten (and
            on disk, with ``logs``).
        operators: Names of those who may send; None lets everybody.
        ssl: Which certificates to trust, for ``wss://``; None: those of the system.
        engine: Name of the VAD engine that computes the probability of speech here;
            see ``rustpbx_lab.speech.vad_engines``.
        server_version: Release of the servers, such as ``"0.3.113"``, for calls that
            name none of their own; None is not known, and taken for the newest.
        portal: A loop to run on; None starts a thread with one at the first call.
        now_s: A clock that only goes forward, seconds.

    Raises:
        LogFileError: If ``logs`` cannot be made or written to.
        SpeechEngineError: If there is no VAD engine of this name.
        InvalidOptionError: If the version is malformed.
    """

    def __init__(
        self,
        *,
        logs: Path | None = None,
        unwatched_limit_s: float | None = UNWATCHED_LIMIT_S,
        keep_ended: int = KEEP_ENDED,
        operators: Collection[str] | None = None,
        ssl: SSLContext | None = None,
        engine: str = "silero",
        server_version: str | ServerVersion | None = None,
        portal: BlockingPortal | None = None,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(keep_ended, portal)
        self.logs = logs
        self.operators = None if operators is None else frozenset(operators)
        self._unwatched_limit_s = unwatched_limit_s
        self._now_s, self._ssl = now_s, ssl
        self.server_version = named_version(server_version)
        """Release of the servers, where a call names none; None is not known."""
        self._engine_for = partial(make_engine, engine)
        self._engine_for(self.server_version)  # one that does not exist fails here
        self.taps: list[HubTap] = []
        """What `tap` has opened."""
        if logs is not None:
            make_log_folder(logs)

    # ------------------------------------------------------------------ starting

    def start(
        self,
        url: str,
        option: CallOption | None = None,
        *,
        call_type: str = "websocket",
        call_id: str | None = None,
        audio: AudioSource | None = None,
        caller: Participant | None = None,
        agent: Participant | None = None,
        user: str | None = None,
        server_version: str | ServerVersion | None = None,
        **connect_options: Any,
    ) -> HubCall:
        """Start a call and return at once; watch its ``state`` and ``error``.

        Args:
            url: Address of the server, ``ws://HOST:PORT``.
            option: Sent as ``invite``; None invites nobody (accept an incoming SIP
                call, or let the agent do as it likes).
            call_type: ``"websocket"``, ``"webrtc"`` or ``"sip"``.
            call_id: Session id; None chooses one.
            audio: What the caller says, sent in real time from the answer on; by a
                WebRTC peer of our own on a call of that type.
            caller: Plays the caller from the answer on.
            agent: Plays the agent from the answer on.
            user: Who starts it.
            server_version: The server's release; None is the hub's.
            **connect_options: Further arguments of ``connect``.

        Raises:
            InvalidOptionError: If a call of this id runs already, or the version is
                malformed.
            MissingExtraError: If a WebRTC call lacks its package.
            NotAllowedError: If operators are named and ``user`` is none of them.
        """
        check_allowed(self.operators, user, "start a call")
        ssl = connect_options.setdefault("ssl", self._ssl)
        check_audio(call_type, has_sound=False)
        chosen = f"s.{uuid.uuid4()}" if call_id is None else call_id
        when = (system_clock_ms(), self._now_s)
        version = named_version(server_version) or self.server_version
        call = HubCall(
            chosen, url, call_type, option, *when, self._engine_for(version), version
        )
        opening = partial(
            connect,
            url,
            call_type,  # pyright: ignore[reportArgumentType]
            id=chosen,
            log=call.log,
            audio=None if call_type == "webrtc" else audio,
            server_version=version,
            **connect_options,
        )
        sounding = partial(
            caller_audio, url=url, call_type=call_type, source=audio, ssl=ssl
        )
        participants = [one for one in (caller, agent) if one is not None]
        self._add(call, self._call_run(call, opening, participants, sounding))
        return call

    def watch(
        self,
        url: str,
        call_id: str,
        *,
        server_version: str | ServerVersion | None = None,
        **watch_options: Any,
    ) -> HubCall:
        """Watch a call that someone else has on a server; see ``client.watching``.

        Hanging it up ends it for everybody; ``leave`` only stops watching. A call that
        this hub has already is returned as it is.

        Args:
            url: Address of the server, ``ws://HOST:PORT``.
            call_id: Its id there.
            server_version: The server's release; None is the hub's.
            **watch_options: Further arguments of ``watch``.
        """
        with self._lock:
            if call_id in self._runs:
                return self._calls[call_id]
            ssl = watch_options.setdefault("ssl", self._ssl)
            when = (system_clock_ms(), self._now_s)
            version = named_version(server_version) or self.server_version
            call = WatchedHubCall(
                call_id, url, *when, ssl, self._engine_for(version), version
            )
            watch_options.update(log=call.log, server_version=version)
            opening = partial(watch, url, call_id, **watch_options)
            run = self._call_run(call, opening)
            self._keep(call, run)
        self._begin(call, run)
        return call

    def replay(
        self, path: Path | SavedCall, speed: float = 1.0, *, at_end: bool = False
    ) -> ReplayCall:
        """Read a saved call and let it happen once more; see `ReplayCall`.

        Args:
            path: The event log; sound and SIP messages lie beside it. Or read already.
            speed: Times as fast, 0.5 to 20.
            at_end: Begin at the end: all of the call is there to look at, and playing
                begins at its beginning.

        Raises:
            LogFileError: If it is not an event log that can be read.
            InvalidOptionError: If the speed is not 0.5 to 20.
        """
        saved = path if isinstance(path, SavedCall) else read_saved(path)
        with self._lock:
            call_id = self._free_id(f"{REPLAY_PREFIX}{saved.name}")
            version = saved.server_version or self.server_version
            call = ReplayCall(
                saved, call_id, speed, self._now_s, self._engine_for(version), version
            )
            if at_end:
                call.show_whole()
                call.advance()
            run = ReplayRun(call, self._changed)
            self._keep(call, run)
        self._begin(call, run)
        return call

    def saved(self, call_id: str) -> ReplayCall | None:
        """Return a call that was saved to ``logs``, all of it; None if none was.

        It is read once, however often it is asked for.

        Raises:
            LogFileError: If the file cannot be read.
        """
        name = call_id.removeprefix(REPLAY_PREFIX)
        path = None if self.logs is None else latest_path(self.logs, name)
        if path is None:
            return None
        for call in self.calls:
            if isinstance(call, ReplayCall) and call.saved.path == path:
                return call
        return self.replay(path, at_end=True)

    def tap(
        self,
        port: int = 0,
        *,
        host: str = "127.0.0.1",
        token: str | None = None,
        server: str | None = None,
        names: Collection[str] = (),
        public_url: str | None = None,
    ) -> HubTap:
        """Hear the audio of calls that someone else runs, from now on.

        Each call whose option has the tap's ``option`` as ``monitor`` becomes one of
        this hub: both legs are drawn and saved like those of its own calls, joined with
        the call's events if ``server`` is given. Servers have it since 0.3.111.

        Args:
            port: Port to listen on; 0 takes a free one.
            host: Address to listen on.
            token: What a server must send as ``Authorization: Bearer TOKEN``; None:
                nothing on the loopback, one that is made up elsewhere.
            server: Address of the server that runs the calls, ``ws://HOST:PORT``, for
                their events; calls it does not know are refused. None: audio only,
                but for calls that this hub has already.
            names: Further host names under which the server may ask.
            public_url: Where the server reaches it, if that is not where it listens.

        Raises:
            ServerStartError: If nothing can listen there.
            ConnectError: If the address of the server is malformed.
        """
        tap = HubTap(self, server, ssl=self._ssl)
        tap.prepare(port, host=host, token=token, names=names, public_url=public_url)
        self._running_portal().start_task(tap.run)
        self.taps.append(tap)
        self._changed()
        return tap

    def hear(self, tapped: TappedCall) -> HubCall:
        """Keep a call of which only the audio is heard; see `tap`.

        Raises:
            InvalidOptionError: If a call of this id runs already.
        """
        version = self.server_version
        when = (system_clock_ms(), self._now_s)
        call = TappedHubCall(tapped, *when, self._engine_for(version), version)
        self._add(call, self._call_run(call, partial(hear, tapped, log=call.log)))
        return call

    async def _end_calls(self) -> None:
        for tap in self.taps:
            tap.stop()
        await super()._end_calls()

    def running_on(self, url: str) -> "Future[Sequence[ActiveCall]]":
        """Ask a server for its running calls; fails with ConnectError."""
        asking = self._running_portal().start_task_soon
        return asking(running_calls, url, self._ssl)

    def _call_run(
        self,
        call: HubCall,
        opening: Opening,
        participants: list[Participant] | None = None,
        sounding: Sounding = by_the_connection,
    ) -> CallRun:
        return CallRun(
            call,
            opening,
            participants or [],
            sounding=sounding,
            logs=self.logs,
            unwatched_limit_s=self._unwatched_limit_s,
            changed=self._changed,
        )

    # ------------------------------------------------------------------ acting

    def may_send(self, user: str | None) -> bool:
        """Whether someone of this name may send commands and hang up."""
        return self.operators is None or user in self.operators

    def send(
        self, call_id: str, command: BaseCommand, user: str | None = None
    ) -> "Future[Record]":
        """Send a command in a call.

        Returns:
            A future of its row in the log; it fails with CallClosedError if the call
            is over.

        Raises:
            UnknownCallError: If there is no such call.
            NotAllowedError: If operators are named and ``user`` is none of them.
            CallError: If the call is not connected yet.
        """
        session = self._steered(call_id, user, f"send {command.command}")
        return self._running_portal().start_task_soon(session.send, command)

    def press(
        self, call_id: str, digits: str, user: str | None = None
    ) -> "Future[list[Record]]":
        """Press keys in a call, each after the one before; fails and raises as `send`.

        Returns:
            A future of the rows of its commands.
        """
        session = self._steered(call_id, user, "press keys")
        return self._running_portal().start_task_soon(session.press, digits)

    def _steered(self, call_id: str, user: str | None, what: str) -> SteeredCall:
        check_allowed(self.operators, user, what)
        call = self.get(call_id)
        session, why = call.session, call.why_no_commands
        if why is not None or not isinstance(session, SteeredCall):
            raise CallError(f"cannot {what}: {why}")
        return session

    def hang_up(self, call_id: str, user: str | None = None) -> "Future[None]":
        """End a call, which works while it rings, too.

        Our own call's connection is closed; a watched call is killed on its server.

        Returns:
            A future that is done when that is under way, or fails.

        Raises:
            UnknownCallError: If there is no such call.
            NotAllowedError: If operators are named and ``user`` is none of them.
        """
        check_allowed(self.operators, user, "hang up")
        call = self.get(call_id)
        if isinstance(call, WatchedHubCall) and not call.is_over:
            return self._running_portal().start_task_soon(call.kill)
        return self._stop(call_id)

    def leave(self, call_id: str) -> "Future[None]":
        """Stop watching a call, or replaying one; anyone may.

        Raises:
            UnknownCallError: If there is no such call.
            CallError: If it is a call of our own, which would end.
        """
        if self.get(call_id).role == "own":
            raise CallError(
                f"cannot leave the call {shorten(call_id)}: it is this hub's own and "
                "would end; hang it up"
            )
        return self._stop(call_id)

    def __repr__(self) -> str:
        return f"<CallHub of {len(self._calls)} calls>"
