"""`dfcli entity show`."""

from __future__ import annotations

from typing import Annotated

import typer

from dfcli.cli import connection, entities, options
from dfcli.cli.options import Format
from dfcli.errors import NotFound
from dfcli.model.entity_ids import entity_instance_id

Entity = Annotated[
    list[str], typer.Argument(metavar="ENTITY", help="@name@key, or a name and a key.", show_default=False)
]


def show_entity(
    entity: Entity,
    folder: options.Folder = ".",
    hub: options.Hub = "",
    hub_dir: options.HubDir = "",
    output: options.Output = Format.table,
) -> None:
    """Show the state of an entity, what waits for it, and who has locked it.

    `dfcli inspect @name@key` shows its operations.
    """
    entity_id = entity_instance_id(*entities.named(entity))
    with connection.reading(options.place(folder, hub, hub_dir)) as control:
        try:
            found = entities.view(control.status(entity_id).summary)
        except NotFound:
            found = None
        if found is None:
            raise NotFound(f"there is no entity {entity_id!r}", hint="dfcli entity list")
        entities.one(found, output)
