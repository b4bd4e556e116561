"""What a package of somebody else adds, each by one file and an entry point."""

import json
import logging
import os
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from rustpbx_lab import plugins
from rustpbx_lab.lint.rules import installed_rules, remarks
from rustpbx_lab.models.options import CallOption

RECORDING = Path(__file__).parent / "recordings" / "conversation.log.jsonl"
FIGURES = """
from rustpbx_lab.analysis.key_figures import KeyFigure

OVERLAPS = KeyFigure("n_overlaps", "Overlaps", "", "Stretches in which both spoke.",
                     lambda numbers: len(numbers.overlaps))
"""
RULES = """
from rustpbx_lab.lint.remark import Remark

def no_recorder(option):
    if option.recorder is None:
        yield Remark("recorder", "info", "our calls are recorded", "a recorder")
"""
ENTRY_POINTS = """
[rustpbx_lab.key_figures]
overlaps = acme_figures:OVERLAPS
[rustpbx_lab.lint_rules]
no_recorder = acme_rules:no_recorder
broken = acme_nowhere:rule
"""


@pytest.fixture
def installation(tmp_path: Path) -> Path:
    """A folder in which a package is installed."""
    (tmp_path / "acme_figures.py").write_text(FIGURES)
    (tmp_path / "acme_rules.py").write_text(RULES)
    about = tmp_path / "acme-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(ENTRY_POINTS)
    return tmp_path


def run(installation: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(installation), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, "-m", "rustpbx_lab.cli", *arguments],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=50,
    )


@pytest.mark.slow
def test_a_key_figure_is_added_by_one_file(installation: Path):
    found = run(installation, "analyse", str(RECORDING), "--json")
    assert found.returncode == 0, found.stderr
    (row,) = json.loads(found.stdout)["calls"]
    assert row["n_overlaps"] >= 0
    assert (
        "n_overlaps"
        not in json.loads(
            run(installation.parent, "analyse", str(RECORDING), "--json").stdout
        )["calls"][0]
    )


@pytest.mark.slow
def test_a_lint_rule_is_added_by_one_file(installation: Path):
    option = installation / "option.json"
    option.write_text("{}")
    found = run(installation, "lint", str(option), "--json")
    assert "our calls are recorded" in found.stdout
    assert '"no_recorder"' in found.stdout
    assert "cannot load acme_nowhere:rule" in found.stderr, "said, and nothing is lost"


def failing(option: CallOption) -> None:
    raise ZeroDivisionError


def test_a_rule_that_fails_is_logged_and_costs_no_other_remark(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    before = remarks(CallOption())
    point = EntryPoint("failing", f"{__name__}:failing", "rustpbx_lab.lint_rules")
    monkeypatch.setattr(plugins, "entry_points", lambda group: [point])
    installed_rules.cache_clear()
    try:
        with caplog.at_level(logging.WARNING):
            assert remarks(CallOption()) == before
    finally:
        monkeypatch.undo()
        installed_rules.cache_clear()
    assert "cannot run the lint rule failing" in caplog.text
