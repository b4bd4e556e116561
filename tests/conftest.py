"""What all tests share."""

import os

import pytest
from real_server import real_server

__all__ = ["anyio_backend", "real_server"]


BROWSER_S = 180
"""Limit of a test with a browser: the first of a module starts it and opens a page."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give tests with a browser a limit of their own, unless they have one."""
    for item in items:
        names = {mark.name for mark in item.iter_markers()}
        if "browser" in names and "timeout" not in names:
            item.add_marker(pytest.mark.timeout(BROWSER_S))


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Run every async test on both event loops."""
    return request.param


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One worker more than there are cores: a third of the time is spent waiting."""
    return len(os.sched_getaffinity(0)) + 1 if hasattr(os, "sched_getaffinity") else 2
