"""Lint of JSON text: keys the server drops or ignores."""

import json
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import lru_cache
from types import UnionType
from typing import Annotated, Any, NamedTuple, Union, cast, get_args, get_origin

from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from rustpbx_lab.errors import InvalidOptionError, shorten
from rustpbx_lab.masking import is_secret_key
from rustpbx_lab.models import commands
from rustpbx_lab.models.base import EXACT, SpelledModel, WireModel
from rustpbx_lab.models.options import CallOption

from .remark import Remark, Severity

DROPPED = "the server drops the whole command, without an event"
COMMANDS: Mapping[str, type[WireModel]] = {
    model.model_fields["command"].default: model for model in get_args(commands.Command)
}
WHAT = "give the JSON object of a call option or of a command"


class Raw(NamedTuple):
    """A text as the server would read it."""

    model: WireModel | None
    """What is left without the bad keys; None if that is not a message."""
    remarks: list[Remark]
    """What was taken out, and why."""


def read_raw(text: str | bytes) -> Raw:
    """Read the JSON of a call option or a command as the server does.

    Raises:
        InvalidOptionError: If the text is not a JSON object.
    """
    repeated: list[str] = []
    try:
        data: Any = json.loads(
            text,
            object_pairs_hook=lambda pairs: _object(pairs, repeated),
            parse_constant=_no_number,
        )
    except (ValueError, RecursionError) as exc:
        raise InvalidOptionError(
            f"cannot lint this: it is not valid JSON ({shorten(str(exc))}); {WHAT}"
        ) from None
    if not isinstance(data, dict):
        raise InvalidOptionError(f"cannot lint this: it is not a JSON object; {WHAT}")
    fields = cast("dict[str, Any]", data)
    found = [
        Remark(key, "error", f"{key} is given twice: {DROPPED}", "once", "key_twice")
        for key in map(_shown, dict.fromkeys(repeated))
    ]
    if "command" not in fields:
        return _read(CallOption, fields, found)
    model = COMMANDS.get(str(fields["command"]))
    if model is None:
        name = shorten(fields["command"])
        near = get_close_matches(str(fields["command"]), COMMANDS, n=1)
        text = f"command {name} does not exist: {DROPPED}"
        found.append(
            Remark("command", "error", text, near[0] if near else None, "no_command")
        )
        return Raw(None, found)
    return _read(model, fields, found)


def _read(model: type[WireModel], data: dict[str, Any], found: list[Remark]) -> Raw:
    cleaned = _clean(model, data, "", found)
    try:
        return Raw(model.model_validate(cleaned, context=EXACT), found)
    except ValidationError:
        return Raw(None, found)  # a required key is among what was taken out


def _object(pairs: list[tuple[str, Any]], repeated: list[str]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        keys = [key for key, _ in pairs]
        repeated.extend(key for key in made if keys.count(key) > 1)
    return made


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is not a JSON number")


def _clean(
    model: type[WireModel], data: dict[str, Any], place: str, found: list[Remark]
) -> dict[str, Any]:
    """Return what the server reads of an object; remark on all else."""
    cleaned: dict[str, Any] = {}
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    aliases, _ = _spellings(model)
    for key, value in data.items():
        path = f"{place}{_shown(key)}"
        wire = aliases.get(key, key)
        if wire != key and wire in data:
            text = f"{key} and {wire} are one key of the server: {DROPPED}"
            found.append(Remark(path, "error", text, "one of them", "alias_pair"))
        elif wire not in fields:
            found.append(_unknown(model, key, path, fields))
        else:
            found += _read_field(fields[wire], wire, value, path, cleaned)
    for wire, field in fields.items():
        given = wire in data or any(
            alias in data for alias, target in aliases.items() if target == wire
        )
        if field.is_required() and not given:
            text = f"{wire} is missing: {DROPPED}"
            found.append(Remark(place + wire, "error", text, None, "key_missing"))
    return cleaned


def _read_field(
    field: FieldInfo, wire: str, value: Any, path: str, cleaned: dict[str, Any]
) -> Iterator[Remark]:
    inner = model_in(field.annotation)
    if inner is not None and isinstance(value, dict):
        found: list[Remark] = []
        cleaned[wire] = _clean(inner, cast("dict[str, Any]", value), f"{path}.", found)
        yield from found
        return
    try:
        _adapter(field).validate_python(value, context=EXACT)
    except ValidationError as exc:
        yield _refused(field, wire, value, path, exc)
    else:
        cleaned[wire] = value


def _refused(
    field: FieldInfo, wire: str, value: Any, path: str, exc: ValidationError
) -> Remark:
    if value is None:
        text = f"{wire} is null, which is not allowed here: {DROPPED}"
        return Remark(path, "error", text, "leave it out", "null_refused")
    first = exc.errors(include_url=False, include_context=False, include_input=False)[0]
    wanted = first["msg"].removeprefix("Input should be ")
    inside = ".".join(str(part) for part in first["loc"] if isinstance(part, str))
    if isinstance(value, float) and first["type"] in ("int_type", "int_from_float"):
        text = f"{wire} has a decimal point and must be a whole number: {DROPPED}"
        return Remark(path, "error", text, f"{value:.0f}", "float_refused")
    where = path if not inside or inside == wire else f"{path}.{_shown(inside)}"
    if where != path:
        text = f"{_shown(inside)} in {wire} should be {wanted}: {DROPPED}"
        return Remark(where, "error", text, None, "wrong_type")
    shown = "no text" if is_secret_key(wire) else _kind(value)
    text = f"{wire} is {shown}, it should be {wanted}: {DROPPED}"
    instead = None
    if isinstance(value, str) and first["type"] == "int_type":
        number = "".join(char for char in value[:9] if char in "0123456789")
        instead = f"the number {number} without quotes" if number else "a number"
    return Remark(path, "error", text, instead, "wrong_type")


def _unknown(
    model: type[WireModel], key: str, path: str, fields: Mapping[str, FieldInfo]
) -> Remark:
    _, foreign = _spellings(model)
    snake = {"".join(wire.split("_")).lower(): wire for wire in fields}
    same = foreign.get(key) or snake.get("".join(key.split("_")).lower())
    severity: Severity = "warning"
    text = f"{_shown(key)} is not a key of the server, which ignores it"
    if same is not None:
        if "_" in same + key:
            style = "snake_case" if "_" in same else "camelCase"
            text += f" (keys are {style} here)"
        return Remark(path, severity, text, same, "key_spelled_wrong")
    near = get_close_matches(key, fields, n=1, cutoff=0.6)
    return Remark(
        path, severity, text, near[0] if near else "leave it out", "key_unknown"
    )


def _spellings(
    model: type[WireModel],
) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Return other spelling → wire name: those the server reads, those it ignores."""
    if issubclass(model, SpelledModel):
        return model.server_aliases, model.foreign_spellings
    return {}, {}


def model_in(annotation: Any) -> type[WireModel] | None:
    """Return the model of an annotation such as ``VADOption | None``."""
    is_union = get_origin(annotation) in (Union, UnionType)
    for member in get_args(annotation) if is_union else (annotation,):
        if isinstance(member, type) and issubclass(member, WireModel):
            return member
    return None


def _adapter(field: FieldInfo) -> TypeAdapter[Any]:
    return _adapter_of(field.annotation, tuple(field.metadata))


@lru_cache(maxsize=256)
def _adapter_of(annotation: Any, metadata: tuple[Any, ...]) -> TypeAdapter[Any]:
    # as one type with its constraints, or the limits of numbers would be lost
    kind: Any = Annotated[annotation, *metadata] if metadata else annotation
    return TypeAdapter(kind)


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    for kind, name in ((str, "a string"), (dict, "an object"), (list, "a list")):
        if isinstance(value, kind):
            return name
    return shorten(value)


def _shown(key: str) -> str:
    return key if len(key) <= 40 else key[:39] + "…"
