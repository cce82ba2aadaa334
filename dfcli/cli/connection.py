"""How a command reaches the instances: through the running host, or, when there is none, through the hub's files.

The host of a hub is found through HUB/running.json, which is a hint and never trusted: only an answer from a host of
this hub counts. Without one, reading commands read the files; changing commands take the hub's lock and work on them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dfcli.cli import apps, running_file
from dfcli.cli.options import Place
from dfcli.errors import HubLocked, InvalidArgument, NotFound
from dfcli.host.control import Control

if TYPE_CHECKING:
    from dfcli.project.settings import Settings

ENTRY_FILE = "function_app.py"


@contextmanager
def reading(where: Place) -> Iterator[Control]:
    """For commands that only look. NotFound when there is no hub yet."""
    settings = apps.settings_of(where)
    control: Control | None = remote(settings.hub_path)
    if control is None:
        _check_hub_exists(settings)
        from dfcli.cli.files_only import OfflineReader

        control = OfflineReader(settings.hub_path)
    try:
        yield control
    finally:
        control.close()


@contextmanager
def changing(where: Place, *, creating: bool = False, with_app: bool = False) -> Iterator[Control]:
    """For commands that change something. `creating`: a hub is made when there is none. `with_app`: the app's code is
    loaded when no host runs.

    Unavailable when another process holds the hub and does not answer.
    """
    settings = apps.settings_of(where)
    control: Control | None = remote(settings.hub_path)
    if control is None:
        if not creating:
            _check_hub_exists(settings)
        control = _on_the_files(where, settings, with_app=creating or with_app)
    try:
        yield control
    finally:
        control.close()


def _on_the_files(where: Place, settings: Settings, *, with_app: bool) -> Control:
    from dfcli.host.offline import OfflineControl

    registry = code_id = None
    if with_app:  # the name of what is started is checked before anything is made
        app = apps.load(where)
        registry, code_id = app.registry, app.code_id
    try:
        return OfflineControl(settings.hub_path, registry=registry, hub_settings=settings.storage, code_id=code_id)
    except HubLocked as locked:
        control = remote(settings.hub_path)  # a host may have become ready in the meantime
        if control is not None:
            return control
        raise HubLocked(
            locked.what,
            why=f"{locked.why}, and it does not answer" if locked.why else "its process does not answer",
            hint="if it is starting or stopping, try again; otherwise end that process",
        ) from None


def url_of_host(hub_path: str) -> str:
    """The address of the host that runs on the hub; empty when nobody answers for it."""
    running = running_file.read(hub_path)
    control = remote(hub_path)
    if control is None or running is None:
        return ""
    control.close()
    return running.url


def remote(hub_path: str) -> Control | None:
    """The running host's control; None when nobody answers for this hub.

    Raises HubUnreadable when the host asks for keys, and the hub's cannot be read.
    """
    running = running_file.read(hub_path)
    if running is None:
        return None
    from dfcli.http.remote_client import RemoteControl

    try:
        control = RemoteControl(running.url, key=key_of(hub_path, running))
    except InvalidArgument:  # the file is damaged
        return None
    return control if control.is_alive(hub_path) else None


def key_of(hub_path: str, running: running_file.RunningHost | None, scope: str = "system") -> str:
    """The hub's key of this scope when its host asks for keys; else empty. Raises HubUnreadable, NotFound."""
    if running is None or not running.auth:
        return ""
    from dfcli.env.environment import Env
    from dfcli.storage.keys import KeyFile, KeyScope

    return KeyFile(hub_path, Env()).current(KeyScope(scope)).value


def master_key(hub_path: str) -> str:
    """The key for what the links of the durable API, which hold the system key, must not open."""
    return key_of(hub_path, running_file.read(hub_path), "master")


def _check_hub_exists(settings: Settings) -> None:
    if os.path.isdir(settings.hub_path):
        return
    from dfcli.compat.function_json import function_folders

    folder = settings.folder
    if not os.path.exists(os.path.join(folder, ENTRY_FILE)) and not settings.hub_dir and not function_folders(folder):
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
