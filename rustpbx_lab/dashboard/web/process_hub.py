"""The one hub of a process that ``panel serve`` runs."""

import os
from functools import cache
from pathlib import Path

from rustpbx_lab.client.rest.refusals import tls_context
from rustpbx_lab.hub.hub import CallHub

from .access import operator_names

LOGS_VARIABLE = "RUSTPBX_LAB_LOGS"
ENDPOINT_VARIABLE = "RUSTPBX_LAB_ENDPOINT"
OPERATORS_VARIABLE = "RUSTPBX_LAB_OPERATORS"
CAFILE_VARIABLE = "RUSTPBX_LAB_CAFILE"
VERSION_VARIABLE = "RUSTPBX_LAB_SERVER_VERSION"


@cache
def process_hub() -> CallHub:
    """Return the hub of this process; made when it is first asked for.

    It lives in a module of its own because ``panel serve`` runs the application's code
    again for every page.

    Raises:
        ServerStartError: If the variable of the operators has an empty name.
        InvalidOptionError: If the file of certificates cannot be used, or the server's
            version is malformed.
    """
    cafile = os.environ.get(CAFILE_VARIABLE)
    logs = os.environ.get(LOGS_VARIABLE)
    named = os.environ.get(OPERATORS_VARIABLE)
    return CallHub(
        logs=Path(logs) if logs else None,
        operators=None if named is None else operator_names(named, OPERATORS_VARIABLE),
        ssl=tls_context(Path(cafile) if cafile else None),
        server_version=os.environ.get(VERSION_VARIABLE) or None,
    )


def process_endpoint() -> str:
    """Return what the connection form of a served process begins with."""
    return os.environ.get(ENDPOINT_VARIABLE, "ws://127.0.0.1:8080")
