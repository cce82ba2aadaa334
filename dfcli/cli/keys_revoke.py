"""`dfcli keys revoke`."""

from __future__ import annotations

from typing import Annotated

import typer

from dfcli.cli import options, terminal
from dfcli.cli.keys_list import key_file


def keys_revoke(
    which: Annotated[str, typer.Argument(metavar="KEY", help="The id of a key, or a scope: all keys of it.")],
    folder: options.Folder = ".",
    hub: options.Hub = "",
    hub_dir: options.HubDir = "",
) -> None:
    """End keys now.

    A running host refuses them from the next request on. A scope whose current key ends gets a new one. Prints the ids
    of the keys that have ended.
    """
    ended = key_file(options.place(folder, hub, hub_dir)).revoke(which.lower())
    for key in ended:
        terminal.answer(key.id)
    renewed = sorted({str(key.scope) for key in ended if key.ends is None})
    if renewed:
        terminal.say(f"{', '.join(renewed)} has a new key; `dfcli keys list --show` shows it")
