"""Options from settings such as ``vad.silencePadding=300``."""

import json
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, Union, cast, get_args, get_origin

from pydantic import BaseModel, ValidationError

from rustpbx_lab.errors import InvalidOptionError, shorten

from .base import WireModel
from .parsing import reasons

M = TypeVar("M", bound=WireModel)


def with_settings(model: M, settings: Iterable[str]) -> M:
    """Return ``model`` with settings of the form ``KEY=VALUE`` applied.

    Args:
        model: What to begin with; it is not changed.
        settings: Wire names with dots between the levels, and a JSON value or a plain
            word: ``vad.silencePadding=300``, ``codec=pcmu``, ``vad.type=silero``.

    Raises:
        InvalidOptionError: If a key does not exist or a value does not fit.
    """
    wire = model.to_wire(reveal=True)
    for setting in settings:
        key, found, text = setting.partition("=")
        if not found:
            raise InvalidOptionError(
                f"cannot set {shorten(setting)}: it has no '='; write KEY=VALUE, "
                "for example vad.silencePadding=300"
            )
        path = key.strip().split(".")
        kind = _type_at(type(model), path)
        _put(wire, path, _value(text.strip(), kind), setting)
    return read_option(type(model), wire, "what --set gives")


def read_option(model_type: type[M], wire: Mapping[str, Any], where: str) -> M:
    """Return the option of a JSON object.

    Raises:
        InvalidOptionError: If a key is unknown or a value does not fit.
    """
    try:
        return model_type.model_validate(dict(wire))
    except ValidationError as exc:
        raise InvalidOptionError(
            f"cannot use {where}: {reasons(exc)}; see the protocol's "
            f"{model_type.__name__} for its keys"
        ) from None


def read_option_file(model_type: type[M], path: Path) -> M:
    """Return the option of a JSON file.

    Raises:
        InvalidOptionError: If the file cannot be read or does not fit.
    """
    try:
        loaded: object = json.loads(path.read_text("utf-8"))
    except OSError as exc:
        raise InvalidOptionError(
            f"cannot read {str(path)!r}: {exc.strerror or exc}; give a JSON file"
        ) from exc
    except (ValueError, RecursionError) as exc:
        raise InvalidOptionError(
            f"cannot read {str(path)!r}: it is not valid JSON ({shorten(str(exc))}); "
            f"give an object with the keys of {model_type.__name__}"
        ) from exc
    if not isinstance(loaded, dict):
        raise InvalidOptionError(
            f"cannot read {str(path)!r}: it holds no JSON object; "
            f"give an object with the keys of {model_type.__name__}"
        )
    return read_option(model_type, cast(dict[str, Any], loaded), f"{str(path)!r}")


def wire_names(model_type: type[BaseModel]) -> dict[str, Any]:
    """Return wire name → annotation of a model's fields."""
    return {
        field.alias or name: field.annotation
        for name, field in model_type.model_fields.items()
    }


def _type_at(model_type: type[BaseModel], path: list[str]) -> Any:
    """Return the annotation of a key; its way must lead through models or maps."""
    kind: Any = model_type
    for depth, key in enumerate(path):
        inner = _model_in(kind)
        if inner is None:
            if depth and _is_map(kind):
                return str
            raise InvalidOptionError(
                f"cannot set {'.'.join(path)!r}: {path[depth - 1]!r} has no keys; "
                f"give it a value itself"
            )
        names = wire_names(inner)
        if key not in names:
            near = get_close_matches(key, names, n=1, cutoff=0.5)
            works = f"did you mean {near[0]!r}?" if near else ""
            raise InvalidOptionError(
                f"cannot set {'.'.join(path)!r}: {inner.__name__} has no key {key!r}; "
                f"{works or 'its keys are ' + ', '.join(sorted(names))}"
            )
        kind = names[key]
    return kind


def _members(kind: Any) -> tuple[Any, ...]:
    if get_origin(kind) in (Union, UnionType):
        return get_args(kind)
    return (kind,)


def _model_in(kind: Any) -> type[BaseModel] | None:
    for member in _members(kind):
        if isinstance(member, type) and issubclass(member, BaseModel):
            return member
    return None


def _is_map(kind: Any) -> bool:
    return any(get_origin(member) is dict for member in _members(kind))


def _value(text: str, kind: Any) -> Any:
    is_word = any(member is str for member in _members(kind))
    if is_word and text != "null":
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _put(wire: dict[str, Any], path: list[str], value: Any, setting: str) -> None:
    target = wire
    for key in path[:-1]:
        inner: object = target.get(key)
        if inner is None:
            inner = target[key] = {}
        if not isinstance(inner, dict):
            raise InvalidOptionError(
                f"cannot set {shorten(setting)}: {key!r} has a plain value already"
            )
        target = cast(dict[str, Any], inner)
    target[path[-1]] = value
