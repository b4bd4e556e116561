"""Valid Unicode: surrogate pairs joined, lone surrogates replaced.

A Python string may hold half of a surrogate pair, for instance the first half of an
emoji that a stream of JSON chunks has cut in two. Such a string cannot be encoded, so
it can be neither sent nor saved.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Generic, NamedTuple, TypeVar, cast

from pydantic import BaseModel, SecretStr

REPLACEMENT = "\ufffd"
"""U+FFFD, what stands for a character that is not known."""

_SURROGATE = re.compile("[\ud800-\udfff]")
_HIGH_AT_END = re.compile("[\ud800-\udbff]\\Z")

M = TypeVar("M", bound=BaseModel)


def has_surrogates(text: str) -> bool:
    """Whether a text holds surrogates, so that UTF-8 cannot encode it."""
    return not text.isascii() and _SURROGATE.search(text) is not None


def well_formed(text: str) -> str:
    """Return a text that UTF-8 can hold.

    Both halves of a pair, one after the other, become their character; each other
    surrogate becomes U+FFFD.
    """
    if not has_surrogates(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def split_high(text: str) -> tuple[str, str]:
    """Return a text without the first half of a pair at its end, and that half."""
    if not _HIGH_AT_END.search(text):
        return text, ""
    return text[:-1], text[-1]


class WholeModel(NamedTuple, Generic[M]):
    """A model whose texts are well formed."""

    model: M
    """The same object, if nothing was to be changed."""
    replaced: tuple[str, ...]
    """Where lone surrogates were replaced: wire names joined by dots."""


def well_formed_model(model: M) -> WholeModel[M]:
    """Return a model whose texts UTF-8 can hold, at any depth, extras and secrets too.

    Pairs are joined, and each lone surrogate becomes U+FFFD.
    """
    mender = _Mender()
    return WholeModel(mender.model(model, ()), tuple(dict.fromkeys(mender.replaced)))


class _Mender:
    """Makes texts well formed and keeps the places of what was lost."""

    def __init__(self) -> None:
        self.replaced: list[str] = []

    def model(self, model: M, path: tuple[str, ...]) -> M:
        fields = type(model).model_fields
        changed: dict[str, Any] = {}
        for name, value in model.__dict__.items():
            alias = fields[name].alias if name in fields else None
            mended = self._value(value, (*path, alias or name))
            if mended is not value:
                changed[name] = mended
        extras = model.__pydantic_extra__ or {}
        mended_extras = self._value(extras, path)
        if not changed and mended_extras is extras:
            return model
        copied = model.model_copy(update=changed)
        if copied.__pydantic_extra__ is not None:
            copied.__pydantic_extra__.clear()
            copied.__pydantic_extra__.update(mended_extras)
        return copied

    def _value(self, value: Any, path: tuple[str, ...]) -> Any:
        """Return a value with its texts well formed; the same object if all were."""
        if isinstance(value, str):
            return self._text(value, path)
        if isinstance(value, SecretStr):
            secret = value.get_secret_value()
            mended = self._text(secret, path)
            return value if mended is secret else SecretStr(mended)
        if isinstance(value, BaseModel):
            return self.model(value, path)
        if isinstance(value, Mapping):
            return self._map(cast("Mapping[Any, Any]", value), path)
        if isinstance(value, list | tuple):
            items = cast("Sequence[Any]", value)
            made = [self._value(item, path) for item in items]
            same = all(new is item for new, item in zip(made, items, strict=True))
            return items if same else made
        return value

    def _map(self, given: Mapping[Any, Any], path: tuple[str, ...]) -> Any:
        made: dict[Any, Any] = {}
        same = True
        for key, item in given.items():
            new_key = self._value(key, path)
            new = self._value(item, (*path, str(new_key)))
            same = same and new_key is key and new is item
            made[new_key] = new
        return given if same else made

    def _text(self, text: str, path: tuple[str, ...]) -> str:
        if not has_surrogates(text):
            return text  # itself: a subclass such as OtherName stays one
        mended = well_formed(text)
        if mended.count(REPLACEMENT) > text.count(REPLACEMENT):
            self.replaced.append(".".join(path))
        return mended
