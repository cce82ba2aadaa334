"""`dfcli run`."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from dfcli.cli import apps, moments, options


def run(
    port: Annotated[
        int | None, typer.Option("--port", "-p", metavar="N", help="Where to listen; 0: any free port. Default: 7071.")
    ] = None,
    no_watch: Annotated[bool, typer.Option("--no-watch", help="Do not reload when the code changes.")] = False,
    workers: Annotated[
        int | None, typer.Option("--workers", metavar="N", help="Run activities in so many processes of their own.")
    ] = None,
    exit_when_idle: Annotated[
        bool,
        typer.Option("--exit-when-idle", help="End when nothing is left to do; waits for events count as nothing."),
    ] = False,
    drain: Annotated[
        str, typer.Option("--drain", metavar="S", help="How long a stop waits for activities. Default: 10 s.")
    ] = "",
    always_replay: Annotated[
        bool,
        typer.Option(
            "--always-replay", help="Run every instance again from its history at each step: finds code that differs."
        ),
    ] = False,
    pin: Annotated[
        bool,
        typer.Option("--pin", help="Keep the code: each instance finishes on the code it began with."),
    ] = False,
    log_level: Annotated[
        str, typer.Option("--log-level", metavar="LEVEL", help="debug, info, warning or error. Default: info.")
    ] = "",
    log_replay: Annotated[
        bool, typer.Option("--log-replay", help="Show what orchestrators log while they are replayed, too.")
    ] = False,
    auth: Annotated[
        bool, typer.Option("--auth", help="Ask requests for a key; `dfcli keys list` shows them. Commands find theirs.")
    ] = False,
    debug: Annotated[
        str,
        typer.Option(
            "--debug",
            metavar="[PORT]",
            help="Wait for a debugger at this port of 127.0.0.1 first; 0: any free port. Default: 5678.",
        ),
    ] = "",
    folder: options.Folder = ".",
    hub: options.Hub = "",
    hub_dir: options.HubDir = "",
) -> None:
    """Host the app: run its instances and serve its HTTP API.

    Prints a line for each thing that happens: text on a terminal, JSON lines elsewhere, the first of which says the
    address. Ctrl-C and SIGTERM let running activities finish; a second one ends at once. Neither loses anything.
    """
    began = time.perf_counter()
    where = options.place(folder, hub, hub_dir)
    settings = apps.settings_of(
        where,
        port=port,
        workers=workers,
        always_replay=always_replay or None,
        auth=auth or None,
        pin=pin or None,
        log_level=log_level or None,
        log_replay=log_replay or None,
        drain_seconds=moments.seconds_of(drain, "--drain") if drain else None,
    )
    if debug:
        from dfcli.cli.debugger import wait_for_debugger

        wait_for_debugger(debug, workers=settings.workers)
    from dfcli.cli.log_handlers import log_to_stderr
    from dfcli.cli.serving import RunOptions, run_host

    log_to_stderr(settings.log_level, replay=settings.log_replay)
    raise typer.Exit(run_host(settings, RunOptions(not no_watch, exit_when_idle, began)))
