"""Lint of call options: every rule, ours and those of other packages.

The rules are in `hearing_rules`, `setup_rules`, `sip_rules` and `command_rules`, by
subject; what only the JSON text can show is in `json_checks`.
"""

import logging
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from rustpbx_lab.errors import InvalidOptionError
from rustpbx_lab.models import commands
from rustpbx_lab.models.base import BaseCommand
from rustpbx_lab.models.options import CallOption
from rustpbx_lab.models.server_versions import ServerVersion
from rustpbx_lab.plugins import installed

from .command_rules import COMMAND_RULES
from .fault_rules import known_server_faults
from .hearing_rules import HEARING_RULES
from .json_checks import read_raw
from .remark import Remark, Remarks
from .setup_rules import SETUP_RULES
from .sip_rules import callee_not_an_address, sip_option_breaks_message
from .version_rules import newer_than_server

__all__ = [
    "COMMAND_RULES",
    "RULES",
    "Remark",
    "command_remarks",
    "lint_file",
    "lint_text",
    "remarks",
]

PLUGIN_GROUP = "rustpbx_lab.lint_rules"
"""Entry points of this group name a rule each: CallOption → remarks."""

logger = logging.getLogger(__name__)

RULES: tuple[Callable[[CallOption], Remarks], ...] = (
    *HEARING_RULES,
    *SETUP_RULES,
    sip_option_breaks_message,
    callee_not_an_address,
)
"""Every rule of this package about a call's option."""


@cache
def installed_rules() -> Sequence[Any]:
    """Return the rules that other packages add."""
    return tuple(installed(PLUGIN_GROUP, callable, "a function"))


def remarks(
    option: CallOption, server_version: ServerVersion | None = None
) -> list[Remark]:
    """Return what the server ignores, changes or breaks of an option.

    Args:
        option: What a call is to begin with.
        server_version: The server's; None is not known.

    Returns:
        By rule: what the server is too old for, then in the order of ``RULES`` and of
        those that other packages add; a field may have several.
    """
    found = list(newer_than_server(option, server_version))
    found += [
        remark._replace(rule=rule.__name__) for rule in RULES for remark in rule(option)
    ]
    for rule in installed_rules():
        name = getattr(rule, "__name__", repr(rule))
        try:
            found += [remark._replace(rule=name) for remark in rule(option)]
        except Exception as exc:
            logger.warning("cannot run the lint rule %s", name, exc_info=exc)
    return found


def command_remarks(
    command: BaseCommand,
    call: CallOption | None = None,
    server_version: ServerVersion | None = None,
) -> list[Remark]:
    """Return what the server ignores, changes or breaks of a command.

    Args:
        command: Any command; of an invite or accept it is its option that counts.
        call: The option of the call the command is for, if that is known.
        server_version: The server's; None is not known.

    Returns:
        Remarks with places in the command, by rule; the known faults of the server
        that it invites, too.
    """
    faults = known_server_faults(command, call, server_version)
    if isinstance(command, commands.Invite | commands.Accept):
        found = remarks(command.option, server_version)
        return [
            *(remark._replace(path=f"option.{remark.path}") for remark in found),
            *faults,
        ]
    return [
        *newer_than_server(command, server_version),
        *faults,
        *_by_rule(command, call),
    ]


def _by_rule(command: BaseCommand, call: CallOption | None) -> list[Remark]:
    return [
        remark._replace(rule=remark.rule or rule.__name__)
        for rule in COMMAND_RULES
        for remark in rule(command, call)
    ]


def lint_text(
    text: str | bytes, server_version: ServerVersion | None = None
) -> list[Remark]:
    """Return what the server makes of the JSON of an option or of a command.

    Beyond ``remarks`` this finds what a model cannot hold: keys that are unknown or
    given twice, a key beside its alias, values of the wrong type. What the server
    would drop or ignore is taken out before the other rules look.

    Args:
        text: A CallOption object, or a command (an object with ``"command"``).
        server_version: The server's; None is not known.

    Raises:
        InvalidOptionError: If the text is not a JSON object.
    """
    raw = read_raw(text)
    found = list(raw.remarks)
    if isinstance(raw.model, CallOption):
        found += remarks(raw.model, server_version)
        found += known_server_faults(raw.model, None, server_version)
    elif isinstance(raw.model, BaseCommand):
        found += command_remarks(raw.model, None, server_version)
    return found


def lint_file(path: Path, server_version: ServerVersion | None = None) -> list[Remark]:
    """Return what the server makes of a JSON file; see ``lint_text``.

    Raises:
        InvalidOptionError: If the file cannot be read or is not a JSON object.
    """
    try:
        text = path.read_bytes()
    except OSError as exc:
        raise InvalidOptionError(
            f"cannot read {str(path)!r}: {exc.strerror or exc}; give a JSON file"
        ) from exc
    return lint_text(text, server_version)
