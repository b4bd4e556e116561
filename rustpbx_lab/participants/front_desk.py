"""A front-desk agent that listens, answers and can be interrupted."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import count

import anyio

from rustpbx_lab.analysis.fillers import fillers_of, is_words
from rustpbx_lab.analysis.speech import SpeechFold
from rustpbx_lab.client import CallSession
from rustpbx_lab.errors import CallClosedError
from rustpbx_lab.log import Record
from rustpbx_lab.models import events

from .replies import GREETING, STILL_THERE, Knowledge, Replies, Reply

MERGE_MS = 600
"""How long the caller must be quiet before it is the desk's turn."""
MAX_HOLD_S = 8
"""Speech whose end never comes holds an answer back no longer than this."""
NO_INPUT_MS = 8000
"""Quiet after a reply until the desk asks whether someone is there."""
MAX_NO_INPUT = 2
RESUMED_MS = 1500
"""A reply interrupted this early cut the caller off: both parts are one turn."""

_NUMBERS = count(1)


@dataclass(frozen=True, slots=True)
class BargeIn:
    """When a caller who speaks interrupts the desk.

    Source:
        The server's own playbooks, strategy "both".
    """

    ignore_first_ms: int = 800
    """Speech so soon after a reply was sent belongs to what came before it."""
    ignore_after_final_ms: int = 500
    """A final is often followed by the rest of its own sound."""
    fillers: frozenset[str] = field(default_factory=lambda: fillers_of("en"))
    """Sounds that interrupt nobody when they are all that was understood; for another
    language see `fillers_of`."""

    def allows(
        self, event: events.BaseEvent, since_reply_ms: float, since_final_ms: float
    ) -> bool:
        """Whether ``event`` interrupts a reply sent so long ago."""
        if since_reply_ms < self.ignore_first_ms:
            return False
        if since_final_ms < self.ignore_after_final_ms:
            return False
        if isinstance(event, events.AsrDelta):
            return is_words(event.text, self.fillers)
        return isinstance(event, events.Speaking)


def new_play_id() -> str:
    """Return a play id that no call of this process has used."""
    return f"reply-{next(_NUMBERS)}"


class FrontDesk:
    """A bot by rules: opening hours, appointments, orders, a person, goodbye.

    It may take any number of calls, one after the other or at once.

    Args:
        knowledge: What it knows; None is a small shop.
        barge_in: When it lets itself be interrupted.
        merge_ms: How long the caller must be quiet before it answers.
        transfer: Caller and callee URI for callers who want a person (SIP only).
        play_id: Makes the play id of each reply; they must all differ.
    """

    def __init__(
        self,
        knowledge: Knowledge | None = None,
        *,
        barge_in: BargeIn | None = None,
        merge_ms: int = MERGE_MS,
        transfer: tuple[str, str] | None = None,
        play_id: Callable[[], str] = new_play_id,
    ) -> None:
        known = knowledge or Knowledge()
        self._knowledge = replace(known, can_transfer=transfer is not None)
        self._barge_in = barge_in or BargeIn()
        self._merge_ms = merge_ms
        self._transfer = transfer
        self._play_id = play_id

    async def run(self, call: CallSession) -> None:
        """Greet the caller and serve until the call is over."""
        try:
            await _Conversation(
                call,
                Replies(self._knowledge),
                self._barge_in,
                self._merge_ms,
                self._transfer,
                self._play_id,
            ).run()
        except CallClosedError:
            return


class _Conversation:
    """One call of a front desk."""

    def __init__(
        self,
        call: CallSession,
        replies: Replies,
        barge_in: BargeIn,
        merge_ms: int,
        transfer: tuple[str, str] | None,
        play_id: Callable[[], str],
    ) -> None:
        self._call = call
        self._replies = replies
        self._barge_in = barge_in
        self._merge_s = merge_ms / 1000
        self._transfer = transfer
        self._new_play_id = play_id
        self._speech = SpeechFold()
        self._finals: list[str] = []
        self._turn = ""
        self._playing: str | None = None
        self._is_speaking = self._has_vad = self._is_leaving = False
        self._replied_s = self._final_s = self._quiet_s = float("-inf")
        self._transfers = False
        self._unanswered = 0

    async def run(self) -> None:
        cursor = self._call.log.cursor(len(self._call.log))
        # what was agreed on before decides how silences are to be read
        self._speech.advance(self._call.log[: cursor.position])
        await self._say(Reply(GREETING))
        while not cursor.is_finished:
            with anyio.move_on_after(self._patience_s()):
                await cursor.wait()
            for record in cursor.read():
                if record.direction == "event":
                    await self._take(record)
                else:
                    self._speech.advance((record,))
            if self._finals and self._patience_s() == 0:
                await self._answer()

    # ------------------------------------------------------------------ listening

    def _patience_s(self) -> float | None:
        """Return how long to wait for more; None: there is nothing to answer."""
        if not self._finals:
            return None
        hold = MAX_HOLD_S if self._is_speaking else self._merge_s
        return max(0.0, self._quiet_s + hold - anyio.current_time())

    async def _take(self, record: Record) -> None:
        self._hear(record)
        match record.message:
            case events.Speaking() | events.AsrDelta() as event if not event.refer:
                await self._consider_stopping(event)
            case events.AsrFinal() as event if not event.refer and event.text.strip():
                self._final_s = anyio.current_time()
                self._unanswered = 0
                self._finals.append(event.text.strip())
                if not self._has_vad:
                    self._quiet_s = self._final_s
            case events.TrackEnd() if self._is_ours(record.message):
                await self._played()
            case events.Interruption() if self._is_ours(record.message):
                self._playing = None
            case events.Error(sender="command"):
                self._playing = None
            case events.Silence(refer=False):
                await self._nobody_spoke()
            case _:
                return

    def _hear(self, record: Record) -> None:
        changes = self._speech.advance((record,))
        was_speaking = self._is_speaking
        self._is_speaking = any(not row.refer for row in changes.open)
        ended = any(not row.refer for row in changes.closed)
        self._has_vad = self._has_vad or ended or self._is_speaking
        if ended or self._is_speaking != was_speaking:
            self._quiet_s = anyio.current_time()

    def _is_ours(self, event: events.TrackEnd | events.Interruption) -> bool:
        return self._playing is not None and event.play_id == self._playing

    async def _consider_stopping(
        self, event: events.Speaking | events.AsrDelta
    ) -> None:
        now = anyio.current_time()
        if isinstance(event, events.AsrDelta) and event.text.strip():
            self._quiet_s = now
        self._unanswered = 0
        if self._playing is None or self._is_leaving:
            return
        since_reply = (now - self._replied_s) * 1000
        if self._barge_in.allows(event, since_reply, (now - self._final_s) * 1000):
            self._playing = None
            if since_reply < RESUMED_MS and self._turn:
                self._finals.insert(0, self._turn)
            await self._call.interrupt()

    # ------------------------------------------------------------------ speaking

    async def _answer(self) -> None:
        self._turn, self._finals = " ".join(self._finals), []
        if self._is_leaving:
            return
        await self._call.history("user", self._turn)
        await self._say(self._replies.reply_to(self._turn))

    async def _say(self, reply: Reply) -> None:
        self._playing = self._new_play_id()
        self._replied_s = anyio.current_time()
        self._is_leaving, self._transfers = reply.is_last, reply.transfers
        await self._call.tts(
            reply.text,
            play_id=self._playing,
            auto_hangup=True if reply.is_last else None,
            wait_input_timeout=None if reply.is_last else NO_INPUT_MS,
        )
        await self._call.history("bot", reply.text)

    async def _played(self) -> None:
        self._playing = None
        if self._transfers and self._transfer is not None:
            self._transfers = False
            await self._call.refer(*self._transfer)

    async def _nobody_spoke(self) -> None:
        if self._is_speaking or self._finals or self._playing or self._is_leaving:
            return
        self._unanswered += 1
        if self._unanswered > MAX_NO_INPUT:
            await self._say(Reply("I cannot hear anybody. Goodbye.", is_last=True))
        else:
            await self._say(Reply(STILL_THERE))
