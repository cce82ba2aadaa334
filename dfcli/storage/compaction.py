"""Cutting the journal: once every line up to a batch is durable in the history files, older segments may go.

The cut is recorded in checkpoint.json, replaced atomically; recovery reads the journal from there. The order is the
whole point: files and directories are synced before the cut is written, and the cut before a segment is removed.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from dfcli.env.environment import Env
from dfcli.model.ids import ExecutionKey
from dfcli.storage.codec import is_sealed, seal
from dfcli.storage.durable import list_names, read_file, remove_file, replace_file
from dfcli.storage.journal import segment_number

FILE_NAME = "checkpoint.json"
IN_FLIGHT_MAX = 10_000


class TaskInFlight(NamedTuple):
    """A task that was running at an unclean stop, or may be at the next; `crashes` counts those stops.

    `dispatched`: handed out again since the last open, so that the next unclean stop counts against it.
    """

    instance_id: str
    exec: int
    task_id: int
    seq: int
    crashes: int = 0
    dispatched: bool = False

    @property
    def key(self) -> ExecutionKey:
        return ExecutionKey(self.instance_id, self.exec)


class Cut(msgspec.Struct, frozen=True, kw_only=True, rename="pascal", omit_defaults=True):
    """Everything up to `batch` is in the files; the journal is read from `first_segment` on.

    The rest is what the crash-loop count must not forget when segments go.
    """

    batch: int
    first_segment: int
    running: bool = False
    """A host has started and not said goodbye."""
    in_flight: list[TaskInFlight] = []
    closed: bool = False
    """The hub was closed in order right after, so nothing lies about."""


_decoder = msgspec.json.Decoder(Cut)


def read_cut(hub_path: str, env: Env) -> Cut | None:
    """None when there is none, or a damaged one."""
    data = read_file(env.files, f"{hub_path}/{FILE_NAME}")
    if data is None or not data.endswith(b"\n") or not is_sealed(data[:-1]):
        return None
    try:
        return _decoder.decode(data)
    except (msgspec.MsgspecError, ValueError):
        return None


def write_cut(hub_path: str, env: Env, cut: Cut) -> None:
    """Durable when this returns."""
    replace_file(env, hub_path, FILE_NAME, seal(msgspec.json.encode(cut)[:-1]))


def remove_segments_before(hub_path: str, env: Env, first_segment: int) -> None:
    """Unlink what the cut has made superfluous. What stays behind is removed at the next start."""
    directory = f"{hub_path}/journal"
    for name in list_names(env.files, directory):
        number = segment_number(name)
        if number is not None and number < first_segment:
            remove_file(env.files, f"{directory}/{name}")
