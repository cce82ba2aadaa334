"""HUB/keys.json: the keys that requests must show when keys are on, kept where only the hub's owner can read.

Every change replaces the file whole, and whoever reads it reads all keys. A key that was rotated stays valid until its
`Ends`. Values are never logged, and no error holds one.
"""

from __future__ import annotations

import enum
from hashlib import sha256

import msgspec

from dfcli.env.disk import DiskFiles
from dfcli.env.environment import Env
from dfcli.errors import HubUnreadable, NotFound, Unavailable
from dfcli.model.time import epoch_from_timestamp, timestamp_from_epoch
from dfcli.storage.durable import read_file, remove_file, replace_file

FILE_NAME = "keys.json"
CHANGING = "keys.changing"
"""Stands there while a command changes the keys: two at a time would lose one of the changes."""
GRACE_SECONDS_MAX = 24 * 3600
_OPEN_TO_OTHERS = 0o077


class KeyScope(enum.StrEnum):
    """What a key opens."""

    MASTER = "master"
    """Everything, `/admin` and HTTP functions of level `admin` included."""
    SYSTEM = "system"
    """The management API."""
    FUNCTION = "function"
    """HTTP functions of level `function`."""


class Key(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """One key. Its `repr` hides the value, so that no traceback shows it."""

    scope: KeyScope
    value: str
    """32 random bytes as base64url."""
    created: str
    ends: str | None = None
    """Until when it is valid, as a timestamp; None: it is the scope's current key."""

    @property
    def id(self) -> str:
        """Names the key and tells nothing of its value."""
        return sha256(self.value.encode()).hexdigest()[:8]

    def is_valid(self, now: float) -> bool:
        return self.ends is None or now < epoch_from_timestamp(self.ends)

    def __repr__(self) -> str:
        return f"<Key {self.id} ({self.scope})>"


class KeyFile:
    """The keys of one hub. Every method reads the file anew."""

    def __init__(self, hub_path: str, env: Env) -> None:
        self.hub_path = hub_path
        self.path = f"{hub_path}/{FILE_NAME}"
        self._env = env

    def ensure(self) -> None:
        """Make a key of each scope unless there are keys. Raises HubUnreadable when they are not private."""
        if not self._env.files.exists(self.path):
            with _Changing(self):
                if not self._env.files.exists(self.path):
                    self._write([self._new(scope) for scope in KeyScope])
        self.read()

    def read(self) -> list[Key]:
        """Raises NotFound when there are none yet, HubUnreadable when others can read them or they are damaged."""
        self._check_private()
        try:
            data = read_file(self._env.files, self.path)
            if data is None:
                raise NotFound(
                    "the task hub has no keys",
                    why=f"there is no {self.path}",
                    hint="dfcli run --auth makes them",
                )
            return msgspec.json.decode(data, type=list[Key])
        except msgspec.MsgspecError:  # its words might hold a value
            why = f"{self.path} does not hold what it should"
            raise HubUnreadable("the keys of the task hub cannot be read", why=why, hint=f"rm {self.path}") from None
        except OSError as error:
            raise HubUnreadable("the keys of the task hub cannot be read", why=f"{self.path}: {error}") from None

    def valid(self) -> list[Key]:
        """Those that open something now."""
        now = self._env.clock.time()
        return [key for key in self.read() if key.is_valid(now)]

    def current(self, scope: KeyScope) -> Key:
        """The key that new links carry. Raises as `read` does."""
        for key in self.read():
            if key.scope is scope and key.ends is None:
                return key
        raise HubUnreadable("the keys of the task hub cannot be read", why=f"{self.path} has none for {scope}")

    def rotate(self, scope: KeyScope, grace_seconds: float) -> Key:
        """A new key for the scope; the one before it stays valid for so long. Also drops keys that have ended."""
        assert 0 <= grace_seconds <= GRACE_SECONDS_MAX
        with _Changing(self):
            now = self._env.clock.time()
            kept: list[Key] = []
            for key in self.read():
                if key.scope is scope and key.ends is None:
                    key = msgspec.structs.replace(key, ends=timestamp_from_epoch(now + grace_seconds))
                if key.is_valid(now):
                    kept.append(key)
            new = self._new(scope)
            self._write([*kept, new])
            return new

    def revoke(self, which: str) -> list[Key]:
        """End the key with this id, or all of a scope, at once: the keys that ended. A current one is replaced."""
        with _Changing(self):
            keys = self.read()
            ended = [key for key in keys if which in (key.id, str(key.scope))]
            if not ended:
                known = ", ".join(f"{key.id} ({key.scope})" for key in keys)
                raise NotFound(f"there is no key {which!r}", why=f"there are {known}", hint="dfcli keys list")
            kept = [key for key in keys if key not in ended]
            self._write([*kept, *(self._new(key.scope) for key in ended if key.ends is None)])
            return ended

    def _new(self, scope: KeyScope) -> Key:
        now = timestamp_from_epoch(self._env.clock.time())
        return Key(scope=scope, value=self._env.ids.token(), created=now)

    def _write(self, keys: list[Key]) -> None:
        data = msgspec.json.format(msgspec.json.encode(keys), indent=1) + b"\n"
        replace_file(self._env, self.hub_path, FILE_NAME, data)

    def _check_private(self) -> None:
        files = self._env.files
        if not isinstance(files, DiskFiles):
            return
        found = files.ownership(self.path)
        user = files.current_user()
        if found is None or user is None:
            return
        if found.is_link:
            fault, hint = "it is a symbolic link", f"rm {self.path}"
        elif found.user != user:
            fault, hint = f"it belongs to user {found.user}, and this process runs as user {user}", f"rm {self.path}"
        elif found.mode & _OPEN_TO_OTHERS:
            fault = f"others may read it (mode {found.mode & 0o7777:04o})"
            hint = f"chmod 600 {self.path}, and `dfcli keys revoke` each key that others may have read"
        else:
            return
        raise HubUnreadable("the keys of the task hub are not private", why=f"{self.path}: {fault}", hint=hint)


class _Changing:
    """One change at a time, also of other processes."""

    def __init__(self, keys: KeyFile) -> None:
        self._files = keys._env.files
        self._path = f"{keys.hub_path}/{CHANGING}"

    def __enter__(self) -> None:
        try:
            self._files.open(self._path, write=True, create=True, exclusive=True).close()
        except FileExistsError:
            raise Unavailable(
                "the keys are being changed by another command",
                why=f"{self._path} says so; a command that was killed leaves it behind",
                hint=f"try again, or: rm {self._path}",
            ) from None
        except FileNotFoundError:
            raise NotFound("there is no task hub yet", hint="dfcli run --auth makes it and its keys") from None

    def __exit__(self, *_: object) -> None:
        remove_file(self._files, self._path)
