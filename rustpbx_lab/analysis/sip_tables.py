"""Tables of the SIP messages and transactions of a call."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from rustpbx_lab.log import EventLog

from .sip import FINAL, SipFold, SipRow
from .timelines import as_table


@dataclass(frozen=True, slots=True)
class SipTransaction:
    """One request and what became of it."""

    at_ms: int
    """When the request was first sent or received, call time."""
    way: str | None
    """Of the request: ``sent`` or ``received`` by the server."""
    method: str
    cseq: int | None
    call_id: str
    from_uri: str
    to_uri: str
    source: str | None
    destination: str | None
    code: int | None
    """Of the final answer; empty if none came."""
    reason: str
    provisional_code: int | None
    """Of the first answer, where that was provisional."""
    provisional_ms: int | None
    """From the request to that."""
    final_ms: int | None
    """From the request to the final answer."""
    n_retransmissions: int
    """How often the request or an answer was sent once more."""
    offered: str
    """Media that the request describes."""
    answered: str
    """Media that the first answer with a session description describes."""
    seq: int
    """Log row of the request."""


def message_rows(log: EventLog) -> list[SipRow]:
    """Return the SIP messages of a log, by time."""
    changes = SipFold().advance(log.records())
    return sorted([*changes.closed, *changes.open], key=lambda row: row.seq)


def sip_messages(log: EventLog) -> pd.DataFrame:
    """Return one row a SIP message of a call; see `SipRow` for the columns.

    Args:
        log: A log with SIP messages: what `with_sip_messages` returns.

    Returns:
        By ``seq``. Times are call time, delays milliseconds; what is unknown is empty.
        No messages give an empty table of the same types.
    """
    return as_table(SipRow, message_rows(log))


def sip_transactions(log: EventLog) -> pd.DataFrame:
    """Return one row a SIP transaction; see `SipTransaction` for the columns.

    Args:
        log: A log with SIP messages: what `with_sip_messages` returns.

    Returns:
        By ``seq``, the log row of the request. Answers without a request are not in
        it: `sip_messages` has them.
    """
    return as_table(SipTransaction, transaction_rows(log))


def transaction_rows(log: EventLog) -> list[SipTransaction]:
    """Return the SIP transactions of a log, by the time of their requests."""
    by_request: dict[int, list[SipRow]] = {}
    for row in message_rows(log):
        if row.request_seq is not None:
            by_request.setdefault(row.request_seq, []).append(row)
    return [_transaction(rows) for rows in by_request.values()]


def _transaction(rows: Sequence[SipRow]) -> SipTransaction:
    request, *rest = rows
    answers = [row for row in rest if row.code is not None]
    first = answers[0] if answers else None
    final = next((row for row in answers if (row.code or 0) >= FINAL), None)
    is_provisional = first is not None and first is not final
    return SipTransaction(
        at_ms=request.at_ms,
        way=request.way,
        method=request.method,
        cseq=request.cseq,
        call_id=request.call_id,
        from_uri=request.from_uri,
        to_uri=request.to_uri,
        source=request.source,
        destination=request.destination,
        code=None if final is None else final.code,
        reason="" if final is None else final.reason,
        provisional_code=first.code if first is not None and is_provisional else None,
        provisional_ms=request.provisional_ms,
        final_ms=request.final_ms,
        n_retransmissions=sum(row.is_retransmission for row in rows),
        offered=request.sdp,
        answered=next((row.sdp for row in answers if row.sdp), ""),
        seq=request.seq,
    )
