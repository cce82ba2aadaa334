"""`dfcli logs`."""

from __future__ import annotations

import os
import sys
import threading
from typing import Annotated

import typer

from dfcli.cli import apps, connection, log_text, options, selection, terminal
from dfcli.cli.moments import moment
from dfcli.cli.options import Format
from dfcli.errors import InvalidArgument, NotFound

LOOK_SECONDS = 0.2


def show_logs(
    instance_id: Annotated[
        str, typer.Argument(metavar="[ID]", help="Of this instance only: an id, @last or @failed.", show_default=False)
    ] = "",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what is written from now on.")] = False,
    level: Annotated[
        str, typer.Option("--level", metavar="LEVEL", help="From this on: debug, info, warning or error.")
    ] = "debug",
    since: Annotated[str, typer.Option("--since", metavar="TIME", help="Written since: 10m, 2h, or a UTC time.")] = "",
    folder: options.Folder = ".",
    hub: options.Hub = "",
    hub_dir: options.HubDir = "",
    output: options.Output = Format.table,
) -> None:
    """Show what the host and the app's functions have logged.

    Reads logs/host.jsonl in the hub and its predecessors, with the host up or down. Text, or with -o jsonl the lines as
    they stand there.
    """
    from dfcli.env.disk import DiskFiles
    from dfcli.host.log_context import LEVELS
    from dfcli.host.log_reading import HostFact, entry_of, folder_of, lines

    if level.lower() not in LEVELS:
        raise InvalidArgument(f"--level {level!r} is no level", why=f"there are {', '.join(LEVELS)}")
    if output in (Format.json, Format.id):
        raise InvalidArgument(f"a log cannot be written as {output.value}", hint="-o jsonl")
    where = options.place(folder, hub, hub_dir)
    wanted = frozenset(LEVELS[LEVELS.index(level.lower()) :])
    after = moment(since, "--since") if since else ""
    hub_path = apps.settings_of(where).hub_path
    if not os.path.isdir(folder_of(hub_path)):
        raise NotFound(
            "this hub has no log yet", why=f"there is no folder {folder_of(hub_path)}", hint="`dfcli run` writes one"
        )
    whose = _meant(where, instance_id)
    coloured = terminal.colours(sys.stdout)
    wait = (lambda: not threading.Event().wait(LOOK_SECONDS)) if follow else None
    for line in lines(DiskFiles(), hub_path, wait):
        entry = entry_of(line)
        if entry is None or entry.level not in wanted or entry.timestamp < after:
            continue
        if whose and entry.instance_id != whose:
            continue
        if output is Format.jsonl:
            terminal.answer(terminal.visible_json(line.decode("utf-8", "backslashreplace")))
        elif isinstance(entry, HostFact):
            terminal.answer(f"{entry.timestamp[11:23] or '…':12}  host {terminal.visible(entry.verb)} {entry.detail}")
        else:
            terminal.answer(log_text.text_of(entry, coloured))
        if follow:
            sys.stdout.flush()


def _meant(where: options.Place, text: str) -> str:
    """The instance's id. One that has been purged has a log all the same, under its exact id."""
    if not text:
        return ""
    with connection.reading(where) as control:
        try:
            return selection.for_reading(control, text).summary.instance_id
        except NotFound:
            if text in (selection.LAST, selection.FAILED):
                raise
            return text
