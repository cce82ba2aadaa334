"""`dfcli keys rotate`."""

from __future__ import annotations

from typing import Annotated

import typer

from dfcli.cli import moments, options, terminal
from dfcli.cli.keys_list import key_file
from dfcli.errors import InvalidArgument
from dfcli.storage.keys import GRACE_SECONDS_MAX, KeyScope


def keys_rotate(
    scope: Annotated[str, typer.Argument(metavar="SCOPE", help="master, system or function.")],
    grace: Annotated[
        str, typer.Option("--grace", metavar="S", help="How long the key before stays valid: up to 24h.")
    ] = "1h",
    folder: options.Folder = ".",
    hub: options.Hub = "",
    hub_dir: options.HubDir = "",
) -> None:
    """Make a new key for a scope.

    A running host takes it at once. The key before it stays valid for the grace period, so that callers can be changed;
    links that were handed out carry it. Prints the new key's id; `dfcli keys list --show` shows the key.
    """
    if scope.lower() not in list(KeyScope):
        raise InvalidArgument(f"there is no scope {scope!r}", why=f"there are {', '.join(KeyScope)}")
    seconds = moments.seconds_of(grace, "--grace")
    if seconds > GRACE_SECONDS_MAX:
        raise InvalidArgument(f"--grace {grace!r} is too long", why="at most 24 hours", hint="--grace 24h")
    new = key_file(options.place(folder, hub, hub_dir)).rotate(KeyScope(scope.lower()), seconds)
    terminal.answer(new.id)
    rest = f"the one before is valid for {moments.elapsed(seconds)} more" if seconds else "the one before has ended"
    terminal.say(f"{new.scope} has a new key; {rest}")
