"""What all tests share."""

import os
import signal

import hypothesis
import pytest
from real_server import real_server

__all__ = ["anyio_backend", "real_server"]


# how long an example takes says what runs beside it; every test has a limit anyhow
hypothesis.settings.register_profile(
    "lab", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("lab")

BROWSER_S = 180
"""Limit of a test with a browser: the first of a module starts it and opens a page."""


LONG = {"browser", "slow", "speech"}
"""Marks of tests that take seconds."""


def pytest_configure() -> None:
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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give tests with a browser a limit of their own, and begin with the long ones.

    A worker that has nothing left takes tests from the end of another's: there only
    short ones make both end at the same time.
    """
    for item in items:
        names = _marks_of(item)
        if "browser" in names and "timeout" not in names:
            item.add_marker(pytest.mark.timeout(BROWSER_S))
    items.sort(key=lambda item: LONG.isdisjoint(_marks_of(item)))


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
