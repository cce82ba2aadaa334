"""`dfcli list`."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer

from dfcli.cli import connection, options, render, selection, terminal
from dfcli.cli.options import Format


def list_instances(
    status: options.Statuses = None,
    failed: options.Failed = False,
    running: options.Running = False,
    name: options.Names = None,
    prefix: options.Prefix = "",
    since: options.Since = "",
    until: options.Until = "",
    newest: Annotated[bool, typer.Option("--newest", help="Newest first.")] = False,
    top: Annotated[int, typer.Option("--top", "-n", min=0, metavar="N", help="At most so many; 0: all.")] = 0,
    folder: options.Folder = ".",
    hub: options.Hub = "",
    hub_dir: options.HubDir = "",
    output: options.Output = Format.table,
) -> None:
    """List instances, oldest first.

    All that match are listed, page by page, as they are read.
    """
    which = options.chosen(status, failed, running, name, prefix, since, until)
    which = msgspec.structs.replace(which, newest_first=newest)
    with connection.reading(options.place(folder, hub, hub_dir)) as control:
        count = render.instances(selection.matching(control, which, top), output)
        if not count and output is Format.table:
            terminal.say("no instances" if options.is_everything(which) else "no instance matches")
