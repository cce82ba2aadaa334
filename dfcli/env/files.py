"""The interface to a file system that storage is written against.

Two implementations hold to it: the machine's (`env.disk`) and one in memory (`env.memory`), which the simulator
extends with faults. Paths are absolute text. Errors are `OSError` with the errno a kernel would give. Nothing is
durable before `fdatasync` of the file and, for a new, renamed or removed name, `fsync_dir` of its directory.
"""

from __future__ import annotations

from typing import Protocol


class OpenFile(Protocol):
    """An open regular file. Not opened for append: every write names its offset."""

    def pread(self, size: int, offset: int) -> bytes:
        """Up to `size` bytes; fewer only at the end of the file."""
        ...

    def pwrite(self, data: bytes, offset: int) -> None:
        """All of `data`, or OSError after any prefix of it."""
        ...

    def truncate(self, size: int) -> None: ...

    def size(self) -> int: ...

    def fdatasync(self) -> None:
        """Content and length are on the disk when this returns (F_FULLFSYNC on macOS)."""
        ...

    def close(self) -> None: ...


class Files(Protocol):
    """Files of mode 0600 and directories of mode 0700, whatever the umask; links are never followed."""

    def open(self, path: str, *, write: bool = False, create: bool = False, exclusive: bool = False) -> OpenFile: ...

    def exists(self, path: str) -> bool: ...

    def list(self, path: str) -> list[str]:
        """Names in a directory, in no order. FileNotFoundError when it does not exist."""
        ...

    def make_dir(self, path: str) -> None:
        """One directory; FileExistsError when the name is taken."""
        ...

    def rename(self, source: str, target: str) -> None:
        """Replaces `target` atomically."""
        ...

    def unlink(self, path: str) -> None: ...

    def remove_dir(self, path: str) -> None: ...

    def fsync_dir(self, path: str) -> None: ...

    def sync_all(self, path: str) -> bool:
        """Make everything on the file system that holds `path` durable with one call; False: not possible here."""
        ...

    def free_bytes(self, path: str) -> int: ...
