"""Sending the outline of a page before the page is built.

To build a page takes a second or more, in which the browser would show nothing and
do nothing. So a response is sent in parts: the outline, which depends on no call; what
the browser has to load, as soon as one page has shown what that is; and the page.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.cookies import Morsel
from typing import Any, NamedTuple

from bokeh.server.tornado import BokehTornado
from panel.io.server import DocHandler
from typing_extensions import override

from rustpbx_lab.dashboard.browser.skeleton import Outline

HTML_ATTRIBUTES = 'data-theme-managed="true"'
"""Of the document element of our pages."""
UNMANAGED = "<script>document.documentElement.dataset.themeManaged = false</script>"
"""Before the body of a page of Panel's own, such as the one that reports an error."""
FAILED = (
    '<p role="alert" class="lab-failed">This page could not be built; '
    "the server's log says why.</p>"
)
RELOAD = "<script>location.reload()</script>"
_PAGE = re.compile(
    r"\s*<!DOCTYPE html>\s*<html lang=\"en\"(?P<attributes>[^>]*)>\s*"
    r"<head>(?P<head>.*)</head>\s*<body>(?P<body>.*)",
    re.DOTALL | re.IGNORECASE,
)
_TITLE = re.compile(r"<title>.*?</title>|<meta charset[^>]*>", re.DOTALL)


OutlineMaker = Callable[[Mapping[str, str], str | None], Outline]
"""Takes the cookies and the argument ``theme`` of a request."""


class PageParts(NamedTuple):
    """A page that Panel made, taken apart."""

    resources: str
    """What the browser has to load: style sheets, then scripts."""
    body: str
    """What belongs to one session."""


def page_parts(page: str) -> PageParts | None:
    """Take a page apart; None if it does not look as expected."""
    found = _PAGE.fullmatch(page)
    before = {HTML_ATTRIBUTES: "", 'data-theme-managed="false"': UNMANAGED}
    if found is None or (attributes := found["attributes"].strip()) not in before:
        return None
    body = before[attributes] + found["body"]
    return PageParts(_TITLE.sub("", found["head"]), body)


@dataclass
class SeenPages:
    """What earlier pages of a path have shown."""

    resources: str = ""
    """What the next one has to load; empty: not known yet."""
    look_as_expected: bool = True
    """Whether they can be taken apart; if not, they are sent as Panel made them."""


class EarlyPageHandler(DocHandler):
    """Answers with the outline of a page at once, with the page when it is built."""

    _sent: str | None = None
    """The resources that were sent with the outline; None: no outline was sent."""

    @override
    def initialize(
        self, *args: Any, outline: OutlineMaker, seen: SeenPages, **kwargs: Any
    ) -> None:
        super().initialize(*args, **kwargs)
        self._outline, self._seen = outline, seen

    @override
    async def get(self, *args: Any, **kwargs: Any) -> None:
        page: Any = super().get  # Panel's types lose that it is asynchronous
        if self._seen.look_as_expected and self.current_user is not None:
            await self._send_outline()
        await page(*args, **kwargs)

    async def _send_outline(self) -> None:
        self.set_header("Cache-Control", "no-store")
        self.set_header("Content-Type", "text/html; charset=utf-8")
        theme = self.get_query_argument("theme", None)
        outline = self._outline(_values(self.request.cookies), theme)
        sent = self._seen.resources
        super().write(
            f'<!DOCTYPE html>\n<html lang="en" {HTML_ATTRIBUTES}>\n'
            f"<head>{outline.head}</head>\n<body>{outline.body}{sent}"
        )
        await self.flush()
        self._sent = sent

    @override
    def write(self, chunk: Any) -> None:
        if self._sent is None:
            super().write(chunk)
            return
        parts = page_parts(chunk) if isinstance(chunk, str) else None
        if parts is None:
            self._seen.look_as_expected = False
            super().write(RELOAD)
            return
        self._seen.resources = parts.resources
        if self._sent not in ("", parts.resources):
            super().write(RELOAD)
        else:
            super().write(("" if self._sent else parts.resources) + parts.body)

    @override
    def send_error(self, status_code: int = 500, **kwargs: Any) -> None:
        if self._sent is not None:
            super().write(FAILED)
        super().send_error(status_code, **kwargs)


def send_outlines(application: BokehTornado, outline: OutlineMaker) -> None:
    """Have an application answer for its pages with their outlines first.

    Args:
        application: Bokeh's; a page that Panel does not answer for stays as it is.
        outline: Makes the outline of a request.
    """
    for rule in application.wildcard_router.rules:
        if rule.target is DocHandler:
            rule.target = EarlyPageHandler
            ours = {"outline": outline, "seen": SeenPages()}
            rule.target_kwargs = {**rule.target_kwargs, **ours}


def _values(cookies: Mapping[str, "Morsel[str]"]) -> dict[str, str]:
    return {name: morsel.value for name, morsel in cookies.items()}
