"""Task hubs beside this host's own: the client that a function gets for one, and how its instances are reached.

A hub that another host runs is reached through that host. One that nobody runs is worked on as commands do: its files
are read, and a change takes its lock for as long as the change takes. All of it blocks, so it has threads of its own.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, cast

from dfcli.env.environment import Env
from dfcli.errors import InvalidArgument, NotFound, Unavailable
from dfcli.host.client import DurableOrchestrationClient
from dfcli.host.control import Control
from dfcli.host.threads import Threads
from dfcli.model.history import Event
from dfcli.model.ids import check_hub_name
from dfcli.model.payload import NOTHING, Payload
from dfcli.model.query import InstanceFilter, Page
from dfcli.model.rewound import RewindReport
from dfcli.model.status import TERMINAL_STATUSES, InstanceSummary
from dfcli.registry.registry import Registry
from dfcli.storage.reader import HubReader

if TYPE_CHECKING:
    from dfcli.host.host import Host
    from dfcli.host.hub_elsewhere import HubElsewhere

R = TypeVar("R")
Reach = Callable[[str], Control | None]
"""The control of the host that runs the hub at a path; None when nobody does."""
THREADS_MAX = 8
_PAGE = 1000


class OtherHubs:
    """The hubs beside a host's own, by name in any case."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._clients: dict[str, OtherHubClient] = {}
        self._threads: Threads | None = None

    def client(self, name: str) -> DurableOrchestrationClient:
        """The client for a hub: the host's own for its own name. Raises InvalidArgument for what can be no name."""
        if name.casefold() == self._host.hub_name.casefold():
            return self._host.client
        if self._host.hub_path == ":memory:":
            raise InvalidArgument(f"there is no task hub {name!r}", why="a hub in memory has none beside it")
        check_hub_name(name)
        known = self._clients.get(name.casefold())
        if known is None:
            hub = OtherHub(self._host, self._path(name), name)
            known = self._clients[name.casefold()] = OtherHubClient(hub, self._in_thread)
        return known

    def elsewhere(self, name: str, *, creating: bool = False) -> HubElsewhere | None:
        """A hub for the HTTP API, one that is there already or, for `creating`, is made with what is first recorded;
        None: there is none of that name."""
        from dfcli.host.hub_elsewhere import HubElsewhere

        try:
            check_hub_name(name)
        except InvalidArgument:
            return None
        if self._host.hub_path == ":memory:":
            return None
        path = self._path(name)
        hub = OtherHub(self._host, path, os.path.basename(path))
        return HubElsewhere(hub, self._in_thread) if creating or hub.exists() else None

    def close(self) -> None:
        if self._threads is not None:
            self._threads.close()

    def _path(self, name: str) -> str:
        """Of the hub with that name; a folder that is there already counts in any case."""
        folder = os.path.dirname(os.path.abspath(self._host.hub_path))
        for found in sorted(os.listdir(folder)):
            if found.casefold() == name.casefold():
                return os.path.join(folder, found)
        return os.path.join(folder, name)

    async def _in_thread(self, act: Callable[[], Any]) -> Any:
        """From any loop."""
        host = self._host
        if self._threads is None:
            self._threads = Threads(host.loop, host.env.spawn, THREADS_MAX, "dfcli-other-hubs")
        threads = self._threads

        async def on_the_hosts_loop() -> Any:
            return await host.in_thread(act, threads)

        if asyncio.get_running_loop() is host.loop:
            return await on_the_hosts_loop()
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(on_the_hosts_loop(), host.loop))


class OtherHub:
    """What a client asks of a host, for a hub that another host runs or nobody. Everything here blocks."""

    base_url = ""

    def __init__(self, host: Host, path: str, name: str) -> None:
        self.hub_path = path
        self.hub_name = name
        self._host = host
        self._one_change = Lock()

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        return self._host.loop

    @property
    def registry(self) -> Registry:
        return self._host.registry

    def link_code(self) -> str:
        """The other host has keys of its own."""
        return ""

    def summary(self, instance_id: str) -> InstanceSummary | None:
        remote = self._remote()
        if remote is None:
            return self._reader().summary(instance_id) if self.exists() else None
        try:
            return remote.status(instance_id).summary
        except NotFound:
            return None

    def history(self, instance_id: str, exec: int | None = None) -> list[Event]:
        return self._readable().history(instance_id, exec)

    def query(self, which: InstanceFilter, *, top: int = 100, continuation: str = "") -> Page:
        return self._readable().query(which, top=top, continuation=continuation)

    async def start_instance(
        self,
        name: str,
        payload: Payload = NOTHING,
        *,
        instance_id: str | None = None,
        version: str | None = None,
        start_at: str | None = None,
    ) -> str:
        """Recorded; it runs when a host runs the hub. A hub that does not exist yet is made."""
        with self._changing(creating=True) as control:
            return control.start(name, payload, instance_id=instance_id, version=version, start_at=start_at)

    async def raise_event(self, instance_id: str, name: str, payload: Payload = NOTHING) -> None:
        with self._changing() as control:
            control.raise_event(instance_id, name, payload)

    async def terminate(self, instance_id: str, reason: str = "", *, recursive: bool = False) -> None:
        with self._changing() as control:
            control.terminate(instance_id, reason, recursive=recursive)

    async def rewind(self, instance_id: str, reason: str = "") -> RewindReport:
        with self._changing() as control:
            return control.rewind(instance_id, reason)

    async def restart(self, instance_id: str, *, new_id: bool = True) -> str:
        with self._changing() as control:
            return control.restart(instance_id, new_id=new_id)

    async def signal_entity(
        self,
        name: str,
        key: str,
        operation: str,
        payload: Payload = NOTHING,
        *,
        due: str | None = None,
        request_id: str | None = None,
    ) -> None:
        refuse_request_id(request_id)
        with self._changing() as control:
            control.signal_entity(name, key, operation, payload, due=due)

    async def suspend(self, instance_id: str, reason: str = "") -> None:
        with self._changing() as control:
            control.suspend(instance_id, reason)

    async def resume(self, instance_id: str, reason: str = "") -> None:
        with self._changing() as control:
            control.resume(instance_id, reason)

    async def purge(self, instance_id: str, *, recursive: bool = False) -> int:
        with self._changing() as control:
            return control.purge(instance_id, recursive=recursive)

    async def purge_by(self, which: InstanceFilter) -> int:
        purged = 0
        with self._changing() as control:
            while True:
                page = control.query(which, top=_PAGE)
                ended = [item.instance_id for item in page.items if item.status in TERMINAL_STATUSES]
                for instance_id in ended:
                    purged += control.purge(instance_id)
                if not ended:
                    return purged

    async def wait(self, instance_id: str, timeout: float | None = None) -> InstanceSummary:
        """Unavailable for a live instance of a hub that nobody runs: it would never end."""
        remote = self._remote()
        if remote is not None:
            return remote.wait(instance_id, timeout).summary
        summary = self.summary(instance_id)
        if summary is None:
            raise NotFound(f"there is no instance {instance_id!r} in task hub {self.hub_name!r}")
        if summary.is_live:
            raise Unavailable(f"no host runs the task hub {self.hub_name!r}, so nothing will happen")
        return summary

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("_"):
            raise AttributeError(name)
        raise InvalidArgument(
            f"{name.replace('_', ' ')} is not possible on another task hub",
            why=f"the function's client is for {self.hub_name!r}, and its host runs {self._host.hub_name!r}",
        )

    def _remote(self) -> Control | None:
        reach = self._host.reach
        return reach(self.hub_path) if reach is not None else None

    def exists(self) -> bool:
        return os.path.exists(os.path.join(self.hub_path, "hub.json"))

    def _check_exists(self) -> None:
        if not self.exists():
            raise NotFound(
                f"there is no task hub {self.hub_name!r}",
                why=f"there is no {self.hub_path}",
                hint="start an instance in it, or run a host for it",
            )

    def _reader(self) -> HubReader:
        return HubReader(self.hub_path, Env())

    def _readable(self) -> Control | HubReader:
        remote = self._remote()
        if remote is not None:
            return remote
        self._check_exists()
        return self._reader()

    @contextmanager
    def _changing(self, *, creating: bool = False) -> Iterator[Control]:
        """The hub's host, or the hub itself, locked. Raises HubLocked when somebody holds it who does not answer."""
        remote = self._remote()
        if remote is not None:
            yield remote
            return
        if not creating:
            self._check_exists()
        from dfcli.host.offline import OfflineControl

        with self._one_change:
            control = OfflineControl(self.hub_path, registry=self.registry, code_id=self._host.code_id)
            try:
                yield control
            finally:
                control.close()


class OtherHubClient(DurableOrchestrationClient):
    """The client of another hub; each of its calls blocks a thread that is there for it."""

    def __init__(self, hub: OtherHub, in_thread: Callable[[Callable[[], Any]], Coroutine[Any, Any, Any]]) -> None:
        super().__init__(cast("Host", hub))
        self._in_thread = in_thread

    async def _run(self, act: Callable[[], Coroutine[Any, Any, R]]) -> R:
        return cast(R, await self._in_thread(lambda: driven(act())))


def refuse_request_id(request_id: str | None) -> None:
    """A request that is to count once is refused rather than counted twice."""
    if request_id is not None:
        raise InvalidArgument(
            "a request with an Idempotency-Key is not possible on another task hub",
            why="only the host of a task hub knows which requests it has recorded",
            hint="send it to the host of that task hub",
        )


def driven(coroutine: Coroutine[Any, Any, R]) -> R:
    """The result of a coroutine that waits for nothing: a bare `sleep(0)` goes on at once."""
    try:
        while True:
            coroutine.send(None)
    except StopIteration as done:
        return cast(R, done.value)
