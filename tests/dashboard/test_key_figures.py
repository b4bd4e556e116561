"""A key figure has one value: on the page, in ``analyse``, in CSV and in JSON."""

import csv
import json
from pathlib import Path

import pandas as pd
import pytest
from analysis.generated_calls import GeneratedCall

from rustpbx_lab.analysis.key_figures import KEY_FIGURES, figure_values
from rustpbx_lab.analysis.summary import summaries
from rustpbx_lab.cli import run
from rustpbx_lab.dashboard.pages.header import Header
from rustpbx_lab.dashboard.pages.key_figures import SHOWN, strip
from rustpbx_lab.dashboard.state.call_view import CallView
from rustpbx_lab.hub.hub import CallHub
from rustpbx_lab.log import read_log
from rustpbx_lab.wording import clock, thousands
from rustpbx_lab.workbench.call_table import summarise_files

RECORDINGS = Path(__file__).parents[1] / "recordings"
FILES = sorted(
    path for path in RECORDINGS.glob("*.jsonl") if ".sipflow." not in path.name
)
N_GENERATED = 200


def seen_in_steps(hub: CallHub, path: Path) -> CallView:
    """Return a saved call as a page has read it, a few rows a tick."""
    view = CallView(hub.replay(path, at_end=True))
    while view.refresh(7):
        pass
    assert view.seen == len(view.log) > 0
    return view


def check(hub: CallHub, path: Path) -> None:
    view = seen_in_steps(hub, path)
    numbers = view.numbers.now(view.duration_ms)
    on_page = figure_values(numbers)
    (row,) = summarise_files([path]).rows
    assert {name: row[name] for name in on_page} == on_page, path.name
    html = strip(numbers)
    for figure in KEY_FIGURES:
        value = on_page[figure.name]
        if figure.name in SHOWN and value is not None:
            shown = {f">{sign}{thousands(value)}</b>" for sign in ("", "~")}
            assert any(one in html for one in shown), (path.name, figure.name)
    header = Header()
    header.show(view, None)
    shown = f"<b>{clock(row['duration_ms'] or 0, 1)}</b>"
    assert shown in header.pane.object, path.name


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_figures_of_a_recording_are_the_same_everywhere(hub: CallHub, path: Path):
    check(hub, path)


@pytest.mark.slow
def test_the_figures_of_generated_calls_are_the_same_everywhere(
    hub: CallHub, tmp_path: Path
):
    for seed in range(N_GENERATED):
        path = tmp_path / f"{seed}.events.jsonl"
        GeneratedCall(seed).log.save(path)
        check(hub, path)


def test_files_and_tables_hold_what_analyse_prints(tmp_path: Path, capsys):
    out = tmp_path / "calls.csv"
    paths = [str(path) for path in FILES]
    assert run(["analyse", *paths, "--csv", str(out), "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)["calls"]
    with out.open(encoding="utf-8", newline="") as file:
        saved = list(csv.DictReader(file))
    table = summaries(map(read_log, FILES))
    for number, row in enumerate(printed):
        for figure in KEY_FIGURES:
            value = row[figure.name]
            assert saved[number][figure.name] == ("" if value is None else str(value))
            held = table[figure.name][number]
            assert (None if pd.isna(held) else held) == value
