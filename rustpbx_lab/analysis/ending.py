"""The party that ended a call, as far as the log tells."""

from rustpbx_lab.errors import UnreadableFrameError
from rustpbx_lab.log import Record
from rustpbx_lab.models import commands, events, notes

_TELLING = frozenset(
    {"hangup", "closed", "tts", "play", "interrupt", "trackStart", "trackEnd"}
)


class Ending:
    """Keeps up with a log: a step costs one record."""

    def __init__(self) -> None:
        self.hung_up_by: str | None = None
        """``we``, ``caller``, … as the server names them; empty while nobody did.

        ``autoHangup``: the server, since we asked for it after our last words.
        """
        self.is_broken = False
        """Whether the connection was lost, not closed."""
        self._is_ours = self._is_closed = False
        self._hangs_up_after: str | None = None

    def take(self, record: Record) -> None:
        """Process the next record."""
        if record.name == "connected":
            self._is_ours = True
        if record.name not in _TELLING:
            return
        try:
            message = record.message
        except UnreadableFrameError:  # masked beyond reading: it says nothing here
            return
        if record.name in ("hangup", "closed"):
            self._take_end(message)
        else:
            self._take_last_words(message)

    def _take_last_words(self, message: object) -> None:
        """Note whether the call is to end by itself, by ``autoHangup``."""
        match message:
            case commands.Tts() | commands.Play() as said:
                self._hangs_up_after = "asked" if said.auto_hangup else None
            case commands.Interrupt():
                self._hangs_up_after = None
            case events.TrackStart() if self._hangs_up_after == "asked":
                self._hangs_up_after = "playing"
            case events.TrackEnd() if self._hangs_up_after == "playing":
                self._hangs_up_after = "over"
            case _:
                pass

    def _take_end(self, message: object) -> None:
        match message:
            case commands.Hangup() if not message.refer:
                self.hung_up_by = "we"
            case events.Hangup() if not message.refer:
                self.hung_up_by = self.hung_up_by or message.initiator
            case notes.Closed():
                self._is_closed = True
                self.is_broken = message.is_failure
                if self._hangs_up_after == "over" and not message.is_failure:
                    self.hung_up_by = self.hung_up_by or "autoHangup"
            case _:
                pass

    @property
    def is_missing(self) -> bool:
        """Whether a log of ours does not tell how the call ended: it was cut off."""
        return self._is_ours and not self._is_closed

    @property
    def words(self) -> str | None:
        """Who hung up, in words; None if nobody is known to have."""
        if self.hung_up_by == "we":
            return "we hung up"
        if self.hung_up_by == "autoHangup":
            return "we hung up after the last words: autoHangup"
        return f"the {self.hung_up_by} hung up" if self.hung_up_by else None
