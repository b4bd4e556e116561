"""Conversion of notebook values: numpy and pandas scalars, paths, whole floats."""

import math
import os
from decimal import Decimal
from typing import Any

_PLAIN = frozenset({int, str, float, bool, type(None), dict, list})
_EXACT = 2.0**53
"""A whole float beyond this may be another number than the one that was meant."""


def plain(value: Any) -> Any:
    """Return the Python value of a numpy scalar, and every other value as it is."""
    if type(value) in _PLAIN:
        return value
    # by its name: numpy is slow to import, and whoever has a scalar of it has it
    if type(value).__module__ == "numpy" and getattr(value, "ndim", None) == 0:
        return value.item()
    return value


def plain_int(value: Any) -> Any:
    """Return an integer for a whole float; True and "300" stay what they are."""
    value = plain(value)
    if isinstance(value, float) and value.is_integer() and abs(value) <= _EXACT:
        return int(value)
    return value


def plain_text(value: Any) -> Any:
    """Return the text of a path, and every other value as it is."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return plain(value)


def shown(value: Any, limit: int = 60) -> str:
    """Return how a refused value is shown: a text quoted, a container by its type."""
    if _is_missing(value):
        return f"{value} (a missing value: leave the key out, or give None)"
    if value is None or isinstance(value, bool | int | float | Decimal | str | bytes):
        text = repr(value)
        return text if len(text) <= limit else text[: limit - 1] + "…"
    return f"a {type(value).__name__}"


def _is_missing(value: Any) -> bool:
    if isinstance(value, float):
        return math.isnan(value)
    return type(value).__name__ in {"NAType", "NaTType"}
