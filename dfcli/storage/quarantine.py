"""The quarantine folder: which instances are not to be run and why, and every byte recovery did not take over.

A marker is a small file per instance; evidence is copied here before anything is cut or removed. Names are made from
content, so that a recovery that is interrupted and repeated adds nothing twice.
"""

from __future__ import annotations

from typing import TypeVar
from zlib import crc32

import msgspec

from dfcli.env.environment import Env
from dfcli.model.ids import ExecutionKey
from dfcli.model.time import timestamp_from_epoch
from dfcli.storage.durable import ensure_dir, list_names, read_file, remove_file, replace_file, sync_dir
from dfcli.storage.names import encode_name

_MARKER = ".instance.json"
_DAMAGE = "damage-"
_S = TypeVar("_S", bound=msgspec.Struct)


class Marker(msgspec.Struct, frozen=True, rename="pascal"):
    """One instance that is not run."""

    instance_id: str
    reason: str
    since: str = ""


class JournalDamage(msgspec.Struct, frozen=True, rename="pascal"):
    """A stretch of the journal that could not be read; the hub is degraded until it is acknowledged."""

    segment: int
    start: int
    bytes: int
    why: str
    since: str = ""


class Quarantine:
    """Reads and writes the folder. Everything written is durable when the call returns."""

    def __init__(self, env: Env, hub_path: str) -> None:
        self._env = env
        self._hub_path = hub_path
        self._path = f"{hub_path}/quarantine"

    def markers(self) -> dict[str, str]:
        """Instance id to reason."""
        found: dict[str, str] = {}
        for name in list_names(self._env.files, self._path):
            if name.endswith(_MARKER):
                marker = self._read(name, Marker)
                if marker is not None:
                    found[marker.instance_id] = marker.reason
        return found

    def mark(self, instance_id: str, reason: str) -> None:
        self._write(_marker_name(instance_id), msgspec.json.encode(Marker(instance_id, reason, self._now())) + b"\n")

    def unmark(self, instance_id: str) -> None:
        """The instance was purged or released."""
        if remove_file(self._env.files, f"{self._path}/{_marker_name(instance_id)}"):
            sync_dir(self._env.files, self._path)

    def damages(self) -> list[JournalDamage]:
        """Those not acknowledged yet."""
        names = [name for name in list_names(self._env.files, self._path) if name.startswith(_DAMAGE)]
        found = [self._read(name, JournalDamage) for name in names]
        return [damage for damage in found if damage is not None]

    def note_damage(self, damage: JournalDamage) -> None:
        told = crc32(f"{damage.segment} {damage.start} {damage.bytes} {damage.why}".encode())
        name = f"{_DAMAGE}{damage.segment:08d}-{damage.start}-{told:08x}.json"
        if not self._env.files.exists(f"{self._path}/{name}"):
            self._write(name, msgspec.json.encode(msgspec.structs.replace(damage, since=self._now())) + b"\n")

    def keep_bytes(self, kind: str, segment: int, offset: int, data: bytes) -> str:
        """Save evidence; the name it got. What is there already is the same bytes, written again."""
        name = f"{kind}-{segment:08d}-{offset}-{crc32(data):08x}.jsonl"
        self._write(name, data)
        return name

    def keep_lines(self, key: ExecutionKey, data: bytes) -> None:
        """Save committed lines that cannot be added to a damaged file."""
        self._write(f"lines-{encode_name(key.instance_id)}.{key.exec}-{crc32(data):08x}.jsonl", data)

    def _write(self, name: str, data: bytes) -> None:
        if ensure_dir(self._env.files, self._path):
            sync_dir(self._env.files, self._hub_path)
        replace_file(self._env, self._path, name, data)

    def _read(self, name: str, kind: type[_S]) -> _S | None:
        data = read_file(self._env.files, f"{self._path}/{name}")
        try:
            return msgspec.json.decode(data or b"", type=kind)
        except (msgspec.MsgspecError, ValueError):
            return None

    def _now(self) -> str:
        return timestamp_from_epoch(self._env.clock.time())


def _marker_name(instance_id: str) -> str:
    return encode_name(instance_id) + _MARKER
