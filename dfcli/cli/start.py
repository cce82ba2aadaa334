"""`dfcli start`."""

from __future__ import annotations

from typing import Annotated

import typer

from dfcli.cli import connection, options, render, terminal, waiting
from dfcli.cli.options import Format
from dfcli.cli.payloads import payload
from dfcli.errors import InvalidArgument
from dfcli.model.ids import check_function_name, check_instance_id


def start(
    function: Annotated[str, typer.Argument(metavar="FUNCTION", help="The orchestrator's name.", show_default=False)],
    input: Annotated[
        str | None, typer.Option("--input", "-i", metavar="JSON", help="Its input: JSON, @file, or - for stdin.")
    ] = None,
    id: Annotated[str, typer.Option("--id", metavar="ID", help="The instance's id. Default: a new one.")] = "",
    version: Annotated[str, typer.Option("--version", metavar="TEXT", help="A version stamp for the instance.")] = "",
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
        instance_id = control.start(
            function, body, instance_id=check_instance_id(id) if id else None, version=version or None
        )
        if wait:
            terminal.say(f"started {terminal.visible(instance_id)}")
            waiting.until_ended(control, instance_id, seconds, output)
            return
        if output in (Format.table, Format.id):
            terminal.answer(terminal.visible(instance_id) if output is Format.table else instance_id)
        else:
            render.json_line({"id": instance_id, "name": function})
        if control.online:
            terminal.say(f"started; see `dfcli status {terminal.visible(instance_id)}`")
        else:
            terminal.say("recorded; no host is running: it runs when `dfcli run` starts one")
