"""No test sleeps for luck, judges by the clock, or waits without a limit."""

import ast
from pathlib import Path

import hypothesis
import pytest

TESTS = Path(__file__).parent
SLEEPS = {
    "anyio.sleep",
    "asyncio.sleep",
    "time.sleep",
    "trio.sleep",
    "wait_for_timeout",
}
CLOCKS = {f"time.{name}" for name in ("monotonic", "perf_counter", "process_time")}
WAITS = {"join", "recv", "result", "wait"}
"""Methods that wait for ever when they are called with nothing."""
LIMITED = {
    "subprocess.run",
    "subprocess.check_output",
    "subprocess.check_call",
    "urllib.request.urlopen",
    "urlopen",
    "socket.create_connection",
}
"""Functions that must be given a ``timeout``."""
ALLOWED = {
    "agent/test_conversation.py anyio.sleep": "the recogniser takes its time",
    "client/test_transport.py anyio.sleep": "the first attempt has to be refused",
    "dashboard/conftest.py time.monotonic": "the clock of a call, not of a test",
    "dashboard/test_hostile.py time.monotonic": "the clock of a call, not of a test",
    "log/test_writer.py anyio.sleep": "polls, up to a limit",
    "real_server.py time.sleep": "polls, up to a deadline",
    "real_server.py time.monotonic": "its deadline",
    "recordings/capture.py anyio.sleep": "a script that talks to the real server",
    "recordings/capture_sip.py anyio.sleep": "a script that talks to the real server",
    "recordings/capture_sipflow.py anyio.sleep": "another",
    "sip_phone.py anyio.sleep": "20 ms of sound take 20 ms",
    "simulator/test_caller.py anyio.sleep": "polls, up to a limit; a reply's length",
    "client/test_serving.py anyio.sleep": "polls, up to a limit",
    "simulator/test_rest.py witnesses.join": "another join",
    "test_demo_page.py time.monotonic": "how long a call was watched",
    "waiting.py time.sleep": "polls, up to a deadline",
    "waiting.py time.monotonic": "its deadline",
}
"""File and function: why it may be used there."""


def used_in(file: Path) -> set[str]:
    """Return the forbidden functions that a file uses."""
    tree = ast.parse(file.read_text("utf-8"))
    awaited = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Await) and isinstance(node.value, ast.Call)
    }
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and ast.unparse(node) in CLOCKS:
            found.add(ast.unparse(node))
        if isinstance(node, ast.Call):
            found.add(forbidden(node, is_awaited=id(node) in awaited))
    return found - {""}


def forbidden(call: ast.Call, is_awaited: bool) -> str:
    """Return the name of what is called if that may wait for ever or for luck."""
    name = ast.unparse(call.func)
    method = name.rpartition(".")[2]
    if name in SLEEPS or method in SLEEPS:
        return name if name in SLEEPS else method
    if name in LIMITED and "timeout" not in {word.arg for word in call.keywords}:
        return name
    is_bare = isinstance(call.func, ast.Attribute) and not (call.args or call.keywords)
    # a limit of pytest ends what is awaited; a thread it cannot end
    return name if is_bare and not is_awaited and method in WAITS else ""


@pytest.mark.source
@pytest.mark.parametrize(
    "file", sorted(TESTS.rglob("*.py")), ids=lambda file: str(file.relative_to(TESTS))
)
def test_every_wait_has_a_condition_and_a_limit(file: Path):
    place = str(file.relative_to(TESTS))
    refused = {name for name in used_in(file) if f"{place} {name}" not in ALLOWED}
    assert refused == set(), "wait for a condition: see tests/waiting.py, tests/work.py"


@pytest.mark.source
def test_what_is_allowed_is_used():
    used = {
        f"{file.relative_to(TESTS)} {name}"
        for file in TESTS.rglob("*.py")
        for name in used_in(file)
    }
    assert set(ALLOWED) - used == set()


@pytest.mark.source
def test_no_example_of_hypothesis_is_judged_by_a_clock():
    default = hypothesis.settings.default
    assert default is not None
    assert default.deadline is None
    assert hypothesis.HealthCheck.too_slow in default.suppress_health_check
