"""HTTP routes for sound and files, apart from the page's socket."""

import asyncio
import itertools
import json
import shutil
import threading
import uuid
import weakref
from functools import partial
from pathlib import Path
from tempfile import mkdtemp
from typing import Any
from urllib.parse import quote

from bokeh.server.auth_provider import AuthProvider
from bokeh.server.views.auth_request_handler import AuthRequestHandler
from tornado.web import (
    HTTPError,
    RedirectHandler,
    StaticFileHandler,
    authenticated,
    stream_request_body,
)

from rustpbx_lab.dashboard.browser.connection_watch import AliveHandler
from rustpbx_lab.errors import RustpbxLabError, UnknownCallError
from rustpbx_lab.hub.hub import CallHub
from rustpbx_lab.log.sipflow import SIPFLOW_ENDING
from rustpbx_lab.log.storage import LOG_ENDINGS

MOST_BYTES = 4 * 2**30
"""The largest file that is taken from a browser."""
OUR_HEADER = "X-Rustpbx-Lab"
"""A foreign page cannot send it without asking first, and nobody says yes."""


class PageFiles:
    """Files that pages need on disk: sound as WAV, and what was opened.

    They are deleted with this object, at the latest with the process.

    Args:
        hub: The calls of this process.
    """

    def __init__(self, hub: CallHub) -> None:
        self.hub = hub
        self.folder = Path(mkdtemp(prefix="rustpbx-lab-"))
        """Where they are."""
        weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)
        self._lock = threading.Lock()
        self._sounds: dict[str, tuple[int, Path]] = {}
        self._numbers = itertools.count(1)

    def sound(self, call_id: str) -> Path:
        """Return both legs of a call as one WAV file; written when it has grown.

        Raises:
            UnknownCallError: If there is no such call.
            AudioError: If it has no sound.
        """
        recording = self.hub.get(call_id).whole
        with self._lock:  # two pages must not write the same hour twice
            n_samples = recording.caller.n_samples + recording.server.n_samples
            size, path = self._sounds.get(call_id, (0, None))
            if path is None or size != n_samples:
                made = self.folder / f"{next(self._numbers)}.wav"
                recording.export(made)
                if path is not None:
                    path.unlink()
                path = made
                self._sounds[call_id] = (n_samples, made)
            return path

    def place(self, batch: str, name: str) -> Path:
        """Return where a file of the browser goes; neither name becomes a path."""
        folder = self.folder / f"opened-{quote(batch, safe='')[:60]}"
        folder.mkdir(exist_ok=True)
        return folder / (quote(name, safe="@+=,;~ ")[-180:].lstrip(".") or "file")


class SoundHandler(AuthRequestHandler, StaticFileHandler):
    """``GET /sound/ID``: a WAV file, in parts if asked for."""

    def initialize(self, files: PageFiles) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Take what serves all requests."""
        StaticFileHandler.initialize(self, str(files.folder))
        self._files = files

    @authenticated
    async def get(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, path: str, include_body: bool = True
    ) -> None:
        """Send the sound of a call."""
        loop = asyncio.get_running_loop()
        try:
            made = await loop.run_in_executor(None, self._files.sound, path)
        except UnknownCallError as exc:
            raise HTTPError(404, str(exc)) from exc
        except RustpbxLabError as exc:
            raise HTTPError(409, str(exc)) from exc
        self.set_header("Cache-Control", "no-cache")
        await super().get(made.name, include_body)

    def check_xsrf_cookie(self) -> None:
        """Nothing is changed here."""


@stream_request_body
class OpenHandler(AuthRequestHandler):
    """``POST /open?batch=…&name=…``: a file to replay; the log comes last."""

    def initialize(self, files: PageFiles) -> None:
        """Take what serves all requests."""
        self._files = files
        self._file: Any = None

    async def prepare(self) -> None:
        """Refuse who may not, before any byte is written."""
        await super().prepare()
        if self.request.method != "POST":
            return
        user = self.current_user
        name = user.decode() if isinstance(user, bytes) else user
        is_known = name is not None
        # without a login everybody has the same name, which is nobody's
        login: AuthProvider = self.application.auth_provider  # pyright: ignore[reportAttributeAccessIssue]
        if login.get_user is None and login.get_user_async is None:
            name = None
        if not is_known or not self._files.hub.may_send(name):
            raise HTTPError(403, "only the operators may open files")
        if OUR_HEADER not in self.request.headers:
            raise HTTPError(403, "only our own pages may open files")
        self.request.connection.set_max_body_size(MOST_BYTES)  # pyright: ignore[reportOptionalMemberAccess, reportAttributeAccessIssue]
        batch = self.get_query_argument("batch", uuid.uuid4().hex)
        self._path = self._files.place(batch, self.get_query_argument("name"))
        self._file = self._path.open("wb")

    def data_received(self, chunk: bytes) -> None:
        """Write what came."""
        self._file.write(chunk)

    async def post(self) -> None:
        """Replay the log that is now whole; what lies beside a log waits for it."""
        self._file.close()
        answer: dict[str, str] = {}
        name = self._path.name.removesuffix(".gz")
        if name.endswith(LOG_ENDINGS) and not name.endswith(SIPFLOW_ENDING):
            loop = asyncio.get_running_loop()
            try:
                read = partial(self._files.hub.replay, self._path, at_end=True)
                call = await loop.run_in_executor(None, read)
            except RustpbxLabError as exc:
                answer = {"error": str(exc).replace(str(self._path), self._path.name)}
            else:
                answer = {"id": call.id}
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps(answer))

    def on_finish(self) -> None:
        """Close a file that was not sent whole."""
        if self._file is not None:
            self._file.close()

    def check_xsrf_cookie(self) -> None:
        """The header is the proof."""


def routes(files: PageFiles) -> list[tuple[Any, ...]]:
    """Return what is served beside the pages."""
    return [
        (r"/sound/(.+)", SoundHandler, {"files": files}),
        (r"/open", OpenHandler, {"files": files}),
        (r"/alive", AliveHandler),
        (r"/calls", RedirectHandler, {"url": "live?view=calls", "permanent": False}),
    ]
