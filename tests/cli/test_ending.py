"""How commands end: one line, the exit code that scripts expect, no traceback."""

import logging
import re
from pathlib import Path

import pytest
import typer

from rustpbx_lab.cli.ending import (
    DEFECT,
    INTERRUPTED,
    MISTAKE,
    NOBODY_READS,
    exit_code_of,
)
from rustpbx_lab.cli.output import BrokenOutputError, output
from rustpbx_lab.cli.verbosity import logging_to_output, with_verbosity
from rustpbx_lab.errors import ConnectError, LogFileError

MISTAKES = ExceptionGroup(
    "unhandled", [LogFileError("no\nlog"), ExceptionGroup("x", [LogFileError("b")])]
)


def raising(error: BaseException):
    def command() -> None:
        raise error

    return command


def test_a_mistake_is_one_line(capsys):
    assert exit_code_of(raising(ConnectError("ws://h", "no\n route"))) == MISTAKE
    assert capsys.readouterr().err == (
        "rustpbx-lab: cannot connect to 'ws://h': no route\n"
    )


def test_mistakes_in_groups_are_a_line_each(capsys):
    assert exit_code_of(raising(MISTAKES)) == MISTAKE
    assert capsys.readouterr().err == "rustpbx-lab: no log\nrustpbx-lab: b\n"


@pytest.mark.parametrize(
    ("inside", "code"),
    [
        (KeyboardInterrupt(), INTERRUPTED),
        (BrokenOutputError(), NOBODY_READS),
        (SystemExit(3), 3),
    ],
)
def test_what_ends_a_task_group_ends_the_program_as_outside_of_one(
    capsys, inside, code
):
    assert exit_code_of(raising(inside)) == code
    group = BaseExceptionGroup("x", [inside, RuntimeError("meanwhile")])
    assert exit_code_of(raising(BaseExceptionGroup("y", [group]))) == code
    assert capsys.readouterr().err == ""


def test_a_defect_is_one_line_and_a_file_with_its_traceback(capsys):
    with logging_to_output():
        assert exit_code_of(raising(TypeError("secret\nplan"))) == DEFECT
    printed = capsys.readouterr().err
    assert printed.count("\n") == 1
    assert "unexpected TypeError: secret plan" in printed
    path = Path(re.search(r"with (\S+\.txt)", printed)[1])
    assert "Traceback" in path.read_text("utf-8")
    assert path.stat().st_mode & 0o077 == 0
    path.unlink()


def test_verbose_shows_the_traceback_of_a_defect(capsys):
    with logging_to_output():
        command = with_verbosity(raising(TypeError("x")))
        assert exit_code_of(lambda: command(verbose=1, quiet=False)) == DEFECT
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "levels"),
    [
        ([], ["warning", "error"]),
        (["-v"], ["info", "warning", "error"]),
        (["-vv"], ["debug", "info", "warning", "error"]),
        (["--quiet"], ["error"]),
        (["-q", "-v"], ["error"]),
    ],
)
@pytest.mark.parametrize("is_before", [True, False])
def test_verbosity_chooses_what_is_logged(capsys, arguments, levels, is_before):
    from rustpbx_lab.cli.shared import program

    app = typer.Typer()
    app.callback()(program)

    @app.command()
    @with_verbosity
    def log() -> None:
        for level in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR):
            logging.getLogger("rustpbx_lab.test").log(level, "of %s", "a call")
        output.progress("progress")

    words = [*arguments, "log"] if is_before else ["log", *arguments]
    with logging_to_output():
        assert exit_code_of(lambda: app(words)) == 0
    lines = capsys.readouterr().err.splitlines()
    progress = [] if levels[0] == "error" else ["progress"]
    assert lines == [f"{level}: of a call" for level in levels] + progress


def test_nothing_of_a_command_stays_in_logging():
    root, ours = logging.getLogger(), logging.getLogger("rustpbx_lab")
    before = list(root.handlers), root.level, ours.level
    with logging_to_output():
        assert len(root.handlers) == len(before[0]) + 1
    assert (list(root.handlers), root.level, ours.level) == before
