"""Media files and URLs, decoded to 16 kHz mono and cached."""

import errno
import io
import logging
import os
from collections.abc import Callable
from pathlib import Path

from rustpbx_lab.audio.clip import Clip
from rustpbx_lab.audio.codecs import Samples
from rustpbx_lab.errors import AudioError
from rustpbx_lab.masking import URL_MASK
from rustpbx_lab.simulator.core.runtime import Runtime

from .track import SAMPLE_RATE_HZ

FETCH_TIMEOUT_S = 30
NO_READER = "unsupported feature: core (probe): no suitable format reader found"


class Media:
    """Loads what calls play, in worker threads."""

    def __init__(self, runtime: Runtime, folder: Path | None) -> None:
        """Prepare.

        Args:
            runtime: Time and threads.
            folder: Where relative paths begin; None is the working directory.
        """
        self._runtime, self._folder = runtime, folder or Path()
        self._kept: dict[str, Samples] = {}

    def load(
        self,
        url: str,
        loaded: Callable[[Samples], None],
        failed: Callable[[str], None],
    ) -> None:
        """Load a path or URL and tell one of the two, on the loop, later.

        What was played once is kept: a file that changes plays its old content.
        """
        kept = self._kept.get(url)
        if kept is not None:
            self._runtime.soon(lambda: loaded(kept))
            return

        def work() -> None:
            try:
                samples = self._decoded(url)
            except AudioError as exc:
                error = str(exc)
                self._runtime.soon(lambda: failed(error))
                return
            self._kept[url] = samples
            self._runtime.soon(lambda: loaded(samples))

        self._runtime.in_worker(work)

    def _decoded(self, url: str) -> Samples:
        if url.startswith(("http://", "https://")):
            encoded = _fetched(url)
        else:
            encoded = self._read(url)
        try:
            clip = Clip.read_channels(io.BytesIO(encoded))
        except AudioError as exc:
            raise AudioError(NO_READER) from exc
        return clip.mono().resampled(SAMPLE_RATE_HZ).samples

    def _read(self, path: str) -> bytes:
        try:
            if not path:  # it would be the folder itself
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
            return (self._folder / path).read_bytes()
        except OSError as exc:
            why = f"{exc.strerror} (os error {exc.errno})"
            raise AudioError(f"loader: {path} {why}") from exc
        except ValueError as exc:  # a NUL in it
            raise AudioError(f"loader: {path} {exc}") from exc


def _fetched(url: str) -> bytes:
    import httpx  # only calls that play a URL need it

    logging.getLogger("httpx").addFilter(URL_MASK)
    try:
        # its status is not looked at: an error page fails as audio
        answer = httpx.get(
            url, timeout=FETCH_TIMEOUT_S, follow_redirects=True, trust_env=False
        )
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as exc:
        raise AudioError("builder error") from exc
    except httpx.HTTPError as exc:
        raise AudioError(f"error sending request for url ({url})") from exc
    return answer.content
