"""What a package of somebody else adds, each by one file and an entry point."""

import json
import logging
import os
import re
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pytest

from rustpbx_lab import plugins
from rustpbx_lab.audio.clip import Clip
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
ENGINES = """
import numpy as np

class PeakStream:
    def __init__(self):
        self.rest = np.zeros(0, np.int16)

    def push(self, samples):
        waiting = np.concatenate([self.rest, samples])
        n = len(waiting) // 80
        self.rest = waiting[n * 80:]
        frames = np.abs(waiting[:n * 80].reshape(n, 80).astype(float))
        return (frames.max(axis=1) / 32768).astype(np.float32) if n else np.zeros(
            0, np.float32)

class PeakEngine:
    name = "peak"
    frame_samples = 80
    sample_rate_hz = 8000

    def stream(self):
        return PeakStream()

    def probabilities(self, samples):
        return self.stream().push(samples)
"""
LANES = """
from rustpbx_lab.plots.labels import Label, Labels
from rustpbx_lab.plots.lanes.lane import Lane

class WordsLane(Lane):
    name = "Words"
    height_px = 30
    tables = ("recognition",)

    def __init__(self, axis, bands=None):
        super().__init__(axis, bands)
        self.labels = Labels(self.figure, axis.painter)

    def draw(self, scene):
        self.labels.show([
            Label(row.said_ms, 15, row.text)
            for row in scene.rows("recognition")
        ])

class BrokenLane(Lane):
    name = "Broken"
    height_px = 20

    def draw(self, scene):
        raise ZeroDivisionError
"""
PAGES = """
import panel as pn
from rustpbx_lab.dashboard.pages.page import Page

class NotesPage(Page):
    title = "Notes"
    icon = "edit_note"

    def __init__(self, host):
        super().__init__(host)
        self.rows = pn.pane.Str("no call")

    @property
    def body(self):
        return self.rows

    def show_call(self, view):
        self.rows.object = "no call" if view is None else f"{view.call.id}: a note"

class BrokenPage(NotesPage):
    title = "Broken"

    def tick(self, has_drawn):
        raise ZeroDivisionError

class ImpossiblePage(NotesPage):
    title = "Impossible"

    def __init__(self, host):
        raise ValueError("no room")
"""
SHOWN = """
import logging
import sys
from pathlib import Path
logging.basicConfig(level=logging.WARNING, stream=sys.stdout)
from rustpbx_lab.dashboard.app import prepare
from rustpbx_lab.dashboard.shell import Shell
from rustpbx_lab.hub.hub import CallHub
from rustpbx_lab.log import EventLog
from rustpbx_lab.plots.call_figure import call_figure

prepare()
with CallHub() as hub:
    call = hub.replay(Path(sys.argv[1]), at_end=True)
    shell = Shell(hub)
    for _ in range(3):
        shell.refresh()
    timeline = shell.page_of("Live").timeline
    print([lane.name for lane in timeline.lanes][6:])
    print(len(timeline.lane("Words").labels.source.data["text"]), "words")
    print([item["label"] for item in timeline.bar.lanes.items][-2:])
    for title in ("Notes", "Broken", "Impossible"):
        shell.show_page(title)
        for _ in range(2):
            shell.refresh()
        print(shell.nav.at)
    print(shell.pages["Notes"].rows.object)
    print(shell.pages["Impossible"].body[0].object)
print(len(call_figure(EventLog.load(sys.argv[1])).children), "plots")
"""
ENTRY_POINTS = """
[rustpbx_lab.key_figures]
overlaps = acme_figures:OVERLAPS
[rustpbx_lab.lint_rules]
no_recorder = acme_rules:no_recorder
broken = acme_nowhere:rule
[rustpbx_lab.engines]
peak = acme_engines:PeakEngine
[rustpbx_lab.lanes]
words = acme_lanes:WordsLane
broken = acme_lanes:BrokenLane
none = acme_lanes:Label
[rustpbx_lab.pages]
notes = acme_pages:NotesPage
broken = acme_pages:BrokenPage
impossible = acme_pages:ImpossiblePage
"""


@pytest.fixture
def installation(tmp_path: Path) -> Path:
    """A folder in which a package is installed."""
    (tmp_path / "acme_figures.py").write_text(FIGURES)
    (tmp_path / "acme_rules.py").write_text(RULES)
    (tmp_path / "acme_engines.py").write_text(ENGINES)
    (tmp_path / "acme_lanes.py").write_text(LANES)
    (tmp_path / "acme_pages.py").write_text(PAGES)
    about = tmp_path / "acme-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(ENTRY_POINTS)
    return tmp_path


def environment(installation: Path) -> dict[str, str]:
    path = os.pathsep.join([str(installation), os.environ.get("PYTHONPATH", "")])
    return {**os.environ, "PYTHONPATH": path}


def run(installation: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "rustpbx_lab.cli", *arguments],
        env=environment(installation),
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


@pytest.mark.slow
def test_a_vad_engine_is_added_by_one_file(installation: Path):
    loud = np.full(8000, 20_000, np.int16)
    quiet = np.zeros(8000, np.int16)
    wav = installation / "loud.wav"
    Clip(np.concatenate([quiet, loud, quiet]), 8000).write(wav)
    found = run(installation, "vad", "replay", str(wav), "--engine", "peak", "--json")
    assert found.returncode == 0, found.stderr
    told = [
        (event["event"], event["startTime"])
        for event in json.loads(found.stdout)["events"]
    ]
    assert ("speaking", 1000) in told, "frames of 10 ms"
    refused = run(installation, "vad", "replay", str(wav), "--engine", "none")
    assert refused.returncode == 2
    assert "silero-lite, energy, peak" in refused.stderr


@pytest.mark.slow
def test_a_lane_and_a_page_are_added_by_one_file_each(installation: Path):
    script = installation / "shown.py"
    script.write_text(SHOWN)
    found = subprocess.run(
        [sys.executable, str(script), str(RECORDING)],
        env=environment(installation),
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert found.returncode == 0, found.stderr
    told = found.stdout
    assert "['Words', 'Broken']" in told
    assert int(re.search(r"(\d+) words", told)[1]) >= 1
    assert "cannot use acme_lanes:Label: it is not a subclass of Lane" in told
    assert told.count("cannot draw the lane Broken") == 2, "the page's and the figure's"
    for title in ("Notes", "Broken", "Impossible"):
        assert f"\n{title}\n" in told
    assert ": a note" in told
    assert told.count("Broken.tick failed; it is not called again") == 1
    assert "The page Impossible could not be made: no room" in told
    assert "8 plots" in told


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
