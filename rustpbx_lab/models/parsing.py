"""Parsing of JSON texts into models, or into the unknown one."""

import json
import re
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import orjson
from pydantic import TypeAdapter, ValidationError

from rustpbx_lab.errors import UnreadableFrameError
from rustpbx_lab.masking import mask_text

from .base import AS_WRITTEN, WireModel
from .surrogates import well_formed

MAX_DEPTH = 128
"""Nesting that is read; the server's own parser stops there too."""

WHY_CHARACTERS = 300

_WHOLE = re.compile(r"-?\d{1,19}")

M = TypeVar("M", bound=WireModel)


class Reader(Generic[M]):
    """Read texts that carry a discriminator: by name first, then by its model.

    Args:
        kind: What the texts are, for messages: ``"event"``.
        known: The models; each has a default for its discriminator.
        unknown: The model of every other name.
        whole_floats: Accept ``5.0`` where an integer is expected.
        unique_keys: Refuse an object with the same key twice, as the server does.
    """

    def __init__(
        self,
        kind: str,
        known: tuple[type[M], ...],
        unknown: type[M],
        *,
        whole_floats: bool = False,
        unique_keys: bool = False,
    ) -> None:
        self._kind = kind
        self._tag = str(unknown.tag)
        self._whole_floats, self._unique_keys = whole_floats, unique_keys
        self._unknown = _validator(unknown)
        self._known = {name_of(model): _validator(model) for model in known}

    @property
    def names(self) -> frozenset[str]:
        """The names that have a model."""
        return frozenset(self._known)

    def parse(self, text: str | bytes) -> M:
        """Return the message of a text.

        Raises:
            UnreadableFrameError: If the text is not a JSON object with the
                discriminator, is nested too deeply, or a known message has a wrong
                field.
        """
        try:
            data: Any = orjson.loads(text)
        except ValueError as exc:
            raise self._unreadable(text, f"it is not valid JSON ({exc})") from None
        if not isinstance(data, dict):
            raise self._unreadable(text, "it is not a JSON object")
        fields: dict[str, Any] = data  # pyright: ignore[reportUnknownVariableType]
        name = fields.get(self._tag)
        if not isinstance(name, str):
            raise self._unreadable(text, f"it has no string under {self._tag!r}")
        # 129 levels need 258 brackets: shorter texts cannot be too deep
        if len(text) > 2 * MAX_DEPTH and _is_too_deep(fields):
            raise self._unreadable(text, f"it is nested deeper than {MAX_DEPTH}")
        if self._unique_keys and (key := _repeated_key(text)) is not None:
            raise self._unreadable(text, f"the key {key!r} is given twice")
        validate = self._known.get(name, self._unknown)
        try:
            return validate(fields, extra="allow", context=AS_WRITTEN, by_name=False)
        except ValidationError as exc:
            if self._whole_floats and _make_whole(fields, exc, _of_float):
                return self._read_again(text, fields, validate)
            raise self._unreadable(text, reasons(exc)) from None

    def mended(self, text: str) -> str | None:
        """Return a text that a tool rewrote as the server would have written it.

        ``NaN`` becomes null, half a surrogate pair U+FFFD, and ``5.0`` or ``"5"`` an
        integer where the model has one. None if it is not a JSON object.
        """
        try:
            data: Any = json.loads(text, parse_constant=lambda _: None)
        except (ValueError, RecursionError):
            return None
        if not isinstance(data, dict) or _is_too_deep(data):  # pyright: ignore[reportUnknownArgumentType]
            return None
        fields: dict[str, Any] = data  # pyright: ignore[reportUnknownVariableType]
        validate = self._known.get(str(fields.get(self._tag)), self._unknown)
        try:
            validate(fields, extra="allow", context=AS_WRITTEN, by_name=False)
        except ValidationError as exc:
            _make_whole(fields, exc, _of_float_or_text)
        written = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
        return well_formed(written)

    def _read_again(
        self, text: str | bytes, data: dict[str, Any], validate: Callable[..., M]
    ) -> M:
        try:
            return validate(data, extra="allow", context=AS_WRITTEN, by_name=False)
        except ValidationError as exc:
            raise self._unreadable(text, reasons(exc)) from None

    def _unreadable(self, text: str | bytes, why: str) -> UnreadableFrameError:
        shown = text if isinstance(text, str) else text.decode(errors="replace")
        return UnreadableFrameError(self._kind, mask_text(shown), why)


def name_of(model: type[WireModel]) -> str:
    """Return the wire name of a message's class."""
    return model.model_fields[str(model.tag)].default


def reasons(exc: ValidationError) -> str:
    """Say which fields are wrong and why, without showing what they hold."""
    told = [
        f"{'.'.join(str(part) for part in error['loc']) or 'it'}: {error['msg']}"
        for error in exc.errors(
            include_url=False, include_context=False, include_input=False
        )
    ]
    why = "; ".join(told)
    return why if len(why) <= WHY_CHARACTERS else why[: WHY_CHARACTERS - 1] + "…"


def _validator(model: type[M]) -> Callable[..., M]:
    return TypeAdapter(model).validator.validate_python


def _is_too_deep(data: Any) -> bool:
    level: list[Any] = [data]
    for _ in range(MAX_DEPTH):
        level = [inner for outer in level for inner in _containers(outer)]
        if not level:
            return False
    return True


def _containers(outer: dict[str, Any] | list[Any]) -> list[Any]:
    inner = outer.values() if isinstance(outer, dict) else outer
    return [value for value in inner if isinstance(value, dict | list)]


def _repeated_key(text: str | bytes) -> str | None:
    found: list[str] = []

    def note(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) < len(pairs):
            keys = [key for key, _ in pairs]
            found.append(next(key for key in keys if keys.count(key) > 1))
        return made

    json.loads(text, object_pairs_hook=note, parse_int=str)  # of any length
    return found[0] if found else None


def _make_whole(
    data: dict[str, Any],
    exc: ValidationError,
    whole: Callable[[object], int | None],
) -> bool:
    """Replace what is not an integer where the model has one; say if any was."""
    changed = False
    for error in exc.errors(include_url=False):
        value = whole(error["input"]) if error["type"] == "int_type" else None
        if value is None:
            continue
        holder: Any = data
        for part in error["loc"][:-1]:
            holder = holder[part]
        holder[error["loc"][-1]] = value
        changed = True
    return changed


def _of_float(value: object) -> int | None:
    """Return 5 for 5.0; None for anything else."""
    return int(value) if isinstance(value, float) and value.is_integer() else None


def _of_float_or_text(value: object) -> int | None:
    """Return 5 for 5.0 and for "5"; None for anything else."""
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        return int(value)
    return _of_float(value)
