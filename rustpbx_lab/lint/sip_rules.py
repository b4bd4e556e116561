"""Lint of SIP headers, addresses and reasons."""

from collections.abc import Iterator

from rustpbx_lab.errors import shorten
from rustpbx_lab.masking import mask_url
from rustpbx_lab.models import commands
from rustpbx_lab.models.base import BaseCommand, WireModel
from rustpbx_lab.models.options import CallOption, SipOption
from rustpbx_lab.models.sip_text import header_faults, is_address, text_fault

from .remark import Remark, Remarks, wire_name

BREAKS = "; it goes into the SIP message as it stands"
ONE_LINE = "one line of text without control characters"


def sip_option_breaks_message(option: CallOption) -> Remarks:
    """Texts of an option that would break, or add to, the SIP message.

    Source: protocol.md, 5.1 and 5.7; RFC 3261, 7.3 and 25.1.
    """
    yield from _texts(option, "", "caller", "callee")
    yield from _sip(option.sip, "sip")


def callee_not_an_address(option: CallOption) -> Remarks:
    """A callee must be a whole SIP address; only the caller's scheme is added.

    Source: protocol.md, 5.1 "callee, caller".
    """
    yield from _address(option.callee, "callee")


def sip_command_breaks_message(
    command: BaseCommand, call: CallOption | None
) -> Remarks:
    """Texts of a command that would break, or add to, the SIP message.

    Source: protocol.md, 3.4, 3.9, 3.10 and 3.11; RFC 3261, 7.3 and 25.1.
    """
    match command:
        case commands.Hangup(headers=headers) if headers:
            yield from _headers(headers, "headers")
        case commands.Message():
            yield from _headers(command.headers or {}, "headers")
            yield from _texts(command, "", "content_type")
        case commands.Reject():
            yield from _texts(command, "", "reason")
        case commands.Refer():
            yield from _texts(command, "", "caller", "callee")
            if command.options is not None:
                yield from _texts(command.options, "options.", "call_id")
                yield from _sip(command.options.sip, "options.sip")
        case _:
            return


def refer_callee_not_an_address(
    command: BaseCommand, call: CallOption | None
) -> Remarks:
    """The third party of a transfer is called by its SIP address.

    Source: protocol.md, 3.10.
    """
    if isinstance(command, commands.Refer):
        yield from _address(command.callee, "callee")


def _sip(option: SipOption | None, place: str) -> Iterator[Remark]:
    if option is None:
        return
    yield from _texts(option, f"{place}.", "username", "realm", "contact")
    yield from _headers(option.headers or {}, f"{place}.headers")
    yield from _headers(option.hangup_headers or {}, f"{place}.hangup_headers")


def _texts(model: WireModel, place: str, *names: str) -> Iterator[Remark]:
    for name in names:
        text = getattr(model, name)
        fault = None if text is None else text_fault(text)
        if fault is not None:
            where = place + wire_name(model, name)
            yield Remark(where, "error", f"{fault}{BREAKS}", ONE_LINE)


def _headers(headers: dict[str, str], place: str) -> Iterator[Remark]:
    for name, fault in header_faults(headers):
        shown = name if name.isprintable() else repr(name)
        yield Remark(f"{place}.{shown[:40]}", "error", f"{fault}{BREAKS}", ONE_LINE)


def _address(text: str | None, place: str) -> Iterator[Remark]:
    if text and text_fault(text) is None and not is_address(text):
        told = f"{shorten(mask_url(text))} is not a SIP address: the call fails"
        yield Remark(place, "warning", told, "sip:NAME@HOST")
