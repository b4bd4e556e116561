#!/usr/bin/env -S uv run --script
# /// script
# dependencies = ["nox[uv]>=2025.11.12"]
# ///
"""The test matrix: every Python of this machine, newest and lowest dependencies.

``nox`` alone runs the whole matrix (``make test-all``); ``nox --list`` shows the
sessions, ``nox -s "smoke-3.13(lowest)"`` runs one of them.
"""

import os
import shutil
import subprocess
from pathlib import Path

import nox

nox.needs_version = ">=2025.11.12"
nox.options.default_venv_backend = "uv"
nox.options.download_python = "never"
nox.options.error_on_missing_interpreters = True

ROOT = Path(__file__).parent
# every process that a test starts would compile all that it imports
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
CANDIDATES = ["3.11", "3.12", "3.13", "3.14"]
"""Versions of Python to test on where they are found; the last is not promised yet."""


def interpreter_folders(version: str) -> list[Path]:
    """Return the folders that may hold ``pythonX.Y``: the path's, then pyenv's.

    A shim of pyenv is a script that fails for a version that is not active, so
    the interpreters behind it are searched as well.
    """
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    on_path = [Path(one) for one in os.get_exec_path() if one]
    return [*on_path, *sorted(pyenv.glob(f"versions/{version}.*/bin"), reverse=True)]


def is_usable(program: Path, version: str) -> bool:
    """Return whether ``program`` runs, is this version, and can make environments."""
    ask = "import sys, ensurepip, venv; print('%d.%d' % sys.version_info[:2])"
    try:
        answer = subprocess.run(
            [program, "-c", ask], capture_output=True, text=True, timeout=30
        )
    except OSError:
        return False
    return answer.stdout.strip() == version


def find_pythons() -> list[str]:
    """Return the candidates found here, oldest first, each reachable on the path."""
    found = []
    for version in CANDIDATES:
        for folder in interpreter_folders(version):
            program = folder / f"python{version}"
            if program.is_file() and is_usable(program, version):
                if shutil.which(program.name) != str(program):  # a shim that fails
                    os.environ["PATH"] = f"{folder}{os.pathsep}{os.environ['PATH']}"
                found.append(version)
                break
    return found


PYTHONS = find_pythons()

QUICK = "not browser and not speech and not slow"
BRIEF = f"smoke or ({QUICK} and not source)"
ALL_CORES = ["--numprocesses", "auto", "--dist", "worksteal"]
VERSIONS = [nox.param("newest", id="newest"), nox.param("lowest", id="lowest")]


def install(session: nox.Session, versions: str, *groups: str) -> None:
    """Install the package with every extra, and tell which versions that gave.

    ``lowest`` takes the lower bounds of pyproject.toml for what the product needs;
    the tools of the tests are the newest ones in both.
    """
    groups = groups or ("test",)
    chosen = [f"--group={group}" for group in groups]
    if versions == "lowest":
        bounds = Path(session.virtualenv.location) / "lowest.txt"
        session.run(
            *("uv", "pip", "compile", "--quiet", "--all-extras", "--no-header"),
            *(
                "--resolution=lowest-direct",
                f"--python={session.virtualenv.bin}/python",
            ),
            *("--output-file", str(bounds), "pyproject.toml"),
            silent=True,
        )
        chosen.append(f"--constraint={bounds}")
    else:
        chosen.append("--upgrade")
    session.install("--editable", ".[all]", *chosen)
    session.run("python", ".ci/versions.py", versions)


def python_of(session: nox.Session) -> str:
    """Return the path of the session's interpreter."""
    return f"{session.virtualenv.bin}/python"


def say_what_is_missing(session: nox.Session) -> None:
    """Say loudly that a matrix of one Python is not one."""
    if len(PYTHONS) < 2:
        session.warn(
            f"ONLY {len(PYTHONS)} OF {', '.join(CANDIDATES)} IS ON THIS MACHINE: "
            f"{', '.join(PYTHONS) or 'none'}. The others are NOT tested; "
            "install one (pyenv install 3.13, uv python install 3.13)."
        )


@nox.session(python=PYTHONS)
@nox.parametrize("versions", VERSIONS)
def matrix(session: nox.Session, versions: str) -> None:
    """Run what `make test-all` runs on each cell: no browser, then the smoke test."""
    say_what_is_missing(session)
    install(session, versions)
    session.run("pytest", *ALL_CORES, "-m", "not browser", *session.posargs)
    session.run("pytest", "-m", "smoke", *session.posargs)


@nox.session(python=PYTHONS, default=False)
@nox.parametrize("versions", VERSIONS)
def tests(session: nox.Session, versions: str) -> None:
    """Run the whole suite."""
    say_what_is_missing(session)
    install(session, versions)
    session.run("pytest", *ALL_CORES, *session.posargs)


@nox.session(python=PYTHONS, default=False)
@nox.parametrize("versions", VERSIONS)
def quick(session: nox.Session, versions: str) -> None:
    """Run the tests that need neither a browser nor the speech models."""
    install(session, versions)
    session.run("pytest", *ALL_CORES, "-m", QUICK, *session.posargs)


@nox.session(python=PYTHONS, default=False)
@nox.parametrize("versions", VERSIONS)
def smoke(session: nox.Session, versions: str) -> None:
    """Open the demo in a browser and use it."""
    install(session, versions)
    session.run("pytest", "-m", "smoke", *session.posargs)


@nox.session(python=PYTHONS)
@nox.parametrize("versions", VERSIONS)
def brief(session: nox.Session, versions: str) -> None:
    """Run the quick tests and the smoke test: what .ci/run asks of other Pythons.

    What reads the files of the repository says the same on each of them.
    """
    install(session, versions)
    session.run("pytest", *ALL_CORES, "-m", BRIEF, *session.posargs)


@nox.session(python=PYTHONS[:1])
def lint(session: nox.Session) -> None:
    """Check style, layers and types on the oldest Python."""
    install(session, "newest", "test", "lint")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("lint-imports")
    session.run("pyright", "--pythonpath", python_of(session))


@nox.session(venv_backend="none")
def lock(session: nox.Session) -> None:
    """Check that uv.lock belongs to pyproject.toml."""
    session.run("uv", "lock", "--check", external=True)


@nox.session(python=PYTHONS[-1:])
def package(session: nox.Session) -> None:
    """Build sdist and wheel, and use the wheel in an environment without extras."""
    built = ROOT / "dist"
    shutil.rmtree(built, ignore_errors=True)
    session.run("uv", "build", "--quiet", "--out-dir", str(built))
    (wheel,) = built.glob("*.whl")
    session.install(str(wheel))
    session.run("rustpbx-lab", "--version")
    page = ("python", ".ci/check_page.py", "rustpbx-lab")
    served = ("--no-browser", "--port=0")
    logs = f"--logs={session.virtualenv.location}/logs"
    session.run(*page, "serve", *served, logs)
    # a mistake, exit code 2: there is no speech without the extra
    session.run("rustpbx-lab", "demo", *served, success_codes=[2])
    session.install(f"rustpbx-lab[local] @ {wheel.as_uri()}")
    session.run(*page, "demo", *served)


@nox.session(python=PYTHONS[:1])
def review(session: nox.Session) -> None:
    """Check what surrounds the code: metadata, workflows, hooks, the Dockerfile."""
    session.install("--group=review")
    session.run("repo-review", ".")
    session.run("validate-pyproject", "pyproject.toml")
    workflows = sorted(str(path) for path in ROOT.glob(".github/workflows/*.yml"))
    schema = "--builtin-schema"
    session.run("check-jsonschema", schema, "vendor.github-workflows", *workflows)
    dependabot = ".github/dependabot.yml"
    session.run("check-jsonschema", schema, "vendor.dependabot", dependabot)
    session.run("zizmor", "--offline", "--no-progress", ".github")
    session.run("pre-commit", "validate-config")
    session.run("hadolint", "Dockerfile")


if __name__ == "__main__":
    nox.main()
