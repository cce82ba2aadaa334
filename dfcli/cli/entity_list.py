"""`dfcli entity list`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from dfcli.cli import connection, entities, options, selection, terminal
from dfcli.cli.moments import moment
from dfcli.cli.options import Format
from dfcli.host.control import Control
from dfcli.model.entity_status import EntityView
from dfcli.model.query import InstanceFilter


def list_entities(
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="Of this entity function; all without it.")] = "",
    locked: Annotated[bool, typer.Option("--locked", help="Only those that an instance has locked.")] = False,
    empty: Annotated[bool, typer.Option("--empty", help="Those without a state, too.")] = False,
    since: Annotated[str, typer.Option("--since", metavar="TIME", help="Used since: 10m, 2h, 3d, or a UTC time.")] = "",
    until: Annotated[str, typer.Option("--until", metavar="TIME", help="Not used after.")] = "",
    top: Annotated[int, typer.Option("--top", "-n", min=0, metavar="N", help="At most so many; 0: all.")] = 0,
    folder: options.Folder = ".",
    hub: options.Hub = "",
    hub_dir: options.HubDir = "",
    output: options.Output = Format.table,
) -> None:
    """List entities with their states, oldest first.

    Those without a state are left out, unless they are locked or something waits for them.
    """
    first = moment(since, "--since") if since else ""
    last = moment(until, "--until") if until else "~"
    prefix = f"@{name.lower()}@" if name else "@"
    with connection.reading(options.place(folder, hub, hub_dir)) as control:
        count = 0

        def meant() -> Iterator[EntityView]:
            nonlocal count
            for entity in _entities(control, prefix):
                is_shown = entity.exists or entity.waiting or entity.locked_by or empty
                if is_shown and (entity.locked_by or not locked) and first <= entity.last_operation_time <= last:
                    count += 1
                    yield entity
                    if count == top:
                        return

        entities.many(meant(), output)
        if not count and output is Format.table:
            terminal.say("no entities" if prefix == "@" and not (locked or since or until) else "no entity matches")


def _entities(control: Control, prefix: str) -> Iterator[EntityView]:
    for summary in selection.matching(control, InstanceFilter(prefix=prefix)):
        view = entities.view(summary)
        if view is not None:
            yield view
