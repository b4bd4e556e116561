"""Write docs/server_faults.md from the table of known server faults.

python docs/server_faults.py
"""

from pathlib import Path

from rustpbx_lab.lint.fault_rules import INVITING
from rustpbx_lab.lint.fault_symptoms import SHOWN
from rustpbx_lab.models.server_faults import FAULTS, UPSTREAM, ServerFault
from rustpbx_lab.models.server_versions import TESTED

PAGE = Path(__file__).with_suffix(".md")
HEAD = """# Known faults of the server

What the server does wrong, as its users reported it or as we met it; which releases do
it; what helps. Each was tried on {tested}, as often as the page says, with
a hand-made telephone on the loopback (`tests/sip_phone.py`) and the speech gateway. Of
the releases between, the source was read, and nothing was run. Releases older than
0.3.83 were neither: *before 0.3.83* means that the fault was reported and is gone in
0.3.83.

`rustpbx-lab lint --server-version` names what runs into a fault; a live call's notes of
advice name one when it shows, once; `analysis.server_faults.server_faults(log)` finds
them in a saved log. The calls that show them are in `tests/recordings/faults/`, made by
`tests/recordings/capture_faults.py`, and run against a real server with the tests.

This page is written by `docs/server_faults.py`.

## At a glance

| Fault | Releases | First without | Upstream | Named by |
|---|---|---|---|---|
"""


def links(fault: ServerFault) -> str:
    """Return the issues of a fault."""
    return ", ".join(f"[#{n}]({UPSTREAM}{n})" for n in fault.issues) or "none found"


def line(fault: ServerFault) -> str:
    """Return its line in the overview."""
    named = ["lint"] if fault.name in INVITING else []
    named += ["advice, saved logs"] if fault.name in SHOWN else []
    cells = (
        f"[{fault.name}](#{fault.name})",
        fault.versions,
        str(fault.first_fixed or "none known"),
        links(fault),
        ", ".join(named) or "this page only",
    )
    return f"| {' | '.join(cells)} |"


def chapter(fault: ServerFault) -> str:
    """Return what is known of a fault."""
    tried = [f"* Tried on {version}: {seen}." for version, seen in fault.tried.items()]
    lines = [
        f"## {fault.name}\n",
        f"{fault.symptom[0].upper()}{fault.symptom[1:]}.\n",
        f"* Releases: {fault.versions}.",
        f"* What helps: {fault.helps}.",
        *tried,
        f"* How the releases are known: {fault.basis}.",
        f"* Upstream: {links(fault)}.\n",
    ]
    return "\n".join(lines)


def document() -> str:
    """Return the whole page."""
    head = HEAD.format(tested=" and ".join(map(str, TESTED)))
    overview = "\n".join(map(line, FAULTS.values()))
    return f"{head}{overview}\n\n" + "\n".join(map(chapter, FAULTS.values()))


if __name__ == "__main__":
    PAGE.write_text(document(), "utf-8")
