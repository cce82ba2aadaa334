"""The history files: one JSONL file per execution, appended to from the journal, later and without a sync.

Remembers what is not yet durable (files written, directories changed), for the next compaction to sync.
"""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from collections.abc import Iterable

from dfcli.env.files import Files, OpenFile
from dfcli.model.ids import ExecutionKey
from dfcli.storage.durable import ensure_dir, list_names, read_file, remove_file, sync_dir, sync_everything, sync_file
from dfcli.storage.names import encode_name, history_file_name, parse_history_file_name, shard_of

HANDLES_MAX = 256
_SYNC_EVERYTHING_FROM = 64


class InstanceFiles:
    """Not safe for two threads: its caller holds the file lock, except for `read` and `executions`."""

    def __init__(self, files: Files, hub_path: str, shard_digits: int) -> None:
        self._files = files
        self._hub_path = hub_path
        self._root = f"{hub_path}/instances"
        self._digits = shard_digits
        self._handles: OrderedDict[ExecutionKey, OpenFile] = OrderedDict()
        self._known_shards: set[str] = set()
        self._unsynced_files: set[ExecutionKey] = set()
        self._unsynced_dirs: set[str] = set()

    def shard_dir(self, instance_id: str) -> str:
        return f"{self._root}/{shard_of(instance_id, self._digits)}"

    def path(self, key: ExecutionKey) -> str:
        return f"{self.shard_dir(key.instance_id)}/{history_file_name(key)}"

    def read(self, key: ExecutionKey) -> bytes | None:
        """The whole file; None when there is none. Any thread."""
        return read_file(self._files, self.path(key))

    def exists(self, key: ExecutionKey) -> bool:
        return self._files.exists(self.path(key))

    def executions(self, instance_id: str) -> list[int]:
        """The executions that have a file, in order. Any thread."""
        name = encode_name(instance_id)
        found = map(parse_history_file_name, list_names(self._files, self.shard_dir(instance_id)))
        return sorted(file.exec for file in found if file is not None and file.name == name)

    def executions_in(self, instance_id: str, seen: dict[str, dict[str, list[int]]]) -> list[int]:
        """The same for many instances: each directory is listed once and remembered in `seen`."""
        shard = self.shard_dir(instance_id)
        if shard not in seen:
            by_name = seen[shard] = {}
            for file in map(parse_history_file_name, list_names(self._files, shard)):
                if file is not None:
                    by_name.setdefault(file.name, []).append(file.exec)
        return seen[shard].get(encode_name(instance_id), [])

    def write(self, key: ExecutionKey, data: bytes, offset: int) -> None:
        """Put lines at their offset. Not durable yet."""
        handle = self._handle(key)  # first: with no file there is nothing to sync
        self._unsynced_files.add(key)
        handle.pwrite(data, offset)

    def truncate(self, key: ExecutionKey, size: int) -> None:
        handle = self._handle(key)
        self._unsynced_files.add(key)
        handle.truncate(size)

    def size(self, key: ExecutionKey) -> int:
        """The length of the file, 0 when there is none."""
        handle = self._handles.get(key)
        if handle is not None:
            return handle.size()
        try:
            file = self._files.open(self.path(key))
        except FileNotFoundError:
            return 0
        try:
            return file.size()
        finally:
            file.close()

    def remove(self, keys: Iterable[ExecutionKey]) -> None:
        """Unlink files. Their directories become unsynced, whether or not a file was there now: an unlink by a
        process that has died may still be only in memory."""
        for key in keys:
            handle = self._handles.pop(key, None)
            if handle is not None:
                handle.close()
            self._unsynced_files.discard(key)
            remove_file(self._files, self.path(key))
            self.touch_dir(self.shard_dir(key.instance_id))

    def touch_dir(self, path: str) -> None:
        """Have a directory synced by the next `sync`."""
        self._unsynced_dirs.add(path)

    def sync(self) -> None:
        """Everything written and removed so far is durable when this returns. Raises SyncFailed."""
        if len(self._unsynced_files) > _SYNC_EVERYTHING_FROM and sync_everything(self._files, self._hub_path):
            self._unsynced_files.clear()
            self._unsynced_dirs.clear()
            return
        for key in self._unsynced_files:
            handle = self._handles.get(key)
            if handle is not None:
                sync_file(handle)
                continue
            with contextlib.closing(self._files.open(self.path(key), write=True)) as file:
                sync_file(file)
        # Parents after children: a name is worth nothing before what it names.
        for path in sorted(self._unsynced_dirs, key=len, reverse=True):
            with contextlib.suppress(FileNotFoundError):
                sync_dir(self._files, path)
        self._unsynced_files.clear()
        self._unsynced_dirs.clear()

    def release(self) -> None:
        """Close every handle: at the end, after an error, or when the process runs out of descriptors."""
        while self._handles:
            _, handle = self._handles.popitem()
            with contextlib.suppress(OSError):
                handle.close()

    def _handle(self, key: ExecutionKey) -> OpenFile:
        handle = self._handles.get(key)
        if handle is not None:
            self._handles.move_to_end(key)
            return handle
        if len(self._handles) >= HANDLES_MAX:
            self._handles.popitem(last=False)[1].close()
        shard = self.shard_dir(key.instance_id)
        if shard not in self._known_shards:
            ensure_dir(self._files, shard)
            self.touch_dir(self._root)  # even when it was there: whoever made it may not have synced
            self._known_shards.add(shard)
        path = self.path(key)
        if shard not in self._unsynced_dirs and not self._files.exists(path):
            self.touch_dir(shard)
        handle = self._files.open(path, write=True, create=True)
        self._handles[key] = handle
        return handle
