"""The SIP ladder: who sent which message to whom, as columns and arrows."""

from collections.abc import Callable, Sequence
from typing import Any

from rustpbx_lab.analysis.sip import SipRow
from rustpbx_lab.wording import UNKNOWN, clock, thousands

MOST_STEPS = 300
"""Messages in a ladder; around the selected one if there are more."""
SERVER = "server"
NOBODY = "unknown"


def ladder(
    rows: Sequence[SipRow],
    selected: int | None = None,
    clock: Callable[[float | None], str] = clock,
) -> dict[str, Any]:
    """Return a ladder as plain values: its parties and its steps.

    Args:
        rows: The messages by time.
        selected: Log row that must be among the steps.
        clock: Says a call time in words.

    Returns:
        ``parties``: name and address of each column, the server first where it is
        known. ``steps``: ``seq``, ``time``, ``from`` and ``to`` (columns), ``title``,
        ``delay``, ``leg`` (empty if there is only one), ``role`` (colour), ``again``,
        and ``words`` for a screen reader. ``left_out``: messages before and after.
        Texts are as the call has them: never to be shown as HTML.
    """
    first, shown = _around(rows, selected)
    parties = _parties(rows)
    columns = {address: at for at, (_, address) in enumerate(parties)}
    legs = list(dict.fromkeys(row.call_id for row in rows))
    steps = [
        {
            "seq": row.seq,
            "time": clock(row.at_ms),
            "from": columns[row.source],
            "to": columns[row.destination],
            "title": row.title,
            "delay": _delay(row),
            "leg": str(legs.index(row.call_id) + 1) if len(legs) > 1 else "",
            "role": row.role,
            "again": row.is_retransmission,
            "words": _words(row, clock),
        }
        for row in shown
    ]
    named = [{"name": name, "address": address or ""} for name, address in parties]
    left_out = [first, len(rows) - first - len(shown)]
    return {"parties": named, "steps": steps, "left_out": left_out}


def _around(
    rows: Sequence[SipRow], selected: int | None
) -> tuple[int, Sequence[SipRow]]:
    if len(rows) <= MOST_STEPS:
        return 0, rows
    at = next((at for at, row in enumerate(rows) if row.seq == selected), 0)
    first = min(max(at - MOST_STEPS // 2, 0), len(rows) - MOST_STEPS)
    return first, rows[first : first + MOST_STEPS]


def _parties(rows: Sequence[SipRow]) -> list[tuple[str, str | None]]:
    """Return name and address of each column, the server first."""
    own: dict[str | None, None] = {}
    others: dict[str | None, None] = {}
    for row in rows:
        sides = (row.source, row.destination)
        near, far = sides if row.way == "sent" else sides[::-1]
        (others if row.way is None else own)[near] = None
        others[far] = None
    named = [(SERVER, address) for address in own]
    return named + [
        (address or NOBODY, address) for address in others if address not in own
    ]


def _delay(row: SipRow) -> str:
    if row.code is None:
        return ""
    return UNKNOWN if row.delay_ms is None else f"+{thousands(row.delay_ms)} ms"


def _words(row: SipRow, clock: Callable[[float | None], str]) -> str:
    way = f"{row.way} " if row.way else ""
    again = ", sent before" if row.is_retransmission else ""
    return f"{row.title} {way}at {clock(row.at_ms)}{again}; {row.delays}".rstrip("; ")
