"""Run a command that serves a page, open the page, and end it with Ctrl+C."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

LIMIT_S = 180
"""For all of it: the first start may install the package."""


def main(command: list[str]) -> None:
    """Run it; a page that does not answer, or a traceback, ends with exit code 1."""
    running = subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # to end a runner such as uvx with its child
    )
    limit = threading.Timer(LIMIT_S, _kill, [running])
    limit.start()
    try:
        said = _use(running)
    finally:
        limit.cancel()
        _kill(running)
    if running.wait() != 0 or "dashboard on" not in said or "Traceback" in said:
        sys.exit(f"no page was served: it ended with {running.returncode}")


def _use(running: subprocess.Popen[str]) -> str:
    """Wait for the page, read it, interrupt the command; return what it said."""
    assert running.stderr is not None
    lines: list[str] = []
    for line in running.stderr:
        print(line, end="")
        lines.append(line)
        if found := re.search(r"dashboard on (http://\S+)", line):
            assert b"Bokeh" in _read(found[1])
            # to it alone: without a terminal, uvx passes it on to its child
            running.send_signal(signal.SIGINT)
    running.wait()
    return "".join(lines)


def _kill(running: subprocess.Popen[str]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(running.pid, signal.SIGKILL)


def _read(url: str) -> bytes:
    """Return the page, which may begin to listen a moment after it is announced."""
    deadline = time.monotonic() + 60
    while True:
        try:
            with build_opener(ProxyHandler({})).open(url, timeout=60) as page:
                return page.read()
        except URLError as error:
            refused = isinstance(error.reason, ConnectionRefusedError)
            if not refused or time.monotonic() > deadline:
                raise
            time.sleep(0.2)


if __name__ == "__main__":
    main(sys.argv[1:])
