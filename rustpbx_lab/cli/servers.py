"""Commands that run until they are stopped: pages and servers."""

from pathlib import Path
from typing import Annotated, Any

import typer

from .output import output
from .shared import (
    AllowHost,
    Browser,
    CaFile,
    Engine,
    Host,
    Json,
    Logs,
    Port,
    ServerRelease,
    SipflowFile,
    TapToken,
    TapUrl,
    command,
    ended_by_signals,
    report_address,
    wait_for_the_end,
)
from .starting import starting


@command()
def demo(
    port: Port = 5006,
    no_browser: Browser = False,
    logs: Logs = None,
    allow_host: AllowHost = [],  # noqa: B006  (typer wants the default itself)
) -> None:
    """Show a talking caller and a bot on a local server, in the dashboard."""
    with starting():
        from rustpbx_lab.dashboard.app import serve as serve_pages
        from rustpbx_lab.workbench.demo import Demo

    output.progress("loading the speech models …")
    with ended_by_signals(Demo(logs=logs)) as running:
        output.progress(f"stand-in server on {running.url}")
        serve_pages(
            running.hub,
            port=port,
            show=not no_browser,
            endpoint=running.url,
            allow_hosts=allow_host,
            on_address=report_address,
        )


@command()
def serve(
    endpoint: Annotated[
        str, typer.Option(help="Address of the server.")
    ] = "ws://127.0.0.1:8080",
    logs: Logs = Path("logs"),
    port: Port = 5006,
    address: Host = "127.0.0.1",
    basic_auth: Annotated[
        Path | None, typer.Option(help="File of users and passwords (JSON).")
    ] = None,
    oauth_provider: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Log in by OAuth; named as Panel names it."),
    ] = None,
    oauth_key: Annotated[
        str | None,
        typer.Option(envvar="PANEL_OAUTH_KEY", help="Key of the OAuth application."),
    ] = None,
    oauth_secret: Annotated[
        str | None,
        typer.Option(
            envvar="PANEL_OAUTH_SECRET",
            help="Its secret; the environment hides it from other users, this "
            "option does not.",
        ),
    ] = None,
    operators: Annotated[
        str | None, typer.Option(metavar="NAME,…", help="Who may send commands.")
    ] = None,
    allow_host: AllowHost = [],  # noqa: B006
    prefix: Annotated[
        str,
        typer.Option(metavar="/PATH", help="Path that a proxy in front passes on."),
    ] = "",
    use_xheaders: Annotated[
        bool,
        typer.Option(
            "--use-xheaders",
            help="Trust X-Scheme and X-Real-Ip; only behind a proxy that sets them.",
        ),
    ] = False,
    cafile: CaFile = None,
    engine: Engine = "silero",
    server_version: ServerRelease = None,
    tap_port: Annotated[
        int | None,
        typer.Option(help="Port where calls of others are heard (`monitor`)."),
    ] = None,
    tap_host: Annotated[
        str, typer.Option(help="Address where they are heard.")
    ] = "127.0.0.1",
    tap_token: TapToken = None,
    tap_url: TapUrl = None,
    no_browser: Browser = False,
) -> None:
    """Serve the dashboard; calls are saved to --logs."""
    with starting():
        from rustpbx_lab.client.rest.refusals import tls_context
        from rustpbx_lab.dashboard.app import serve as serve_pages
        from rustpbx_lab.dashboard.web.access import operator_names
        from rustpbx_lab.hub.hub import CallHub

    login: dict[str, Any] | None = None
    if oauth_provider is not None:
        login = {
            "oauth_provider": oauth_provider,
            "oauth_key": oauth_key,
            "oauth_secret": oauth_secret,
        }
    names = None if operators is None else operator_names(operators, "--operators")
    kept: dict[str, Any] = {
        "logs": logs,
        "operators": names,
        "ssl": tls_context(cafile),
    }
    kept |= {"ssl": tls_context(cafile), "engine": engine}
    with ended_by_signals(CallHub(**kept, server_version=server_version)) as hub:
        if tap_port is not None:
            listening = hub.tap(
                tap_port,
                host=tap_host,
                token=tap_token,
                server=endpoint,
                names=allow_host,
                public_url=tap_url,
            )
            output.progress(f"audio tap on {listening.url}")
        serve_pages(
            hub,
            port=port,
            address=address,
            show=not no_browser,
            endpoint=endpoint,
            basic_auth=basic_auth,
            oauth=login,
            allow_hosts=allow_host,
            prefix=prefix,
            use_xheaders=use_xheaders,
            on_address=report_address,
        )


@command()
def tap(
    server: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="The server that runs the calls: their events are joined.",
        ),
    ] = None,
    host: Host = "127.0.0.1",
    port: Port = 9000,
    token: TapToken = None,
    public_url: TapUrl = None,
    allow_host: AllowHost = [],  # noqa: B006
    logs: Logs = Path("logs"),
    cafile: CaFile = None,
    server_version: ServerRelease = None,
    json: Json = False,
) -> None:
    """Hear calls that someone else runs, and save logs and recordings, until Ctrl+C.

    Prints the option that the calls must have, then a line for each call.
    """
    with starting():
        from rustpbx_lab.client.rest.refusals import tls_context
        from rustpbx_lab.hub.hub import CallHub
        from rustpbx_lab.workbench.tap_report import TapReport

    hub = CallHub(logs=logs, ssl=tls_context(cafile), server_version=server_version)
    with ended_by_signals(hub):
        listening = hub.tap(
            port,
            host=host,
            token=token,
            server=server,
            names=allow_host,
            public_url=public_url,
        )
        write = output.json_line if json else output.json
        write({"monitor": listening.option.to_wire(reveal=True)})
        report = TapReport(hub, listening)

        def tell() -> None:
            for line in report.news():
                if json:
                    output.json_line(line.to_dict())
                else:
                    output.line(line.told())

        wait_for_the_end(f"audio tap on {listening.url}", tell)
        hub.close()
        tell()


@command()
def replay(
    file: Annotated[Path, typer.Argument(help="A saved event log.")],
    speed: Annotated[float, typer.Option(help="Times as fast: 0.5 to 20.")] = 1.0,
    sipflow: SipflowFile = None,
    port: Port = 5006,
    no_browser: Browser = False,
    allow_host: AllowHost = [],  # noqa: B006
) -> None:
    """Let a saved call happen once more, in the dashboard, with its sound."""
    with starting():
        from rustpbx_lab.dashboard.app import serve as serve_pages
        from rustpbx_lab.hub.hub import CallHub
        from rustpbx_lab.hub.saved_call import read_saved

    with ended_by_signals(CallHub()) as hub:
        hub.replay(read_saved(file, sipflow), speed)
        serve_pages(
            hub,
            port=port,
            show=not no_browser,
            allow_hosts=allow_host,
            on_address=report_address,
        )


@command()
def simulate(
    host: Host = "127.0.0.1",
    port: Port = 8080,
    asr: Annotated[str, typer.Option(help="Engine of recognition.")] = "auto",
    tts: Annotated[str, typer.Option(help="Engine of synthesis.")] = "auto",
    strict: Annotated[
        bool, typer.Option("--strict", help="Say what the server drops in silence.")
    ] = False,
    dump_dir: Annotated[
        Path | None, typer.Option(help="Folder for the server's event logs.")
    ] = None,
    media_dir: Annotated[
        Path | None, typer.Option(help="Where relative paths of play begin.")
    ] = None,
    webhook: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="URL that incoming SIP calls are announced to."
        ),
    ] = None,
    fault: Annotated[
        list[str],
        typer.Option(
            metavar="NAME=VALUE",
            help="Fail on purpose: delay, drop, reject, close-after, half-open, "
            "malformed, slow-asr, clock-skew, slow-log; may be repeated.",
        ),
    ] = [],  # noqa: B006  (typer wants the default itself)
    allow_host: AllowHost = [],  # noqa: B006
    server_version: Annotated[
        str,
        typer.Option(metavar="0.3.113", help="Release that it behaves as."),
    ] = "0.3.113",
) -> None:
    """Run the stand-in server alone, until Ctrl+C."""
    with starting():
        from rustpbx_lab.log.output_files import check_folder
        from rustpbx_lab.simulator import Faults, StandIn

    if dump_dir is not None:
        check_folder(dump_dir)
    server = StandIn(
        host,
        port,
        asr=asr,
        tts=tts,
        strict=strict,
        dump_dir=dump_dir,
        media_dir=media_dir,
        webhook=webhook,
        faults=Faults.read(fault),
        allow_hosts=allow_host,
        server_version=server_version,
    )
    with server.in_thread():
        wait_for_the_end(f"stand-in server on {server.url}")


@command()
def gateway(
    host: Host = "127.0.0.1",
    port: Port = 8091,
    asr: Annotated[str, typer.Option(help="Engine of recognition.")] = "auto",
    tts: Annotated[str, typer.Option(help="Engine of synthesis.")] = "auto",
    allow_host: AllowHost = [],  # noqa: B006
    public_url: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Where the server reaches the gateway, if not where it listens: "
            "ws://HOST:PORT.",
        ),
    ] = None,
) -> None:
    """Serve local speech engines to a real server as its provider, until Ctrl+C."""
    with starting():
        from rustpbx_lab.simulator.gateway.gateway import Gateway

    served = Gateway(
        host, port, asr=asr, tts=tts, allow_hosts=allow_host, public_url=public_url
    )
    with served.in_thread():
        output.json(
            {
                "asr": served.asr_option().to_wire(reveal=True),
                "tts": served.tts_option().to_wire(reveal=True),
            }
        )
        wait_for_the_end(f"speech gateway on {served.url}")
