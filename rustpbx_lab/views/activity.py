"""Activity of a call in its last minute, for a sparkline."""

from collections.abc import Mapping
from typing import Any

from rustpbx_lab.hub.hub_call import HubCall
from rustpbx_lab.log import EventLog, Record

from .event_rows import message_of

SECONDS = 60
ROWS_A_LOOK = 20_000


class Activity:
    """Counts a call's events by second, and who spoke; costs the new rows."""

    def __init__(self, call: HubCall) -> None:
        self.call = call
        self._follow(call.log)

    def _follow(self, log: EventLog) -> None:
        self._log, self._cursor = log, log.cursor()
        self._seconds: dict[int, list[int]] = {}
        self._speaks = {"caller": False, "agent": False}
        self._last = 0
        self.n_errors = 0
        self.last_words = ""
        self.last_speaker = ""

    def look(self) -> None:
        """Process what is new."""
        if self.call.log is not self._log:  # a replay that went back
            self._follow(self.call.log)
        for record in self._cursor.read(ROWS_A_LOOK):
            self._take(record)
        for second in [at for at in self._seconds if at < self._last - 3 * SECONDS]:
            del self._seconds[second]

    def _take(self, record: Record) -> None:
        second = (record.time_ms or 0) // 1000
        for passed in range(max(self._last, second - SECONDS), second):
            self._count(passed, 0)  # who speaks on through a silence of the log
        self._last = max(self._last, second)
        self._count(second, 0)  # who spoke until now, too
        match record.name:
            case "speaking" | "silence":
                self._speaks["caller"] = record.name == "speaking"
            case "trackStart" | "trackEnd" | "interruption" if _is_agent(record):
                self._speaks["agent"] = record.name == "trackStart"
            case "error" | "reject" | "unreadable":
                self.n_errors += 1
            case "asrFinal" | "tts":
                self.last_speaker = "agent" if record.name == "tts" else "caller"
                self.last_words = str(getattr(message_of(record), "text", ""))[:200]
            case _:
                pass
        self._count(second, int(record.direction == "event"))

    def _count(self, second: int, n_events: int) -> None:
        entry = self._seconds.setdefault(second, [0, 0])
        entry[0] += n_events
        entry[1] |= self._speaks["caller"] + 2 * self._speaks["agent"]

    def spark(self) -> list[list[int]]:
        """Return the last minute: ``[events, 1 caller | 2 agent]`` a second."""
        now = self.call.now_ms
        end = self._last if self.call.is_over or now is None else now // 1000
        speaks = self._speaks["caller"] + 2 * self._speaks["agent"]
        goes_on = 0 if self.call.is_over else speaks
        return [
            self._seconds.get(at, [0, goes_on if at > self._last else 0])
            for at in range(end - SECONDS + 1, end + 1)
        ]

    def card(self) -> Mapping[str, Any]:
        """Return what a card shows of it."""
        return {
            "spark": self.spark(),
            "errors": self.n_errors,
            "words": self.last_words,
            "who": self.last_speaker,
        }


def _is_agent(record: Record) -> bool:
    return getattr(message_of(record), "play_id", None) is not None
