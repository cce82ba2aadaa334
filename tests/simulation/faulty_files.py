"""The file system of the simulator: it forgets what was not synced, dies at a chosen call, and fails on request.

Each inode knows what is durable and, in order, what was written since; each directory likewise knows its durable
names. Calls that change anything are numbered. At call `crash_at` the process dies: the call has happened not at all,
in part, or wholly. After that every call raises `Crashed` until `restart`, which says what the crash has left.

A failed sync of a file marks its pages clean: reads show them, the disk never will. A failed sync of a directory
leaves its changes pending, since file systems that lose them stop altogether.

Harsher than most disks: nothing reaches the disk by itself in the right order, a new file's name is
durable only after its directory is synced, and unsynced writes survive in any combination of sectors.
"""

from __future__ import annotations

import errno
import sqlite3
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random

from dfcli.env.memory import Directory, Inode, MemoryFile, MemoryFiles, fail, truncate_to, write_at

SECTORS = (64, 512, 4096)


class Crashed(BaseException):
    """The process is dead. No `except Exception` of the product may survive it."""


class FaultyInode(Inode):
    """`unsynced` holds (offset, data) for a write and (size, None) for a truncate."""

    __slots__ = ("durable", "unsynced")

    def __init__(self) -> None:
        super().__init__()
        self.durable = bytearray()
        self.unsynced: list[tuple[int, bytes | None]] = []

    def settle(self) -> None:
        """What was written since reaches the disk, and nothing else: not what an earlier failed sync forgot."""
        for offset, data in self.unsynced:
            if data is None:
                truncate_to(self.durable, offset)
            else:
                write_at(self.durable, data, offset)
        self.unsynced.clear()

    def forget(self, random: Random) -> None:
        """A failed sync: a part of the writes reached the disk, and all pages are marked clean."""
        self.durable = surviving(self, random)
        self.unsynced.clear()


class FaultyDirectory(Directory):
    """`unsynced` holds (removed name | None, added name | None, node)."""

    __slots__ = ("durable", "unsynced")

    def __init__(self) -> None:
        super().__init__()
        self.durable: dict[str, Inode | Directory] = {}
        self.unsynced: list[tuple[str | None, str | None, Inode | Directory | None]] = []

    def settle(self) -> None:
        self.durable = apply_changes(self.durable, self.unsynced)
        self.unsynced.clear()


class Loss(StrEnum):
    """How much of what is unsynced a power loss takes."""

    SOME = "some"
    ALL = "all"
    NONE = "none"


def surviving(inode: FaultyInode, random: Random) -> bytearray:
    """What a power loss leaves of a file: any subset of the unsynced writes, torn at sectors; the length may be
    on the disk without the data, and a truncate may be lost."""
    style = random.random()
    if not inode.unsynced or style < 0.25:
        return bytearray(inode.durable)
    if style < 0.5:
        return bytearray(inode.data)
    left = bytearray(inode.durable)
    sector = random.choice(SECTORS)
    chance = random.choice((0.2, 0.5, 0.8))
    for offset, data in inode.unsynced:
        if data is None:
            if random.random() < chance:
                truncate_to(left, offset)
            continue
        end = offset + len(data)
        start = offset
        while start < end:
            stop = min(end, (start // sector + 1) * sector)
            if random.random() < chance:
                write_at(left, data[start - offset : stop - offset], start)
            start = stop
    if len(left) < len(inode.data) and random.random() < 0.3:
        truncate_to(left, len(inode.data))
    return left


def surviving_names(directory: FaultyDirectory, random: Random) -> dict[str, Inode | Directory]:
    """What a power loss leaves of a directory: half of the times a prefix of its unsynced changes, else a subset."""
    changes = directory.unsynced
    if random.random() < 0.5:
        kept = changes[: random.randint(0, len(changes))]
    else:
        kept = [change for change in changes if random.random() < 0.5]
    return apply_changes(directory.durable, kept)


def apply_changes(
    durable: dict[str, Inode | Directory], changes: list[tuple[str | None, str | None, Inode | Directory | None]]
) -> dict[str, Inode | Directory]:
    """The names after some changes."""
    names = dict(durable)
    for removed, added, node in changes:
        if removed is not None:
            names.pop(removed, None)
        if added is not None and node is not None:
            names[added] = node
    return names


@dataclass
class Faults:
    """What goes wrong from now on: rates per call, or at one call. Drawn by the campaign, zero by default."""

    sync_failures: float = 0.0
    write_failures: float = 0.0
    write_errno: int = errno.EIO
    is_full: bool = False
    """No byte more: growing a file or making a name fails with ENOSPC."""
    fail_at: dict[int, int] = field(default_factory=dict)
    """Call number to errno."""
    sync_failures_at: set[int] = field(default_factory=set)
    """Numbers of calls that fail if they are syncs."""


class FaultyFile(MemoryFile):
    """An open file of `FaultyFiles`."""

    __slots__ = ("_files",)

    def __init__(self, inode: Inode, is_writable: bool, files: FaultyFiles) -> None:
        super().__init__(inode, is_writable)
        self._files = files

    def pread(self, size: int, offset: int) -> bytes:
        self._files.check_alive()
        return super().pread(size, offset)

    def pwrite(self, data: bytes, offset: int) -> None:
        files, inode = self._files, self._inode
        assert isinstance(inode, FaultyInode)
        self._check()
        dies = files.begin()
        grows = offset + len(data) > len(inode.data)
        error = files.write_error(grows=grows)
        if (dies or error) and data:
            most = len(data) if dies else len(data) - 1  # a kernel that took everything reports success
            data = data[: files.random.choice((0, most, files.random.randint(0, most)))]
        if data:
            data = bytes(data)
            write_at(inode.data, data, offset)
            inode.unsynced.append((offset, data))
            files.dirty[inode] = None
        files.end(dies, error)

    def truncate(self, size: int) -> None:
        files, inode = self._files, self._inode
        assert isinstance(inode, FaultyInode)
        self._check()
        dies = files.begin()
        error = files.write_error(grows=False)
        if not error and (not dies or files.random.random() < 0.5):
            truncate_to(inode.data, size)
            inode.unsynced.append((size, None))
            files.dirty[inode] = None
        files.end(dies, error)

    def fdatasync(self) -> None:
        self._files.sync([self._inode])


class FaultyFiles(MemoryFiles):
    """`Files` with crashes and faults. One thread only."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.dirty: dict[FaultyInode | FaultyDirectory, None] = {}
        self.damaged: set[FaultyInode] = set()
        """Nodes of which a failed sync has forgotten something: until power is lost, reads differ from the disk."""
        self.calls = 0
        self.crash_at = 0
        """The number of the call at which the process dies; 0: never."""
        self.faults = Faults()
        self.is_dead = False
        self.failed_syncs = 0
        super().__init__()

    # -- the life of the process

    def crash_in(self, calls: int) -> None:
        """Die at the `calls`-th call from now."""
        self.crash_at = self.calls + calls

    def kill(self) -> None:
        """Die now, between two calls."""
        self.is_dead = True

    def restart(self, *, power_loss: bool, loss: Loss = Loss.SOME) -> None:
        """The next process begins. After a power loss only what reached the disk is there."""
        self.is_dead = False
        self.crash_at = 0
        self.faults = Faults()
        if power_loss:
            self._lose_power(loss)

    def _lose_power(self, loss: Loss) -> None:
        for node in self.dirty:
            if loss is Loss.NONE:
                node.settle()
            elif loss is Loss.SOME and isinstance(node, FaultyInode):
                node.durable = surviving(node, self.random)
            elif loss is Loss.SOME and isinstance(node, FaultyDirectory):
                node.durable = surviving_names(node, self.random)
            node.unsynced.clear()
            if isinstance(node, FaultyInode):
                node.data = bytearray(node.durable)
            else:
                node.entries = dict(node.durable)
        self.dirty.clear()
        self.damaged.clear()
        if self.databases and self.random.random() < 0.3:
            for database in self.databases.values():
                assert isinstance(database, sqlite3.Connection)
                database.close()
            self.databases.clear()

    # -- numbered calls

    def check_alive(self) -> None:
        if self.is_dead:
            raise Crashed

    def begin(self) -> bool:
        """Count a call; whether the process dies in it."""
        if self.is_dead:
            raise Crashed
        self.calls += 1
        return self.calls == self.crash_at

    def end(self, dies: bool, error: int = 0) -> None:
        if dies:
            self.is_dead = True
            raise Crashed
        if error:
            fail(error)

    def write_error(self, *, grows: bool) -> int:
        """The errno this call fails with; 0: it succeeds."""
        faults = self.faults
        if self.calls in faults.fail_at:
            return faults.fail_at[self.calls]
        if faults.is_full and grows:
            return errno.ENOSPC
        if faults.write_failures and self.random.random() < faults.write_failures:
            return faults.write_errno
        return 0

    def sync(self, nodes: list[Inode | Directory]) -> None:
        dies = self.begin()
        error = errno.EIO if self.calls in self.faults.sync_failures_at else self.faults.fail_at.get(self.calls, 0)
        if self.faults.sync_failures and self.random.random() < self.faults.sync_failures:
            error = errno.EIO
        if error:
            self.failed_syncs += 1
        for node in nodes:
            assert isinstance(node, FaultyInode | FaultyDirectory)
            if error:
                if isinstance(node, FaultyInode):
                    node.forget(self.random)
                    self.damaged.add(node)
            elif not dies or self.random.random() < 0.5:
                node.settle()
            else:
                continue
            if node not in self.damaged:
                self.dirty.pop(node, None)
        self.end(dies, error)

    # -- MemoryFiles, with the changes remembered

    def new_inode(self) -> Inode:
        return FaultyInode()

    def new_directory(self) -> Directory:
        return FaultyDirectory()

    def new_handle(self, inode: Inode, is_writable: bool) -> FaultyFile:
        self.check_alive()
        return FaultyFile(inode, is_writable, self)

    def link(self, directory: Directory, name: str, node: Inode | Directory, path: str) -> None:
        if name in directory.entries:
            fail(errno.EEXIST, path)
        self._change(directory, None, name, node)

    def remove(self, directory: Directory, name: str) -> None:
        self._change(directory, name, None, None)

    def move(self, source: Directory, source_name: str, target: Directory, target_name: str) -> None:
        assert source is target, "storage renames inside one directory only"
        self._change(source, source_name, target_name, source.entries[source_name])

    def _change(
        self, directory: Directory, removed: str | None, added: str | None, node: Inode | Directory | None
    ) -> None:
        assert isinstance(directory, FaultyDirectory)
        dies = self.begin()
        error = self.write_error(grows=added is not None and removed is None)
        if not error and (not dies or self.random.random() < 0.5):
            if removed is not None:
                del directory.entries[removed]
            if added is not None:
                assert node is not None
                directory.entries[added] = node
            directory.unsynced.append((removed, added, node))
            self.dirty[directory] = None
        self.end(dies, error)

    def fsync_dir(self, path: str) -> None:
        self.check_alive()
        self.sync([self.directory(path)])

    def sync_all(self, path: str) -> bool:
        self.check_alive()
        self.sync(list(self.dirty))
        return True

    def list(self, path: str) -> list[str]:
        self.check_alive()
        return super().list(path)

    def free_bytes(self, path: str) -> int:
        return 0 if self.faults.is_full else super().free_bytes(path)
