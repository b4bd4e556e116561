"""Ask the real server and the stand-in every point and write docs/conformance.md.

RUSTPBX_LAB_REAL_SERVER=…/active-call PYTHONPATH=tests python docs/conformance_table.py
"""

import sys
import tempfile
from pathlib import Path

import anyio
from real_server import real_server_version, running_real_server

from rustpbx_lab.conformance import Report, check_server, markdown
from rustpbx_lab.simulator.gateway.gateway import Gateway
from rustpbx_lab.simulator.server.stand_in import StandIn

PAGE = Path(__file__).parent / "conformance.md"
CONNECTS_NOWHERE = "It has its own engines and never connects to a provider."
REASONS = {
    "a synthesis that fails": CONNECTS_NOWHERE,
    "a streaming provider that refuses: only the end": CONNECTS_NOWHERE,
    "a recogniser that refuses": CONNECTS_NOWHERE,
}
"""Known differences of the stand-in: point → why it stays."""

HEAD = """# Does the server behave as promised

`rustpbx-lab conformance URL` asks a server named points. Each is a small scenario over
the bare wire: what is promised, what was seen. Where a race inside the server decides,
the promise names all outcomes; how often each comes stands in
[protocol-notes.md](protocol-notes.md).

    rustpbx-lab gateway --port 8091 &
    rustpbx-lab conformance ws://127.0.0.1:8080 --gateway ws://127.0.0.1:8091 \\
        --recorder-dir .real-server/recorders

Without `--gateway` the points that need a provider, and without `--recorder-dir` those
about the server's files, are *not testable*. Points are asked six at a time; one that
differs is asked once more, alone. The exit code is 1 if anything still differs.

Some points hold for some releases only: `--server-version 0.3.113` asks those of that
release, too. `rustpbx-lab conformance URL URL2` asks two servers everything and prints
what they answer differently, such as before an upgrade.

Asked on {date}: {version} ({real}), and our stand-in ({stand_in}).
This page is written by `docs/conformance_table.py`.

"""


def counts(report: Report) -> str:
    """Return the counts of a report in words."""
    return (
        f"{report.count('same')} same, {report.count('different')} different, "
        f"{report.count('not testable')} not testable"
    )


async def ask(url: str, gateway: str, folder: Path, release: str) -> Report:
    """Ask one server everything that its release promises."""
    return await check_server(
        url, gateway=gateway, recorder_dir=folder, server_version=release
    )


def main() -> int:
    """Write the page; 1 if a difference has no reason."""
    release = real_server_version()
    with (
        tempfile.TemporaryDirectory() as folder,
        Gateway().in_thread() as gateway,
        running_real_server() as real,
        StandIn(dump_dir=folder, server_version=release).in_thread() as stand_in,
    ):
        reports = {
            "Real server": anyio.run(
                ask, real.url, gateway.url, real.recorders, release
            ),
            "Stand-in": anyio.run(
                ask, stand_in.url, gateway.url, Path(folder), release
            ),
        }
    first, second = reports.values()
    head = HEAD.format(
        date=first.date,
        version=f"active-call {release}",
        real=counts(first),
        stand_in=counts(second),
    )
    PAGE.write_text(head + markdown(reports, REASONS), "utf-8")
    unexplained = [
        f"{name}: {result.point.name}: {result.seen}"
        for name, report in reports.items()
        for result in report.results
        if result.verdict == "different"
        and (name == "Real server" or result.point.name not in REASONS)
    ]
    sys.stdout.write("\n".join([*unexplained, counts(first), counts(second), ""]))
    return bool(unexplained)


if __name__ == "__main__":
    sys.exit(main())
