"""What can be done to instances, whoever does it: the running host, a client over HTTP, or a command on the files.

`Control` is the synchronous form that commands use. `dfcli.host.host.Host` offers the same verbs as coroutines.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from dfcli.model.history import Event
from dfcli.model.payload import Payload
from dfcli.model.query import InstanceFilter, Page, Wait
from dfcli.model.rewound import RewindReport
from dfcli.model.status import InstanceSummary


class InstanceStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One instance, with what a stuck reader needs: what it waits for, and whether anybody will run it."""

    summary: InstanceSummary
    waits: list[Wait]
    parked: str = ""
    """Why the host does not run the instance though it is live; empty when it does."""
    host_running: bool = False


class Control(Protocol):
    """Every verb raises `DfError`s: NotFound, InstanceGone, WrongState, InvalidArgument, Unavailable."""

    online: bool
    """Whether a host is running, so that started work proceeds."""

    def start(
        self,
        name: str,
        payload: Payload,
        *,
        instance_id: str | None = None,
        version: str | None = None,
        start_at: str | None = None,
        replace: bool | None = None,
    ) -> str:
        """The id of the new instance. InstanceExists when a live one holds it and is not to be replaced,
        UnknownFunction. `start_at` is a timestamp before which no code runs."""
        ...

    def status(self, instance_id: str) -> InstanceStatus: ...

    def history(self, instance_id: str, exec: int | None = None) -> list[Event]:
        """The committed events of one execution, by default the newest."""
        ...

    def lines(self, instance_id: str, exec: int | None = None) -> list[bytes]:
        """The same as the raw lines on disk."""
        ...

    def query(self, which: InstanceFilter, *, top: int = 100, continuation: str = "") -> Page: ...

    def raise_event(self, instance_id: str, name: str, payload: Payload) -> None: ...

    def signal_entity(self, name: str, key: str, operation: str, payload: Payload, *, due: str | None = None) -> None:
        """Have an entity do something, not before `due`. UnknownFunction."""
        ...

    def terminate(self, instance_id: str, reason: str, *, recursive: bool = False) -> None: ...

    def suspend(self, instance_id: str, reason: str) -> None: ...

    def resume(self, instance_id: str, reason: str) -> None: ...

    def rewind(
        self, instance_id: str, reason: str, *, cut: int | None = None, dry_run: bool = False, verify: bool = True
    ) -> RewindReport:
        """Take a failed instance back to before its failure. WrongState for another one, Disagreement when the app's
        code does not repeat what would be left."""
        ...

    def restart(self, instance_id: str, *, new_id: bool = True) -> str:
        """The id of a new instance with the name and the input of this one. InstanceExists."""
        ...

    def purge(self, instance_id: str, *, recursive: bool = False) -> int:
        """How many instances were removed; 1 unless `recursive`. WrongState for a live one."""
        ...

    def wait(self, instance_id: str, timeout: float | None) -> InstanceStatus:
        """The status once the instance has ended. TimedOut after `timeout` seconds, Unavailable without a host."""
        ...

    def close(self) -> None: ...
