"""``-v``, ``-vv`` and ``--quiet``: verbosity on standard error."""

import functools
import inspect
import logging
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from .output import output

LOGGER = "rustpbx_lab"
"""The logger of the package; everything in it logs below this name."""

Verbose = Annotated[
    int,
    typer.Option(
        "--verbose",
        "-v",
        count=True,
        show_default=False,
        help="Report more on standard error; twice: every message of a call.",
    ),
]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Report nothing but errors.")
]


class OutputHandler(logging.Handler):
    """Sends log records to standard error, one line each."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print a record, with its traceback if it has one."""
        try:
            text = f"{record.levelname.lower()}: {self.format(record)}"
        except Exception:  # noqa: BLE001  (a record that cannot be formatted)
            self.handleError(record)
            return
        output.error(text)


@contextmanager
def logging_to_output() -> Generator[None]:
    """Show warnings of the package (and of others) while a command runs."""
    handler = OutputHandler()
    root, ours = logging.getLogger(), logging.getLogger(LOGGER)
    levels = root.level, ours.level
    root.addHandler(handler)
    set_verbosity(0, False)
    try:
        yield
    finally:
        root.removeHandler(handler)
        root.setLevel(levels[0])
        ours.setLevel(levels[1])
        output.is_quiet = False


def set_verbosity(verbose: int, quiet: bool) -> None:
    """Choose what is reported: ``--quiet`` wins over ``-v``."""
    output.is_quiet = quiet
    level = (logging.WARNING, logging.INFO, logging.DEBUG)[min(max(verbose, 0), 2)]
    logging.getLogger(LOGGER).setLevel(logging.ERROR if quiet else level)
    logging.getLogger().setLevel(logging.ERROR if quiet else logging.WARNING)


def with_verbosity(command: Callable[..., object]) -> Callable[..., object]:
    """Return the command with the options ``--verbose`` and ``--quiet`` added."""

    @functools.wraps(command)
    def run(*args: Any, verbose: int, quiet: bool, **options: Any) -> object:
        if verbose or quiet:  # else those in front of the command's name count
            set_verbosity(verbose, quiet)
        return command(*args, **options)

    added = [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind
        )
        for name, default, kind in (("verbose", 0, Verbose), ("quiet", False, Quiet))
    ]
    signature = inspect.signature(command)
    parameters = [*signature.parameters.values(), *added]
    run.__signature__ = signature.replace(parameters=parameters)  # pyright: ignore[reportAttributeAccessIssue]
    return run
