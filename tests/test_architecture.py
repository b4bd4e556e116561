"""The house keeps its floors, its rooms stay small, its names stay."""

import ast
import subprocess
import sys
import tomllib
from importlib.metadata import requires
from pathlib import Path

import pytest
import yaml

import rustpbx_lab
from rustpbx_lab import errors

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "rustpbx_lab"
MODULES = sorted(PACKAGE.rglob("*.py"))
MAX_LINES = 400
TOOL_S = 50


@pytest.mark.source
@pytest.mark.parametrize("module", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_module_is_short(module: Path):
    assert len(module.read_text("utf-8").splitlines()) <= MAX_LINES


@pytest.mark.source
@pytest.mark.parametrize("module", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_module_swallows_nothing_and_hides_no_import(module: Path):
    for node in ast.walk(ast.parse(module.read_text("utf-8"))):
        if isinstance(node, ast.ExceptHandler):
            is_broad = node.type is None or (
                isinstance(node.type, ast.Name)
                and node.type.id in ("Exception", "BaseException")
            )
            assert not (is_broad and isinstance(node.body[0], ast.Pass))
        if isinstance(node, ast.Name):
            assert node.id != "TYPE_CHECKING"


def installed(tool: str) -> str:
    """Return the path of a tool of the group ``lint``, or skip the test."""
    program = Path(sys.executable).with_name(tool)
    if not program.exists():
        pytest.skip(
            f"{tool} is not installed: the matrix checks it in its session lint"
        )
    return str(program)


@pytest.mark.source
def test_imports_point_down():
    linted = subprocess.run(
        [installed("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=TOOL_S,
    )
    assert linted.returncode == 0, linted.stdout + linted.stderr


@pytest.mark.source
@pytest.mark.parametrize("tool", [["ruff", "check"], ["ruff", "format", "--check"]])
def test_the_code_is_tidy(tool: list[str]):
    checked = subprocess.run(
        [installed(tool[0]), *tool[1:], "."],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=TOOL_S,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_public_names_are_sorted_and_exist():
    names = rustpbx_lab.__all__
    assert names == sorted(names)
    for name in names:
        assert getattr(rustpbx_lab, name) is not None
    promised = {
        "CallSession",
        "EventLog",
        "commands",
        "connect",
        "errors",
        "events",
        "notes",
        "options",
        "read_log",
    }
    assert promised <= set(names)


def test_every_exception_stands_in_the_tree_and_ends_in_error():
    for name, value in vars(errors).items():
        if isinstance(value, type) and issubclass(value, Exception):
            assert name.endswith("Error")
            assert name in (errors.__doc__ or "")
            assert issubclass(value, errors.RustpbxLabError)


def test_environment_yml_adds_python_and_installs_the_package():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text("utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    conda = [entry for entry in environment["dependencies"] if isinstance(entry, str)]
    assert f"python{project['requires-python']}" in conda
    assert {entry.split(">")[0].split("=")[0] for entry in conda} == {"python", "pip"}
    (pip,) = [e["pip"] for e in environment["dependencies"] if isinstance(e, dict)]
    assert pip == ["-e .[local]"]
    assert requires("rustpbx-lab")
