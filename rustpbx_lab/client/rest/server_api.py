"""ServerApi: the REST interface of a server, typed."""

import logging
import ssl as ssl_module
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any, Self
from urllib.parse import quote

import anyio
import httpx

from rustpbx_lab.client.base_call import system_clock_ms
from rustpbx_lab.client.protocol import CallProtocol
from rustpbx_lab.errors import (
    ConnectError,
    InvalidOptionError,
    RequestRefusedError,
    UnknownCallError,
    UnreadableFrameError,
    shorten,
)
from rustpbx_lab.masking import mask_text, mask_url
from rustpbx_lab.models import commands
from rustpbx_lab.models import rest as answers
from rustpbx_lab.models.base import BaseCommand, BaseEvent, BaseNote
from rustpbx_lab.models.surrogates import well_formed, well_formed_model

from .refusals import NO_SERVER, why_status
from .server_http import ServerHttp
from .sse import SILENCE_S, CallStream, StreamBrokenError, call_stream

logger = logging.getLogger(__name__)

TIMEOUT_S = 10.0
"""What the server is given to answer."""
SYNTHESIS_TIMEOUT_S = 120.0
"""The same, where it has to speak a text first."""

_JSON = {"Content-Type": "application/json"}
_UNKNOWN_CALL = ("not_found", "track not active")


class ServerApi:
    """Every REST address of a server as a method, on asyncio or trio.

    ::

        async with ServerApi("ws://127.0.0.1:8080") as api:
            for call in await api.list():
                await api.send(call.id, commands.Mute())

    Calls are addressed by their session id. Each method raises ``ConnectError`` if no
    Active Call server answers.
    """

    def __init__(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        ssl: ssl_module.SSLContext | None = None,
        timeout: float = TIMEOUT_S,
    ) -> None:
        """Prepare requests; nothing is sent yet.

        Args:
            url: Address of the server, ``ws://HOST:PORT`` or ``http://HOST:PORT``.
            headers: Further HTTP headers, such as those a proxy asks for.
            ssl: TLS settings.
            timeout: Seconds to wait for an answer.

        Raises:
            ConnectError: If it is not an address.
        """
        self._http = ServerHttp(url, headers=headers, ssl=ssl, timeout=timeout)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    def events_address(self, call_id: str) -> str:
        """Return where the events of a call come from, tokens masked."""
        return mask_url(self._http.url(f"/events/{_part(call_id)}"))

    # ------------------------------------------------------------------ calls

    async def list(self) -> Sequence[answers.ActiveCall]:
        """Return the running calls, in no order."""
        answer = await self._request("GET", "/list", "list the calls")
        return answers.read(answers.ActiveCalls, answer.content).active_calls

    async def kill(self, call_id: str) -> answers.CommandAnswer:
        """End a call, even one that still rings.

        Raises:
            UnknownCallError: If there is no such call.
        """
        path, what = f"/kill/{_part(call_id)}", f"end the call {shorten(call_id)}"
        answer = await self._request("GET", path, what, call_id=call_id)
        return answers.read(answers.CommandAnswer, answer.content)

    async def send(self, call_id: str, command: BaseCommand) -> answers.CommandAnswer:
        """Send a command to anyone's call; the answer says that it is queued.

        Raises:
            UnknownCallError: If there is no such call.
            RequestRefusedError: If the server cannot read the command.
        """
        answer = await self._request(
            "POST",
            f"/command/{_part(call_id)}",
            f"send {command.command} to {shorten(call_id)}",
            call_id=call_id,
            content=_content(command),
            headers=_JSON,
        )
        return answers.read(answers.CommandAnswer, answer.content)

    @asynccontextmanager
    async def events(
        self, call_id: str
    ) -> AsyncGenerator[AsyncGenerator[BaseEvent | BaseCommand | BaseNote, None], None]:
        """Listen to anyone's call from now on.

        ::

            async with api.events("s.1") as messages:
                async for message in messages: ...

        The messages are events (also ``ping``, and ``binary`` with the audio) and the
        commands sent to the call, secrets masked; what cannot be read comes as a
        ``notes.Unreadable``. They end with the call. ``watch`` makes a log of them.

        Raises:
            UnknownCallError: If there is no such call.
            ConnectError: Out of the iteration, if the stream broke.
        """
        async with (
            self.stream(call_id) as stream,
            aclosing(self._messages(stream, call_id)) as messages,
        ):
            yield messages

    async def _messages(
        self, stream: CallStream, call_id: str
    ) -> AsyncGenerator[BaseEvent | BaseCommand | BaseNote, None]:
        protocol = CallProtocol()
        try:
            async for kind, text in stream:
                now = system_clock_ms()
                if kind == "command":
                    yield protocol.receive_command(text, now).message
                else:
                    yield protocol.receive_text(text, now).message
        except StreamBrokenError as exc:
            why = f"the event stream broke: {exc.why}"
            raise ConnectError(self.events_address(call_id), why) from exc

    @asynccontextmanager
    async def stream(self, call_id: str) -> AsyncGenerator[CallStream, None]:
        """Open the event stream of a call, as texts.

        Raises:
            UnknownCallError: If there is no such call.
        """
        path, what = f"/events/{_part(call_id)}", f"listen to {shorten(call_id)}"
        request = self._http.request(
            "GET",
            self._http.url(path),
            headers={"Accept": "text/event-stream", "Cache-Control": "no-store"},
            timeout=httpx.Timeout(TIMEOUT_S, read=SILENCE_S),
        )
        response = await self._http.send(request, stream=True)
        try:
            kind = response.headers.get("Content-Type", "")
            if response.is_error or not kind.startswith("text/event-stream"):
                # a whole page is some kilobytes; an endless one is not read
                with anyio.move_on_after(TIMEOUT_S):
                    await response.aread()
                    self._check(response, what, call_id)
                raise ConnectError(self.events_address(call_id), NO_SERVER)
            async with call_stream(response) as stream:
                yield stream
        finally:
            await response.aclose()

    # ------------------------------------------------------------------ the rest

    async def precache(self, command: commands.Tts) -> answers.PrecacheAnswer:
        """Have a text spoken into the server's cache; needs ``command.option``.

        Raises:
            RequestRefusedError: If the server cannot speak it.
        """
        answer = await self._request(
            "POST",
            "/precache",
            f"precache {shorten(command.text)}",
            content=_content(command),
            headers=_JSON,
            timeout=SYNTHESIS_TIMEOUT_S,
        )
        return answers.read(answers.PrecacheAnswer, answer.content)

    async def iceservers(self) -> Sequence[answers.IceServer]:
        """Return the STUN and TURN servers for WebRTC calls."""
        answer = await self._request("GET", "/iceservers", "get the ICE servers")
        return answers.read_list(answers.IceServer, answer.content)

    async def records(self) -> Sequence[answers.RecordEntry]:
        """Return the calls of which the server has an event log, newest first."""
        answer = await self._request("GET", "/api/records", "list the records")
        return answers.read_list(answers.RecordEntry, answer.content)

    async def playbooks(self) -> Sequence[answers.PlaybookEntry]:
        """Return the playbooks (``*.md``) on the server."""
        answer = await self._request("GET", "/api/playbooks", "list the playbooks")
        return answers.read_list(answers.PlaybookEntry, answer.content)

    async def playbook(self, name: str) -> str:
        """Return the text of a playbook.

        Raises:
            RequestRefusedError: If there is none of that name.
        """
        path, what = f"/api/playbooks/{_part(name)}", f"read playbook {shorten(name)}"
        return (await self._request("GET", path, what)).text

    async def save_playbook(self, name: str, text: str) -> None:
        """Write a playbook; only names that end in ``.md`` are listed.

        Raises:
            RequestRefusedError: If the name has ``..`` or a slash in it.
        """
        path, what = f"/api/playbooks/{_part(name)}", f"save playbook {shorten(name)}"
        await self._request("POST", path, what, content=well_formed(text).encode())

    async def run_playbook(
        self, name: str | None = None, *, content: str | None = None
    ) -> str:
        """Prepare a call that a playbook holds.

        Args:
            name: A playbook on the server; whether it is there shows on connecting.
            content: A playbook's text, instead; it begins with ``---``.

        Returns:
            The id to connect with, within five minutes.
        """
        if (name is None) == (content is None):
            raise InvalidOptionError(
                "cannot run a playbook: give either its name or its content"
            )
        key, value = ("content", content) if name is None else ("playbook", name)
        body = {key: well_formed(value or "")}
        answer = await self._request(
            "POST", "/api/playbook/run", "run a playbook", json=body
        )
        return answers.read(answers.PlaybookSession, answer.content).session_id

    # ------------------------------------------------------------------ requests

    async def _request(
        self,
        method: str,
        path: str,
        what: str,
        *,
        call_id: str | None = None,
        **options: Any,
    ) -> httpx.Response:
        request = self._http.request(method, self._http.url(path), **options)
        response = await self._http.send(request)
        self._check(response, what, call_id)
        return response

    def _check(self, response: httpx.Response, what: str, call_id: str | None) -> None:
        content_type = response.headers.get("Content-Type", "")
        if "html" in content_type.lower():
            why = why_status(response.status_code, response.content, content_type)
            raise ConnectError(mask_url(str(response.request.url)), why)
        if response.is_success:
            return
        said = " ".join(mask_text(_error_of(response.text)).split())
        status = response.status_code
        if status == 404 and call_id is not None and _is_about_a_call(said, call_id):
            raise UnknownCallError(call_id)
        if status in (404, 405) and not said:
            raise ConnectError(
                mask_url(str(response.request.url)),
                f"no such path there (HTTP {status}); {NO_SERVER}",
            )
        raise RequestRefusedError(what, status, said[:300] or response.reason_phrase)


def _is_about_a_call(said: str, call_id: str) -> bool:
    # an empty id leaves a path that the server does not have
    return not call_id or any(word in said for word in _UNKNOWN_CALL)


def _error_of(body: str) -> str:
    """Return what an answer says went wrong: its JSON ``error``, else all of it."""
    try:
        answer = answers.read(answers.PrecacheAnswer, body)
    except UnreadableFrameError:
        return body
    return answer.error or body


def _content(command: BaseCommand) -> str:
    """Return a command as it is sent; half a surrogate pair becomes U+FFFD."""
    whole, replaced = well_formed_model(command)
    if replaced:
        logger.warning(
            "half a surrogate pair in %s of a %s command: U+FFFD is sent instead",
            ", ".join(replaced),
            command.command,
        )
    return whole.to_json(reveal=True)


def _part(text: str) -> str:
    """Return a text as one part of a path, whatever is in it."""
    encoded = quote(well_formed(text), safe="")
    # "." and ".." would be resolved on the way
    return encoded.replace(".", "%2E") if encoded in (".", "..") else encoded
