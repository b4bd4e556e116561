"""The example notebooks that come with the package."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from rustpbx_lab.errors import OutputFileError, shorten
from rustpbx_lab.log.output_files import check_outputs

PACKAGE = Path(__file__).parents[1]
FOLDERS = (PACKAGE / "notebooks", PACKAGE.parent / "notebooks")
"""Where they are: in an installed package, in a source tree."""


def example_notebooks() -> Sequence[Path]:
    """Return the notebooks, in the order to read them."""
    folder = next((one for one in FOLDERS if one.is_dir()), None)
    return [] if folder is None else sorted(folder.glob("*.ipynb"))


def copy_notebooks(folder: Path, overwrite: bool = False) -> Sequence[Path]:
    """Copy the notebooks to a folder, which is made if it is not there.

    Returns:
        The copies.

    Raises:
        OutputFileError: If the folder cannot be made or written, or has a notebook of
            that name and ``overwrite`` is false; then none is copied.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        copies = {one: folder / one.name for one in example_notebooks()}
        check_outputs({one.name: copies[one] for one in copies}, overwrite=overwrite)
        return [Path(shutil.copyfile(one, copy)) for one, copy in copies.items()]
    except OSError as exc:
        raise OutputFileError(
            f"cannot write to {shorten(str(folder))}: {exc.strerror or exc}; "
            "give a folder that can be written"
        ) from exc
