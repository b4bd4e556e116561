"""The server's event stream of a call (SSE): texts in, and why it ended."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

import httpx
from httpx_sse import EventSource, SSEError

from rustpbx_lab.errors import RustpbxLabError

SILENCE_S = 50
"""Without a word for this long the stream is dead: keep-alives come every 15 s."""


class StreamBrokenError(RustpbxLabError):
    """The stream broke before its end; never leaves this package's readers."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class CallStream:
    """An open event stream; ends in order with the call, or breaks.

    The server sends what happens from now on, and neither repeats nor counts what a
    slow reader has lost.
    """

    def __init__(self, response: httpx.Response) -> None:
        self._source = EventSource(response)

    async def frames(self) -> AsyncGenerator[tuple[str, str], None]:
        """Yield kind (``event`` or ``command``) and JSON text of each entry.

        Raises:
            StreamBrokenError: If the connection broke or fell silent.
        """
        try:
            async with aclosing(self._source.aiter_sse()) as entries:
                async for entry in entries:
                    if entry.data:
                        yield entry.event, entry.data
        except httpx.TimeoutException as exc:
            raise StreamBrokenError(f"nothing came for {SILENCE_S} s") from exc
        except (httpx.HTTPError, httpx.StreamError, SSEError) as exc:
            raise StreamBrokenError(str(exc) or type(exc).__name__) from exc
