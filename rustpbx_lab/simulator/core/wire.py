"""Wire format of events and commands: keys and their order."""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from rustpbx_lab.masking import mask_value
from rustpbx_lab.models import commands, options
from rustpbx_lab.models.base import BaseCommand, BaseEvent, WireModel

_TRACK = ("trackId", "timestamp")
_SPEECH = (*_TRACK, "startTime", "duration", "isFiller", "confidence", "refer")
_TRANSCRIPT = (
    *("startTime", "endTime", "text", "isFiller", "confidence", "taskId", "refer"),
)
_KEYS: Mapping[str, tuple[str, ...]] = {
    "incoming": (*_TRACK, "caller", "callee", "sdp", "headers"),
    "ringing": (*_TRACK, "earlyMedia", "refer"),
    "answer": (*_TRACK, "sdp", "refer"),
    "mediaReady": _TRACK,
    "hold": (*_TRACK, "onHold", "refer"),
    "transferRequest": (
        *(*_TRACK, "referTo", "referredBy", "refer", "extraHeaders", "legSessionId"),
    ),
    "message": (*_TRACK, "body", "contentType", "refer"),
    "dtmf": (*_TRACK, "digit", "refer"),
    "reject": (*_TRACK, "reason", "refer", "code"),
    "hangup": (
        *(*_TRACK, "reason", "initiator", "startTime", "hangupTime", "answerTime"),
        *("ringingTime", "from", "to", "extra", "refer"),
    ),
    "inactivity": _TRACK,
    "rtpTimeout": (*_TRACK, "timeout"),
    "speaking": _SPEECH,
    "silence": _SPEECH,
    "asrFinal": (*_TRACK, "index", *_TRANSCRIPT),
    "asrDelta": ("trackId", "index", "timestamp", *_TRANSCRIPT),
    "trackStart": (*_TRACK, "playId"),
    "trackEnd": (*_TRACK, "duration", "ssrc", "playId", "autoHangup"),
    "interruption": (
        *(*_TRACK, "playId", "subtitle", "position", "totalDuration", "current"),
    ),
    "metrics": ("timestamp", "key", "duration", "data"),
    "error": (*_TRACK, "sender", "error", "code"),
    "addHistory": ("sender", "timestamp", "speaker", "text"),
    "custom": ("timestamp", "sender", "data"),
    "ping": ("timestamp", "payload"),
}
"""Keys of each event the stand-in sends, in the server's order."""

_WITH_NULLS = (
    options.TranscriptionOption,
    options.SynthesisOption,
    options.SipOption,
    options.AmbianceOption,
    options.MediaPassOption,
)
"""Options that the server writes with every key, null where it was not set."""


def compact(data: object) -> str:
    """Return compact JSON with non-ASCII text unescaped."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))


def event_text(event: BaseEvent) -> str:
    """Return an event as the server writes it; keys that are None are left out."""
    wire = event.to_wire(reveal=True)
    ordered: dict[str, Any] = {"event": event.event}
    for key in _KEYS[event.event]:
        if key == "data":
            ordered[key] = _sorted(wire.get(key))
        elif wire.get(key) is not None:
            ordered[key] = wire[key]
    return compact(ordered)


def command_wire(command: BaseCommand) -> dict[str, Any]:
    """Return a command as the server's log repeats it, secrets masked.

    Unknown keys are gone, aliases resolved, defaults of some options filled in.
    """
    written = {"command": command.command, **_normalised(command)}
    if isinstance(command, commands.Custom):
        written["data"] = _sorted(command.data)
    return mask_value(written)


def option_wire(option: options.CallOption) -> dict[str, Any]:
    """Return a call's option as ``/list`` shows it, secrets masked."""
    return mask_value(_normalised(option))


def _normalised(model: WireModel) -> dict[str, Any]:
    given = model.model_dump(mode="json")  # by our names, whatever spelling was read
    wire: dict[str, Any] = {}
    for name, field in type(model).model_fields.items():
        key = field.alias or name
        value = getattr(model, name)
        if name == model.tag:
            continue
        if isinstance(value, WireModel):
            wire[key] = _normalised(value)
        elif value is None:
            if isinstance(model, _WITH_NULLS) or key == "data":
                wire[key] = None
        elif name in model.model_fields_set:
            wire[key] = given[name]
        elif isinstance(model, options.RecorderOption):
            wire[key] = 0 if isinstance(value, int) else value
        elif _is_filled_in(model, name):
            wire[key] = value
        elif isinstance(model, _WITH_NULLS):
            wire[key] = None
    return wire


def _is_filled_in(model: BaseModel, name: str) -> bool:
    if isinstance(model, options.VADOption):
        return True
    pre_filled = ("samplerate", "speed", "volume", "codec")
    return isinstance(model, options.SynthesisOption) and name in pre_filled


def _sorted(data: Any) -> Any:
    """Return JSON data with the keys of its objects sorted, as the server keeps it."""
    return json.loads(json.dumps(data, sort_keys=True))
