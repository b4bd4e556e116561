"""A telephone on the loopback: what sipp cannot be told to do, message by message.

One call at a time, without authentication, over UDP. It repeats nothing: on the
loopback nothing is lost.
"""

import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Self
from uuid import uuid4

import anyio
from anyio.abc import UDPSocket

WAIT_S = 10
SILENCE = b"\xff" * 160
"""20 ms in µ-law."""
KEYS = "0123456789*#ABCD"
CLOCK = 8000


@dataclass(frozen=True)
class SipMessage:
    """A request or a response, as it came."""

    first_line: str
    headers: dict[str, str]
    """By name in small letters; of several of a name the first."""
    body: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a message."""
        head, _, body = text.partition("\r\n\r\n")
        first, *lines = head.split("\r\n")
        headers: dict[str, str] = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers.setdefault(name.strip().lower(), value.strip())
        return cls(first, headers, body)

    @property
    def code(self) -> int | None:
        """The status of a response; None of a request."""
        is_response = self.first_line.startswith("SIP/2.0 ")
        return int(self.first_line.split()[1]) if is_response else None

    @property
    def method(self) -> str:
        """The method that it asks for or answers."""
        return self.headers["cseq"].split()[1]

    @property
    def direction(self) -> str:
        """Who may send, in the words of its SDP."""
        found = re.search(r"a=(sendrecv|sendonly|recvonly|inactive)", self.body)
        return found[1] if found else "sendrecv"

    @property
    def audio(self) -> tuple[str, int]:
        """Where its sender wants to hear: address and port."""
        address = re.search(r"c=IN IP4 (\S+)", self.body)
        port = re.search(r"m=audio (\d+)", self.body)
        assert address is not None, self.body
        assert port is not None, self.body
        return address[1], int(port[1])


@dataclass
class SipPhone:
    """Calls the server, or is called by it."""

    sip: UDPSocket
    rtp: UDPSocket
    port: int
    """Where it hears SIP."""
    rtp_port: int
    server: tuple[str, int] = ("127.0.0.1", 0)
    call_id: str = field(default_factory=lambda: uuid4().hex)
    seen: list[SipMessage] = field(default_factory=list)
    """Everything that came, in order."""
    heard: list[bytes] = field(default_factory=list)
    """RTP packets that came while ``listen`` ran."""
    media: tuple[str, int] | None = None
    _ours: str = ""
    _theirs: str = ""
    _target: str = ""
    _numbers: "count[int]" = field(default_factory=lambda: count(1))
    _invite: tuple[int, str] = (0, "")
    _packets: "count[int]" = field(default_factory=lambda: count(1000))
    _stamp: int = 160

    # ------------------------------------------------------------------ messages

    def sdp(self, direction: str = "sendrecv", extra: str = "") -> str:
        """Return what it can hear: µ-law and RFC 4733 keys."""
        lines = [
            *("v=0", "o=phone 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1"),
            *("t=0 0", f"m=audio {self.rtp_port} RTP/AVP 0 101"),
            *("a=rtpmap:0 PCMU/8000", "a=rtpmap:101 telephone-event/8000"),
            *("a=fmtp:101 0-15", f"a={direction}", *extra.split()),
        ]
        return "".join(f"{line}\r\n" for line in lines)

    async def receive(
        self,
        *,
        code: int | None = None,
        method: str = "",
        any_code: bool = False,
        within_s: float = WAIT_S,
    ) -> SipMessage:
        """Wait for a response with a code (or any), or for a request of a method.

        Raises:
            TimeoutError: If none came in time.
        """
        with anyio.fail_after(within_s):
            while True:
                data, peer = await self.sip.receive()
                message = SipMessage.parse(data.decode("utf-8", "replace"))
                self.server = (peer[0], peer[1])
                self.seen.append(message)
                wanted = message.code == code or (any_code and message.code)
                if wanted and method in ("", message.method):
                    return message

    async def invite(self, **sdp: str) -> None:
        """Call the desk; nothing is awaited."""
        self._ours = f"<sip:alice@127.0.0.1:{self.port}>;tag={uuid4().hex[:8]}"
        self._target = f"sip:desk@{self.server[0]}:{self.server[1]}"
        self._theirs = f"<{self._target}>"
        await self._request("INVITE", self.sdp(**sdp))

    async def answered(self) -> SipMessage:
        """Wait for the 200 of an INVITE and acknowledge it."""
        response = await self.receive(code=200, method="INVITE")
        await self.acknowledge(response)
        self.media = response.audio
        return response

    async def acknowledge(self, response: SipMessage) -> None:
        """Send the ACK of a response to our INVITE."""
        self._theirs = response.headers["to"]
        is_refusal = response.code is not None and response.code >= 300
        number, branch = self._invite
        branch = branch if is_refusal else f"z9hG4bK{uuid4().hex[:12]}"
        await self._send(f"ACK {self._target} SIP/2.0", f"{number} ACK", branch)

    async def cancel(self) -> None:
        """Give up a call that is not answered yet."""
        number, branch = self._invite
        await self._send(f"CANCEL {self._target} SIP/2.0", f"{number} CANCEL", branch)

    async def hang_up(self) -> None:
        """Send a BYE."""
        await self._request("BYE")

    async def hold_or_resume(self, direction: str, extra: str = "") -> SipMessage:
        """Send a new INVITE within the call; returns the answer."""
        await self._request("INVITE", self.sdp(direction, extra))
        return await self.answered()

    async def press_in_info(self, key: str) -> None:
        """Press a key the old way, in an INFO request."""
        await self._request("INFO", f"Signal={key}\r\nDuration=160\r\n", "dtmf-relay")

    async def respond(
        self, request: SipMessage, code: int, text: str, body: str = ""
    ) -> None:
        """Answer a request of the server."""
        if not self._ours:
            tag = f";tag={uuid4().hex[:8]}"
            self._ours = request.headers["to"] + tag
            self._theirs = request.headers["from"]
            self.call_id = request.headers["call-id"]
            contact = request.headers["contact"]
            self._target = re.sub(r"^.*<|>.*$", "", contact)
        if body:
            self.media = request.audio if request.body else self.media
        lines = [f"SIP/2.0 {code} {text}"]
        lines += [f"{n}: {request.headers[n.lower()]}" for n in ("Via", "From")]
        lines += [f"To: {self._ours}" if code > 100 else f"To: {request.headers['to']}"]
        lines += [f"{n}: {request.headers[n.lower()]}" for n in ("Call-ID", "CSeq")]
        await self._write(lines, body)

    async def pick_up(self) -> SipMessage:
        """Wait for a call of the server and answer it; returns its INVITE."""
        request = await self.receive(method="INVITE")
        await self.respond(request, 180, "Ringing")
        await self.respond(request, 200, "OK", self.sdp())
        await self.receive(method="ACK")
        return request

    async def _request(self, method: str, body: str = "", kind: str = "sdp") -> None:
        number, branch = next(self._numbers), f"z9hG4bK{uuid4().hex[:12]}"
        if method == "INVITE":
            self._invite = (number, branch)
        await self._send(
            f"{method} {self._target} SIP/2.0", f"{number} {method}", branch, body, kind
        )

    async def _send(
        self, first: str, cseq: str, branch: str, body: str = "", kind: str = "sdp"
    ) -> None:
        via = f"Via: SIP/2.0/UDP 127.0.0.1:{self.port};branch={branch};rport"
        lines = [first, via, f"From: {self._ours}", f"To: {self._theirs}"]
        lines += [f"Call-ID: {self.call_id}", f"CSeq: {cseq}", "Max-Forwards: 70"]
        await self._write(lines, body, kind)

    async def _write(self, lines: list[str], body: str, kind: str = "sdp") -> None:
        lines.append(f"Contact: <sip:phone@127.0.0.1:{self.port}>")
        if body:
            lines.append(f"Content-Type: application/{kind}")
        lines.append(f"Content-Length: {len(body)}")
        text = "\r\n".join(lines) + "\r\n\r\n" + body
        await self.sip.sendto(text.encode(), *self.server)

    # ------------------------------------------------------------------ sound

    async def send_rtp(
        self, payload: bytes, kind: int = 0, stamp: int | None = None
    ) -> None:
        """Send one packet; the clock goes on by 20 ms unless a time is given."""
        assert self.media is not None, "nobody listens yet"
        if stamp is None:
            self._stamp += 160
            stamp = self._stamp
        head = bytes([0x80, kind]) + next(self._packets).to_bytes(2, "big")
        head += stamp.to_bytes(4, "big") + b"fone"
        await self.rtp.sendto(head + payload, *self.media)

    async def talk(self, ms: int, frame: bytes = SILENCE) -> None:
        """Send sound at the speed of sound: a packet each 20 ms."""
        for _ in range(ms // 20):
            await self.send_rtp(frame)
            await anyio.sleep(0.02)

    async def press(self, key: str, packets: int = 5, order: str = "as sent") -> None:
        """Press a key as RFC 4733 wants it: some packets, and three that say its end.

        Args:
            key: One of ``KEYS``.
            packets: How many come before the end.
            order: ``as sent``, or ``swapped``: two of them overtake each other.
        """
        event, stamp = KEYS.index(key), self._stamp + 160
        lengths = [160 * (i + 1) for i in range(packets)]
        if order == "swapped" and packets > 2:
            lengths[1], lengths[2] = lengths[2], lengths[1]
        for length in lengths:
            await self._press_packet(event, 0x0A, length, stamp)
            await anyio.sleep(0.02)
        for _ in range(3):
            await self._press_packet(event, 0x8A, 160 * (packets + 1), stamp)
        self._stamp = stamp + 160 * (packets + 1)

    async def _press_packet(
        self, event: int, flags: int, length: int, stamp: int
    ) -> None:
        payload = bytes([event, flags]) + length.to_bytes(2, "big")
        await self.send_rtp(payload, 101, stamp)

    async def listen(self) -> None:
        """Keep the sound that comes, until cancelled."""
        while True:
            packet, _ = await self.rtp.receive()
            self.heard.append(packet)


@asynccontextmanager
async def sip_phone(server_port: int = 0) -> AsyncIterator[SipPhone]:
    """A telephone that knows where the server's SIP port is."""
    local = {"family": socket.AF_INET, "local_host": "127.0.0.1"}
    async with (
        await anyio.create_udp_socket(**local) as sip,  # pyright: ignore
        await anyio.create_udp_socket(**local) as rtp,  # pyright: ignore
    ):
        yield SipPhone(
            sip,
            rtp,
            sip.extra(anyio.abc.SocketAttribute.local_port),
            rtp.extra(anyio.abc.SocketAttribute.local_port),
            ("127.0.0.1", server_port),
        )
