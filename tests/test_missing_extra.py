"""What to type when an optional package is missing depends on the installation."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ASK = "import sys; sys.path.insert(0, {!r}); from rustpbx_lab import errors; "
ASK += "print(errors.MissingExtraError('a recogniser', 'local'))"


def message(folder: Path, origin: dict[str, object] | None) -> str:
    """Return the message of an installation that came from ``origin``."""
    info = folder / "rustpbx_lab-9.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.4\nName: rustpbx-lab\n")
    if origin is not None:
        (info / "direct_url.json").write_text(json.dumps(origin))
    ran = subprocess.run(
        [sys.executable, "-c", ASK.format(str(folder))],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


EDITABLE = {"url": "file:///home/ada/lab", "dir_info": {"editable": True}}
WHEEL = {"url": "file:///tmp/lab.whl", "archive_info": {}}


@pytest.mark.parametrize(
    ("origin", "command"),
    [
        (None, "pip install 'rustpbx-lab[local]'"),
        (EDITABLE, "pip install --editable '/home/ada/lab[local]'"),
        (WHEEL, "pip install 'rustpbx-lab[local] @ file:///tmp/lab.whl'"),
        (WHEEL, "uvx --from 'rustpbx-lab[local] @ file:///tmp/lab.whl' rustpbx-lab"),
    ],
    ids=["index", "editable", "wheel", "uvx"],
)
def test_it_names_the_place_the_package_came_from(
    tmp_path: Path, origin: dict[str, object] | None, command: str
):
    assert command in message(tmp_path, origin)
