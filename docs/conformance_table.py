"""Ask both real servers and the stand-in as each every point; writes conformance.md.

PYTHONPATH=tests python docs/conformance_table.py 0.3.83/bin/active-call 0.3.113/bin/…
"""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import anyio
from real_server import real_server_version, running_real_server

from rustpbx_lab.conformance import Report, check_server, differences, markdown
from rustpbx_lab.simulator.gateway.gateway import Gateway
from rustpbx_lab.simulator.server.stand_in import StandIn

PAGE = Path(__file__).parent / "conformance.md"
REASONS: dict[str, str] = {}
"""Known differences of the stand-in: point → why it stays."""

HEAD = """# Does the server behave as promised

`rustpbx-lab conformance URL` asks a server named points. Each is a small scenario over
the bare wire: what is promised, what was seen. Where a race inside the server decides,
the promise names all outcomes; how often each comes stands in
[protocol-notes.md](protocol-notes.md).

    rustpbx-lab gateway --port 8091 &
    rustpbx-lab conformance ws://127.0.0.1:8080 --gateway ws://127.0.0.1:8091 \\
        --recorder-dir .real-server/recorders --server-version 0.3.113

Without `--gateway` the points that need a provider, and without `--recorder-dir` those
about the server's files, are *not testable*. Points are asked six at a time; one that
differs is asked once more, alone. The exit code is 1 if anything still differs.

Some points hold for some releases only (column *Holds*): `--server-version` asks those
of that release, too; a dash says that a point was not asked. `rustpbx-lab conformance
URL URL2` asks two servers everything and prints what they answer differently, such as
before an upgrade; of these two releases that is {differences} points. Section 14 of
the [protocol reference](protocol/protocol.md) says what stands behind them.

Asked on {date}, one server after the other on one machine, with `--recorder-dir`:

{counts}
This page is written by `docs/conformance_table.py`.

"""


class Server(NamedTuple):
    """One that is asked."""

    url: str
    folder: Path
    release: str


def counted(report: Report) -> str:
    """Return the counts of a report in words."""
    return (
        f"{report.count('same')} same, {report.count('different')} different, "
        f"{report.count('not testable')} not testable"
    )


async def ask(server: Server, gateway: str | None, asks_all: bool = False) -> Report:
    """Ask one server everything that its release promises, or everything there is."""
    return await check_server(
        server.url,
        gateway=gateway,
        recorder_dir=server.folder,
        server_version=server.release,
        asks_all=asks_all,
    )


@contextmanager
def stand_in(release: str) -> Iterator[Server]:
    """Run the stand-in as a release."""
    with (
        tempfile.TemporaryDirectory() as folder,
        StandIn(dump_dir=folder, server_version=release).in_thread() as server,
    ):
        yield Server(server.url, Path(folder), release)


@contextmanager
def real(binary: Path, release: str) -> Iterator[Server]:
    """Run a real server."""
    with running_real_server(binary=binary) as server:
        yield Server(server.url, server.recorders, release)


def main(binaries: list[Path]) -> int:
    """Write the page; 1 if a difference has no reason."""
    releases = [real_server_version(binary) for binary in binaries]
    full: dict[str, Report] = {}
    without: dict[str, Report] = {}
    everything: list[Report] = []
    with Gateway().in_thread() as gateway:
        for binary, release in zip(binaries, releases, strict=True):
            with real(binary, release) as server:
                full[release] = anyio.run(ask, server, gateway.url)
                without[release] = anyio.run(ask, server, None)
                everything.append(anyio.run(ask, server, gateway.url, True))
            name = f"Stand-in as {release}"
            with stand_in(release) as server:
                full[name] = anyio.run(ask, server, gateway.url)
                without[name] = anyio.run(ask, server, None)
    counts = "| | with a gateway | without |\n|---|---|---|\n"
    for name in full:
        counts += f"| {name} | {counted(full[name])} | {counted(without[name])} |\n"
    found = differences(*everything)
    head = HEAD.format(
        date=full[releases[0]].date, counts=counts, differences=len(found)
    )
    columns = {release: [full[release]] for release in releases}
    columns["Stand-in as each"] = [
        report for name, report in full.items() if name not in releases
    ]
    PAGE.write_text(head + markdown(columns, REASONS), "utf-8")
    unexplained = [
        f"{name}: {result.point.name}: {result.seen}"
        for reports in (full, without)
        for name, report in reports.items()
        for result in report.results
        if result.verdict == "different"
        and (name in releases or result.point.name not in REASONS)
    ]
    sys.stdout.write("\n".join([*unexplained, "", counts, *found, ""]))
    return bool(unexplained)


if __name__ == "__main__":
    sys.exit(main([Path(each).absolute() for each in sys.argv[1:]]))
