"""HTTP to one server: proxy, redirects, failures."""

import logging
import ssl as ssl_module
from collections.abc import Mapping
from functools import cache
from typing import Any

import httpx

from rustpbx_lab.client.call_address import parse_address, redirected
from rustpbx_lab.client.proxies import proxy_for
from rustpbx_lab.errors import ConnectError
from rustpbx_lab.masking import URL_MASK, mask_url

from .refusals import (
    MAX_REDIRECTS,
    NO_SERVER,
    REDIRECTS,
    no_answer,
    speaks_tls,
    why_unreachable,
)


@cache
def _authorities() -> ssl_module.SSLContext:
    """Whom everybody trusts: reading it takes 20 ms, in which no audio is sent."""
    return httpx.create_ssl_context()


def _tls(scheme: str) -> ssl_module.SSLContext:
    if scheme == "wss":
        return _authorities()
    return ssl_module.SSLContext(ssl_module.PROTOCOL_TLS_CLIENT)  # trusts nobody


class ServerHttp:
    """Requests to one server; redirects are followed within it only."""

    def __init__(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None,
        ssl: ssl_module.SSLContext | None,
        timeout: float,
    ) -> None:
        """Prepare requests; nothing is sent yet.

        Raises:
            ConnectError: If the address, or the proxy for it, cannot be used.
        """
        self._address = parse_address(url)
        self._proxy = proxy_for(self._address)
        self._timeout_s = timeout
        logging.getLogger("httpx").addFilter(URL_MASK)
        try:
            self._client = httpx.AsyncClient(
                headers=headers,
                verify=_tls(self._address.scheme) if ssl is None else ssl,
                timeout=timeout,
                proxy=None if self._proxy is None else self._proxy.url,
                trust_env=False,  # it reads NO_PROXY its own way, and fails at IPv6
            )
        except (ImportError, ValueError) as exc:  # a SOCKS proxy that it cannot use
            why = f"{exc}" if self._proxy is None else self._proxy.told(f"{exc}")
            raise ConnectError(mask_url(self._address.url("")), why) from None

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    def url(self, path: str) -> str:
        """Return the URL of a path of the server."""
        return self._address.url(path, http=True)

    def request(self, method: str, url: str, **options: Any) -> httpx.Request:
        """Return a request, to be sent with ``send``."""
        return self._client.build_request(method, url, **options)

    async def send(
        self, request: httpx.Request, *, stream: bool = False
    ) -> httpx.Response:
        """Send a request and follow redirects within the server.

        Raises:
            ConnectError: If nobody answers, or a redirect leads elsewhere.
        """
        for _ in range(MAX_REDIRECTS + 1):
            response = await self._sent(request, stream)
            location = response.headers.get("Location")
            if response.status_code not in REDIRECTS or location is None:
                return response
            if stream:
                await response.aclose()
            target = redirected(str(request.url), location)
            request = self._client.build_request(
                request.method,
                target,
                content=request.content,
                headers=request.headers,
                extensions=request.extensions,
            )
        why = f"more than {MAX_REDIRECTS} redirects; {NO_SERVER}"
        raise ConnectError(mask_url(str(request.url)), why)

    async def _sent(self, request: httpx.Request, stream: bool) -> httpx.Response:
        url = mask_url(str(request.url))
        try:
            return await self._client.send(request, stream=stream)
        except (httpx.HTTPError, httpx.InvalidURL) as exc:
            raise ConnectError(url, await self._why(exc), may_pass=True) from exc

    async def _why(self, error: Exception) -> str:
        if isinstance(error, httpx.TimeoutException):
            why = no_answer("in time", self._address)
        elif isinstance(error, httpx.ProxyError):
            why = f"the proxy failed: {error}"
        elif isinstance(error, httpx.ConnectError):
            found = why_unreachable(error, self._timeout_s, self._address)
            why = found or f"{error}; check the address"
        elif self._proxy is None and await speaks_tls(self._address):
            why = "the port speaks TLS; write wss:// instead of ws://"
        else:
            why = f"{error or type(error).__name__}; {NO_SERVER}"
        return why if self._proxy is None else self._proxy.told(why)
