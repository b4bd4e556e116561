"""Validation of texts that become parts of SIP messages."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, ValidationInfo

from rustpbx_lab.errors import shorten
from rustpbx_lab.masking import mask_url
from rustpbx_lab.models.base import StringMap, is_exact

_TOKEN = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]+\Z")
"""Source: RFC 3261, 25.1, token."""
_ADDRESS = re.compile(r"(?:sips?|tel):[^\s<>]+\Z", re.IGNORECASE)


def text_fault(text: str) -> str | None:
    """Return what is wrong with a text inside a SIP message; None if nothing is."""
    for char in text:
        if char in "\r\n":
            return "it has a line break, and what follows would be headers of its own"
        if (ord(char) < 32 and char != "\t") or ord(char) == 127:
            return f"it has a control character, {char!r}"
    return None


def header_faults(headers: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the name and what is wrong of each header that cannot be sent."""
    for name, value in headers.items():
        if not _TOKEN.match(name):
            why = "not a header name: letters, digits and -.!%*_+`'~ only"
            yield name, f"{shorten(name)} is {why}"
        elif (fault := text_fault(value)) is not None:
            yield name, fault


def is_address(text: str) -> bool:
    """Whether a text is a ``sip:``, ``sips:`` or ``tel:`` address."""
    return _ADDRESS.match(text) is not None


def _check_text(text: str) -> str:
    fault = text_fault(text)
    if fault is not None:
        shown = shorten(mask_url(text))
        raise ValueError(f"{shown} cannot be part of a SIP message: {fault}")
    return text


def _check_headers(headers: Mapping[str, str]) -> Any:
    for name, fault in header_faults(headers):
        raise ValueError(f"the header {shorten(name)} cannot be sent: {fault}")
    return headers


def _unless_read(check: Callable[[Any], Any]) -> Callable[[Any, ValidationInfo], Any]:
    return lambda value, info: value if is_exact(info) else check(value)


SipText = AfterValidator(_unless_read(_check_text))
"""Constraint: a text that stands in a SIP message, as we build it."""
HeaderMap = Annotated[StringMap, AfterValidator(_unless_read(_check_headers))]
"""SIP headers, as we build them."""
