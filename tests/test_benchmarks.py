"""Every benchmark runs, in its smallest form; none of its figures is judged."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "benchmarks"
SMALLEST = {
    "calls": "--calls 3 --seconds 0.5 --backend asyncio",
    "ingest": "--events 500 --pairs 1",
    "log": "--rows 2000 --runs 1",
    "vad": "--runs 1 --settings 2",
    "page": "--rates 50 --seconds 1 --settle 3",
    "open_page": "--openings 1",
}
HELPERS = {"crowd", "flood", "measure", "page_host", "steady"}
"""What the others run or import."""
IN_BROWSER = {"page", "open_page"}
LIMIT_S = 100

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2 * LIMIT_S)]


def test_no_benchmark_is_left_out():
    assert {path.stem for path in FOLDER.glob("*.py")} == SMALLEST.keys() | HELPERS


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.browser if name in IN_BROWSER else ())
        for name in SMALLEST
    ],
)
def test_a_benchmark_runs_and_writes_its_figures(name: str, tmp_path: Path):
    written = tmp_path / "figures.json"
    words = [*SMALLEST[name].split(), "--json", str(written)]
    command = [sys.executable, str(FOLDER / f"{name}.py"), *words]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    figures = json.loads(written.read_text("utf-8"))
    assert json.loads(done.stdout) == figures
    values = list(numbers(figures))
    assert values, "no figure at all"
    assert all(value >= 0 for value in values)


def numbers(part: object) -> list[float]:
    """Return every number of a JSON document; an unknown one fails."""
    if isinstance(part, dict):
        return [value for each in part.values() for value in numbers(each)]
    if isinstance(part, list):
        return [value for each in part for value in numbers(each)]
    assert part is not None, "a figure without a value"
    return [] if isinstance(part, (str, bool)) else [float(part)]
