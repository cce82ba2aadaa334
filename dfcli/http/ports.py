"""What the HTTP room asks of a running host. `dfcli.host.host.Host` offers it; tests offer a fake.

All verbs are called on the host's loop. A verb that changes something returns once it is durable; its refusals are
`DfError`s: NotFound, InstanceExists (with a `status`), InstanceGone, WrongState, InvalidArgument, Unavailable.
"""

from __future__ import annotations

from typing import Protocol

from dfcli.authoring.http import HttpRequest, HttpResponse
from dfcli.authoring.triggers import FunctionDefinition, Kind
from dfcli.host.by_hand import FunctionRun, TriggerInput
from dfcli.host.client_payload import ClientSdk
from dfcli.model.entity_status import EntityPage, EntityView
from dfcli.model.history import Event
from dfcli.model.payload import Payload
from dfcli.model.query import InstanceFilter, Page, Wait
from dfcli.model.rewound import RewindReport
from dfcli.model.status import InstanceSummary

SERVING = frozenset({"ok", "degraded"})
"""Words of `health` while new work is taken."""


class Functions(Protocol):
    """The registry, as far as HTTP needs it."""

    all: list[FunctionDefinition]
    http: list[FunctionDefinition]

    def orchestrator(self, name: str) -> FunctionDefinition | None: ...

    def known(self, kind: Kind) -> list[str]: ...


class HostPort(Protocol):
    """The running host."""

    hub_name: str
    hub_path: str
    started_at: str
    """Timestamp."""
    rpc_token: str
    """The unguessable part of the workers' address, new at each start."""

    @property
    def registry(self) -> Functions:
        """Another one after each reload."""
        ...

    @property
    def health(self) -> str:
        """`ok`; `degraded`: instances are in quarantine; `no space`; `stopped`: after a failed sync."""
        ...

    def client_payload(self, task_hub: str | None, sdk: ClientSdk) -> str:
        """The text that makes a durable client of another library."""
        ...

    def begin_by_hand(self, name: str, data: bytes) -> None:
        """Begin one run of a function that is no durable one. NotFound, InvalidArgument, WrongState."""
        ...

    async def run_by_hand(self, name: str, given: TriggerInput) -> FunctionRun:
        """The same, waiting for its end."""
        ...

    def other_hub(self, name: str, *, creating: bool = False) -> HostPort | None:
        """Another task hub of the app, for the durable API. Its verbs do as here, its plain questions block."""
        ...

    async def start_instance(
        self,
        name: str,
        payload: Payload,
        *,
        instance_id: str | None = None,
        version: str | None = None,
        request_id: str | None = None,
        start_at: str | None = None,
        replace: bool | None = None,
    ) -> str: ...

    async def restart(self, instance_id: str, *, new_id: bool = True) -> str: ...

    def summary(self, instance_id: str) -> InstanceSummary | None:
        """As committed; not to be changed."""
        ...

    def history(self, instance_id: str, exec: int | None = None) -> list[Event]:
        """May be called on any thread, as may `lines` and `query`."""
        ...

    def lines(self, instance_id: str, exec: int | None = None) -> list[bytes]: ...

    def query(self, which: InstanceFilter, *, top: int = 100, continuation: str = "") -> Page: ...

    async def raise_event(
        self, instance_id: str, name: str, payload: Payload, *, request_id: str | None = None
    ) -> None: ...

    async def terminate(self, instance_id: str, reason: str, *, recursive: bool = False) -> None: ...

    async def suspend(self, instance_id: str, reason: str) -> None: ...

    async def resume(self, instance_id: str, reason: str) -> None: ...

    async def rewind(
        self,
        instance_id: str,
        reason: str = "",
        *,
        cut: int | None = None,
        dry_run: bool = False,
        verify: bool = True,
    ) -> RewindReport: ...

    async def purge(self, instance_id: str, *, recursive: bool = False) -> int: ...

    async def purge_by(self, which: InstanceFilter) -> int: ...

    async def wait(self, instance_id: str, timeout: float | None = None) -> InstanceSummary:
        """The summary once the instance has ended. NotFound, or TimedOut after `timeout` seconds."""
        ...

    async def signal_entity(
        self,
        name: str,
        key: str,
        operation: str,
        payload: Payload,
        *,
        due: str | None = None,
        request_id: str | None = None,
    ) -> None: ...

    def entity(self, name: str, key: str) -> EntityView | None: ...

    def list_entities(
        self,
        name: str = "",
        *,
        last_operation_from: str | None = None,
        last_operation_to: str | None = None,
        top: int = 100,
        continuation: str = "",
        fetch_state: bool = True,
    ) -> EntityPage:
        """May be called on any thread."""
        ...

    def waits(self, instance_id: str) -> list[Wait]: ...

    def parked(self, instance_id: str) -> str: ...

    def run_timer_now(self, name: str) -> None:
        """Begins one run beside the schedule. NotFound, WrongState while it runs."""
        ...

    async def run_http_function(
        self, definition: FunctionDefinition, request: HttpRequest
    ) -> HttpResponse | str | None:
        """Runs the user's function where it belongs; its exception is passed on."""
        ...
