"""Commands about files: saved calls, options, recordings."""

import io
from pathlib import Path
from typing import Annotated

import typer

from .ending import MISTAKE
from .output import output
from .shared import (
    STDIN,
    Codec,
    Engine,
    Json,
    Overwrite,
    Rate,
    ServerRelease,
    Set,
    SipflowFile,
    command,
    read_stdin,
    stdin_as_file,
    vad,
)
from .starting import INTERRUPTED, starting


@command()
def analyse(
    paths: Annotated[
        list[Path],
        typer.Argument(help="Event logs, or folders of them; - is standard input."),
    ],
    json: Json = False,
    csv: Annotated[
        Path | None, typer.Option(metavar="OUT", help="Write the table as CSV.")
    ] = None,
    overwrite: Overwrite = False,
    sip: Annotated[
        bool,
        typer.Option(
            "--sip", help="The SIP transactions of the calls instead, one row each."
        ),
    ] = False,
    sipflow: SipflowFile = None,
) -> None:
    """Sum up saved calls, one row each; exit 1 if some cannot be read."""
    with starting():
        from rustpbx_lab.log.output_files import check_outputs
        from rustpbx_lab.workbench.call_table import summarise_files

    inputs = paths if sipflow is None else [*paths, sipflow]
    check_outputs({"--csv": csv}, inputs=inputs, overwrite=overwrite)
    if sip or sipflow is not None:
        _show_sip(paths, sipflow, csv, json)
        return
    with stdin_as_file(paths) as copies:
        files = [path for path in paths if path != STDIN]
        table = summarise_files([*copies, *files], copies)
    for one in table.skipped:
        output.error(f"skipped: {one.why}")
    for row in table.rows:
        for remark in row["remarks"]:
            output.progress(f"{row['file']}: {remark}")
    if csv is not None and table.rows:
        table.write_csv(csv)
        output.progress(f"{len(table.rows)} calls written to {csv}")
    if json:
        skipped = [one.to_dict() for one in table.skipped]
        output.json({"calls": table.rows, "skipped": skipped})
    elif csv is None and table.rows:
        output.table(table.columns, table.cells())
    if table.is_interrupted:
        raise typer.Exit(INTERRUPTED)
    if table.skipped:
        raise typer.Exit(1 if table.rows else MISTAKE)


def _show_sip(
    paths: list[Path], sipflow: Path | None, csv: Path | None, as_json: bool
) -> None:
    from rustpbx_lab.workbench.sip_table import SHOWN, sip_of_files

    with stdin_as_file(paths) as copies:
        files = [path for path in paths if path != STDIN]
        table = sip_of_files([*copies, *files], copies, sipflow)
    for one in table.skipped:
        output.error(f"skipped: {one.why}")
    for call in table.calls:
        for remark in call["remarks"]:
            output.progress(f"{call['file']}: {remark}")
    if table.n_without:
        output.progress(f"{table.n_without} calls without SIP messages")
    if csv is not None and table.calls:
        table.write_csv(csv)
        output.progress(f"the SIP of {len(table.calls)} calls written to {csv}")
    if as_json:
        skipped = [one.to_dict() for one in table.skipped]
        output.json({"calls": table.calls, "skipped": skipped})
    elif csv is None and table.calls:
        output.table(SHOWN, table.cells())
    if table.skipped:
        raise typer.Exit(1 if table.calls else MISTAKE)


@command()
def lint(
    option: Annotated[
        Path,
        typer.Argument(
            metavar="OPTION.json",
            help="A call option or a command; - is standard input.",
        ),
    ],
    server_version: ServerRelease = None,
    json: Json = False,
) -> None:
    """Say what the server will really do with an option; exit 1 on errors."""
    with starting():
        from rustpbx_lab.lint.rules import lint_file, lint_text
        from rustpbx_lab.models.server_versions import named_version

    version = named_version(server_version)
    is_stdin = option == STDIN
    remarks = (
        lint_text(read_stdin(), version) if is_stdin else lint_file(option, version)
    )
    errors = sum(remark.severity == "error" for remark in remarks)
    if json:
        found = [remark.to_dict() for remark in remarks]
        output.json({"file": str(option), "errors": errors, "remarks": found})
    for remark in [] if json else remarks:
        instead = f"; instead: {remark.instead}" if remark.instead else ""
        output.line(f"{remark.severity:7}  {remark.path}: {remark.text}{instead}")
    if errors:
        raise typer.Exit(1)


@command()
def notebooks(
    folder: Annotated[
        Path, typer.Argument(help="Where to; it is made if it is not there.")
    ] = Path("rustpbx-lab-notebooks"),
    overwrite: Overwrite = False,
) -> None:
    """Copy the example notebooks to a folder and print where they are."""
    with starting():
        from rustpbx_lab.workbench.examples import copy_notebooks

    for copy in copy_notebooks(folder, overwrite):
        output.line(str(copy))


@command(vad, "replay")
def vad_replay(
    wav: Annotated[Path, typer.Argument(help="A recording; - is standard input.")],
    set: Set = [],  # noqa: B006
    channel: Annotated[
        int | None, typer.Option(help="Channel of the recording.")
    ] = None,
    codec: Codec = None,
    rate: Rate = None,
    engine: Engine = "silero",
    server_version: ServerRelease = None,
    json: Json = False,
) -> None:
    """Print the speaking and silence events the server would send."""
    with starting():
        from rustpbx_lab.audio.clip import Clip
        from rustpbx_lab.models.option_settings import with_settings
        from rustpbx_lab.models.options import VADOption
        from rustpbx_lab.speech.replay import replay_vad
        from rustpbx_lab.speech.vad_engines import make_engine

    settings = [one.removeprefix("vad.") for one in set]
    source = io.BytesIO(read_stdin()) if wav == STDIN else wav
    clip = Clip.read(source, channel, codec=codec, sample_rate_hz=rate)
    option = with_settings(VADOption(type="silero"), settings)
    replay = replay_vad(clip, option, make_engine(engine, server_version))
    for remark in replay.remarks:
        output.progress(f"{wav}: {remark}")
    if json:
        output.json(replay.to_dict())
        return
    for event in replay.events:
        lasted = "" if event.duration is None else f"  duration {event.duration} ms"
        output.line(
            f"{event.at:8} ms  {event.event:8}  startTime {event.start_time}{lasted}"
        )
    output.progress(f"{len(replay.marginal)} chunks within 0.02 of the threshold")
