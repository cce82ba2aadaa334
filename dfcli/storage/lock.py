"""One writer per hub: an advisory lock that the kernel releases when its process ends, however it ends.

There is no stale lock, and no pid decides anything. What the file says of the holder feeds the error message only.
The descriptor is closed in forked children, since a lock lives as long as any descriptor of its open file.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import sys
import threading
from collections.abc import Mapping

import msgspec

from dfcli.env.clock import Clock
from dfcli.env.disk import FILE_MODE, close_in_forked_children, forget_descriptor
from dfcli.errors import HubLocked
from dfcli.model.time import timestamp_from_epoch

FILE_NAME = "hub.lock"
_HOLDER_BYTES_MAX = 4096
_ATTEMPTS = 100
_HOLDER_LOOKS = 20
_HOLDER_LOOK_SECONDS = 0.01

if sys.platform == "win32":
    import msvcrt

    def _take(descriptor: int) -> None:
        os.lseek(descriptor, _HOLDER_BYTES_MAX, os.SEEK_SET)  # a locked byte cannot be read: lock one behind the text
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _take(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


class HubLock:
    """The lock, held from `acquire` to `release`."""

    def __init__(self, descriptor: int, path: str, clock: Clock) -> None:
        self._descriptor = descriptor
        self._path = path
        self._since = timestamp_from_epoch(clock.time())
        close_in_forked_children(descriptor)

    @classmethod
    def acquire(cls, hub_path: str, clock: Clock, holder: Mapping[str, object]) -> HubLock:
        """Take the lock at once. Raises HubLocked saying who holds it."""
        path = f"{hub_path}/{FILE_NAME}"
        for _ in range(_ATTEMPTS):
            descriptor = _open(path)
            try:
                _take(descriptor)
            except OSError as error:
                text = _holder_at_work(descriptor)
                os.close(descriptor)
                if error.errno not in (errno.EWOULDBLOCK, errno.EACCES, errno.EAGAIN, errno.EDEADLK):
                    raise
                raise _locked(hub_path, text) from None
            if _is_same_file(descriptor, path):
                lock = cls(descriptor, path, clock)
                lock.tell(holder)
                return lock
            os.close(descriptor)  # somebody replaced the file between our open and our lock
        raise HubLocked(f"the lock of {hub_path} cannot be taken", why="its file keeps being replaced")

    def tell(self, holder: Mapping[str, object]) -> None:
        """Write down who holds the lock, for the message that another process shows."""
        told = {"Pid": os.getpid(), "Host": socket.gethostname(), "Since": self._since, **holder}
        with contextlib.suppress(OSError):  # information only
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, msgspec.json.encode(told) + b"\n", 0)

    @property
    def is_in_place(self) -> bool:
        """Whether the hub's folder still has our lock file: else it was removed or replaced, and what we write into
        open files of it nobody will ever read."""
        return _is_same_file(self._descriptor, self._path)

    def release(self) -> None:
        """Give the lock up. Safe to call twice."""
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            forget_descriptor(descriptor)
            os.close(descriptor)


def _open(path: str) -> int:
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
    descriptor = os.open(path, flags | getattr(os, "O_NONBLOCK", 0), FILE_MODE)
    if hasattr(os, "fchmod"):
        os.fchmod(descriptor, FILE_MODE)
    return descriptor


def _is_same_file(descriptor: int, path: str) -> bool:
    ours = os.fstat(descriptor)
    try:
        named = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return (ours.st_dev, ours.st_ino) == (named.st_dev, named.st_ino)


def _holder_at_work(descriptor: int) -> bytes:
    """What the holder says of itself. One that has just taken the lock may not have said it yet: for a moment the
    file is empty, or names a predecessor that is dead."""
    pause = threading.Event()
    for _ in range(_HOLDER_LOOKS):
        text = _read_holder(descriptor)
        if _names_a_process(text):
            break
        pause.wait(_HOLDER_LOOK_SECONDS)
    return text


def _names_a_process(text: bytes) -> bool:
    told = _told(text)
    pid = told.get("Pid")
    if not isinstance(pid, int) or pid <= 0:
        return False
    if os.name != "posix" or told.get("Host") != socket.gethostname():
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True  # somebody else's
    return True


def _told(text: bytes) -> dict[str, object]:
    try:
        return msgspec.json.decode(text, type=dict[str, object])
    except (msgspec.MsgspecError, ValueError):
        return {}


def _read_holder(descriptor: int) -> bytes:
    try:
        os.lseek(descriptor, 0, os.SEEK_SET)
        return os.read(descriptor, _HOLDER_BYTES_MAX)
    except OSError:
        return b""


def _locked(hub_path: str, text: bytes) -> HubLocked:
    told = _told(text)
    who = f"process {told['Pid']}" if "Pid" in told else "another process"
    if "Command" in told:
        who += f" ({told['Command']})"
    if told.get("Host") not in (None, socket.gethostname()):
        who += f" on {told['Host']}"
    if told.get("Url"):
        who += f" at {told['Url']}"
    if "Since" in told:
        who += f" holds it since {told['Since']}"
    else:
        who += " holds it"
    return HubLocked(
        f"the task hub {hub_path} is in use",
        why=who,
        hint="use that host, or stop it first; two hosts cannot share a hub",
    )
