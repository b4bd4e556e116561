"""Scripts of telephones, read from their SIP URI.

The user chooses the kind, parameters change it::

    sip:answer@h                     answers at once and is silent
    sip:ring@h;rings=3;ring-ms=500   rings three times, then answers
    sip:early@h                      rings with early media, then answers
    sip:busy@h  sip:reject@h         rings and refuses: 486, 603
    sip:noanswer@h                   rings and never answers
    sip:nobody@h                     does not even ring: 408 after 32 s
    sip:unauthorised@h               answers only if the option has credentials
    sip:echo@h                       answers and says what it hears
    sip:anyone-else@h               rings once and answers

Parameters: ``rings``, ``ring-ms``, ``early-media``, ``code``, ``reason``; ``say``,
``voice``, ``play``, ``echo``, ``silent`` (sends no audio at all); ``keys`` (pressed
``key-ms`` apart from ``keys-after`` on), ``message``, ``transfer``, ``hold-after``,
``resume-after``, ``bye-after``, and for a caller ``cancel-after``. Times are
milliseconds after the answer, of ``cancel-after`` after the call began. Texts are
percent-encoded.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal
from urllib.parse import unquote

from rustpbx_lab.errors import RustpbxLabError, shorten
from rustpbx_lab.models.options import SipOption

ActKind = Literal["key", "hold", "resume", "message", "transfer", "bye"]

BUSY, DECLINE = 486, 603
PHRASES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    408: "Request Timeout",
    480: "Temporarily Unavailable",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    500: "Server Internal Error",
    503: "Service Unavailable",
    600: "Busy Everywhere",
    603: "Decline",
}


class ScriptError(RustpbxLabError):
    """A SIP URI whose parameters no telephone understands."""


@dataclass(frozen=True, slots=True)
class Act:
    """Something a telephone does while it talks."""

    after_ms: int
    """Since the answer."""
    kind: ActKind
    text: str = ""


@dataclass(frozen=True, slots=True)
class Script:
    """What one telephone does."""

    rings: int = 1
    """Provisional answers other than 100."""
    ring_ms: int = 200
    """From one to the next, and from the last to the decision."""
    has_early_media: bool = False
    code: int | None = 200
    """What it decides in the end; None never decides."""
    reason: str = ""
    """Value of the Reason header of a refusal."""
    wants_credentials: bool = False
    says: str = ""
    voice: str | None = None
    plays: str = ""
    """A file or URL."""
    is_echo: bool = False
    is_silent: bool = False
    """It sends no audio: its media is never ready."""
    cancel_ms: int | None = None
    """A caller gives up if it is not answered by then."""
    acts: tuple[Act, ...] = ()
    """In order of time."""

    def called_with(self, sip: SipOption | None) -> "Script":
        """Return what it does with the credentials that it gets."""
        has_them = sip is not None and sip.username and sip.password is not None
        if not self.wants_credentials or has_them:
            return self
        # what the server makes of a 401 that it cannot answer, measured
        return replace(self, code=488, reason="no response received")


_KINDS = {
    "answer": Script(rings=0),
    "ring": Script(rings=3),
    "early": Script(has_early_media=True),
    "busy": Script(code=BUSY),
    "reject": Script(code=DECLINE),
    "noanswer": Script(code=None),
    "nobody": Script(rings=0, code=None),
    "unauthorised": Script(rings=0, wants_credentials=True),
    "echo": Script(rings=0, is_echo=True),
}
_KNOWN = frozenset(
    (
        *("rings", "ring-ms", "early-media", "code", "reason", "say", "voice", "play"),
        *("echo", "silent", "keys", "keys-after", "key-ms", "message"),
        *("message-after", "transfer", "transfer-after", "hold-after", "resume-after"),
        *("bye-after", "cancel-after"),
    )
)


_PLACE = re.compile(r"([^@]+@)?(\[[^]]+\]|[^@:\[\]]+)(:\d+)?")
"""User, host, port."""
_TIMED: tuple[ActKind, ...] = ("hold", "resume", "bye")


def refusal_text(code: int) -> str:
    """Return a status and its standard words: ``486 Busy Here``."""
    return f"{code} {PHRASES.get(code, 'Unknown')}"


def dialog_error(code: int, reason: str) -> str:
    """Return the text of the ``error`` that follows a refusal."""
    return f"Dialog error:{refusal_text(code)}({reason})"


def read_script(uri: str) -> Script:
    """Return what the telephone at a SIP URI does.

    Raises:
        ScriptError: If it is not a SIP address, or a parameter has no value that makes
            sense.
    """
    address = re.sub(r"\Asips?:", "", uri.strip().strip("<>"), flags=re.IGNORECASE)
    place, *parameters = address.partition("?")[0].split(";")
    if not _PLACE.fullmatch(place):
        raise ScriptError(
            f"cannot call {shorten(uri)}: it is not a SIP address; "
            "sip:answer@example.com works"
        )
    user = place.partition("@")[0].partition(":")[0]
    given: dict[str, str] = {}
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.lower() in _KNOWN:  # transport=udp and the like are none of ours
            given[name.lower()] = unquote(value)
    kind = _KINDS.get(user.lower(), Script())
    try:
        return _changed(kind, given)
    except ValueError as exc:
        raise ScriptError(
            f"cannot call {shorten(uri)}: {exc}; times, rings and code are whole "
            "numbers from 0"
        ) from exc


def _changed(kind: Script, given: Mapping[str, str]) -> Script:
    code = kind.code if "code" not in given else (_number(given, "code", 0) or None)
    return replace(
        kind,
        rings=_number(given, "rings", kind.rings),
        ring_ms=_number(given, "ring-ms", kind.ring_ms),
        has_early_media=kind.has_early_media or "early-media" in given,
        code=code,
        reason=given.get("reason", ""),
        says=given.get("say", ""),
        voice=given.get("voice"),
        plays=given.get("play", ""),
        is_echo=kind.is_echo or "echo" in given,
        is_silent="silent" in given,
        cancel_ms=_time(given, "cancel-after"),
        acts=_acts(given),
    )


def _acts(given: Mapping[str, str]) -> tuple[Act, ...]:
    first_ms, apart_ms = (
        _number(given, "keys-after", 500),
        _number(given, "key-ms", 200),
    )
    acts = [
        Act(first_ms + number * apart_ms, "key", key)
        for number, key in enumerate(given.get("keys", "").upper())
    ]
    if "message" in given:
        acts.append(
            Act(_number(given, "message-after", 500), "message", given["message"])
        )
    if "transfer" in given:
        after_ms = _number(given, "transfer-after", 500)
        acts.append(Act(after_ms, "transfer", given["transfer"]))
    for kind in _TIMED:
        after_ms = _time(given, f"{kind}-after")
        if after_ms is not None:
            acts.append(Act(after_ms, kind))
    return tuple(sorted(acts, key=lambda act: act.after_ms))


def _number(given: Mapping[str, str], name: str, otherwise: int) -> int:
    value = _time(given, name)
    return otherwise if value is None else value


def _time(given: Mapping[str, str], name: str) -> int | None:
    if name not in given:
        return None
    if not given[name].isdecimal():
        raise ValueError(f"{name}={shorten(given[name])} is not a number")
    return int(given[name])
