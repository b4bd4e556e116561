"""One SIP leg as the client sees it: ringing, answer, media, keys, end."""

from collections.abc import Callable, Mapping
from typing import Any

from rustpbx_lab.models import events
from rustpbx_lab.models.base import BaseEvent
from rustpbx_lab.simulator.core.runtime import Runtime
from rustpbx_lab.simulator.core.times import rfc3339
from rustpbx_lab.simulator.tracks.track import new_ssrc

from .sip_script import Act


class SipLeg:
    """The times and events of a leg: the call's own, or a transfer's."""

    def __init__(
        self,
        track_id: str,
        runtime: Runtime,
        emit: Callable[[BaseEvent], None],
        *,
        is_refer: bool = False,
        ssrc: int | None = None,
        answer_moves: bool = False,
    ) -> None:
        self.track_id, self.is_refer = track_id, is_refer
        self.ssrc = new_ssrc() if ssrc is None else ssrc
        self.caller: str | None = None
        self.callee: str | None = None
        self.extra: dict[str, Any] | None = None
        self.reason: str | None = None
        """Why it ends, if that was said before it did."""
        self.leg_id: str | None = None
        """What its requests to be transferred are marked with; None marks nothing."""
        self.is_answered = self.is_over = False
        self._has_media, self._answer_moves = False, answer_moves
        self._runtime, self._emit = runtime, emit
        self.start_ms = runtime.now_ms()
        self.ring_ms: int | None = None
        self.answer_ms: int | None = None

    def rings(self, *, early_media: bool) -> None:
        """The other side sent a provisional answer."""
        self.note_ringing()
        self._say(events.Ringing, early_media=early_media, refer=self.is_refer)

    def note_ringing(self) -> None:
        """Take note that it rings; an incoming call says no more of it."""
        self.ring_ms = self.ring_ms or self._runtime.now_ms()

    def answers(self) -> None:
        """Take note that it is answered, or asked again how it goes on."""
        self.is_answered = True
        if self.answer_ms is None or self._answer_moves:
            self.answer_ms = self._runtime.now_ms()

    def has_media(self, *, is_said: bool = True) -> None:
        """Say once that the other side's audio comes, or never if first unsaid."""
        if not self._has_media:
            self._has_media = True
            if is_said:
                self._say(events.MediaReady)

    def rejects(self, code: int, reason: str) -> None:
        """The other side, or time, refused."""
        self._say(events.Reject, reason=reason, refer=self.is_refer, code=code)

    def act(self, act: Act, *, is_muted: bool = False) -> None:
        """Say what the other side does; its end is not said here."""
        match act.kind:
            case "key":
                if not is_muted:
                    refer = True if self.is_refer else None
                    self._say(events.Dtmf, digit=act.text, refer=refer)
            case "hold" | "resume":
                self.answers()  # before 0.3.84 a re-INVITE moves its time
                is_held = act.kind == "hold"
                self._say(events.Hold, on_hold=is_held, refer=self.is_refer)
            case "message":
                self._say(
                    events.Message,
                    body=act.text,
                    content_type="text/plain",
                    refer=self.is_refer,
                )
            case "transfer":
                to = f"<{act.text}>"
                self._say(
                    events.TransferRequest,
                    refer_to=to,
                    refer=self.is_refer,
                    leg_session_id=self.leg_id,
                )
            case "bye":
                pass

    def ends(self, reason: str, initiator: str) -> None:
        """Say that it is over: ``trackEnd``, then ``hangup``.

        Args:
            reason: Why, as the server records it; an earlier one counts.
            initiator: ``caller``, ``callee`` or ``system``: derived from the SIP end.
        """
        if self.is_over:
            return
        self.is_over = True
        now = self._runtime.now_ms()
        lasted = 0 if self.answer_ms is None else now - self.answer_ms
        self._say(events.TrackEnd, duration=lasted, ssrc=self.ssrc)
        known = {
            "trackId": self.track_id,
            "timestamp": now,
            "reason": printed_reason(self.reason or reason),
            "initiator": initiator,
            "startTime": rfc3339(self.start_ms),
            "hangupTime": rfc3339(now),
            "answerTime": _time(self.answer_ms),
            "ringingTime": _time(self.ring_ms),
            "from": _attendee(self.caller),
            "to": _attendee(self.callee),
            "extra": self.extra,
            "refer": self.is_refer,
        }
        given = {key: value for key, value in known.items() if value is not None}
        self._emit(events.Hangup.model_validate(given))

    def _say(self, kind: type[BaseEvent], **fields: Any) -> None:
        given = {name: value for name, value in fields.items() if value is not None}
        now = self._runtime.now_ms()
        self._emit(
            kind.model_validate(
                {"track_id": self.track_id, "timestamp": now, **given}, by_name=True
            )
        )


def printed_reason(reason: str) -> str:
    """Return a recorded reason as the server prints it: ``Some(ByCaller)``."""
    if reason.startswith("other(") and reason.endswith(")"):
        text = reason.removeprefix("other(").removesuffix(")")
        quoted = text.replace("\\", "\\\\").replace('"', '\\"')
        return f'Some(Other("{quoted}"))'
    return f"Some({reason[:1].upper()}{reason[1:]})"


def extra_of(call_id: str, kind: str, start_ms: int) -> dict[str, Any]:
    """Return what the server adds to every hangup of a main leg."""
    extra: Mapping[str, Any] = {
        "call_type": kind,
        "session_id": call_id,
        "start_time": rfc3339(start_ms),
    }
    return dict(extra)


def _time(epoch_ms: int | None) -> str | None:
    return None if epoch_ms is None else rfc3339(epoch_ms)


def _attendee(source: str | None) -> dict[str, str] | None:
    if source is None:
        return None
    address = source.removeprefix("sips:").removeprefix("sip:")
    user, at, host = address.partition("@")
    if not at:
        user, host = "", address
    realm = host.split(";")[0]
    if not realm.startswith("[") and realm.rpartition(":")[2].isdecimal():
        realm = realm.rpartition(":")[0]
    return {"username": user, "realm": realm, "source": source}
