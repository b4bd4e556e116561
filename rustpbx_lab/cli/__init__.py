"""The commands of rustpbx-lab; each calls one use case of another room."""

import sys
from functools import partial

from . import calls, files, servers
from .ending import exit_code_of
from .shared import app
from .verbosity import logging_to_output

__all__ = ["app", "calls", "files", "main", "run", "servers"]


def main() -> None:
    """Run the command line; a user's mistake ends with 2 and one clear line."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code; errors are reported, not raised."""
    with logging_to_output():
        return exit_code_of(partial(app, arguments))
