"""A call watched over SSE."""

from collections.abc import Callable, Sequence
from ssl import SSLContext

from typing_extensions import override

from rustpbx_lab.client.rest.server_api import ServerApi
from rustpbx_lab.models.rest import ActiveCall
from rustpbx_lab.models.server_versions import ServerVersion
from rustpbx_lab.speech.vad_engines import VadEngine

from .hub_call import HubCall


class WatchedHubCall(HubCall):
    """Someone else's call, watched over the server's event stream."""

    role = "watched"
    is_ours = False

    def __init__(
        self,
        call_id: str,
        url: str,
        started_ms: int,
        now_s: Callable[[], float],
        ssl: SSLContext | None = None,
        engine: VadEngine | None = None,
        server_version: ServerVersion | None = None,
    ) -> None:
        when = started_ms, now_s
        super().__init__(call_id, url, "", None, *when, engine, server_version)
        self._address, self._ssl = url, ssl

    @property
    @override
    def can_leave(self) -> bool:
        return not self.is_over

    @property
    @override
    def label(self) -> str:
        return "watching" if self.state == "in call" else self.state

    async def kill(self) -> None:
        """End the call for everybody.

        Raises:
            UnknownCallError: If the server does not know it any more.
            ConnectError: If it does not answer.
        """
        async with ServerApi(self._address, ssl=self._ssl) as api:
            await api.kill(self.id)


async def running_calls(
    url: str, ssl: SSLContext | None = None
) -> Sequence[ActiveCall]:
    """Return the running calls of a server.

    Args:
        url: Address of the server.
        ssl: Which certificates to trust; None: those of the system.

    Raises:
        ConnectError: If no server answers.
    """
    async with ServerApi(url, ssl=ssl) as api:
        return await api.list()
