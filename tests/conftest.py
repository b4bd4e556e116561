"""What all tests share."""

import os
import signal
from typing import Any

import hypothesis
import pytest
from browser import Shared, browser
from real_server import real_server

__all__ = ["anyio_backend", "real_server"]


# how long an example takes says what runs beside it; every test has a limit anyhow
hypothesis.settings.register_profile(
    "lab", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("lab")

BROWSER_S = 180
"""Limit of a test with a browser: the first one starts it and opens a page."""


LONG = {"browser", "slow", "speech"}
"""Marks of tests that take seconds."""
SHARED = pytest.StashKey[Shared]()


def pytest_configure(config: pytest.Config) -> None:
    """Let signals end the programs that tests start.

    A run in the background of a shell, or under ``nohup``, hands on that they are
    ignored.
    """
    for name in ("SIGINT", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) == signal.SIG_IGN:
            is_interrupt = name == "SIGINT"
            signal.signal(
                number, signal.default_int_handler if is_interrupt else signal.SIG_DFL
            )
    config.stash[SHARED] = Shared()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Close what the last tests with a browser have left open."""
    config.stash[SHARED].close()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Close what tests with a browser share before one without."""
    if "browser" not in _marks_of(item):
        item.config.stash[SHARED].close()


@pytest.fixture(scope="session")
def shared(pytestconfig: pytest.Config) -> Shared:
    """What the tests with a browser share."""
    return pytestconfig.stash[SHARED]


@pytest.fixture
def chromium(shared: Shared) -> Any:
    """A browser, one for all tests: who opens a page closes it."""
    return shared.get(browser)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give tests with a browser a limit of their own, and begin with the long ones.

    A worker that has nothing left takes tests from the end of another's: there only
    short ones make both end at the same time. Those with a browser come first, one
    after another, since they share it; of these the demo, which nobody takes then: it
    waits for most of its time, and starting it twice loads all models twice.
    """
    for item in items:
        names = _marks_of(item)
        if "browser" in names and "timeout" not in names:
            item.add_marker(pytest.mark.timeout(BROWSER_S))
    items.sort(key=_place_of)


def _place_of(item: pytest.Item) -> tuple[bool, int]:
    names = _marks_of(item)
    return "browser" not in names, -len(LONG & names)


def _marks_of(item: pytest.Item) -> set[str]:
    return {mark.name for mark in item.iter_markers()}


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Run every async test on both event loops."""
    return request.param


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """One worker a core; one more without browsers, as a third of the time is waiting.

    A browser is busy itself, and pages take seconds more for each worker beside them.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2
    return cores + ("not browser" in (config.option.markexpr or ""))
