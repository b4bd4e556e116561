"""The browser's scripts: they parse, and their pure parts compute what they should."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

import rustpbx_lab
from rustpbx_lab.dashboard.browser.scripts import script, stylesheet

FOLDER = Path(rustpbx_lab.__file__).parent / "dashboard" / "browser" / "scripts"
SCRIPTS = sorted(path.stem for path in FOLDER.glob("*.js"))
STYLES = sorted(path.stem for path in FOLDER.glob("*.css"))
NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="needs node (Debian: nodejs)")


def run(folder: Path, source: str, *lines: str) -> Any:
    """Return what a script's last expression is, as JSON; ``lines`` import from it."""
    (folder / "script.mjs").write_text(source, "utf-8")
    *before, last = lines
    test = "\n".join([*before, f"console.log(JSON.stringify({last}))"])
    (folder / "test.mjs").write_text(test, "utf-8")
    ran = subprocess.run(
        [str(NODE), str(folder / "test.mjs")],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


@needs_node
def test_every_script_is_valid_javascript(tmp_path: Path):
    for name in SCRIPTS:
        copy = tmp_path / f"{name}.mjs"
        copy.write_text(script(name), "utf-8")
        ran = subprocess.run(
            [str(NODE), "--check", str(copy)],
            capture_output=True,
            text=True,
            timeout=30,
        )
        assert ran.returncode == 0, ran.stderr


def test_scripts_and_styles_are_read_as_they_stand_there():
    assert len(SCRIPTS) > 15
    for name in STYLES:
        text = stylesheet(name)
        assert text.count("{") == text.count("}") > 0, name
    together = script("copy", "keys")
    assert together.index("copyText(text)") < together.index("export function render")


@needs_node
@pytest.mark.parametrize(
    ("ms", "began", "shown"),
    [
        (0, None, "00:00.0"),
        (43_099, None, "00:43.0"),
        (3_723_950, None, "1:02:03.9"),
        (-500, None, "00:00.0"),
        (1500, 12 * 3_600_000, "12:00:01"),
        (0, 24 * 3_600_000 - 1, "23:59:59"),
        (1, 24 * 3_600_000 - 1, "00:00:00"),
    ],
)
def test_the_players_clock_reads_like_that_of_the_page(
    tmp_path: Path, ms: int, began: int | None, shown: str
):
    call = f"clock({ms}, {json.dumps(began)})"
    found = run(tmp_path, script("player"), "import {clock} from './script.mjs'", call)
    assert found == shown
