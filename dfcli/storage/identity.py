"""hub.json: which hub this is, and which version of the format it has."""

from __future__ import annotations

import contextlib
import os
import uuid

import msgspec

from dfcli.env.environment import Env
from dfcli.errors import HubUnreadable
from dfcli.model.time import timestamp_from_epoch
from dfcli.storage.durable import SyncFailed, ensure_dir, is_temporary, list_names, read_file, replace_file, sync_dir

FILE_NAME = "hub.json"
FORMAT = "dfcli-hub"
MAJOR = 1
MINOR = 0
INCOMPATIBLE_KNOWN: frozenset[str] = frozenset()
READ_ONLY_COMPATIBLE_KNOWN: frozenset[str] = frozenset()
DIRECTORIES = ("journal", "instances", "blobs", "quarantine")
_MADE_BEFORE_IDENTITY = frozenset([*DIRECTORIES, "hub.lock", "logs", "code", "keys.json"])
SHARD_DIGITS_MAX = 4


class HubIdentity(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """Written once, when the hub is made; unknown members are for newer versions."""

    format: str
    major: int
    minor: int = 0
    hub_id: str
    shard_digits: int = 2
    created: str = ""
    incompatible: list[str] = []
    read_only_compatible: list[str] = []


def read_identity(hub_path: str, env: Env, *, for_writing: bool) -> HubIdentity | None:
    """The hub's identity; None when there is no hub.json. Raises HubUnreadable for what this version cannot use."""
    data = read_file(env.files, f"{hub_path}/{FILE_NAME}")
    if data is None:
        return None
    try:
        identity = msgspec.json.decode(data, type=HubIdentity)
    except (msgspec.MsgspecError, ValueError) as error:
        raise _unreadable(hub_path, f"its {FILE_NAME} cannot be understood: {error}", "restore the file") from None
    if identity.format != FORMAT:
        raise _unreadable(
            hub_path, f"its {FILE_NAME} is of another program ({identity.format[:40]!r})", "check the path"
        )
    newer = "use that version or a later one"
    if identity.major != MAJOR:
        needed = f"it has format {identity.major}.{identity.minor} and needs a dfcli for format {identity.major}"
        raise _unreadable(hub_path, f"{needed}; this one is for format {MAJOR}", newer)
    unknown = sorted(set(identity.incompatible) - INCOMPATIBLE_KNOWN)
    if for_writing:
        unknown += sorted(set(identity.read_only_compatible) - READ_ONLY_COMPATIBLE_KNOWN)
    if unknown:
        needed = f"it needs a dfcli for format {identity.major}.{identity.minor} that knows {', '.join(unknown)}"
        raise _unreadable(hub_path, f"{needed}; this one is for format {MAJOR}.{MINOR}", newer)
    if not 1 <= identity.shard_digits <= SHARD_DIGITS_MAX:
        raise _unreadable(hub_path, f"its {FILE_NAME} says ShardDigits {identity.shard_digits}", "restore the file")
    return identity


def make_folders(hub_path: str, env: Env) -> None:
    """The hub's folder and all above it, made private and durable."""
    missing: list[str] = []
    path = hub_path
    while not env.files.exists(path):
        missing.append(path)
        path = os.path.dirname(path)
    for path in reversed(missing):
        try:
            ensure_dir(env.files, path)
            sync_dir(env.files, os.path.dirname(path))
        except SyncFailed:
            raise
        except OSError as error:
            raise _unreadable(path, error.strerror or str(error), "choose another folder with --hub-dir") from error


def create_hub(hub_path: str, env: Env) -> HubIdentity:
    """Make a hub in an empty folder, or finish one whose making was interrupted. The identity is written last.

    Raises HubUnreadable when the folder holds something else, or what is left of a hub that lost its hub.json.
    """
    files = env.files
    foreign = [name for name in files.list(hub_path) if name not in _MADE_BEFORE_IDENTITY and not is_temporary(name)]
    held = [directory for directory in DIRECTORIES if list_names(files, f"{hub_path}/{directory}")]
    if foreign or held:
        raise _unreadable(
            hub_path,
            f"it is not a hub: it has no {FILE_NAME} but holds {sorted(foreign + held)[0]!r}",
            "check the path",
        )
    for directory in DIRECTORIES:
        ensure_dir(files, f"{hub_path}/{directory}")
    identity = HubIdentity(
        format=FORMAT,
        major=MAJOR,
        minor=MINOR,
        hub_id=str(uuid.UUID(env.ids.new_id())),
        created=timestamp_from_epoch(env.clock.time()),
    )
    sync_dir(files, hub_path)
    for path in (os.path.dirname(hub_path), os.path.dirname(os.path.dirname(hub_path))):
        with contextlib.suppress(PermissionError):  # folders we may pass through but not read were not made by us
            sync_dir(files, path)  # who made it may have died before syncing
    replace_file(env, hub_path, FILE_NAME, msgspec.json.encode(identity) + b"\n")
    return identity


def _unreadable(hub_path: str, why: str, hint: str) -> HubUnreadable:
    return HubUnreadable(f"the task hub {hub_path} cannot be used", why=why, hint=hint)
