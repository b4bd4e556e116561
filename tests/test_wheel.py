"""What is built from the source: nothing that the product needs is missing."""

import subprocess
import sys
import tarfile
import zipfile
from email import message_from_string
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "rustpbx_lab"


def build(source: Path, target: str, folder: Path) -> Path:
    """Build a wheel or an sdist, offline, and return it."""
    built = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(folder)],
        cwd=source,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    (path,) = folder.iterdir()
    return path


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(ROOT, "wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(ROOT, "sdist", tmp_path_factory.mktemp("sdist"))


def test_a_wheel_has_every_file_of_the_package_and_the_notebooks(wheel: Path):
    expected = {
        path.relative_to(ROOT).as_posix()
        for path in PACKAGE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    notebooks = (ROOT / "notebooks").glob("*.ipynb")
    expected |= {f"rustpbx_lab/notebooks/{path.name}" for path in notebooks}
    found = {
        name for name in zipfile.ZipFile(wheel).namelist() if "dist-info" not in name
    }
    assert found == expected
    assert "rustpbx_lab/py.typed" in found


def test_a_wheel_says_what_it_is(wheel: Path):
    with zipfile.ZipFile(wheel) as archive:
        (metadata,) = [n for n in archive.namelist() if n.endswith("/METADATA")]
        said = message_from_string(archive.read(metadata).decode())
        folder = metadata.removesuffix("METADATA")
        entry_points = archive.read(f"{folder}entry_points.txt").decode()
        assert archive.read(f"{folder}licenses/LICENSE")
    assert said["License-Expression"] == "MIT"
    assert said.get_all("Provides-Extra") == ["all", "jupyter", "local", "webrtc"]
    assert "rustpbx-lab = rustpbx_lab.__main__:main" in entry_points


@pytest.mark.slow
def test_a_source_distribution_builds_the_same_wheel(
    wheel: Path, sdist: Path, tmp_path: Path
):
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path / "source", filter="data")
    (source,) = (tmp_path / "source").iterdir()
    assert (source / "tests" / Path(__file__).name).exists()
    again = build(source, "wheel", tmp_path / "wheel")
    assert again.name == wheel.name
    names = [sorted(zipfile.ZipFile(one).namelist()) for one in (wheel, again)]
    assert names[0] == names[1]
