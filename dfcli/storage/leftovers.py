"""What a process that died leaves lying about: temporary files, and blobs whose batch was never committed."""

from __future__ import annotations

import contextlib

from dfcli.env.environment import Env
from dfcli.model.ids import ExecutionKey
from dfcli.storage.blobs import references_of
from dfcli.storage.durable import is_temporary, list_names, remove_file
from dfcli.storage.index_rebuild import id_in_file
from dfcli.storage.instances import InstanceFiles
from dfcli.storage.names import decode_name, encode_name

FOLDERS_READ_MAX = 2_000
"""Of instances whose histories are read for references; beyond, an unused blob stays until its instance goes."""


def remove_leftovers(
    hub_path: str, env: Env, instances: InstanceFiles, quarantined: set[str], changed: set[ExecutionKey]
) -> int:
    """How many files were removed. Only after the history files hold every committed line.

    `changed`: the executions the journal named; their blobs are always looked at.
    """
    files = env.files
    removed = 0
    evidence = {encode_name(instance_id) for instance_id in quarantined}
    for folder in (hub_path, f"{hub_path}/quarantine"):
        for name in list_names(files, folder):
            removed += is_temporary(name) and remove_file(files, f"{folder}/{name}")
    read = 0
    for shard in list_names(files, f"{hub_path}/blobs"):
        for name in list_names(files, f"{hub_path}/blobs/{shard}"):
            if name.rpartition(".")[0] in evidence:
                continue
            key = _execution(hub_path, env, shard, name)
            folder = f"{hub_path}/blobs/{shard}/{name}"
            used: set[str] = set()
            if key is not None:
                read += 1
                if read > FOLDERS_READ_MAX and key not in changed:
                    continue
                used = _used(instances.read(key) or b"")
            unused = [blob for blob in list_names(files, folder) if blob not in used]
            for blob in unused:
                removed += remove_file(files, f"{folder}/{blob}")
            if not used:
                with contextlib.suppress(OSError):  # a folder of somebody else's inside
                    files.remove_dir(folder)
    return removed


def _execution(hub_path: str, env: Env, shard: str, folder: str) -> ExecutionKey | None:
    """Whose blobs a folder holds; None when that execution has no history file."""
    name, _, number = folder.rpartition(".")
    path = f"{hub_path}/instances/{shard}/{folder}.jsonl"
    if not number.isdecimal() or not env.files.exists(path):
        return None
    instance_id = decode_name(name) or id_in_file(env, path)
    return ExecutionKey(instance_id, int(number)) if instance_id is not None else None


def _used(data: bytes) -> set[str]:
    return {f"{reference.sha256[:32]}.json" for line in data.split(b"\n") for reference in references_of(line).values()}
