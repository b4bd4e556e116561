"""The page in a cell of JupyterLab, offline."""

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import Page
from playwright.sync_api import TimeoutError as NotSeen
from waiting import until

from .site import answers

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(420)]

PATIENCE_S = 180
"""A lab and its kernel start beside a whole run of tests."""
RETRY_S = 10
"""A run that no kernel took is lost: the cell has no prompt with a star by then."""
HELLO = "the kernel answers"
CELLS = (
    f"print({HELLO!r})",
    """
from rustpbx_lab.dashboard.app import app
from rustpbx_lab.models.options import CallOption, VADOption
from rustpbx_lab.simulator.server.stand_in import StandIn
from rustpbx_lab.hub.hub import CallHub

running = StandIn(asr="scripted", tts="scripted").in_thread()
server = running.__enter__()
hub = CallHub()
call = hub.start(server.url, CallOption(vad=VADOption()))
""",
    "app(hub, server.url)",
    "ended = hub.hang_up(call.id)",
)
OUTPUT = ".jp-OutputArea-output"
PROMPT = ".jp-InputPrompt"
NEVER_RUN = re.compile(r"^\[\s*\]:?$")


def write_notebook(path: Path) -> None:
    # here, since it takes seconds to import, in each worker that collects the tests
    import nbformat

    notebook = nbformat.v4.new_notebook()
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    notebook.cells = [nbformat.v4.new_code_cell(cell.strip()) for cell in CELLS]
    nbformat.write(notebook, path)


@pytest.fixture
def jupyterlab(tmp_path: Path) -> Iterator[str]:
    """A lab, and a notebook in it."""
    write_notebook(tmp_path / "page.ipynb")
    config = tmp_path / "config"
    config.mkdir()
    quiet = {
        "LabApp": {"news_url": None, "expose_app_in_browser": True},
        "IdentityProvider": {"token": ""},
    }
    (config / "jupyter_server_config.json").write_text(json.dumps(quiet))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = [sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root"]
    places = {"JUPYTER_CONFIG_DIR": str(config), "JUPYTER_DATA_DIR": str(tmp_path)}
    printed = tmp_path / "lab.txt"
    with (
        printed.open("wb") as output,
        subprocess.Popen(
            [*program, "--ServerApp.ip=127.0.0.1", f"--port={port}"],
            cwd=tmp_path,
            env={**os.environ, **places},
            stdout=output,
            stderr=output,
        ) as process,
    ):
        try:
            url = f"http://127.0.0.1:{port}"
            until(lambda: answers(f"{url}/api"), PATIENCE_S, "JupyterLab")
            yield url
        except AssertionError:
            print(printed.read_text(errors="replace")[-4000:])  # noqa: T201
            raise
        finally:
            process.terminate()
            process.wait(30)


def choose_kernel(tab: Any) -> None:
    """Answer what JupyterLab asks if a cell is run before its kernel is there."""
    question = tab.locator(".jp-Dialog").last
    if question.is_visible():
        question.locator("button.jp-mod-accept").click()
        question.wait_for(state="hidden")


def run(tab: Any, number: int) -> Any:
    """Run a cell and return its output; run it again if no kernel took it.

    A kernel that is said to be idle may take nothing yet, and says so to nobody: what
    tells is the cell's prompt, a star while it waits and then a number.
    """
    cell = tab.locator(".jp-Notebook .jp-CodeCell").nth(number)
    prompt = cell.locator(PROMPT)

    def is_taken() -> bool:
        return not NEVER_RUN.match((prompt.text_content() or "").strip())

    def is_done() -> bool:
        return (prompt.text_content() or "").strip()[1:-2].isdigit()

    def was_run() -> bool:
        choose_kernel(tab)
        try:
            cell.click(position={"x": 200, "y": 5}, timeout=RETRY_S * 1000)
        except NotSeen:
            return False  # a question came up just now
        tab.keyboard.press("Shift+Enter")
        try:
            until(is_taken, RETRY_S)
            until(is_done, PATIENCE_S / 3)
        except AssertionError:
            return False
        return True

    until(was_run, PATIENCE_S, f"a kernel that runs cell {number}")
    return cell.locator(OUTPUT)


def test_a_call_is_watched_and_steered_from_a_cell(chromium: Any, jupyterlab: str):
    tab = chromium.new_page(viewport={"width": 1600, "height": 1300})
    tab.set_default_timeout(60_000)
    page = Page(tab, "127.0.0.1")
    tab.goto(f"{jupyterlab}/lab/tree/page.ipynb")
    tab.locator(".jp-Notebook .jp-CodeCell").first.wait_for()
    run(tab, 0).filter(has_text=HELLO).wait_for()
    run(tab, 1)
    run(tab, 2).locator("iframe").wait_for()
    frame = tab.frame_locator(f"{OUTPUT} iframe")
    frame.locator(".row.ev", has_text="answer").first.wait_for()
    frame.get_by_text("In call", exact=False).first.wait_for()
    frame.locator("button", has_text="Interrupt").last.click()
    frame.locator(".row.ev", has_text="interrupt").first.wait_for()
    assert frame.locator("canvas").count() >= 7
    # the call lives across cells, and the page follows what another cell does
    run(tab, 3)
    frame.get_by_text("Disconnected", exact=False).first.wait_for()
    tab.close()
    assert page.foreign == []
