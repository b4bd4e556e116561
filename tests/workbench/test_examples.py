"""The example notebooks reach whoever installed the package."""

from pathlib import Path

import pytest

from rustpbx_lab import cli


def test_the_notebooks_are_copied_to_a_new_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    folder = tmp_path / "new" / "notebooks"
    assert cli.run(["notebooks", str(folder)]) == 0
    copies = [Path(line) for line in capsys.readouterr().out.splitlines()]
    assert copies == sorted(folder.iterdir())
    original = Path(__file__).parents[2] / "notebooks" / copies[0].name
    assert copies[0].read_bytes() == original.read_bytes()


def test_a_notebook_that_was_worked_on_is_not_replaced(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert cli.run(["notebooks", str(tmp_path)]) == 0
    first = min(tmp_path.iterdir())
    first.write_text("mine")
    assert cli.run(["notebooks", str(tmp_path)]) == 2
    assert "the file exists" in capsys.readouterr().err
    assert first.read_text() == "mine"
    assert cli.run(["notebooks", str(tmp_path), "--overwrite"]) == 0
    assert first.read_text() != "mine"


def test_a_folder_that_is_a_file_is_one_line_and_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    taken = tmp_path / "taken"
    taken.write_text("")
    assert cli.run(["notebooks", str(taken)]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
