"""`dfcli raise-event`."""

from __future__ import annotations

from typing import Annotated

import typer

from dfcli.cli import connection, options, render, selection, terminal
from dfcli.cli.options import Format
from dfcli.cli.payloads import payload
from dfcli.model.ids import check_event_name


def raise_event(
    instance_id: options.ChangingId,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The event's name; case does not matter.")],
    data: Annotated[
        str | None,
        typer.Option("--data", "--input", metavar="JSON", help="The event's payload: JSON, @file, or - for stdin."),
    ] = None,
    folder: options.Folder = ".",
    hub: options.Hub = "",
    hub_dir: options.HubDir = "",
    output: options.Output = Format.table,
) -> None:
    """Send an external event to an instance.

    The event is kept until the instance waits for it. Without a host it is recorded and seen at the next start.
    """
    body = payload(data, "--data")
    check_event_name(name)
    with connection.changing(options.place(folder, hub, hub_dir)) as control:
        target = selection.for_changing(control, instance_id)
        control.raise_event(target, name, body)
        if output is Format.table:
            terminal.answer(f"raised {terminal.visible(name)} to {terminal.visible(target)}")
        elif output is Format.id:
            terminal.answer(target)
        else:
            render.json_line({"instanceId": target, "eventName": name})
        if not control.online:
            terminal.say("recorded; no host is running: it is delivered when `dfcli run` starts one")
