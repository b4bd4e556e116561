"""SIP messages of a call, each with the delay of its transaction.

A transaction is a request, its answers and what of both was sent once more. Delays are
between the times at which the server sent or received a message, so they hold the way
through the network where the other side answers, and only the server's own time where
the server does.

Source: RFC 3261, 17 (transactions).
"""

from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import ClassVar

from typing_extensions import override

from rustpbx_lab.log import Record
from rustpbx_lab.models.notes import SipMessage
from rustpbx_lab.models.sip_message import SipText, read_sip
from rustpbx_lab.wording import thousands

from .folds import Fold, Handlers, said_at

MAX_TRANSACTIONS = 200
"""Unanswered requests that are kept open; the oldest is given up first."""
FINAL = 200
"""Status codes from here on end a transaction."""
CHALLENGES = (401, 407)
"""They ask for a password: not yet a failure."""


@dataclass(frozen=True, slots=True)
class SipRow:
    """One message."""

    at_ms: int
    way: str | None
    """``sent`` or ``received`` by the server; empty where the file does not tell."""
    method: str
    """Of a response that of its request."""
    code: int | None
    """Status code; empty for a request."""
    reason: str
    """Words beside the code."""
    cseq: int | None
    call_id: str
    """Call-ID: one a leg."""
    from_uri: str
    to_uri: str
    source: str | None
    """Who sent it, HOST:PORT."""
    destination: str | None
    delay_ms: int | None
    """Of a response: since its request was first sent or received."""
    provisional_ms: int | None
    """Of a request: until the first answer, where that was provisional."""
    final_ms: int | None
    """Of a request: until the final answer; empty if none came, as to an ACK."""
    final_code: int | None
    """Of a request: the status code of the final answer."""
    is_retransmission: bool
    """Whether it was sent before."""
    sdp: str
    """Media that it describes: kind, address, port and codecs."""
    request_seq: int | None
    """Log row of the request; its own if it is one, empty if that is missing."""
    seq: int

    @property
    def title(self) -> str:
        """Method or status, as one says it: ``INVITE``, ``180 Ringing``."""
        return (
            self.method if self.code is None else f"{self.code} {self.reason}".strip()
        )

    @property
    def role(self) -> str:
        """Role of its colour: what it asks, or how it answers."""
        if self.code is None:
            return "command"
        if self.code in CHALLENGES:
            return "warning"
        return "llm" if self.code < FINAL else "vad" if self.code < 400 else "error"

    @property
    def delays(self) -> str:
        """What is known of the time between request and answers, in words."""
        if self.code is not None:
            if self.delay_ms is None:
                return f"answers {self.method or 'a request'} that is not in the file"
            return f"{thousands(self.delay_ms)} ms after {self.method}"
        if self.is_retransmission or self.method == "ACK":
            return ""
        first, final = self.provisional_ms, self.final_ms
        told = [] if first is None else [f"first answer after {thousands(first)} ms"]
        if final is not None:
            told.append(f"{self.final_code} after {thousands(final)} ms")
        return ", ".join(told) or "not answered"


_Key = tuple[str, str, int | None, str]


@dataclass(slots=True)
class _Transaction:
    request: SipRow
    at_us: int
    answers: set[str]


class SipFold(Fold[SipRow]):
    """``sipMessage`` notes → messages, with the delays of their transactions.

    A request is open until its final answer.
    """

    row: ClassVar[type] = SipRow

    def __init__(self) -> None:
        super().__init__()
        self._running: OrderedDict[_Key, _Transaction] = OrderedDict()
        self._open: OrderedDict[int, SipRow] = OrderedDict()

    @override
    def _handling(self) -> Handlers:
        return {("note", "sipMessage"): self._take}

    @override
    def _open_rows(self) -> list[SipRow]:
        return list(self._open.values())

    def _take(self, record: Record, message: SipMessage) -> None:
        said = read_sip(message.text)
        if said is None:
            return
        key = (message.call_id, said.branch, said.cseq, said.method)
        row = _row(record, message, said)
        if said.is_request:
            self._request(key, row, message.at_us)
        else:
            self._response(key, row, message)

    def _request(self, key: _Key, row: SipRow, at_us: int) -> None:
        known = self._running.get(key)
        if known is not None:
            self._closed.append(
                replace(
                    row, is_retransmission=True, request_seq=known.request.request_seq
                )
            )
            return
        self._running[key] = _Transaction(row, at_us, set())
        if len(self._running) > MAX_TRANSACTIONS:
            self._close(self._running.popitem(last=False)[1].request.seq)
        if row.method == "ACK":  # nothing answers it
            self._closed.append(row)
        else:
            self._open[row.seq] = row

    def _response(self, key: _Key, row: SipRow, message: SipMessage) -> None:
        asked = self._running.get(key)
        if asked is None:
            self._closed.append(row)
            return
        delay_ms = round((message.at_us - asked.at_us) / 1000)
        is_again = message.text in asked.answers
        asked.answers.add(message.text)
        seq = asked.request.seq
        self._closed.append(
            replace(row, delay_ms=delay_ms, is_retransmission=is_again, request_seq=seq)
        )
        request = self._open.get(seq)
        if request is None or row.code is None:
            return
        if row.code >= FINAL:
            self._open[seq] = replace(request, final_ms=delay_ms, final_code=row.code)
            self._close(seq)
        elif request.provisional_ms is None:
            self._open[seq] = replace(request, provisional_ms=delay_ms)

    def _close(self, seq: int) -> None:
        row = self._open.pop(seq, None)
        if row is not None:
            self._closed.append(row)


def _row(record: Record, message: SipMessage, said: SipText) -> SipRow:
    return SipRow(
        at_ms=said_at(record),
        way=message.way,
        method=said.method,
        code=said.code,
        reason=said.reason,
        cseq=said.cseq,
        call_id=message.call_id,
        from_uri=said.from_uri,
        to_uri=said.to_uri,
        source=message.source,
        destination=message.destination,
        delay_ms=None,
        provisional_ms=None,
        final_ms=None,
        final_code=None,
        is_retransmission=False,
        sdp=said.sdp,
        request_seq=record.seq if said.is_request else None,
        seq=record.seq,
    )
