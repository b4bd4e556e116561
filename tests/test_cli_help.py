"""What the command line says about itself."""

import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import pytest
import typer

from rustpbx_lab import cli
from rustpbx_lab.cli.shared import app


def each_command(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Yield the name and the command of a tree, the groups too."""
    yield name, command
    for inner, below in getattr(command, "commands", {}).items():
        yield from each_command(below, f"{name} {inner}")


COMMANDS = dict(each_command(typer.main.get_command(app), "rustpbx-lab"))


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_and_each_option_and_argument_has_a_line_of_help(name: str):
    command = COMMANDS[name]
    assert command.help
    bare = [one.name for one in command.params if not getattr(one, "help", None)]
    assert bare == []


def test_the_whole_tree_was_walked():
    assert {"rustpbx-lab call", "rustpbx-lab vad replay"} <= set(COMMANDS)


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]):
    assert cli.run(["--version"]) == 0
    assert capsys.readouterr().out == f"rustpbx-lab {version('rustpbx-lab')}\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_completes_the_names_of_commands(shell: str):
    asked = {
        "_RUSTPBX_LAB_COMPLETE": f"complete_{shell}",
        "COMP_WORDS": "rustpbx-lab sim",
        "COMP_CWORD": "1",
        "_TYPER_COMPLETE_ARGS": "rustpbx-lab sim",
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }
    code = "import sys; sys.argv = ['rustpbx-lab']\n"
    code += "from rustpbx_lab.__main__ import main; main()"
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env=asked,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "simulate" in ran.stdout, ran.stderr
