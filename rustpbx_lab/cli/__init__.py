"""rustpbx-lab: every command line entry; the work is done elsewhere."""

import logging
import sys

from rich.logging import RichHandler

from rustpbx_lab.errors import RustpbxLabError

from . import calls, files, servers
from .shared import app, told

__all__ = ["app", "calls", "files", "main", "run", "servers"]


def main() -> None:
    """Run the command line; a user's mistake ends with 2 and one clear line."""
    logging.basicConfig(
        level=logging.WARNING,
        format="%(message)s",
        handlers=[RichHandler(console=told, show_path=False, markup=False)],
    )
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code; errors are told, not raised."""
    try:
        app(arguments)
    except RustpbxLabError as error:
        told.print(f"rustpbx-lab: {' '.join(str(error).split())}")
        return 2
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 0
    return 0
