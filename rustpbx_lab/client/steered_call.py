"""SteeredCall: a call that is read, and steered by commands."""

from functools import cached_property

import anyio

from rustpbx_lab.log import Record
from rustpbx_lab.models import events
from rustpbx_lab.models.line_commands import read_keys

from .base_call import CallReader
from .call_commands import CallCommands

KEY_GRACE_S = 5
"""What a key may take longer than it sounds."""


class SteeredCall(CallReader, CallCommands):
    """A call whose server takes commands: every command as a method, and keys."""

    @cached_property
    def _pressing(self) -> anyio.Lock:
        return anyio.Lock()

    async def press(self, digits: str, duration_ms: int | None = None) -> list[Record]:
        """Press keys one after another, as the other side of a voice menu expects them.

        Each waits for the end of the one before, also of another `press`: a digit that
        came earlier would replace it. For servers since 0.3.100; see `dtmf`.

        Args:
            digits: ``0``-``9``, ``*``, ``#``, ``A``-``D``; spaces are left out.
            duration_ms: How long each sounds; the server's default is 100 ms.

        Returns:
            The row of each command.

        Raises:
            InvalidOptionError: If one of them is unknown; nothing is pressed then.
            CallTimeoutError: If a key does not end: the server may not know it.
            CallClosedError: If the call ended before the last.
        """
        keys = read_keys(digits)
        limit_s = KEY_GRACE_S + (duration_ms or 0) / 1000
        rows: list[Record] = []
        async with self._pressing:
            for key in keys:
                row = await self.dtmf(key, duration_ms)
                rows.append(row)
                await self._wait(
                    "trackEnd", limit_s, row, _ends_key, awaited=f"end of {key}"
                )
        return rows


def _ends_key(event: events.TrackEnd) -> bool:
    return event.track_id == events.DTMF_TRACK_ID
