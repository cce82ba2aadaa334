"""A file system in memory: the in-memory task hub is the real store on these files, and the simulator adds faults.

Nothing here is ever durable, so the calls that sync only check their arguments. Safe for several threads as far as
a file system is: each call is one step on plain dictionaries and byte arrays; one writer per file, as storage has.
"""

from __future__ import annotations

import errno
import os
from typing import NoReturn

from dfcli.env.files import OpenFile

FREE_BYTES = 1 << 40


class Inode:
    """The content of one file, which outlives its names while it is open."""

    __slots__ = ("data",)

    def __init__(self) -> None:
        self.data = bytearray()


class Directory:
    """Names and what they stand for."""

    __slots__ = ("entries",)

    def __init__(self) -> None:
        self.entries: dict[str, Inode | Directory] = {}


def write_at(data: bytearray, new: bytes, offset: int) -> None:
    """Put bytes at an offset; a gap before it reads as zeros."""
    if offset > len(data):
        data.extend(bytes(offset - len(data)))
    data[offset : offset + len(new)] = new


def truncate_to(data: bytearray, size: int) -> None:
    """Cut, or fill up with zeros, to `size`."""
    if size < len(data):
        del data[size:]
    else:
        data.extend(bytes(size - len(data)))


class MemoryFile:
    """An open file of `MemoryFiles`."""

    __slots__ = ("_inode", "_is_open", "_is_writable")

    def __init__(self, inode: Inode, is_writable: bool) -> None:
        self._inode = inode
        self._is_writable = is_writable
        self._is_open = True

    def pread(self, size: int, offset: int) -> bytes:
        self._check(writing=False)
        return bytes(self._inode.data[offset : offset + size])

    def pwrite(self, data: bytes, offset: int) -> None:
        self._check()
        write_at(self._inode.data, data, offset)

    def truncate(self, size: int) -> None:
        self._check()
        truncate_to(self._inode.data, size)

    def size(self) -> int:
        self._check(writing=False)
        return len(self._inode.data)

    def fdatasync(self) -> None:
        self._check(writing=False)

    def close(self) -> None:
        self._is_open = False

    def _check(self, *, writing: bool = True) -> None:
        if not self._is_open or (writing and not self._is_writable):
            fail(errno.EBADF)


def fail(number: int, path: str | None = None) -> NoReturn:
    """Raise the OSError a kernel would."""
    raise OSError(number, os.strerror(number), path)


class MemoryFiles:
    """`Files` in memory. Starts with an empty root directory; parents are made by the caller, as on a disk."""

    def __init__(self) -> None:
        self.root = self.new_directory()
        self.databases: dict[str, object] = {}
        """SQLite databases of hubs that live here, by path: they last as long as the files (`env.database`)."""

    # What the simulator replaces: kinds of nodes, and every change of a directory.
    def new_inode(self) -> Inode:
        return Inode()

    def new_directory(self) -> Directory:
        return Directory()

    def new_handle(self, inode: Inode, is_writable: bool) -> OpenFile:
        return MemoryFile(inode, is_writable)

    def link(self, directory: Directory, name: str, node: Inode | Directory, path: str) -> None:
        """Give a name to a new node."""
        if directory.entries.setdefault(name, node) is not node:
            fail(errno.EEXIST, path)

    def remove(self, directory: Directory, name: str) -> None:
        del directory.entries[name]

    def move(self, source: Directory, source_name: str, target: Directory, target_name: str) -> None:
        target.entries[target_name] = source.entries[source_name]
        del source.entries[source_name]

    def open(self, path: str, *, write: bool = False, create: bool = False, exclusive: bool = False) -> OpenFile:
        directory, name = self._parent(path)
        node = directory.entries.get(name)
        if node is None:
            if not create:
                fail(errno.ENOENT, path)
            node = self.new_inode()
            self.link(directory, name, node, path)
        elif exclusive and create:
            fail(errno.EEXIST, path)
        if not isinstance(node, Inode):
            fail(errno.EISDIR, path)
        return self.new_handle(node, write or create)

    def exists(self, path: str) -> bool:
        try:
            self._node(path)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True

    def list(self, path: str) -> list[str]:
        return list(self.directory(path).entries)

    def make_dir(self, path: str) -> None:
        directory, name = self._parent(path)
        if name in directory.entries:
            fail(errno.EEXIST, path)
        self.link(directory, name, self.new_directory(), path)

    def rename(self, source: str, target: str) -> None:
        from_directory, from_name = self._parent(source)
        to_directory, to_name = self._parent(target)
        if from_name not in from_directory.entries:
            fail(errno.ENOENT, source)
        if from_directory is to_directory and from_name == to_name:
            return
        existing = to_directory.entries.get(to_name)
        if isinstance(existing, Directory) and existing.entries:
            fail(errno.ENOTEMPTY, target)
        if isinstance(existing, Directory) != isinstance(from_directory.entries[from_name], Directory) and existing:
            fail(errno.EISDIR if isinstance(existing, Directory) else errno.ENOTDIR, target)
        self.move(from_directory, from_name, to_directory, to_name)

    def unlink(self, path: str) -> None:
        directory, name = self._parent(path)
        node = directory.entries.get(name)
        if node is None:
            fail(errno.ENOENT, path)
        if isinstance(node, Directory):
            fail(errno.EISDIR, path)
        self.remove(directory, name)

    def remove_dir(self, path: str) -> None:
        directory, name = self._parent(path)
        if self.directory(path).entries:
            fail(errno.ENOTEMPTY, path)
        self.remove(directory, name)

    def fsync_dir(self, path: str) -> None:
        self.directory(path)

    def sync_all(self, path: str) -> bool:
        self._node(path)
        return True

    def free_bytes(self, path: str) -> int:
        self._node(path)
        return FREE_BYTES

    def _node(self, path: str) -> Inode | Directory:
        node: Inode | Directory | None = self.root
        for name in path.split("/"):
            if name and name != ".":
                if not isinstance(node, Directory):
                    fail(errno.ENOTDIR, path)
                node = node.entries.get(name)
                if node is None:
                    fail(errno.ENOENT, path)
        assert node is not None
        return node

    def directory(self, path: str) -> Directory:
        node = self._node(path)
        if not isinstance(node, Directory):
            fail(errno.ENOTDIR, path)
        return node

    def _parent(self, path: str) -> tuple[Directory, str]:
        folder, _, name = path.rstrip("/").rpartition("/")
        if not name:
            fail(errno.EBUSY, path)
        return self.directory(folder), name
