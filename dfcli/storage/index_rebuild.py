"""The index made again from the history files: one summary per instance, from the file of its newest execution."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from dfcli.env.environment import Env
from dfcli.model.ids import ExecutionKey
from dfcli.model.status import InstanceSummary
from dfcli.storage.blobs import BlobDamaged, Blobs
from dfcli.storage.codec import read_envelope, valid_prefix
from dfcli.storage.durable import list_names, read_file
from dfcli.storage.fold import UnknownEvent, event_of
from dfcli.storage.index import UNFINISHED, Index
from dfcli.storage.instances import InstanceFiles
from dfcli.storage.names import NamedFile, encode_name, parse_history_file_name

ROWS_PER_WRITE = 5_000
TELL_SECONDS = 5.0
"""How often a rebuild that takes long says how far it is."""


class FromFile(NamedTuple):
    """The summary of an execution as far as its file goes. `fault`: damage, naming the line; `not_runnable`: sound,
    but of a newer version."""

    summary: InstanceSummary
    fault: str
    not_runnable: str


class Rebuilt(NamedTuple):
    """A finished index, and the instances whose files were found damaged on the way."""

    made: Index
    damaged: dict[str, str]


def summary_from_file(key: ExecutionKey, instances: InstanceFiles, blobs: Blobs) -> FromFile:
    """Fold one file. Never raises for what is in it."""
    summary = InstanceSummary(instance_id=key.instance_id, exec=key.exec)
    data = instances.read(key)
    if data is None:
        return FromFile(summary, f"{instances.path(key)} is missing", "")
    prefix = valid_prefix(data, key)
    fault = f"{instances.path(key)}, {prefix.fault}" if prefix.fault else ""
    not_runnable = ""
    for number, line in enumerate(prefix.lines, start=1):
        try:
            summary.apply(event_of(line, key, blobs), len(line) + 1)
        except UnknownEvent as error:
            not_runnable = error.why
            break
        except BlobDamaged as error:
            fault = f"{instances.path(key)}, line {number}: {error}"
            break
    return FromFile(summary, fault, not_runnable)


def rebuild_index(
    hub_path: str,
    env: Env,
    instances: InstanceFiles,
    blobs: Blobs,
    batch: int,
    quarantined: Mapping[str, str],
    purged_upto: Callable[[str], int] = lambda _: 0,
) -> Rebuilt:
    """Every file's newest execution into a new index that is as of `batch`. About 100 µs for each instance.

    `purged_upto`: executions of an instance up to this one are gone, though their files may still be there.
    """
    index = Index.create(hub_path, env)
    damaged: dict[str, str] = {}
    rows: list[InstanceSummary] = []
    done, told_at = 0, env.clock.time()
    for key in newest_executions(hub_path, env):
        if key.exec <= purged_upto(key.instance_id):
            continue
        read = summary_from_file(key, instances, blobs)
        known = quarantined.get(key.instance_id, "")
        if read.fault and not known:
            damaged[key.instance_id] = read.fault
        read.summary.quarantined = known or read.fault or read.not_runnable
        rows.append(read.summary)
        if len(rows) >= ROWS_PER_WRITE:
            index.write(rows, [], UNFINISHED)
            done += len(rows)
            rows = []
            if env.clock.time() - told_at >= TELL_SECONDS:
                told_at = env.clock.time()
                import logging  # only now: `dfcli status` reads hubs without it

                log = logging.getLogger("dfcli.storage")
                log.warning("the index is made again from the history files: %d instances so far", done)
    index.write(rows, [], UNFINISHED)
    index.make_searchable()
    index.write([], [], batch)
    return Rebuilt(index, damaged)


def newest_executions(hub_path: str, env: Env) -> Iterator[ExecutionKey]:
    """The newest execution of every instance that has a file. Files with other names are ignored."""
    root = f"{hub_path}/instances"
    for shard in list_names(env.files, root):
        newest: dict[str, NamedFile] = {}
        for file in map(parse_history_file_name, list_names(env.files, f"{root}/{shard}")):
            if file is not None and (file.name not in newest or file.exec > newest[file.name].exec):
                newest[file.name] = file
        for file in newest.values():
            instance_id = file.instance_id or id_in_file(env, f"{root}/{shard}/{file.name}.{file.exec}.jsonl")
            if instance_id is not None and encode_name(instance_id) == file.name:
                yield ExecutionKey(instance_id, file.exec)


def id_in_file(env: Env, path: str) -> str | None:
    """The id whose name is a hash; its file's first line says it."""
    data = read_file(env.files, path)
    envelope = read_envelope(data.partition(b"\n")[0]) if data else None
    return envelope.instance_id if envelope is not None else None
