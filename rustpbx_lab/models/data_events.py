"""Events of data and diagnosis: metrics, errors, history."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, cast

from pydantic import StrictStr

from rustpbx_lab.models.base import StringMap, TimedEvent, TrackEvent, WireInt
from rustpbx_lab.models.json_text import text_of


class Metrics(TimedEvent, frozen=True):
    """A measurement of the server; see `value` for the number to look at."""

    log_columns: ClassVar[Mapping[str, str]] = {"value": "value", "play_id": "play_id"}

    event: Literal["metrics"] = "metrics"

    key: StrictStr
    """What: ``completed.tts.<provider>``, ``ttfb.asr.<provider>``,
    ``completed.asr.<provider>``, ``llm_response``, …"""

    duration: WireInt
    """Milliseconds; 0 for the playbook's keys. Of ``*.asr.*`` no latency: tencent
    counts the user's silence, aliyun the whole call."""

    data: Any = None
    """Details; an object in practice."""

    @property
    def value(self) -> float | None:
        """Milliseconds: ``data.duration`` of ``llm_response``, else ``duration``."""
        if self.key == "llm_response":
            return self._number("duration")
        return self.duration

    @property
    def ttfb(self) -> float | None:
        """Milliseconds to the first byte, where ``data`` tells."""
        return self._number("ttfb")

    @property
    def play_id(self) -> str | None:
        """The playback, where ``data`` tells."""
        said = self._details().get("playId")
        return said if isinstance(said, str) else None

    def _number(self, name: str) -> float | None:
        said = self._details().get(name)
        is_number = isinstance(said, int | float) and not isinstance(said, bool)
        return said if is_number else None

    def _details(self) -> dict[str, Any]:
        said: object = self.data
        return cast("dict[str, Any]", said) if isinstance(said, dict) else {}


class Error(TrackEvent, frozen=True):
    """Something went wrong on the server; ends the call only if it was the set-up."""

    log_columns: ClassVar[Mapping[str, str]] = {
        "text": "error",
        "key": "sender",
        "value": "code",
    }

    event: Literal["error"] = "error"

    sender: StrictStr
    """What failed: ``command``, ``invite``, ``tts``, ``filetrack: <url>``, …"""

    error: StrictStr
    """What happened."""

    code: WireInt | None = None
    """500 of services; missing elsewhere."""


class AddHistory(TimedEvent, frozen=True):
    """A line of the conversation."""

    log_columns: ClassVar[Mapping[str, str]] = {"key": "speaker"}

    event: Literal["addHistory"] = "addHistory"

    sender: StrictStr | None = None
    """The session id for the `history` command; ``system`` or ``llm``."""

    speaker: StrictStr
    """Who said it."""

    text: StrictStr
    """What was said."""


class FunctionCall(TrackEvent, frozen=True):
    """A realtime service wants a function called."""

    log_columns: ClassVar[Mapping[str, str]] = {"key": "name", "text": "arguments"}

    event: Literal["functionCall"] = "functionCall"

    call_id: StrictStr
    """Id of this request."""

    name: StrictStr
    """The function."""

    arguments: StrictStr
    """A text that holds JSON; may be empty."""


class Custom(TimedEvent, frozen=True):
    """The echo of a `custom` command."""

    log_columns: ClassVar[Mapping[str, str]] = {"key": "sender", "text": "data_text"}

    event: Literal["custom"] = "custom"

    sender: StrictStr | None = None
    """Who said it."""

    data: Any = None
    """Any JSON."""

    @property
    def data_text(self) -> str:
        """The data as text: a string itself, all else as JSON."""
        return text_of(self.data)


class Other(TrackEvent, frozen=True):
    """Reserved; never sent by this server."""

    log_columns: ClassVar[Mapping[str, str]] = {"key": "sender"}

    event: Literal["other"] = "other"

    sender: StrictStr
    """Who said it."""

    extra: StringMap | None = None
    """Details."""


class Ping(TimedEvent, frozen=True):
    """A tick of the keep-alive.

    JSON only in logs and SSE, a control frame on the socket.
    """

    log_columns: ClassVar[Mapping[str, str]] = {"text": "payload"}

    event: Literal["ping"] = "ping"

    payload: StrictStr | None = None
    """RFC 3339 time."""


class LlmFinal(TimedEvent, frozen=True):
    """An answer of a language model; in the documentation only."""

    event: Literal["llmFinal"] = "llmFinal"

    text: StrictStr
    """The answer."""


class LlmDelta(TimedEvent, frozen=True):
    """A word of a language model's answer; in the documentation only."""

    log_columns: ClassVar[Mapping[str, str]] = {"text": "word"}

    event: Literal["llmDelta"] = "llmDelta"

    word: StrictStr
    """The word."""
