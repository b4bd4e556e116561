"""Base class of wire models: names, numbers, secrets, extras."""

import json
from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar, LiteralString, Self, cast

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    PlainSerializer,
    PrivateAttr,
    SecretStr,
    SerializationInfo,
    SerializerFunctionWrapHandler,
    StrictBool,
    StrictStr,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_serializer,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError
from typing_extensions import override

from rustpbx_lab.masking import MASK, is_secret_key, mask_url, mask_value
from rustpbx_lab.models.field_metadata import Since
from rustpbx_lab.models.plain_values import plain, plain_int, plain_text, shown

U32_MAX = 2**32 - 1
U64_MAX = 2**64 - 1

AS_WRITTEN = {"as_written": True}
"""Validation context of ``parse``: keep the spelling of what was read."""
EXACT = {"exact": True}
"""Validation context of lint: judge the values of a text as the server does."""


def _is_as_written(info: ValidationInfo) -> bool:
    return bool(info.context and info.context.get("as_written"))


def is_exact(info: ValidationInfo) -> bool:
    """Whether a text of others is read, whose values are judged as they stand."""
    context = info.context
    return bool(context and (context.get("as_written") or context.get("exact")))


def _unless_read(convert: Callable[[Any], Any]) -> Callable[[Any, ValidationInfo], Any]:
    """Convert values of ours, and none of a text: there 300.0 is not an integer."""
    return lambda value, info: value if is_exact(info) else convert(value)


_INT = BeforeValidator(_unless_read(plain_int))
U16 = Annotated[int, _INT, Field(strict=True, ge=0, le=2**16 - 1)]
U32 = Annotated[int, _INT, Field(strict=True, ge=0, le=U32_MAX)]
U64 = Annotated[int, _INT, Field(strict=True, ge=0, le=U64_MAX)]
I32 = Annotated[int, _INT, Field(strict=True, ge=-(2**31), le=2**31 - 1)]
"""Whole numbers that we send; one of numpy or pandas, or 300.0, will do."""
Bool = Annotated[bool, BeforeValidator(_unless_read(plain)), Field(strict=True)]
"""True or False, of numpy too; no other number."""
PathText = Annotated[str, BeforeValidator(_unless_read(plain_text)), Field(strict=True)]
"""A path or URL; a ``pathlib.Path`` will do."""
F32 = Annotated[float, Field(strict=True, allow_inf_nan=False)]
"""A number; written as an integer it is one too."""
WireInt = Annotated[int, Field(strict=True)]
"""An integer that someone else said: no range is enforced."""
StringMap = dict[StrictStr, StrictStr]

REVEAL = "reveal"


def _plain_text(value: Any) -> Any:
    if isinstance(value, str | SecretStr):
        return value
    raise ValueError("Input should be a valid string")


def _show_secret(secret: SecretStr, info: SerializationInfo) -> str:
    revealed = bool(info.context and info.context.get(REVEAL))
    return secret.get_secret_value() if revealed else MASK


Secret = Annotated[
    SecretStr,
    BeforeValidator(_plain_text),
    PlainSerializer(_show_secret, return_type=str),
]
"""A credential: ``***`` everywhere but in ``to_wire(reveal=True)``."""


class OtherName(str):
    """A name that the server wrote as an object, ``{"other": "ten"}``.

    The server's log writes enumerations it does not know like this (and refuses
    them when sent back). It compares and reads as the name itself.
    """

    __slots__ = ("key",)

    key: str

    def __new__(cls, name: str, key: str = "other") -> "OtherName":
        """Keep the key that the server used, ``other`` or ``Other``."""
        made = super().__new__(cls, name)
        made.key = key
        return made

    @override
    def __reduce__(self) -> tuple[type["OtherName"], tuple[str, str]]:
        return OtherName, (str(self), self.key)


def _read_name(
    value: Any, handler: ValidatorFunctionWrapHandler, info: ValidationInfo
) -> str:
    if _is_as_written(info) and isinstance(value, dict):
        fields = list(cast("dict[str, Any]", value).items())
        key, name = fields[0] if len(fields) == 1 else ("", None)
        if key in {"other", "Other"} and isinstance(name, str):
            return OtherName(name, key)
    return value if isinstance(value, OtherName) else handler(value)


def _write_name(name: str) -> str | dict[str, str]:
    return {name.key: str(name)} if isinstance(name, OtherName) else name


OpenName = Annotated[StrictStr, WrapValidator(_read_name), PlainSerializer(_write_name)]
"""A string of a list the server may extend; see ``examples`` for the known ones."""


class WireModel(BaseModel, frozen=True):
    """Something that crosses the wire: camelCase there, snake_case here.

    Equality is by value, what was read beyond the known fields included; which of
    two spellings was read makes no difference.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        use_attribute_docstrings=True,
        hide_input_in_errors=True,
    )

    tag: ClassVar[str | None] = None
    """The discriminator's name: ``"event"``, ``"command"``, ``"note"`` or None."""

    since: ClassVar[Since | None] = None
    """The first server release that knows the message; None: every one."""

    log_columns: ClassVar[Mapping[str, str]] = {}
    """Log column -> attribute that fills it, where the two names differ."""

    @property
    def spelling(self) -> Mapping[str, str]:
        """Wire name -> the other spelling that was read instead."""
        return {}

    def to_wire(self, reveal: bool = False) -> dict[str, Any]:
        """Return the message: the discriminator, the fields that were set, extras.

        Args:
            reveal: Write secrets out instead of ``***``.
        """
        wire = self.model_dump(
            mode="json", by_alias=True, exclude_unset=True, context={REVEAL: reveal}
        )
        return wire if reveal else mask_value(wire)

    def to_json(self, reveal: bool = False) -> str:
        """Return the message as compact JSON with non-ASCII text unescaped."""
        wire = self.to_wire(reveal)
        return json.dumps(
            wire, ensure_ascii=False, allow_nan=False, separators=(",", ":")
        )

    @model_serializer(mode="wrap")
    def _write(
        self, handler: SerializerFunctionWrapHandler, info: SerializationInfo
    ) -> dict[str, Any]:
        wire: dict[str, Any] = handler(self)
        if self.__pydantic_extra__:
            self._write_extras(wire, self.__pydantic_extra__)
        if info.by_alias:
            spelling = self.spelling
            if spelling:
                wire = {spelling.get(key, key): value for key, value in wire.items()}
        return {self.tag: getattr(self, self.tag), **wire} if self.tag else wire

    def _write_extras(self, wire: dict[str, Any], extras: dict[str, Any]) -> None:
        for key, value in extras.items():
            field = type(self).model_fields.get(key)
            # an extra key spelled like our attribute counts that field as set
            if field and field.alias and getattr(self, key) == field.default:
                wire.pop(field.alias, None)
            # a class that forbids extras drops those that parse() has let in
            wire.setdefault(key, value)

    @override
    def __eq__(self, other: object) -> bool:
        if not isinstance(other, WireModel):
            return NotImplemented
        return (
            type(self) is type(other)
            and self.__dict__ == other.__dict__
            and (self.__pydantic_extra__ or {}) == (other.__pydantic_extra__ or {})
        )

    @override
    def __hash__(self) -> int:
        # maps and lists may be among the fields; the plain ones tell enough apart
        plain = (v for v in self.__dict__.values() if isinstance(v, str | int | float))
        return hash((type(self), *plain))

    @override
    def __str__(self) -> str:
        return repr(self)  # with its name: a printed event says what it is

    @override
    def __repr_args__(self) -> Any:
        fields = type(self).model_fields
        for name, value in super().__repr_args__():
            unset = name in fields and name not in self.model_fields_set
            if unset or (name == self.tag and fields[str(name)].default == value):
                continue  # the class says its tag; defaults are the server's business
            hidden = isinstance(value, SecretStr) or (
                is_secret_key(name) and isinstance(value, str | int)
            )
            yield name, MASK if hidden else mask_value(value)


HIDING = frozenset(
    {"extra_forbidden", "missing", "value_error"}
    | {"model_type", "model_attributes_type", "dict_type", "list_type"}
)
"""Kinds of errors whose value is not shown: an object may be a secret's key alone."""


def _shown_error(line: ErrorDetails) -> InitErrorDetails:
    """Return an error whose message shows the refused value, unless it may be secret.

    An unknown key may be a misspelled one of a secret.
    """
    kind, message = line["type"], line["msg"]
    is_hidden = (
        kind in HIDING
        or any(is_secret_key(part) for part in line["loc"])
        or ", not " in message  # of a model inside: it is shown already
    )
    if not is_hidden:
        message += f", not {mask_url(shown(line['input']))}"
    error = PydanticCustomError(
        cast("LiteralString", kind), "{message}", {"message": message}
    )
    return InitErrorDetails(type=error, loc=line["loc"], input=line["input"])


class SpelledModel(WireModel, frozen=True):
    """A model some of whose keys are written in more than one way."""

    server_aliases: ClassVar[Mapping[str, str]] = {}
    """Other spelling -> wire name; the server reads either and refuses both."""

    foreign_spellings: ClassVar[Mapping[str, str]] = {}
    """Spelling of others -> wire name; the server ignores it, we read it."""

    _spelling: dict[str, str] = PrivateAttr(default_factory=dict[str, str])

    @property
    @override
    def spelling(self) -> Mapping[str, str]:
        return self._spelling

    @model_validator(mode="wrap")
    @classmethod
    def _read_spellings(
        cls,
        data: Any,
        handler: ModelWrapValidatorHandler["SpelledModel"],
        info: ValidationInfo,
    ) -> "SpelledModel":
        if not isinstance(data, dict):
            return handler(data)
        given = dict(cast("dict[str, Any]", data))
        spelling: dict[str, str] = {}
        for written, wire in cls._spellings_of(given):
            given[wire] = given.pop(written)
            spelling[wire] = written
        model = handler(given)
        if _is_as_written(info):
            model._spelling.update(spelling)
        return model

    @classmethod
    def _spellings_of(cls, given: dict[str, Any]) -> list[tuple[str, str]]:
        # The order matters: in tts `voice` is `model`, in asr `model` is `modelType`.
        found: list[tuple[str, str]] = []
        for written, wire in cls.server_aliases.items():
            if written in given:
                if wire in given:
                    raise ValueError(
                        f"{written} and {wire} are one key of the server, which "
                        "refuses both together; give one of them"
                    )
                found.append((written, wire))
        for written, wire in cls.foreign_spellings.items():
            # given both, the server reads its own; the other stays what it is: extra
            if written in given and wire not in given:
                found.append((written, wire))
        return found


class BuiltModel(WireModel, frozen=True):
    """A message that we build: unknown keys are refused, and wrong values shown."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="wrap")
    @classmethod
    def _show_refused(
        cls, data: Any, handler: ModelWrapValidatorHandler[Self], info: ValidationInfo
    ) -> Self:
        try:
            return handler(data)
        except ValidationError as error:
            if is_exact(info):
                raise  # of others: what they sent may be anything
            raise ValidationError.from_exception_data(
                cls.__name__,
                [_shown_error(line) for line in error.errors(include_url=False)],
                hide_input=True,
            ) from None


class BaseOption(BuiltModel, frozen=True):
    """An option object inside a command."""


class BaseCommand(BuiltModel, frozen=True):
    """A command of the client to the server."""

    tag: ClassVar[str | None] = "command"

    command: str
    """Name of the command on the wire."""


class BaseEvent(WireModel, frozen=True):
    """An event of the server; keys that a newer server adds are kept."""

    model_config = ConfigDict(extra="allow")

    tag: ClassVar[str | None] = "event"

    event: str
    """Name of the event on the wire."""


class BaseNote(WireModel, frozen=True):
    """Something we know ourselves and the server did not say."""

    model_config = ConfigDict(extra="forbid")

    tag: ClassVar[str | None] = "note"

    note: str
    """Name of the note in the log."""


class TimedEvent(BaseEvent, frozen=True):
    """An event that says when it was made."""

    timestamp: WireInt
    """When the server made it, milliseconds since the Unix epoch."""


class TrackEvent(TimedEvent, frozen=True):
    """An event of one track."""

    track_id: StrictStr
    """The session id for the caller's leg; the server-side track (default
    ``server-side-track``) for what the server plays and for a transfer leg."""


class LegEvent(TrackEvent, frozen=True):
    """An event of one leg of the call."""

    refer: StrictBool | None = None
    """True on a transfer leg; missing means false."""
