"""Calls heard through an audio tap, and the listener of a hub."""

import logging
from collections.abc import Callable, Collection
from functools import partial
from ssl import SSLContext
from typing import Protocol

import anyio
from anyio.abc import TaskStatus
from typing_extensions import override

from rustpbx_lab.client.at_exit import run_in_worker
from rustpbx_lab.client.call_address import parse_address
from rustpbx_lab.client.incoming.audio_tap import AudioTap, Refusal, TappedCall
from rustpbx_lab.client.rest.server_api import ServerApi
from rustpbx_lab.client.tap import HeardCall, hear_tap
from rustpbx_lab.errors import ConnectError, RequestRefusedError, shorten
from rustpbx_lab.masking import mask_url
from rustpbx_lab.models.options import MonitorOption
from rustpbx_lab.models.rest import our_call_type
from rustpbx_lab.models.server_versions import ServerVersion
from rustpbx_lab.speech.vad_engines import VadEngine

from .hub_call import HubCall

logger = logging.getLogger(__name__)


class TappedHubCall(HubCall):
    """Someone else's call of which only the audio is heard."""

    role = "watched"
    is_ours = False

    def __init__(
        self,
        tapped: TappedCall,
        started_ms: int,
        now_s: Callable[[], float],
        engine: VadEngine | None = None,
        server_version: ServerVersion | None = None,
    ) -> None:
        kind = our_call_type(tapped.start.call_type)
        when = started_ms, now_s
        super().__init__(tapped.id, "", kind, None, *when, engine, server_version)

    @property
    @override
    def takes_commands(self) -> bool:
        return False

    @property
    @override
    def why_no_commands(self) -> str:
        return (
            f"of {shorten(self.id)} only the audio is known; give the tap the address "
            "of its server"
        )

    @property
    @override
    def can_leave(self) -> bool:
        return not self.is_over

    @property
    @override
    def can_end(self) -> bool:
        return False

    @property
    @override
    def label(self) -> str:
        return "listening" if self.state == "in call" else self.state


class CallsOfHub(Protocol):
    """What a tap needs of the hub."""

    @property
    def calls(self) -> list[HubCall]:
        """The calls, newest first."""
        ...

    def watch(self, url: str, call_id: str, *, is_tapped: bool) -> HubCall:
        """Watch a call on a server."""
        ...

    def hear(self, tapped: TappedCall) -> HubCall:
        """Keep a call of which only the audio is heard."""
        ...


class HubTap:
    """A listener for the audio of others' calls; see ``CallHub.tap``.

    Args:
        hub: Keeps the calls.
        server: Address of the server that runs them; None is not known.
        ssl: Which certificates to trust; None: those of the system.

    Raises:
        ConnectError: If the address is malformed.
    """

    def __init__(
        self, hub: CallsOfHub, server: str | None, ssl: SSLContext | None = None
    ) -> None:
        if server is not None:
            parse_address(server)
        self._hub, self._server, self._ssl = hub, server, ssl
        self._tap = AudioTap()
        self._scope: anyio.CancelScope | None = None

    def prepare(
        self,
        port: int,
        *,
        host: str,
        token: str | None,
        names: Collection[str],
        public_url: str | None,
    ) -> None:
        """Say where it will listen; see ``CallHub.tap``."""
        self._tap = AudioTap(
            port,
            host=host,
            token=token,
            names=names,
            public_url=public_url,
            admits=self._why_unwanted,
        )

    @property
    def url(self) -> str:
        """Where a server has to connect to."""
        return self._tap.url

    @property
    def option(self) -> MonitorOption:
        """The ``monitor`` option of a call that is to be heard."""
        return self._tap.option

    @property
    def calls(self) -> list[TappedCall]:
        """The calls that are heard now."""
        return self._tap.calls

    @property
    def refused(self) -> list[Refusal]:
        """The last connections that were refused, oldest first."""
        return list(self._tap.refused)

    @property
    def n_refused(self) -> int:
        """How many connections were refused."""
        return self._tap.n_refused

    async def run(
        self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED
    ) -> None:
        """Listen until `stop`."""
        async with self._tap:
            with anyio.CancelScope() as self._scope:
                task_status.started()
                await self._tap.serve(self._hear)

    def stop(self) -> None:
        """Stop listening; on the hub's loop."""
        if self._scope is not None:
            self._scope.cancel()

    def _known(self, call_id: str) -> HubCall | None:
        for call in self._hub.calls:
            if call.id == call_id and call.is_live and not call.is_over:
                return call
        return None

    async def _why_unwanted(self, call_id: str) -> str | None:
        if self._server is None or self._known(call_id) is not None:
            return None
        if await self._is_on_server(call_id) is False:
            return f"no such call runs on {mask_url(self._server)}"
        return None

    async def _is_on_server(self, call_id: str) -> bool | None:
        """Whether the server runs a call; None if it does not say."""
        assert self._server is not None
        try:
            async with ServerApi(self._server, ssl=self._ssl) as api:
                return any(call.id == call_id for call in await api.list())
        except (ConnectError, RequestRefusedError) as exc:
            logger.warning("the events of a tapped call are not known: %s", exc)
            return None

    async def _hear(self, tapped: TappedCall) -> None:
        call = self._known(tapped.id)
        if call is None and self._server and await self._is_on_server(tapped.id):
            call = await run_in_worker(
                partial(self._hub.watch, self._server, tapped.id, is_tapped=True)
            )
            await call.connected.wait()
            if call.session is None:  # it ended meanwhile, or its events do not come
                call = None
        if call is None:
            await run_in_worker(self._hub.hear, tapped)
            return
        await call.connected.wait()
        session = call.session
        if session is None or isinstance(session, HeardCall):
            return
        if not await hear_tap(session, tapped):
            logger.info("call %s has audio of its own; its tap is unused", call.id)
