"""Text lines of a log file: decompressed, in UTF-8, numbered.

What a file is, its first bytes say: compression and encoding are recognised by them
and never by the name, since names survive tools that unpack or convert a file.
"""

import bz2
import gzip
import io
import lzma
import os
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from os import PathLike, fspath
from pathlib import Path
from typing import IO, Any, BinaryIO, TextIO, cast

import pyarrow as pa

from rustpbx_lab.errors import LogFileError, shorten

MAX_LINE_BYTES = 64 * 2**20
"""The longest line that is read; the server's own limit for a message."""
MAX_LAYERS = 3
"""How often a file may be compressed on top of itself."""
SNIFFED_BYTES = 4096

LogSource = str | PathLike[str] | BinaryIO | TextIO
"""A path (``~`` is the home folder), or an open file."""


def _unzstd(file: BinaryIO) -> BinaryIO:
    return cast(BinaryIO, pa.input_stream(cast(io.IOBase, file), compression="zstd"))


_PACKED: dict[bytes, Callable[[BinaryIO], object]] = {
    b"\x1f\x8b": lambda file: gzip.GzipFile(fileobj=file),
    b"\x28\xb5\x2f\xfd": _unzstd,
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\0": lzma.LZMAFile,
}
"""Magic bytes → what unpacks the rest."""

_ENCODINGS = {
    b"\xff\xfe\0\0": "utf-32",
    b"\0\0\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
    b"\xef\xbb\xbf": "utf-8-sig",
}
"""Byte order mark → encoding; the longer marks come first."""

_OTHERS = {
    b"PK\x03\x04": "a ZIP archive; unpack it first",
    b"PAR1": "a Parquet file; read it with pandas.read_parquet",
    b"SQLite format 3": "an SQLite database",
    b"RIFF": "a WAV file; give its event log",
    b"\x7fELF": "a program",
    b"%PDF": "a PDF document",
    b"<": "HTML or XML, perhaps the error page of a download",
}


class LineSource:
    """Yields the lines of one file.

    What happens on the way that a reader should know is in ``remarks``.
    """

    def __init__(self, source: LogSource) -> None:
        self._source = source
        self.name = _name_of(source)
        self.remarks: list[str] = []
        self.looks_like: str | None = None
        """What the file is, if it is certainly not an event log."""
        self.is_cut = False
        """Whether the rest of a compressed file could not be unpacked."""

    def __iter__(self) -> Iterator[bytes]:
        """Yield each line with its end, UTF-8 where the file says what it is.

        Raises:
            LogFileError: If the file cannot be opened or read.
            TypeError: If the source is neither a path nor an open file.
        """
        try:
            with _opened(self._source) as file:
                yield from self._lines(file)
        except OSError as exc:
            raise LogFileError(
                f"cannot read {self.name}: {exc.strerror or exc}; {_advice(exc)}"
            ) from exc

    def _lines(self, file: BinaryIO) -> Iterator[bytes]:
        try:
            plain, packed = self._unpacked(file)
        except _UNPACKING_ERRORS as exc:
            if isinstance(exc, OSError) and exc.errno is not None:
                raise
            self._say_cut(exc)
            return
        try:
            yield from self._decoded(plain)
        except _UNPACKING_ERRORS as exc:
            # an error of the disk has a number, one of the unpacking has none
            if not packed or (isinstance(exc, OSError) and exc.errno is not None):
                raise
            self._say_cut(exc)

    def _say_cut(self, exc: BaseException) -> None:
        self.is_cut = True
        why = str(exc).rstrip(".") or type(exc).__name__
        self.remarks.append(
            f"the compressed data is damaged ({why}): what follows the damage is lost"
        )

    def _unpacked(self, file: BinaryIO) -> tuple[io.BufferedReader, bool]:
        """Return the file without its compression, and whether it had one."""
        buffered = _buffered(file)
        for layer in range(MAX_LAYERS):
            head = buffered.peek(SNIFFED_BYTES)
            unpack = next((u for m, u in _PACKED.items() if head.startswith(m)), None)
            if unpack is None:
                return buffered, layer > 0
            buffered = _buffered(unpack(cast(BinaryIO, buffered)))
        return buffered, True

    def _decoded(self, file: io.BufferedReader) -> Iterator[bytes]:
        head = file.peek(SNIFFED_BYTES)[:SNIFFED_BYTES]
        encoding = _encoding_of(head)
        what = (name for magic, name in _OTHERS.items() if head.startswith(magic))
        self.looks_like = next(what, None)
        # the line of a JSON array is the whole file
        limit = -1 if head.lstrip()[:1] == b"[" else MAX_LINE_BYTES
        if encoding == "utf-8":
            while line := file.readline(limit):
                yield line
            return
        if encoding == "utf-8-sig":
            file.read(3)
            yield from iter(lambda: file.readline(limit), b"")
            return
        self.remarks.append(f"the file is {encoding.upper()}, not UTF-8: converted")
        with io.TextIOWrapper(file, encoding, "replace", newline="\n") as text:
            while decoded := text.readline(limit):
                yield decoded.encode("utf-8", "replace")


_UNPACKING_ERRORS = (EOFError, zlib.error, lzma.LZMAError, OSError, pa.ArrowException)


def _buffered(file: object) -> io.BufferedReader:
    return io.BufferedReader(_Raw(cast(BinaryIO, file)))


class _Raw(io.RawIOBase):
    """A binary file of any kind as the raw side of a buffer; never closes it."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        # one piece at a time: what comes before damage is not lost with it
        self._read = getattr(file, "read1", file.read)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        chunk = self._read(len(buffer))
        buffer[: len(chunk)] = chunk
        return len(chunk)


def _encoding_of(head: bytes) -> str:
    for mark, encoding in _ENCODINGS.items():
        if head.startswith(mark):
            return encoding
    # JSON begins with two ASCII characters: in UTF-16 one of each pair is 0
    if head[1:2] == head[3:4] == b"\0" and head[:1] in b"{[\r\n \t" and head[:1]:
        return "utf-16-le"
    if head[0:1] == head[2:3] == b"\0" and head[1:2] in b"{[\r\n \t" and head[1:2]:
        return "utf-16-be"
    return "utf-8"


@contextmanager
def _opened(source: LogSource) -> Generator[BinaryIO]:
    if isinstance(source, str | PathLike):
        with open(checked_path(source), "rb") as file:
            yield file
        return
    yield _binary(source)


def checked_path(source: str | PathLike[str]) -> Path:
    """Return a path with ``~`` expanded.

    Raises:
        LogFileError: If it is a web address.
    """
    text = fspath(source)
    if "://" in text[:16]:
        raise LogFileError(
            f"cannot read {shorten(text)} as a file: it is a web address; "
            "download it first, or follow a running call with: rustpbx-lab watch"
        )
    exists = os.path.exists(text)  # unlike that of Path, it never raises
    return Path(text if exists else os.path.expanduser(text))


def _binary(source: object) -> BinaryIO:
    read = getattr(source, "read", None)
    if not callable(read):
        raise TypeError(
            f"cannot read {shorten(source)} ({type(source).__name__}) as an event "
            "log: it is neither a path nor an open file; give one of them "
            "(for several files call read_log for each)"
        )
    if isinstance(read(0), str):
        text = cast(IO[str], source).read()
        return io.BytesIO(text.removeprefix("\ufeff").encode("utf-8", "replace"))
    return cast(BinaryIO, source)


def _name_of(source: object) -> str:
    if isinstance(source, str):
        return repr(source)
    name = getattr(source, "name", None)  # of an open file; a Path has one, too
    if isinstance(source, PathLike):
        name = fspath(cast("PathLike[str]", source))
    return repr(name) if isinstance(name, str) else "the open file"


def _advice(exc: OSError) -> str:
    if isinstance(exc, IsADirectoryError):
        return "give a file in it, or the folder to: rustpbx-lab analyse"
    return "check the name and its permissions"
