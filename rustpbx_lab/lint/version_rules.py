"""Lint of what older servers do not know.

The one rule that needs to be told something: the server's version.
"""

from rustpbx_lab.models.base import BaseCommand, WireModel
from rustpbx_lab.models.server_versions import OLDEST, ServerVersion, newer_parts

from .remark import Remark, Remarks


def newer_than_server(model: WireModel, version: ServerVersion | None) -> Remarks:
    """Remark on what was set that the server does not know.

    Args:
        model: An option or a command.
        version: The server's; None is not known, and worth a word only.
    """
    for path, since in newer_parts(model, version or OLDEST):
        name = path or str(getattr(model, "command", ""))
        is_dropped = not path and isinstance(model, BaseCommand)
        does = "drops the command, without an event" if is_dropped else "ignores it"
        if version is None:
            text, severity = f"a server before {since} {does}", "info"
        else:
            text = f"server {version} {does}: it came with {since}"
            severity = "error" if is_dropped else "warning"
        instead = f"a server since {since}, or leave it out"
        yield Remark(name, severity, text, instead, newer_than_server.__name__)
