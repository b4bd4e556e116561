"""Building pages beside the loop that serves all others."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import Executor
from typing import Any
from weakref import WeakSet

from bokeh.application.application import SessionContext
from bokeh.document import Document
from panel.io.application import Application, build_applications
from panel.io.document import init_doc
from typing_extensions import override


class PageApplication(Application):
    """An application whose pages are built by an executor, one after the other.

    To make the models of a page takes seconds of CPU. On the loop of the server every
    other page would stand still for as long: its calls go on unseen, and what someone
    presses there waits. In a thread it takes longer, and only who opens a page waits.

    Args:
        handlers: What builds a page.
        executor: Where; one thread, since two pages at once only delay each other.
    """

    def __init__(self, *handlers: Any, executor: Executor) -> None:
        super().__init__(*handlers)
        self._executor = executor
        self._built: WeakSet[Document] = WeakSet()

    @override
    async def on_session_created(self, session_context: SessionContext) -> None:
        await super().on_session_created(session_context)
        await session_context.with_locked_document(self._build)

    async def _build(self, document: Document) -> None:
        build = super().initialize_document
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._executor, build, document)
        self._built.add(document)

    @override
    def initialize_document(self, doc: Document) -> None:
        if doc in self._built:
            init_doc(doc)  # its thread is that of the loop from now on
        else:  # building failed, which Bokeh has logged: once more, to say so again
            super().initialize_document(doc)


def page_applications(
    pages: Mapping[str, Any], title: str, executor: Executor
) -> dict[str, PageApplication]:
    """Return what serves each page, by path; see ``panel.io.build_applications``."""
    return {
        path: PageApplication(*made.handlers, executor=executor)
        for path, made in build_applications(dict(pages), title=title).items()
    }
