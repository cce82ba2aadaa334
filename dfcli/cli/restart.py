"""`dfcli restart`."""

from __future__ import annotations

from typing import Annotated

import typer

from dfcli.cli import connection, options, render, selection, terminal, waiting
from dfcli.cli.options import Format
from dfcli.errors import InvalidArgument


def restart(
    instance_id: options.ChangingId,
    same_id: Annotated[
        bool, typer.Option("--same-id", help="Under the same id; the instance must have ended. Default: a new id.")
    ] = False,
    wait: options.Wait = False,
    timeout: options.Timeout = "",
    folder: options.Folder = ".",
    hub: options.Hub = "",
    hub_dir: options.HubDir = "",
    output: options.Output = Format.table,
) -> None:
    """Start an orchestrator again with the name, the input and the version of an instance.

    Prints the id. Without a host the start is recorded, and runs when a host starts.
    """
    if timeout and not wait:
        raise InvalidArgument("--timeout says how long to wait", why="--wait is not given", hint="add --wait")
    seconds = waiting.time_limit(timeout)
    with connection.changing(options.place(folder, hub, hub_dir), with_app=True) as control:
        found = control.restart(selection.for_changing(control, instance_id), new_id=not same_id)
        if wait:
            terminal.say(f"started {terminal.visible(found)}")
            waiting.until_ended(control, found, seconds, output)
        elif output in (Format.table, Format.id):
            terminal.answer(terminal.visible(found) if output is Format.table else found)
        else:
            render.json_line({"id": found})
        if not control.online:
            terminal.say("recorded; no host is running: it runs when `dfcli run` starts one")
