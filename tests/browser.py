"""Headless Chromium for the tests: the system's, else Playwright's, else a skip."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

SYSTEM_NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    # a page that lives for seconds is compiled at more cost than it saves
    "--js-flags=--no-maglev --no-opt",
    "--host-resolver-rules=MAP *.test 127.0.0.1",  # names of another machine
]
PATIENCE_MS = 60_000
"""For a page that is there in seconds alone, beside others that are being opened."""
REQUIRE = "RUSTPBX_LAB_REQUIRE_BROWSER"


def give_up(why: str) -> None:
    """Skip, or fail where a browser is required."""
    if os.environ.get(REQUIRE) == "1":
        pytest.fail(f"{REQUIRE}=1 and {why}")
    pytest.skip(why)


@contextmanager
def browser() -> Iterator[object]:
    """Start a browser for some tests."""
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        give_up("playwright is not installed")
        raise
    found = next((path for name in SYSTEM_NAMES if (path := shutil.which(name))), None)
    with sync_playwright() as driver:
        path = found or driver.chromium.executable_path
        if not Path(path).exists():
            give_up("there is no Chromium: install it, or run 'playwright install'")
        try:
            started = driver.chromium.launch(executable_path=path, args=ARGUMENTS)
        except Error as exc:
            give_up(f"Chromium does not start: {exc}")
            raise
        try:
            yield started
        finally:
            started.close()


class Shared:
    """What the tests with a browser share: made when needed, kept for those after.

    A test without a browser must find it closed: the loop of Playwright runs in the
    main thread, where the others have loops of their own.
    """

    def __init__(self) -> None:
        self._made: dict[Callable[..., Any], Any] = {}
        self._closing = ExitStack()

    def get(self, make: Callable[..., AbstractContextManager[Any]], *how: Any) -> Any:
        """Return what ``make`` gives, the same until all is closed."""
        if make not in self._made:
            self._made[make] = self._closing.enter_context(make(*how))
        return self._made[make]

    def close(self) -> None:
        """Close all, the newest first; what is asked for then is made anew."""
        self._made.clear()
        self._closing.close()


class Page:
    """A page that remembers what must not happen."""

    def __init__(self, page: object, host: str) -> None:
        self.page = page
        page.set_default_timeout(PATIENCE_MS)
        self.problems: list[str] = []
        self.foreign: list[str] = []
        page.on("console", self._console)
        page.on("pageerror", self._page_error)
        page.on("request", lambda request: self._request(request.url, host))

    def check(self) -> None:
        """Fail if the page complained or asked another host; forget it."""
        problems, self.problems = self.problems, []
        foreign, self.foreign = self.foreign, []
        assert not problems, f"the page complained: {problems}"
        assert not foreign, f"the page asked another host: {foreign}"

    def _page_error(self, error: object) -> None:
        self.problems.append(error.stack or str(error))

    def _console(self, message: object) -> None:
        if message.type == "error":
            self.problems.append(message.text)

    def _request(self, url: str, host: str) -> None:
        if not url.startswith(("data:", "blob:")) and host not in url:
            self.foreign.append(url)
