"""What the README promises works as it stands there."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from rustpbx_lab.simulator.server.stand_in import StandIn

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")


@pytest.mark.slow
def test_the_lines_of_python_run_as_they_stand_there():
    (program,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    with StandIn(asr="scripted", tts="scripted").in_thread() as server:
        here = program.replace("ws://127.0.0.1:8080", server.url)
        assert here != program
        ran = subprocess.run(
            [sys.executable, "-W", "error", "-c", here],
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert ran.returncode == 0, ran.stderr
    assert "TrackEnd(" in ran.stdout
    assert "time_ms" in ran.stdout


def test_its_pictures_and_pages_exist():
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target


def test_its_make_targets_exist():
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for target in re.findall(r"`?make (\w+)", README):
        if target not in ("and", "demo"):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_its_commands_exist():
    said = subprocess.run(
        [sys.executable, "-m", "rustpbx_lab.cli", "--help"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout
    for command in set(re.findall(r"rustpbx-lab (\w+)", README)):
        assert re.search(rf"^\s+{command}\s", said, re.MULTILINE), command
