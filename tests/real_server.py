"""The real Active Call server, for the tests that ask it.

They run when ``RUSTPBX_LAB_REAL_SERVER`` names its binary, and are skipped otherwise.
"""

import os
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

VARIABLE = "RUSTPBX_LAB_REAL_SERVER"
START_S = 20
STOP_S = 5


@dataclass(frozen=True)
class RealServer:
    """A running server: where it listens, and the folder it runs in."""

    http_port: int
    sip_port: int
    folder: Path

    @property
    def url(self) -> str:
        """Where clients connect to: ``ws://127.0.0.1:8080``."""
        return f"ws://127.0.0.1:{self.http_port}"

    @property
    def sip_address(self) -> str:
        """Where SIP (UDP) is heard: ``127.0.0.1:5060``."""
        return f"127.0.0.1:{self.sip_port}"

    @property
    def recorders(self) -> Path:
        """Where it writes event logs and recordings."""
        return self.folder / "config" / "recorders"

    @property
    def output(self) -> str:
        """What the server has logged so far."""
        return (self.folder / "server.log").read_text("utf-8", "replace")


def real_server_binary() -> Path | None:
    """Return the binary that the environment names; None if it names none."""
    named = os.environ.get(VARIABLE)
    return Path(named) if named else None


def real_server_version(binary: Path | None = None) -> str:
    """Return the release of a binary, such as ``0.3.83``; None is the named one."""
    binary = binary or real_server_binary()
    answer = subprocess.run(
        [str(binary), "--version"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return answer.stdout.strip().split()[-1]


@contextmanager
def running_real_server(
    *,
    handler: str | None = None,
    config: str | None = None,
    binary: Path | None = None,
) -> Iterator[RealServer]:
    """Run the real server on free ports of the loopback, in a folder of its own.

    Skips the test when there is no binary.

    Args:
        handler: What takes incoming SIP calls: a webhook's URL or a playbook.
        config: TOML of its configuration file, behind the addresses that must stand in
            it; None runs without a file. Another set of defaults holds with a file.
        binary: The server's program; None is the one that the environment names.
    """
    binary = binary or real_server_binary()
    if binary is None:
        pytest.skip(f"needs the real server: set {VARIABLE} to its binary")
    with tempfile.TemporaryDirectory(prefix="real-server-") as folder:
        server = RealServer(
            _free_port(socket.SOCK_STREAM), _free_port(socket.SOCK_DGRAM), Path(folder)
        )
        arguments = [str(binary), "--http", f"127.0.0.1:{server.http_port}"]
        arguments += ["--sip", server.sip_address]
        if handler is not None:
            arguments += ["--handler", handler]
        if config is not None:
            file = server.folder / "server.toml"
            file.write_text(
                f'http_addr = "127.0.0.1:{server.http_port}"\naddr = "127.0.0.1"\n'
                f"udp_port = {server.sip_port}\n{config}",
                "utf-8",
            )
            arguments += ["--conf", str(file)]
        log = (server.folder / "server.log").open("wb")
        environment = {"RUST_LOG": "info", **os.environ, "NO_COLOR": "1"}
        with log, _process(arguments, folder, environment, log) as process:
            _wait_for_http(server, process)
            yield server


@pytest.fixture(scope="session")
def real_server() -> Iterator[RealServer]:
    """One real server for all tests that need nothing special of it."""
    with running_real_server() as server:
        yield server


@contextmanager
def _process(arguments, folder, environment, log):
    process = subprocess.Popen(
        arguments, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:  # it waits 30 s for calls to end
            process.kill()
            process.wait(STOP_S)


def _wait_for_http(server: RealServer, process: subprocess.Popen[bytes]) -> None:
    url = server.url.replace("ws", "http", 1) + "/list"
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=1):
                # it says so and goes on with defaults
                assert "Failed to load config" not in server.output, server.output
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.05)
    pytest.fail(f"the real server did not start:\n{server.output}")


def _free_port(kind: socket.SocketKind) -> int:
    # its sockets have SO_REUSEPORT: on a port in use it would start all the same, and
    # take turns with whoever has it
    with socket.socket(socket.AF_INET, kind) as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]
