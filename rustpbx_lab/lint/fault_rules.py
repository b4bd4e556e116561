"""Lint of what runs into a known fault of the server.

Told the server's version, or for faults that no release is known to be without.
"""

from collections.abc import Callable, Mapping

from rustpbx_lab.models import commands
from rustpbx_lab.models.base import WireModel
from rustpbx_lab.models.options import CallOption
from rustpbx_lab.models.server_faults import FAULTS
from rustpbx_lab.models.server_versions import ServerVersion

from .remark import Remark, Remarks, Severity

Invites = Callable[[WireModel, CallOption | None], str | None]
"""Looks at a command or an option, and at the option of its call, if that is known;
returns the place that runs into the fault, or None."""


def _ringing(model: WireModel, call: CallOption | None) -> str | None:
    return "ringing" if isinstance(model, commands.Ringing) else None


def _accept(model: WireModel, call: CallOption | None) -> str | None:
    return "accept" if isinstance(model, commands.Accept) else None


def _refer(model: WireModel, call: CallOption | None) -> str | None:
    return "refer" if isinstance(model, commands.Refer) else None


def _whole_text(model: WireModel, call: CallOption | None) -> str | None:
    is_whole = isinstance(model, commands.Tts) and not model.streaming
    return "streaming" if is_whole else None


def _whole_last_text(model: WireModel, call: CallOption | None) -> str | None:
    is_last = isinstance(model, commands.Tts) and model.auto_hangup
    return "autoHangup" if is_last and _whole_text(model, call) else None


def _recorder(model: WireModel, call: CallOption | None) -> str | None:
    if isinstance(model, CallOption):  # what it is for is not known
        return "recorder" if model.recorder is not None else None
    is_incoming = isinstance(model, commands.Accept)
    return "option.recorder" if is_incoming and model.option.recorder else None


def _recorded_bridge(model: WireModel, call: CallOption | None) -> str | None:
    is_recorded = call is not None and call.recorder is not None
    return "bridge" if is_recorded and isinstance(model, commands.Bridge) else None


INVITING: Mapping[str, Invites] = {
    "cancel_not_told": _accept,
    "refusal_after_ringing_lost": _ringing,
    "second_text_silent": _whole_text,
    "auto_hangup_ignored": _whole_last_text,
    "incoming_not_recorded": _recorder,
    "bridged_party_not_recorded": _recorded_bridge,
    "caller_hangup_lost_in_transfer": _refer,
    "transfer_hangs": _refer,
}
"""Name of a fault → what runs into it."""


def known_server_faults(
    model: WireModel, call: CallOption | None, version: ServerVersion | None
) -> Remarks:
    """Remark on what runs into a known fault of the server.

    Args:
        model: An option or a command.
        call: The option of the call the command is for, if that is known.
        version: The server's; None is not known: then a fault that was mended is not
            worth a word.

    Source: docs/server_faults.md.
    """
    for name, inviting in INVITING.items():
        fault = FAULTS[name]
        is_old = version is None and fault.first_fixed is not None
        if is_old or not fault.affects(version):
            continue
        path = inviting(model, call)
        if path is not None:
            severity: Severity = "info" if version is None else "warning"
            text = f"{fault.symptom}; {fault.on(version)}"
            rule = known_server_faults.__name__
            yield Remark(path, severity, text, fault.helps, rule)
