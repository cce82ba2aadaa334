"""What could keep an app from running here, looked at without starting anything or changing a file."""

from __future__ import annotations

import os
import platform
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

import msgspec

from dfcli.env.disk import DiskFiles
from dfcli.env.environment import Env
from dfcli.errors import DfError
from dfcli.model.query import InstanceFilter
from dfcli.model.status import LIVE_STATUSES
from dfcli.project.settings import Settings
from dfcli.project.sources import LOCAL_SETTINGS
from dfcli.registry.registry import Registry
from dfcli.storage.permissions import check_hub_folder
from dfcli.storage.quarantine import Quarantine
from dfcli.storage.reader import HubReader

LIBRARIES = ("msgspec", "starlette", "uvicorn", "watchdog", "croniter")
LIVE_LOOKED_AT_MAX = 10_000
_SECRET = re.compile(r"key|secret|token|password|passwd|pwd|connection|credential|sas", re.IGNORECASE)
MASKED = "********"


class Finding(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Something to mend. `code` is stable."""

    code: str
    what: str
    why: str = ""
    hint: str = ""


def masked(name: str, value: object) -> object:
    """The value, unless its name says that it is a secret."""
    return MASKED if value and name.startswith("app.") and _SECRET.search(name) else value


def facts(settings: Settings, host_url: str) -> Iterator[tuple[str, str]]:
    """What this is and where, as names and texts."""
    yield "dfcli", _version_of("dfcli")
    yield "python", f"{platform.python_version()} ({sys.executable})"
    yield "system", f"{platform.system()} {platform.release()} {platform.machine()}"
    yield "libraries", ", ".join(f"{name} {_version_of(name)}" for name in LIBRARIES)
    yield "app", settings.folder
    yield "hub", settings.hub_path
    there = _existing(settings.hub_path)
    kind = DiskFiles().filesystem_type(there)
    yield "disk", f"{kind or 'unknown file system'}, {shutil.disk_usage(there).free // 2**20:,} MiB free"
    yield "host", f"running at {host_url}" if host_url else "not running"


def findings(settings: Settings, host_url: str, registry: Registry | None) -> Iterator[Finding]:
    """Everything that is to be mended. `registry`: the app's functions; None when it could not be loaded."""
    for note in settings.notes:
        yield Finding(code="settings", what=note)
    yield from _of_the_hub(settings)
    yield from _of_the_port(settings, host_url)
    yield from of_git(settings)
    if registry is not None:
        yield from _of_unknown_functions(settings, registry)


def _of_the_hub(settings: Settings) -> Iterator[Finding]:
    env = Env()
    try:
        check_hub_folder(settings.hub_path, env, settings.storage)
    except DfError as error:
        yield Finding(code="hub_folder", what=error.what, why=error.why, hint=error.hint)
        return
    free = shutil.disk_usage(_existing(settings.hub_path)).free
    if free < settings.free_bytes_min:
        yield Finding(
            code="no_space",
            what=f"there are {free // 2**20:,} MiB free on the task hub's disk",
            why=f"below {settings.free_bytes_min // 2**20:,} MiB requests for new work are refused",
            hint="free some space, or lower free_bytes_min",
        )
    if not os.path.isdir(settings.hub_path):
        return
    quarantine = Quarantine(env, settings.hub_path)
    for instance_id, reason in quarantine.markers().items():
        yield Finding(
            code="quarantined",
            what=f"instance {instance_id!r} is in quarantine",
            why=reason,
            hint=f"dfcli inspect {instance_id} shows what can be read; dfcli purge {instance_id} removes it",
        )
    if quarantine.damages():
        yield Finding(
            code="degraded", what="parts of the journal could not be read", why="their bytes are kept in quarantine/"
        )


def _of_the_port(settings: Settings, host_url: str) -> Iterator[Finding]:
    if host_url or not settings.port:
        return
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", settings.port))
        except OSError as error:
            yield Finding(
                code="port",
                what=f"port {settings.port} cannot be used",
                why=error.strerror or str(error),
                hint="`dfcli run --port 0` takes a free one; or end the process that has it",
            )


def of_git(settings: Settings) -> Iterator[Finding]:
    """What must not be committed: values of the app, and the state."""
    for name in (LOCAL_SETTINGS, ".dfcli"):
        if _is_tracked(settings.folder, name):
            yield Finding(
                code="tracked_by_git",
                what=f"{name} is tracked by git",
                why="it holds the app's secrets" if name == LOCAL_SETTINGS else "it holds the state of the task hubs",
                hint=f"git rm -r --cached {name}, and name it in .gitignore",
            )


def _of_unknown_functions(settings: Settings, registry: Registry) -> Iterator[Finding]:
    """Live instances of orchestrators that the app does not have: of another app, or of code that was removed."""
    if not os.path.exists(os.path.join(settings.hub_path, "hub.json")):
        return
    names: dict[str, int] = {}
    reader = HubReader(settings.hub_path, Env())
    page = reader.query(InstanceFilter(statuses=LIVE_STATUSES), top=LIVE_LOOKED_AT_MAX)
    for summary in page.items:
        if registry.orchestrator(summary.name) is None:
            names[summary.name] = names.get(summary.name, 0) + 1
    for name, count in sorted(names.items()):
        yield Finding(
            code="unknown_function",
            what=f"{count} unfinished instances are of {name!r}, which the app does not have",
            why="it was removed or renamed, or another app used this task hub",
            hint=f"put it back, or end them with `dfcli terminate --name {name} --running`",
        )


def _is_tracked(folder: str, name: str) -> bool:
    if not os.path.exists(os.path.join(folder, name)):
        return False
    try:
        done = subprocess.run(
            ["git", "--no-optional-locks", "-C", folder, "ls-files", "--", name],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=5,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0 and bool(done.stdout.strip())


def _existing(path: str) -> str:
    """The path, or the nearest folder above it that is there."""
    while not os.path.exists(path):
        path = os.path.dirname(path)
    return path


def _version_of(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
