"""The machine's files: `Files` over system calls, with the flags and modes that keep a hub private and durable.

Every descriptor is close-on-exec, never follows a link in its last component, never blocks on a pipe, and is closed
in a forked child: a child that outlives its parent must not hold the lock or write to the journal.
"""

from __future__ import annotations

import contextlib
import errno
import os
import platform
import stat
import sys
from typing import NamedTuple

FILE_MODE = 0o600
DIRECTORY_MODE = 0o700
_OPEN_FLAGS = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_SYNCFS_REPORTS_ERRORS_SINCE = (5, 8)

_descriptors: set[int] = set()
"""Open descriptors of this process. A set of numbers, since it must be whole when any thread forks."""


def close_in_forked_children(descriptor: int) -> None:
    """Have `descriptor` closed in every child that is forked without exec, until `forget_descriptor`."""
    _descriptors.add(descriptor)


def forget_descriptor(descriptor: int) -> None:
    """The descriptor is about to be closed here."""
    _descriptors.discard(descriptor)


def _close_all_in_child() -> None:
    for descriptor in _descriptors:
        with contextlib.suppress(OSError):
            os.close(descriptor)
    _descriptors.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_all_in_child)


class Ownership(NamedTuple):
    """Who may change a path, as the permission checks need it."""

    user: int
    group: int
    mode: int

    @property
    def is_link(self) -> bool:
        return stat.S_ISLNK(self.mode)

    @property
    def is_directory(self) -> bool:
        return stat.S_ISDIR(self.mode)

    @property
    def is_sticky(self) -> bool:
        return bool(self.mode & stat.S_ISVTX)


class DiskFile:
    """An open regular file of the machine."""

    __slots__ = ("_descriptor",)

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        close_in_forked_children(descriptor)

    def pread(self, size: int, offset: int) -> bytes:
        data = os.pread(self._descriptor, size, offset)
        if len(data) == size or not data:
            return data
        parts = [data]
        missing = size - len(data)
        while missing > 0:
            data = os.pread(self._descriptor, missing, offset + size - missing)
            if not data:
                break
            parts.append(data)
            missing -= len(data)
        return b"".join(parts)

    def pwrite(self, data: bytes, offset: int) -> None:
        written = os.pwrite(self._descriptor, data, offset)
        if written == len(data):
            return
        rest = memoryview(data)
        while written < len(data):
            count = os.pwrite(self._descriptor, rest[written:], offset + written)
            if count == 0:
                raise OSError(errno.EIO, "a write made no progress")
            written += count

    def truncate(self, size: int) -> None:
        os.ftruncate(self._descriptor, size)

    def size(self) -> int:
        return os.fstat(self._descriptor).st_size

    def fdatasync(self) -> None:
        _sync_content(self._descriptor)

    def close(self) -> None:
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            forget_descriptor(descriptor)
            os.close(descriptor)

    def __del__(self) -> None:
        with contextlib.suppress(OSError):
            self.close()


if sys.platform == "darwin":
    import fcntl

    def _sync_content(descriptor: int) -> None:
        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)  # fsync on macOS leaves the data in the drive's cache
elif sys.platform == "win32":

    def _sync_content(descriptor: int) -> None:
        os.fsync(descriptor)
else:

    def _sync_content(descriptor: int) -> None:
        os.fdatasync(descriptor)


class DiskFiles:
    """The machine's file system."""

    def open(self, path: str, *, write: bool = False, create: bool = False, exclusive: bool = False) -> DiskFile:
        flags = _OPEN_FLAGS | (os.O_RDWR if write else os.O_RDONLY)
        if create:
            flags |= os.O_CREAT
        if exclusive:
            flags |= os.O_EXCL
        descriptor = os.open(path, flags, FILE_MODE)
        try:
            mode = os.fstat(descriptor).st_mode
            if not stat.S_ISREG(mode):
                raise OSError(errno.EINVAL, "not a regular file", path)
            if create and stat.S_IMODE(mode) != FILE_MODE and hasattr(os, "fchmod"):
                os.fchmod(descriptor, FILE_MODE)  # a umask may have taken the owner's bits as well
        except BaseException:
            os.close(descriptor)
            raise
        return DiskFile(descriptor)

    def exists(self, path: str) -> bool:
        return os.path.lexists(path)

    def list(self, path: str) -> list[str]:
        return os.listdir(path)

    def make_dir(self, path: str) -> None:
        os.mkdir(path, DIRECTORY_MODE)
        if stat.S_IMODE(os.lstat(path).st_mode) != DIRECTORY_MODE:
            os.chmod(path, DIRECTORY_MODE)

    def rename(self, source: str, target: str) -> None:
        os.replace(source, target)

    def unlink(self, path: str) -> None:
        os.unlink(path)

    def remove_dir(self, path: str) -> None:
        os.rmdir(path)

    def fsync_dir(self, path: str) -> None:
        if sys.platform == "win32":
            return  # directories cannot be opened; NTFS journals its names
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def sync_all(self, path: str) -> bool:
        if not _SYNCFS:
            return False
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            _syncfs(descriptor)
        finally:
            os.close(descriptor)
        return True

    def free_bytes(self, path: str) -> int:
        if sys.platform == "win32":
            import shutil

            return shutil.disk_usage(path).free
        answer = os.statvfs(path)
        return answer.f_bavail * answer.f_frsize

    def ownership(self, path: str) -> Ownership | None:
        """Of the path itself, not of what a link points to; None when there is none."""
        try:
            status = os.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        return Ownership(status.st_uid, status.st_gid, status.st_mode)

    def current_user(self) -> int | None:
        """The user files are made as; None where the system knows no such number."""
        return os.geteuid() if hasattr(os, "geteuid") else None

    def filesystem_type(self, path: str) -> str:
        """The kernel's name for the file system that holds `path`; empty where the system does not say."""
        try:
            with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as mounts:
                return _filesystem_type(mounts.read(), os.path.realpath(path))
        except OSError:
            return ""


def _filesystem_type(mountinfo: str, path: str) -> str:
    """The type of the mount with the longest mount point above `path`; of two on one point, the later covers."""
    best, answer = -1, ""
    for line in mountinfo.split("\n"):
        before, _, after = line.partition(" - ")
        fields = before.split(" ")
        if len(fields) < 5 or not after:
            continue
        point = fields[4].replace("\\040", " ").replace("\\011", "\t").replace("\\012", "\n").replace("\\134", "\\")
        above = point == "/" or path == point or path.startswith(point + "/")
        if above and len(point) >= best:
            best, answer = len(point), after.split(" ")[0]
    return answer


def _kernel_reports_syncfs_errors() -> bool:
    if sys.platform != "linux":
        return False
    parts = platform.release().split(".")
    try:
        return (int(parts[0]), int("".join(filter(str.isdigit, parts[1][:3])))) >= _SYNCFS_REPORTS_ERRORS_SINCE
    except (IndexError, ValueError):
        return False


_SYNCFS = _kernel_reports_syncfs_errors()


def _syncfs(descriptor: int) -> None:
    import ctypes

    library = ctypes.CDLL(None, use_errno=True)
    if library.syncfs(descriptor) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
