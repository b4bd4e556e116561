"""Output files of commands: checked before the command begins, written whole."""

import os
import stat
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from pathlib import Path

from rustpbx_lab.errors import AudioError, LogFileError, OutputFileError, shorten


def check_outputs(
    outputs: Mapping[str, Path | None],
    *,
    inputs: Iterable[Path | None] = (),
    overwrite: bool = False,
) -> None:
    """Refuse what could not be written later, before anything else is done.

    Args:
        outputs: Option → the file it names; None is not asked for.
        inputs: Files that are read, which no output may replace.
        overwrite: Whether files that exist may be replaced.

    Raises:
        OutputFileError: If a file exists, cannot be made, or is named twice.
    """
    taken: dict[str, str] = {}
    read = {_place(path) for path in inputs if path is not None}
    for option, path in outputs.items():
        if path is None:
            continue
        place = _place(path)
        if place in taken and not _is_special(path):
            raise OutputFileError(
                f"cannot write {shorten(str(path))}: {taken[place]} and {option} name "
                "the same file; give each its own"
            )
        if place in read:
            raise OutputFileError(
                f"cannot write {shorten(str(path))}: the command reads it; "
                "choose another name"
            )
        taken[place] = option
        check_output(path, overwrite=overwrite)


def check_output(path: Path, *, overwrite: bool = False) -> None:
    """Refuse a file that exists or could not be written; leaves nothing behind.

    Raises:
        OutputFileError: With what would work.
    """
    try:
        real = Path(_place(path))
        if real.is_dir():
            raise _cannot(path, "it is a folder", "give the name of a file in it")
        if not real.exists():
            with real.open("xb") as probe:
                probe.write(b"x")  # a full disk makes files, but writes nothing
            real.unlink()
        elif _is_special(real):
            if not os.access(real, os.W_OK):
                raise _cannot(path, "permission denied", "choose another name")
        elif not overwrite:
            raise _cannot(
                path, "the file exists", "choose another name or give --overwrite"
            )
        else:
            with real.open("r+b"):
                pass
    except (OSError, ValueError) as exc:  # ValueError: a NUL in the name
        raise _cannot(path, exc) from exc


def check_folder(folder: Path) -> None:
    """Make a folder for outputs, and refuse one that cannot be written to.

    Raises:
        OutputFileError: With what would work.
    """
    try:
        make_folder(folder)
    except (OSError, ValueError) as exc:
        raise _cannot(folder, exc, "choose a folder that may be written") from exc


def make_folder(folder: Path) -> None:
    """Make a folder, and a file in it that is gone at once.

    Raises:
        OSError: If that cannot be done.
        ValueError: If there is a NUL in the name.
    """
    folder.mkdir(parents=True, exist_ok=True)
    probe = folder / f".{os.getpid()}.probe"
    probe.write_bytes(b"x")
    probe.unlink()


def make_log_folder(folder: Path) -> None:
    """Make the folder in which a hub keeps its calls.

    Raises:
        LogFileError: If it cannot be made or written to.
    """
    try:
        make_folder(folder)
    except (OSError, ValueError) as exc:
        why = getattr(exc, "strerror", None) or exc
        raise LogFileError(
            f"cannot keep logs in {shorten(str(folder))}: {why}; "
            "choose a folder that may be written"
        ) from exc


@contextmanager
def whole_file(path: Path) -> Generator[Path]:
    """Give a path to write to, whose file takes the place of ``path`` at the end.

    If the block fails, what was at ``path`` stays. A device or a pipe is written to
    directly, and so is a file in a folder that takes no new one.

    Raises:
        OutputFileError: If the file cannot take its place.
    """
    real = Path(_place(path))
    if _is_special(real) or not os.access(real.parent, os.W_OK):
        yield real
        return
    partial = real.with_name(f".{os.getpid()}.partial{real.suffix}")
    try:
        yield partial
        if real.exists():
            partial.chmod(stat.S_IMODE(real.stat().st_mode))
        partial.replace(real)
    except OSError as exc:
        raise _cannot(path, exc) from exc
    finally:
        partial.unlink(missing_ok=True)


def export_whole(export: Callable[[Path], object], path: Path) -> None:
    """Write audio whole or not at all, with a function that writes it to a path.

    Raises:
        AudioError: If there is none, or it cannot be written.
        OutputFileError: If the file cannot take its place.
    """
    with whole_file(path) as partial:
        try:
            export(partial)
        except AudioError as exc:
            why = str(exc).replace(str(partial), str(path))
            raise AudioError(f"the recording is not saved: {why}") from exc


def _place(path: Path) -> str:
    return os.path.normcase(os.path.realpath(path))


def _is_special(path: Path) -> bool:
    """Whether it is a device, a pipe or a socket."""
    exists = os.path.exists(path)  # unlike those of Path, these never raise
    return exists and not (os.path.isfile(path) or os.path.isdir(path))


def _cannot(
    path: Path,
    why: Exception | str,
    works: str = "choose a folder that exists and may be written",
) -> OutputFileError:
    reason = (getattr(why, "strerror", None) or str(why)).rstrip(".")
    return OutputFileError(f"cannot write {shorten(str(path))}: {reason}; {works}")
