"""The page in a cell of JupyterLab, offline."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from browser import Page
from waiting import until

from .site import answers

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CELLS = (
    """
from rustpbx_lab.dashboard.app import app
from rustpbx_lab.models.options import CallOption, VADOption
from rustpbx_lab.simulator.server import StandIn
from rustpbx_lab.workbench.hub import CallHub

running = StandIn(asr="scripted", tts="scripted").in_thread()
server = running.__enter__()
hub = CallHub()
call = hub.start(server.url, CallOption(vad=VADOption()))
""",
    "app(hub, server.url)",
)


@pytest.fixture
def jupyterlab(tmp_path: Path) -> Iterator[str]:
    pytest.importorskip("jupyterlab", reason="JupyterLab is not installed")
    notebook = nbformat.v4.new_notebook()
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    notebook.cells = [nbformat.v4.new_code_cell(cell.strip()) for cell in CELLS]
    nbformat.write(notebook, tmp_path / "page.ipynb")
    config = tmp_path / "config"
    config.mkdir()
    quiet = {"LabApp": {"news_url": None}, "ServerApp": {"token": "", "password": ""}}
    (config / "jupyter_server_config.json").write_text(json.dumps(quiet))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = [sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root"]
    places = {"JUPYTER_CONFIG_DIR": str(config), "JUPYTER_DATA_DIR": str(tmp_path)}
    with subprocess.Popen(
        [*program, "--ServerApp.ip=127.0.0.1", f"--port={port}"],
        cwd=tmp_path,
        env={**os.environ, **places},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            until(lambda: answers(f"{url}/api"), 60)
            yield url
        finally:
            process.terminate()


def test_a_call_is_watched_and_steered_from_a_cell(chromium: Any, jupyterlab: str):
    tab = chromium.new_page(viewport={"width": 1600, "height": 1300})
    page = Page(tab, "127.0.0.1")
    tab.goto(f"{jupyterlab}/lab/tree/page.ipynb")
    tab.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=60_000)
    tab.locator("li.lm-MenuBar-item", has_text="Run").click()
    tab.locator("li[data-command='runmenu:run-all']").click()
    frame = tab.frame_locator(".jp-OutputArea-output iframe")
    frame.locator(".row.ev", has_text="answer").first.wait_for(timeout=60_000)
    frame.get_by_text("In call", exact=False).first.wait_for()
    frame.locator("button", has_text="Interrupt").last.click()
    frame.locator(".row.ev", has_text="interrupt").first.wait_for()
    assert frame.locator("canvas").count() >= 7
    tab.close()
    assert page.foreign == []
