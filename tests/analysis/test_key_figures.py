"""Key figures: their definitions, and those that other packages add."""

import logging
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from rustpbx_lab import plugins as plugins_module
from rustpbx_lab.analysis import key_figures as module
from rustpbx_lab.analysis.key_figures import (
    KEY_FIGURES,
    KeyFigure,
    figure_values,
    key_figures,
    numbers,
)
from rustpbx_lab.analysis.summary import summary
from rustpbx_lab.log import EventLog

from .test_summary import talked

DOCUMENT = Path(__file__).parents[2] / "docs" / "key-figures.md"
SPEECH_RATE = KeyFigure("n_open_turns", "Open", "", "Turns so far.", lambda n: 7)


def added(name: str) -> EntryPoint:
    return EntryPoint(name, f"{__name__}:{name}", module.PLUGIN_GROUP)


@pytest.fixture
def plugins(monkeypatch: pytest.MonkeyPatch):
    """Let packages be installed that name these objects of this module."""
    points: list[EntryPoint] = []
    monkeypatch.setattr(plugins_module, "entry_points", lambda group: points)
    key_figures.cache_clear()
    yield points
    key_figures.cache_clear()


def test_names_are_unique_and_end_in_their_unit():
    names = [figure.name for figure in KEY_FIGURES]
    assert len(set(names)) == len(names)
    for figure in KEY_FIGURES:
        assert figure.name.endswith("_ms") == (figure.unit == "ms"), figure.name
        assert figure.name.endswith("_share") == (figure.unit == "share"), figure.name
        assert figure.about.endswith("."), figure.name


def test_a_call_without_an_answer_has_no_counts_that_look_like_zero():
    values = figure_values(numbers([], 0))
    known = {name: value for name, value in values.items() if value is not None}
    assert known == {"turn_latency_n": 0}


def test_a_package_adds_a_figure_by_an_entry_point(plugins):
    plugins.append(added("SPEECH_RATE"))
    assert key_figures() == (*KEY_FIGURES, SPEECH_RATE)
    assert summary(talked().log)["n_open_turns"] == 7


TAKEN = replace(SPEECH_RATE, name="n_turns")
NO_FIGURE = "n_words"
FAILING = replace(SPEECH_RATE, of=lambda n: 1 // 0)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("TAKEN", "'n_turns': it is taken"),
        ("NO_FIGURE", "not a KeyFigure"),
        ("MISSING", "cannot load"),
    ],
)
def test_a_figure_that_cannot_be_used_is_told_and_left_out(
    plugins, caplog, name: str, told: str
):
    plugins.append(added(name))
    with caplog.at_level(logging.WARNING):
        assert key_figures() == KEY_FIGURES
    assert told in caplog.text


def test_a_figure_that_fails_is_unknown_and_ends_nothing(plugins, caplog):
    plugins.append(added("FAILING"))
    values = figure_values(numbers([], 0))
    assert values["n_open_turns"] is None
    assert "cannot compute the key figure n_open_turns" in caplog.text
    assert summary(EventLog())["n_open_turns"] is None


def test_the_documentation_lists_every_figure():
    rows = [
        f"| `{figure.name}` | {figure.title} | {figure.unit or 'count'} | "
        f"{figure.about} |"
        for figure in KEY_FIGURES
    ]
    document = DOCUMENT.read_text("utf-8")
    assert [row for row in rows if row not in document] == []
    assert document.count("\n| `") == len(rows)
