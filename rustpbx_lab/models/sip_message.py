"""SIP messages as text: start line, headers, session description.

Read leniently: what is missing or damaged is empty, and nothing raises.

Source: RFC 3261 (messages), RFC 8866 (session descriptions).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

_REQUEST = re.compile(r"([A-Z][A-Z0-9_.!%*+`'~-]*) (\S+) SIP/2\.0[ \t]*\Z")
_RESPONSE = re.compile(r"SIP/2\.0 ([1-6]\d\d)(?: ([^\r\n]*))?\Z")
_HEADER = re.compile(r"([!-9;-~]+)[ \t]*:[ \t]*(.*)\Z", re.DOTALL)
_FOLD = re.compile(r"\r?\n[ \t]+")
_ENDS = re.compile(r"\r?\n")
_BRANCH = re.compile(r";\s*branch\s*=\s*([^\s;,]+)", re.IGNORECASE)
_CSEQ = re.compile(r"(\d{1,10})\s+(\S+)\s*\Z")
_URI = re.compile(r"<([^<>]*)>")
_CODEC = re.compile(r"a=rtpmap:(\d+)\s+(\S+)")
_COMPACT = {
    "c": "content-type",
    "f": "from",
    "i": "call-id",
    "k": "supported",
    "l": "content-length",
    "m": "contact",
    "s": "subject",
    "t": "to",
    "v": "via",
}
"""One-letter names of headers → the whole names."""
_STATIC = {0: "PCMU/8000", 3: "GSM/8000", 8: "PCMA/8000", 9: "G722/8000"} | {
    13: "CN/8000",
    18: "G729/8000",
}
"""Payload types that need no ``a=rtpmap``. Source: RFC 3551, table 4."""
_WAYS = ("sendonly", "recvonly", "inactive")
MAX_CODECS = 12


@dataclass(frozen=True)
class SipText:
    """One message, taken apart."""

    method: str
    """Of a request; of a response the one in its CSeq, empty if it has none."""
    code: int | None
    """Status code; None for a request."""
    reason: str
    """Words beside the code."""
    headers: Sequence[tuple[str, str]]
    """Names in small letters and without abbreviations, in order."""
    body: str

    @property
    def is_request(self) -> bool:
        """Whether it asks, rather than answers."""
        return self.code is None

    def header(self, name: str) -> str:
        """Return the first header of a name, unfolded; empty if there is none."""
        return next((value for key, value in self.headers if key == name), "")

    @property
    def cseq(self) -> int | None:
        """Number of the request within its dialog."""
        found = _CSEQ.match(self.header("cseq"))
        return None if found is None else int(found[1])

    @property
    def branch(self) -> str:
        """What names the transaction; empty in a message of an old or broken peer."""
        found = _BRANCH.search(self.header("via"))
        return "" if found is None else found[1]

    @property
    def from_uri(self) -> str:
        """Address in From, without name and tag."""
        return _address(self.header("from"))

    @property
    def to_uri(self) -> str:
        """Address in To, without name and tag."""
        return _address(self.header("to"))

    @property
    def sdp(self) -> str:
        """The session description in words; empty if there is none.

        ``audio 192.0.2.2:15800 PCMU/8000 telephone-event/8000``; several media are
        separated by ``; ``, one that is refused has the port 0.
        """
        return sdp_summary(self.body)


@lru_cache(maxsize=2048)
def read_sip(text: str) -> SipText | None:
    """Take a SIP message apart; None if it does not begin like one."""
    cut = re.search(r"\r?\n\r?\n", text)
    head, body = (text, "") if cut is None else (text[: cut.start()], text[cut.end() :])
    first, *lines = _ENDS.split(_FOLD.sub(" ", head.lstrip("\r\n")))
    headers = tuple(_headers(lines))
    asked, answered = _REQUEST.match(first), _RESPONSE.match(first)
    if asked is not None:
        return SipText(asked[1], None, "", headers, body)
    if answered is None:
        return None
    cseq = next((value for key, value in headers if key == "cseq"), "")
    found = _CSEQ.match(cseq)
    method = "" if found is None else found[2]
    return SipText(method, int(answered[1]), answered[2] or "", headers, body)


def _headers(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        found = _HEADER.match(line)
        if found is not None:
            name = found[1].casefold()
            yield _COMPACT.get(name, name), found[2].strip()


def _address(header: str) -> str:
    found = _URI.search(header)
    return header.partition(";")[0].strip() if found is None else found[1]


def sdp_summary(text: str) -> str:
    """Return codecs, address and port of each medium; see `SipText.sdp`."""
    if "m=" not in text:
        return ""
    session, *media = re.split(r"^(?=m=)", text, flags=re.MULTILINE)
    found = (_medium(part, _host(session), _way(session)) for part in media)
    return "; ".join(words for words in found if words)


def _medium(text: str, host: str, way: str) -> str:
    kind, *rest = text.partition("\n")[0].strip().removeprefix("m=").split()
    if len(rest) < 2:
        return ""
    port, formats = rest[0].partition("/")[0], rest[2:]
    names = dict(_CODEC.findall(text))
    codecs = [names.get(one) or _static(one) for one in formats[:MAX_CODECS]]
    where = f"{_host(text) or host}:{port}"
    return " ".join([kind, where, *codecs, *filter(None, [_way(text) or way])])


def _static(payload: str) -> str:
    is_known = payload.isascii() and payload.isdecimal() and len(payload) <= 3
    return _STATIC.get(int(payload), payload) if is_known else payload


def _host(text: str) -> str:
    found = re.search(r"^c=\S+ \S+ ([^\s/]+)", text, re.MULTILINE)
    return "" if found is None else found[1]


def _way(text: str) -> str:
    found = re.search(rf"^a=({'|'.join(_WAYS)})\s*$", text, re.MULTILINE)
    return "" if found is None else found[1]
