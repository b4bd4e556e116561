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
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """One worker a core; one more without browsers, as a third of the time is waiting.

    A browser is busy itself, and pages take seconds more for each worker beside them.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2
    return cores + ("not browser" in (config.option.markexpr or ""))
