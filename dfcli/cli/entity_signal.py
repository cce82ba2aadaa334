"""`dfcli entity signal`."""

from __future__ import annotations

from typing import Annotated

import typer

from dfcli.cli import connection, entities, options, render, terminal
from dfcli.cli.moments import moment
from dfcli.cli.options import Format
from dfcli.cli.payloads import payload
from dfcli.model.entity_ids import entity_instance_id


def signal_entity(
    entity: Annotated[str, typer.Argument(metavar="ENTITY", help="@name@key.", show_default=False)],
    operation: Annotated[str, typer.Argument(metavar="OPERATION", help="What it is to do.", show_default=False)],
    input: Annotated[
        str | None,
        typer.Option("--input", "-i", metavar="JSON", help="The operation's input: JSON, @file, or - for stdin."),
    ] = None,
    at: Annotated[str, typer.Option("--at", metavar="TIME", help="Not before this UTC time.")] = "",
    folder: options.Folder = ".",
    hub: options.Hub = "",
    hub_dir: options.HubDir = "",
    output: options.Output = Format.table,
) -> None:
    """Have an entity do something, without waiting for it.

    The entity comes into being with its first operation. Without a host the signal is recorded, and runs when a host
    starts.
    """
    name, key = entities.named([entity])
    entity_id = entity_instance_id(name, key)
    body = payload(input, "--input")
    due = moment(at, "--at") if at else None
    with connection.changing(options.place(folder, hub, hub_dir), creating=True) as control:
        control.signal_entity(name, key, operation, body, due=due)
        if output is Format.table:
            terminal.answer(f"signalled {terminal.visible(operation)} to {terminal.visible(entity_id)}")
        elif output is Format.id:
            terminal.answer(entity_id)
        else:
            render.json_line({"entityId": {"name": name, "key": key}, "operation": operation})
        if not control.online:
            terminal.say("recorded; no host is running: it runs when `dfcli run` starts one")
