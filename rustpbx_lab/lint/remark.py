"""Remarks of lint."""

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

from rustpbx_lab.models.base import WireModel

Severity = Literal["info", "warning", "error"]


class Remark(NamedTuple):
    """One thing about an option or a command that is worth knowing before a call."""

    path: str
    """Place in the message, wire names joined by dots: ``"vad.ratio"``."""
    severity: Severity
    """``info``: no effect; ``warning``: will surprise you; ``error``: it breaks."""
    text: str
    """What the server will do."""
    instead: str | None = None
    """What to set instead."""
    rule: str = ""
    """Name of the rule that found it."""

    def to_dict(self) -> dict[str, Any]:
        """Return the remark as a JSON object."""
        return self._asdict()


Remarks = Iterator[Remark]


def wire_name(model: WireModel, name: str) -> str:
    """Return how a field of the model is written on the wire."""
    return type(model).model_fields[name].alias or name


def ineffective(
    model: WireModel, place: str, unused: dict[str, str], instead: str
) -> Remarks:
    """Remark on each key that was set although the server does not use it.

    Args:
        model: An option.
        place: Its place, ``"vad"``.
        unused: Attribute → why it has no effect.
        instead: What to do about it.
    """
    for name, why in unused.items():
        if name in model.model_fields_set and getattr(model, name) is not None:
            wire = wire_name(model, name)
            text = f"{wire} has no effect: {why}"
            yield Remark(f"{place}.{wire}", "info", text, instead)
