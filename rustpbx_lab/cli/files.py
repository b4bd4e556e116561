"""Commands about files: saved calls, options, recordings."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from rustpbx_lab.audio.clip import Clip
from rustpbx_lab.models.options import VADOption
from rustpbx_lab.models.settings import with_settings

from .shared import Json, Set, app, print_json, told, vad

MIN_WIDTH = 132
"""Columns of the table of calls, whatever the terminal has."""


@app.command()
def analyse(
    paths: Annotated[
        list[Path], typer.Argument(help="Event logs, or folders of them.")
    ],
    json: Json = False,
    csv: Annotated[Path | None, typer.Option(metavar="OUT", help="Write CSV.")] = None,
) -> None:
    """Sum up saved calls: one row each."""
    from rustpbx_lab.workbench.summing_up import summarise_files

    table = summarise_files(paths)
    if csv is not None:
        table.write_csv(csv)
        told.print(f"{len(table.rows)} calls written to {csv}")
    if json:
        print_json({"calls": table.rows})
    elif csv is None:
        screen = Console(highlight=False, markup=False)
        screen.width = max(screen.width, MIN_WIDTH)
        screen.print(table.shown())


@app.command()
def lint(
    option: Annotated[
        Path, typer.Argument(metavar="OPTION.json", help="A call option or a command.")
    ],
    json: Json = False,
) -> None:
    """Say what the server will really do with an option; exit 1 on errors."""
    from rustpbx_lab.models.lint import lint_file

    remarks = lint_file(option)
    errors = sum(remark.severity == "error" for remark in remarks)
    if json:
        found = [remark.to_dict() for remark in remarks]
        print_json({"file": str(option), "errors": errors, "remarks": found})
    for remark in [] if json else remarks:
        instead = f"; instead: {remark.instead}" if remark.instead else ""
        print(f"{remark.severity:7}  {remark.path}: {remark.text}{instead}")
    if errors:
        raise typer.Exit(1)


@vad.command("replay")
def vad_replay(
    wav: Annotated[Path, typer.Argument(help="A recording.")],
    set: Set = [],  # noqa: B006
    channel: Annotated[
        int | None, typer.Option(help="Channel of the recording.")
    ] = None,
    json: Json = False,
) -> None:
    """Print the speaking and silence events the server would send."""
    from rustpbx_lab.speech.replay import replay_vad

    settings = [one.removeprefix("vad.") for one in set]
    replay = replay_vad(
        Clip.read(wav, channel), with_settings(VADOption(type="silero"), settings)
    )
    if json:
        print_json(replay.to_dict())
        return
    for event in replay.events:
        lasted = "" if event.duration is None else f"  duration {event.duration} ms"
        print(f"{event.at:8} ms  {event.event:8}  startTime {event.start_time}{lasted}")
    told.print(f"{len(replay.marginal)} chunks within 0.02 of the threshold")
