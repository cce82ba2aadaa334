"""Unlinking what a purge or retention has removed: history files and blob directories. Safe to repeat."""

from __future__ import annotations

from collections.abc import Iterable

from dfcli.model.ids import ExecutionKey
from dfcli.storage.blobs import Blobs
from dfcli.storage.instances import InstanceFiles
from dfcli.storage.transaction import Purge


class Remover:
    """Not safe for two threads: its caller holds the file lock."""

    def __init__(self, instances: InstanceFiles, blobs: Blobs) -> None:
        self._instances = instances
        self._blobs = blobs

    def remove(self, removals: Iterable[ExecutionKey | Purge]) -> None:
        """Durable after the next `InstanceFiles.sync`, which also syncs the directories of blobs."""
        found_files: dict[str, dict[str, list[int]]] = {}
        found_blobs: dict[str, dict[str, list[int]]] = {}
        for removal in removals:
            if isinstance(removal, ExecutionKey):
                keys = [removal]
            else:
                instance_id, upto = removal
                execs = set(self._instances.executions_in(instance_id, found_files))
                execs.update(self._blobs.executions_in(instance_id, found_blobs))
                keys = [ExecutionKey(instance_id, number) for number in sorted(execs) if number <= upto]
                self._instances.touch_dir(self._instances.shard_dir(instance_id))
            self._instances.remove(keys)
            for key in keys:
                if self._blobs.remove(key):
                    self._instances.touch_dir(self._blobs.shard_dir(key.instance_id))
