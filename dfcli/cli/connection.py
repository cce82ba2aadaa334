"""How a command reaches the instances: through the running host, or, when there is none, through the hub's files.

The host of a hub is found through HUB/running.json, which is a hint and never trusted: only an answer from a host of
this hub counts. Without one, reading commands read the files; changing commands take the hub's lock and work on them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec

from dfcli.cli import terminal
from dfcli.cli.options import Place
from dfcli.errors import HubLocked, NotFound, Unavailable
from dfcli.host.control import Control

if TYPE_CHECKING:
    from dfcli.project.settings import Settings

ENTRY_FILE = "function_app.py"
RUNNING_FILE = "running.json"


class RunningHost(msgspec.Struct, frozen=True):
    """HUB/running.json."""

    url: str
    pid: int = 0
    hub_id: str = ""


def settings_of(where: Place, **flags: object) -> Settings:
    """The settings for a place; `flags` are what the command line set beyond it."""
    from dfcli.project.settings import load_settings

    given = {"hub": where.hub or None, "hub_dir": where.hub_dir or None, **flags}
    return load_settings(where.folder, environ=os.environ, flags=given, cwd=os.getcwd())


@contextmanager
def reading(where: Place) -> Iterator[Control]:
    """For commands that only look. NotFound when there is no hub yet."""
    settings = settings_of(where)
    control: Control | None = _remote(settings.hub_path)
    if control is None:
        _check_hub_exists(settings)
        from dfcli.host.offline import OfflineReader

        control = OfflineReader(settings.hub_path)
    try:
        yield control
    finally:
        control.close()


@contextmanager
def changing(where: Place, *, creating: bool = False) -> Iterator[Control]:
    """For commands that change something. `creating`: a hub is made when there is none.

    Unavailable when another process holds the hub and does not answer.
    """
    settings = settings_of(where)
    control: Control | None = _remote(settings.hub_path)
    if control is None:
        if not creating:
            _check_hub_exists(settings)
        control = _on_the_files(where, settings)
    try:
        yield control
    finally:
        control.close()


def _on_the_files(where: Place, settings: Settings) -> Control:
    from dfcli.host.offline import OfflineControl

    known: frozenset[str] | None = None
    try:
        return OfflineControl.open(settings.hub_path, known=known)
    except HubLocked as locked:
        control = _remote(settings.hub_path)  # a host may have become ready in the meantime
        if control is not None:
            return control
        raise Unavailable(
            "the hub is held by a process that does not answer",
            why=f"{locked.what}: {locked.why}" if locked.why else locked.what,
            hint="if it is starting or stopping, try again; otherwise end that process",
        ) from None


def running_host(hub_path: str) -> RunningHost | None:
    """What running.json says, whether it is true or not."""
    try:
        with open(os.path.join(hub_path, RUNNING_FILE), "rb") as file:
            return msgspec.json.decode(file.read(), type=RunningHost)
    except (OSError, msgspec.MsgspecError):
        return None


def _remote(hub_path: str) -> Control | None:
    """The running host's control; None when nobody answers for this hub."""
    running = running_host(hub_path)
    if running is None:
        return None
    from dfcli.http.remote_client import RemoteControl

    control = RemoteControl(running.url)
    try:
        alive = control.is_alive(hub_path)
    except Unavailable:
        alive = False
    if alive:
        return control
    control.close()
    return None


def _check_hub_exists(settings: Settings) -> None:
    if os.path.isdir(settings.hub_path):
        return
    folder = settings.folder
    if not os.path.exists(os.path.join(folder, ENTRY_FILE)) and not settings.hub_dir:
        raise NotFound(
            "there is no app here",
            why=f"{folder} has no {ENTRY_FILE} and no task hub",
            hint="go to the app's folder or name it with -C DIR; `dfcli new TEMPLATE NAME` makes one",
        )
    raise NotFound(
        f"the app has no task hub {settings.hub!r} yet",
        why=f"there is no folder {settings.hub_path}",
        hint="`dfcli start FUNCTION` or `dfcli run` makes it",
    )


def say_where(settings: Settings) -> None:
    """Name the hub on a terminal, so that a look at the wrong one is noticed."""
    if terminal.is_terminal(sys.stderr):
        terminal.say(terminal.paint(f"hub {settings.hub_path}", "dim", stream=sys.stderr))
