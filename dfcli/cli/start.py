"""`dfcli start`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from dfcli.cli import connection, options, render, terminal, waiting
from dfcli.cli.moments import future
from dfcli.cli.options import Format
from dfcli.cli.payloads import payload
from dfcli.errors import InstanceExists, InvalidArgument
from dfcli.model.ids import check_function_name, check_instance_id


class IfExists(StrEnum):
    """What becomes of a start whose id a live instance has."""

    refused = "fail"
    replaced = "replace"
    skipped = "skip"


def start(
    function: Annotated[str, typer.Argument(metavar="FUNCTION", help="The orchestrator's name.", show_default=False)],
    input: Annotated[
        str | None, typer.Option("--input", "-i", metavar="JSON", help="Its input: JSON, @file, or - for stdin.")
    ] = None,
    id: Annotated[str, typer.Option("--id", metavar="ID", help="The instance's id. Default: a new one.")] = "",
    version: Annotated[str, typer.Option("--version", metavar="TEXT", help="A version stamp for the instance.")] = "",
    at: Annotated[
        str,
        typer.Option("--at", metavar="TIME", help="Begin then: +10m, +2h, or a UTC time; Pending until then."),
    ] = "",
    if_exists: Annotated[
        IfExists,
        typer.Option(
            "--if-exists",
            metavar="WHAT",
            help="When a live instance has the id: fail, replace (it is terminated), or skip (nothing is started).",
        ),
    ] = IfExists.refused,
    wait: options.Wait = False,
    timeout: options.Timeout = "",
    folder: options.Folder = ".",
    hub: options.Hub = "",
    hub_dir: options.HubDir = "",
    output: options.Output = Format.table,
) -> None:
    """Start an instance of an orchestrator.

    Prints the instance's id. Without a host the start is recorded, and runs when a host starts.
    """
    if timeout and not wait:
        raise InvalidArgument("--timeout says how long to wait", why="--wait is not given", hint="add --wait")
    check_function_name(function)
    seconds = waiting.time_limit(timeout)
    body = payload(input, "--input")
    with connection.changing(options.place(folder, hub, hub_dir), creating=True) as control:
        try:
            instance_id = control.start(
                function,
                body,
                instance_id=check_instance_id(id) if id else None,
                version=version or None,
                start_at=future(at, "--at") if at else None,
                replace=True if if_exists is IfExists.replaced else None,
            )
        except InstanceExists:
            if if_exists is not IfExists.skipped:
                raise
            instance_id = id
            terminal.say(f"{terminal.visible(id)} is live already: nothing was started")
            if not wait:
                _answer(instance_id, function, output)
                return
        if wait:
            terminal.say(f"started {terminal.visible(instance_id)}")
            waiting.until_ended(control, instance_id, seconds, output)
            return
        _answer(instance_id, function, output)
        if control.online:
            terminal.say(f"started; see `dfcli status {terminal.visible(instance_id)}`")
        else:
            terminal.say("recorded; no host is running: it runs when `dfcli run` starts one")


def _answer(instance_id: str, function: str, output: Format) -> None:
    if output in (Format.table, Format.id):
        terminal.answer(terminal.visible(instance_id) if output is Format.table else instance_id)
    else:
        render.json_line({"id": instance_id, "name": function})
