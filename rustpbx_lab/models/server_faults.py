"""Known faults of the server: the symptom, the releases that have it, what helps.

Each was tried on the tested releases; the releases between were read. Source:
docs/server_faults.md, which is made from this table.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from .server_versions import NEWEST, OLDEST, ServerVersion

UPSTREAM = "https://github.com/miuda-ai/active-call/issues/"
"""What stands before the number of an issue or a pull request."""


@dataclass(frozen=True)
class Releases:
    """A stretch of releases."""

    since: str | None = None
    """The first; None: from the beginning, as far as known."""
    before: str | None = None
    """The first behind it, where the fault is gone; None: none is known."""

    def __contains__(self, version: ServerVersion) -> bool:
        since = None if self.since is None else ServerVersion.parse(self.since)
        before = None if self.before is None else ServerVersion.parse(self.before)
        return (since is None or since <= version) and (
            before is None or version < before
        )

    def __str__(self) -> str:
        if self.since is not None and self.before is not None:
            return f"from {self.since} up to, not including, {self.before}"
        if self.since is not None:
            return f"since {self.since}"
        return f"before {self.before}" if self.before else f"until {NEWEST} at least"


@dataclass(frozen=True)
class ServerFault:
    """One known fault."""

    name: str
    symptom: str
    """What a user sees, in a few words."""
    releases: tuple[Releases, ...]
    """Which have it, in order."""
    issues: tuple[int, ...]
    """Numbers upstream; empty: none was found."""
    helps: str
    """What avoids it on a server that has it."""
    tried: Mapping[str, str]
    """Release → how often it was seen, or why it could not be tried."""
    basis: str
    """How the releases are known, where that was not by trying."""
    is_intended: bool = False
    """Whether the server means to do so, and users are surprised."""

    def affects(self, version: ServerVersion | None) -> bool:
        """Whether a release has it; an unknown one may."""
        return version is None or any(version in span for span in self.releases)

    @property
    def first_fixed(self) -> ServerVersion | None:
        """The first release from which on it is gone for good; None: none is known."""
        before = self.releases[-1].before
        return None if before is None else ServerVersion.parse(before)

    @property
    def versions(self) -> str:
        """The releases in words: ``before 0.3.100, and since 0.3.101``."""
        return ", and ".join(map(str, self.releases))

    def on(self, version: ServerVersion | None) -> str:
        """Say which servers do it and what fixed it, in words.

        Args:
            version: The server's; None is not known.
        """
        if version is None:
            return f"servers {self.versions} do this"
        fixed = self.first_fixed
        if fixed is not None:
            return f"server {version} does this; fixed in >= {fixed}"
        older = self.releases[-1].since
        words = "no release is known to be without it"
        words = f"servers before {older} do not" if older else words
        return f"server {version} does this; {words}"


_BEFORE_83 = (Releases(before=str(OLDEST)),)
_BY_TRYING = "gone in the oldest release that was tried; older ones were not read"
_ALWAYS = (Releases(),)

_ROWS = (
    ServerFault(
        "key_doubled_by_order",
        "a pressed key is heard twice: packets of the key overtook each other",
        _ALWAYS,
        (),
        "count the same key on the same track once within 80 ms",
        {"0.3.83": "8 of 8 keys", "0.3.113": "8 of 8 keys"},
        "media/dtmf.rs compares the same in all: a shorter length is a new key",
    ),
    ServerFault(
        "key_doubled_by_info",
        "a pressed key is heard twice: the phone sends it as sound packets and as INFO",
        _ALWAYS,
        (),
        "set the phone to one of the two (RFC 4733); else use only the events that "
        "have no refer, which come of packets",
        {"0.3.83": "6 of 6 keys", "0.3.113": "6 of 6 keys"},
        "call/sip.rs and media/stream.rs each send an event, in all releases",
    ),
    ServerFault(
        "key_not_heard",
        "a key has to be pressed twice: the same key again, of which only packets of "
        "one length came, is taken for a repetition",
        _ALWAYS,
        (50,),
        "a phone that sends the beginning of a key too, as most do; ask again after a "
        "timeout",
        {
            "0.3.83": "4 of 6 keys of one length were not heard; of 7 whole keys all "
            "were, the first too. A playbook's keys, which #50 is about, were not "
            "tried",
            "0.3.113": "4 of 6 keys of one length were not heard; of 7 whole keys all "
            "were",
        },
        "media/dtmf.rs compares the same in all: not the time of the packet",
    ),
    ServerFault(
        "cancel_not_told",
        "a caller who gives up before our first command is not reported: the call "
        "goes on without end",
        (Releases(before="0.3.100"), Releases("0.3.101", "0.3.102")),
        (130,),
        "send ringing at once: from then on the server watches the caller (since "
        "0.3.90 a refusal is lost then)",
        {
            "0.3.83": "5 of 5 went on, 3 of 3 after ringing ended",
            "0.3.113": "0 of 5: hangup came and the server closed",
        },
        "app.rs: the fix is in 0.3.100 and since 0.3.102; 0.3.101 is without it, and "
        "without all else that 0.3.100 brought",
    ),
    ServerFault(
        "refusal_after_ringing_lost",
        "after ringing a refusal does not reach the caller, who hears ringing until "
        "the server's accept_timeout (408); reject, hangup and leaving alike",
        (Releases("0.3.90"),),
        (88,),
        "reject without ringing, or accept and hang up; a short accept_timeout",
        {
            "0.3.83": "0 of 24 (reject, hangup, leaving: 603 at once)",
            "0.3.113": "24 of 24 (15 reject: no answer in 4 s; 3 each of reject, "
            "hangup, leaving: 408 when accept_timeout is over); without ringing 0 of "
            "35",
        },
        "call/sip.rs: since 0.3.90 a dialog that rings is found by its session, and "
        "the one that waits for the answer is not asked. The fault of #88 itself is "
        "older than 0.3.83 and was mended by pull request #91",
    ),
    ServerFault(
        "hold_without_change",
        "hold events come although nothing was held or resumed: one for each new "
        "offer, such as after ICE",
        _ALWAYS,
        (65,),
        "act on a hold event only if onHold differs from the last one of that leg",
        {
            "0.3.83": "3 of 3 transfers: an event for each of 2 plain re-INVITEs. The "
            "party was never put on hold (0 of 3, one with ICE attributes), but "
            "MicroSIP, which #65 is about, was not there to try",
            "0.3.113": "the same",
        },
        "call/sip.rs: the event is sent whatever the state was, in all releases",
    ),
    ServerFault(
        "hangup_cuts_farewell",
        "hangup ends the call in the middle of what is said",
        _ALWAYS,
        (49,),
        "autoHangup on the last tts or play instead of a hangup command",
        {
            "0.3.83": "2 of 2: 20 and 40 ms of 1,000 were heard; with autoHangup 4 of "
            "4 tones were heard whole. A playbook's <hangup/>, what #49 reports, "
            "needs a language model and was not tried",
            "0.3.113": "2 of 2: 20 ms of 1,000 were heard; with autoHangup 4 of 4 "
            "tones were heard whole",
        },
        "hangup is meant to act at once, in all releases",
        is_intended=True,
    ),
    ServerFault(
        "auto_hangup_ignored",
        "autoHangup of a tts that is not streamed does not end the call",
        _BEFORE_83,
        (84,),
        "hangup after the trackEnd",
        {
            "0.3.83": "0 of 7 (3 with a cacheKey)",
            "0.3.113": "0 of 7 (3 with a cacheKey)",
        },
        _BY_TRYING,
    ),
    ServerFault(
        "second_text_silent",
        "the first text is spoken and those after it are silent (no streaming)",
        _BEFORE_83,
        (51,),
        "stream_tts with endOfStream",
        {
            "0.3.83": "0 of 18 texts in 6 calls; streamed 0 of 9",
            "0.3.113": "0 of 18 texts in 6 calls; streamed 0 of 9",
        },
        _BY_TRYING,
    ),
    ServerFault(
        "bridged_party_not_recorded",
        "the recording lacks the party that was bridged in",
        _BEFORE_83,
        (109, 110, 111),
        "record both calls",
        {
            "0.3.83": "0 of 3 bridged, 0 of 2 transferred",
            "0.3.113": "0 of 3 bridged, 0 of 2 transferred",
        },
        _BY_TRYING + "; the threads of #110 and #111 could not be read",
    ),
    ServerFault(
        "incoming_not_recorded",
        "an incoming call has no recording",
        _BEFORE_83,
        (110, 111),
        "look for the file after each call",
        {
            "0.3.83": "0 of 12 (accept, ringing first, recorder in ringing, early "
            "media: 3 each)",
            "0.3.113": "0 of 12",
        },
        _BY_TRYING + "; the threads could not be read",
    ),
    ServerFault(
        "caller_hangup_lost_in_transfer",
        "the caller hangs up during a transfer and nothing is reported",
        _BEFORE_83,
        (47,),
        "inactivityTimeout",
        {"0.3.83": "0 of 2", "0.3.113": "0 of 2"},
        _BY_TRYING,
    ),
    ServerFault(
        "transfer_hangs",
        "refer hangs until it times out",
        _BEFORE_83,
        (36, 38),
        "a timeout in the refer options",
        {"0.3.83": "0 of 7", "0.3.113": "0 of 7"},
        _BY_TRYING,
    ),
    ServerFault(
        "ringback_silent",
        "a bridged party does not hear the far side's early media (183)",
        (Releases(before="0.3.85"),),
        (124,),
        "play a tone of your own while it rings",
        {
            "0.3.83": "0 of 3: 1,000 ms of 1,000 were heard; not what the report saw",
            "0.3.113": "0 of 3",
        },
        "call/sip.rs: 183 is applied provisionally since 0.3.85",
    ),
    ServerFault(
        "opus_number_96",
        "Opus under payload type 96 is not heard",
        _ALWAYS,
        (92,),
        "offer Opus as 111, or another codec",
        {
            "0.3.83": "0 of 1 incoming: answered as 111, sent as 96, recorded whole",
            "0.3.113": "0 of 1",
        },
        "the issue is open; not reproduced with one phone",
    ),
)

FAULTS: Mapping[str, ServerFault] = MappingProxyType({row.name: row for row in _ROWS})
"""Name → fault: the one list."""
