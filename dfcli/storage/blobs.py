"""Payloads too long for a line: one file each, named by its hash, below the execution's own directory.

A line refers to it by a member of its own (`InputBlob` in place of `Input`), so user data can never be read as a
reference. A blob is durable before the batch that refers to it is written.
"""

from __future__ import annotations

import contextlib
import hashlib
from typing import NamedTuple

import msgspec
from msgspec import UNSET, Raw

from dfcli.env.environment import Env
from dfcli.errors import PayloadTooLarge
from dfcli.model.history import Event
from dfcli.model.ids import ExecutionKey
from dfcli.model.payload import PAYLOAD_BYTES_MAX, BlobRef
from dfcli.storage.durable import ensure_dir, list_names, read_file, remove_file, replace_file, sync_dir
from dfcli.storage.names import encode_name, shard_of

INLINE_BYTES_MAX = 64 * 1024
_DURABLE_DIRS_MAX = 10_000
_PAYLOAD_MEMBERS = {
    "input": b"InputBlob",
    "input_text": b"InputTextBlob",
    "result": b"ResultBlob",
    "result_text": b"ResultTextBlob",
    "custom_status": b"CustomStatusBlob",
    "custom_status_text": b"CustomStatusTextBlob",
    "state": b"StateBlob",
    "state_text": b"StateTextBlob",
}


class BlobMembers(msgspec.Struct, frozen=True, rename="pascal"):
    """The references of one line."""

    input_blob: BlobRef | None = None
    input_text_blob: BlobRef | None = None
    result_blob: BlobRef | None = None
    result_text_blob: BlobRef | None = None
    custom_status_blob: BlobRef | None = None
    custom_status_text_blob: BlobRef | None = None
    state_blob: BlobRef | None = None
    state_text_blob: BlobRef | None = None


_members_decoder = msgspec.json.Decoder(BlobMembers)


class BlobDamaged(Exception):
    """A referenced blob is not there or is not what was written. The text says which."""


class PendingBlob(NamedTuple):
    """A blob that must be on the disk before the batch is."""

    key: ExecutionKey
    sha256: str
    data: bytes


class Detached(NamedTuple):
    """An event without its long payloads, the members that refer to them, and the blobs."""

    event: Event
    references: bytes
    blobs: list[PendingBlob]


def detach(event: Event, key: ExecutionKey, inline_bytes_max: int = INLINE_BYTES_MAX) -> Detached:
    """Move every payload above the inline limit out of an event. Raises PayloadTooLarge above 16 MiB."""
    references = b""
    blobs: list[PendingBlob] = []
    emptied: dict[str, object] = {}
    for member, reference in _PAYLOAD_MEMBERS.items():
        value = getattr(event, member, UNSET)
        if value is UNSET:
            continue
        data = value.encode() if isinstance(value, str) else bytes(value)
        if len(data) > PAYLOAD_BYTES_MAX:
            raise PayloadTooLarge(
                f"a payload of {len(data)} bytes is too long",
                why=f"{PAYLOAD_BYTES_MAX} bytes are allowed",
                hint="keep the data in a file of its own and pass its path",
            )
        if len(data) > inline_bytes_max:
            digest = hashlib.sha256(data).hexdigest()
            references += b',"%b":{"Sha256":"%b","Bytes":%d}' % (reference, digest.encode(), len(data))
            blobs.append(PendingBlob(key, digest, data))
            emptied[member] = UNSET
    return Detached(msgspec.structs.replace(event, **emptied) if emptied else event, references, blobs)


def references_of(line: bytes) -> dict[str, BlobRef]:
    """Payload member to reference, for the references a line holds; almost always none."""
    if b'Blob":{"Sha256":"' not in line:
        return {}
    try:
        members = _members_decoder.decode(line)
    except (msgspec.MsgspecError, ValueError):
        return {}
    found: dict[str, BlobRef] = {}
    for member in _PAYLOAD_MEMBERS:
        reference: BlobRef | None = getattr(members, f"{member}_blob")
        if reference is not None:
            found[member] = reference
    return found


class Blobs:
    """The blob files of a hub."""

    def __init__(self, env: Env, hub_path: str, shard_digits: int) -> None:
        self._env = env
        self._files = env.files
        self._root = f"{hub_path}/blobs"
        self._digits = shard_digits
        self._durable_dirs: set[str] = set()

    def shard_dir(self, instance_id: str) -> str:
        return f"{self._root}/{shard_of(instance_id, self._digits)}"

    def directory(self, key: ExecutionKey) -> str:
        return f"{self.shard_dir(key.instance_id)}/{encode_name(key.instance_id)}.{key.exec}"

    def write(self, blob: PendingBlob) -> None:
        """Durable when this returns, with every directory above it. An existing file of the name is replaced: the
        earlier write may never have reached the disk."""
        shard, directory = self.shard_dir(blob.key.instance_id), self.directory(blob.key)
        self._ensure_durable(shard, self._root)
        self._ensure_durable(directory, shard)
        replace_file(self._env, directory, f"{blob.sha256[:32]}.json", blob.data)

    def _ensure_durable(self, directory: str, parent: str) -> None:
        """A directory that is there may have been made by a process that died before it synced the parent."""
        made = ensure_dir(self._files, directory)
        if made or directory not in self._durable_dirs:
            sync_dir(self._files, parent)
            if len(self._durable_dirs) >= _DURABLE_DIRS_MAX:
                self._durable_dirs.clear()
            self._durable_dirs.add(directory)

    def read(self, key: ExecutionKey, reference: BlobRef) -> bytes:
        """The payload. Raises BlobDamaged."""
        name = f"{reference.sha256[:32]}.json"
        if not all(digit in "0123456789abcdef" for digit in reference.sha256) or len(reference.sha256) != 64:
            raise BlobDamaged(f"blob name {name[:40]!r} is no hash")
        data = read_file(self._files, f"{self.directory(key)}/{name}")
        if data is None:
            raise BlobDamaged(f"blob {name} is missing")
        if len(data) != reference.bytes or hashlib.sha256(data).hexdigest() != reference.sha256:
            raise BlobDamaged(f"blob {name} does not hold what was written")
        return data

    def attach(self, event: Event, key: ExecutionKey, references: dict[str, BlobRef]) -> Event:
        """The event with its long payloads back in place. Raises BlobDamaged."""
        payloads: dict[str, object] = {}
        for member, reference in references.items():
            data = self.read(key, reference)
            payloads[member] = data.decode() if member.endswith("_text") else Raw(data)
        return msgspec.structs.replace(event, **payloads)

    def executions_in(self, instance_id: str, seen: dict[str, dict[str, list[int]]]) -> list[int]:
        """The executions of an instance that have blobs; each directory is listed once and remembered in `seen`."""
        shard = self.shard_dir(instance_id)
        if shard not in seen:
            by_name = seen[shard] = {}
            for file in list_names(self._files, shard):
                name, _, number = file.rpartition(".")
                if number.isdecimal():
                    by_name.setdefault(name, []).append(int(number))
        return seen[shard].get(encode_name(instance_id), [])

    def remove(self, key: ExecutionKey) -> bool:
        """Unlink every blob of an execution; whether there were any. Durable after a sync of `shard_dir`."""
        directory = self.directory(key)
        names = list_names(self._files, directory)
        for name in names:
            remove_file(self._files, f"{directory}/{name}")
        with contextlib.suppress(OSError):  # not there, or a foreign folder inside
            self._files.remove_dir(directory)
            return True
        return bool(names)
