"""HUB/running.json: where the running host answers. Others find it there; nobody trusts it without asking the host."""

from __future__ import annotations

import contextlib
import os

import msgspec

FILE_NAME = "running.json"


class RunningHost(msgspec.Struct, frozen=True, rename="camel"):
    """What the file says. It may be a left-over of a host that was killed."""

    url: str
    pid: int = 0
    started_at: str = ""
    auth: bool = False
    """Whether the host asks for keys."""


def read(hub_path: str) -> RunningHost | None:
    """What the file says; None when there is none that can be read."""
    try:
        with open(os.path.join(hub_path, FILE_NAME), "rb") as file:
            return msgspec.json.decode(file.read(), type=RunningHost)
    except (OSError, msgspec.MsgspecError):
        return None


def write(hub_path: str, host: RunningHost) -> None:
    """Replace the file at once, readable by its owner alone."""
    path = os.path.join(hub_path, FILE_NAME)
    temporary = f"{path}.{host.pid}.tmp"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(temporary)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o600)
    with open(descriptor, "wb") as file:
        file.write(msgspec.json.encode(host) + b"\n")
    os.replace(temporary, path)


def remove(hub_path: str, pid: int) -> None:
    """Remove the file if it is still that process's own."""
    running = read(hub_path)
    if running is not None and running.pid == pid:
        with contextlib.suppress(OSError):
            os.unlink(os.path.join(hub_path, FILE_NAME))
