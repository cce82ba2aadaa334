"""`dfcli keys list`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from dfcli.cli import apps, moments, options, render, tables, terminal
from dfcli.cli.options import Format
from dfcli.cli.tables import Column
from dfcli.storage.keys import Key, KeyFile


def keys_list(
    show: Annotated[bool, typer.Option("--show", help="Show the keys themselves.")] = False,
    folder: options.Folder = ".",
    hub: options.Hub = "",
    hub_dir: options.HubDir = "",
    output: options.Output = Format.table,
) -> None:
    """List the keys that requests may show.

    `dfcli run --auth` asks for them: `system` opens the management API, `function` HTTP functions, `master` both and
    those of level admin. Send one as ?code=, as the header x-functions-key, or as Authorization: Bearer.
    """
    keys = key_file(options.place(folder, hub, hub_dir)).valid()
    if output is Format.id:
        for key in keys:
            terminal.answer(key.id)
    elif output is Format.json:
        render.json_value([_object(key, show) for key in keys])
    elif output is Format.jsonl:
        for key in keys:
            render.json_line(_object(key, show))
    else:
        columns = [Column("KEY"), Column("SCOPE"), Column("CREATED"), Column("ENDS")]
        if show:
            columns.append(Column("VALUE"))
        tables.draw(columns, (_row(key, show) for key in keys))
        if not show:
            terminal.say("the keys themselves: dfcli keys list --show")


def key_file(where: options.Place) -> KeyFile:
    """The keys of the hub that the options mean."""
    from dfcli.env.environment import Env

    return KeyFile(apps.settings_of(where).hub_path, Env())


def _row(key: Key, show: bool) -> tables.Row:
    row = [key.id, str(key.scope), moments.shown(key.created), moments.shown(key.ends)]
    return [*row, key.value] if show else row


def _object(key: Key, show: bool) -> dict[str, Any]:
    shown: dict[str, Any] = {"id": key.id, "scope": str(key.scope), "created": key.created, "ends": key.ends}
    return {**shown, "value": key.value} if show else shown
