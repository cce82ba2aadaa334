"""One seed, one hub, many lives of a host: it serves clients, dies, recovers, and at the end finishes everything."""

from __future__ import annotations

import asyncio
import contextlib
from random import Random
from time import perf_counter
from typing import Any
from unittest.mock import patch

from dfcli.env.clock import VirtualClock
from dfcli.env.environment import Env
from dfcli.env.ids import SeededIds
from dfcli.env.virtual import VirtualLoop
from dfcli.errors import DfError, HostStopped, NoSpace, NotFound, Unavailable, WrongState
from dfcli.host import entities, entity_recording
from dfcli.host.host import Host
from dfcli.host.settings import HostSettings
from dfcli.model.query import InstanceFilter
from dfcli.registry.registry import Registry
from dfcli.storage.invariants import verify
from dfcli.storage.settings import HubSettings
from tests.simulation.faulty_files import Crashed, FaultyFiles
from tests.simulation.host import ledgers, plans
from tests.simulation.host.checks import Checks, Figures
from tests.simulation.host.clients import Client
from tests.simulation.host.ledgers import LedgerClient
from tests.simulation.twin import Violation

HUB = "/hub"
CRASHES_PER_LIFE = 20
CLIENTS = 5
LIVE = InstanceFilter(statuses=frozenset({"Pending", "Running", "Suspended", "ContinuedAsNew"}))
REGISTRY = Registry.from_app(plans.app)


class Life(Checks):
    """One hub from its creation to the end of all its instances."""

    def __init__(self, seed: int, figures: Figures) -> None:
        self.random = random = Random(seed)
        self.figures = figures
        self.files = FaultyFiles(Random(seed + 1))
        self.clock = VirtualClock()
        self.env = Env(clock=self.clock, ids=SeededIds(seed), files=self.files, spawn=None)
        self.hub_settings = HubSettings(
            inline_bytes_max=random.choice((64, 65_536)),
            batch_lines_max=random.choice((8_192, 8_192, 12)),
            segment_bytes=random.choice((3_000, 1 << 20)),
            compact_bytes=random.choice((10_000, 60_000, 1 << 20)),
            files_per_step=random.choice((2, 512)),
            crash_limit=0,
            free_bytes_min=1,
        )
        self.settings = HostSettings(
            resident_limit=random.choice((1, 2, 5, 10_000)),
            async_activities_max=random.choice((1, 1_000)),
            drain_seconds=random.choice((0.0, 3.0)),
            materialise_seconds=random.choice((0.001, 0.25, 10.0)),
            block_warning_seconds=1e9,
        )
        self.has_sync_failures = random.random() < 0.3
        self.has_full_disks = random.random() < 0.3
        self.ledger_client = LedgerClient(random)
        self.operations_max = random.choice((3, 30, 10_000))
        self.idle_max = random.choice((0, 2, 1_000))
        self.clients = [Client(f"instance {number}", random) for number in range(CLIENTS)]
        self.performed = set()
        self.gone = set()
        self.host = None
        self._failure: BaseException | None = None

    # -- lives of the process

    def run(self, crashes: int) -> None:
        with (
            patch.object(entity_recording, "OPERATIONS_MAX", self.operations_max),
            patch.object(entities, "IDLE_LANES_MAX", self.idle_max),
        ):
            self._run(crashes)

    def _run(self, crashes: int) -> None:
        self.figures.lives += 1
        plans.seen = self.saw_activity
        ledgers.seen = self.saw_operation
        for _ in range(crashes):
            self._live(self._work, may_die_at_start=True)
            self.figures.crashes += 1
            power_loss = self.random.random() < 0.6
            self.figures.power_losses += power_loss
            self.files.restart(power_loss=power_loss)
        self._live(self._finish)
        findings = verify(HUB, self.env, self.hub_settings)
        if findings:
            raise Violation(f"{findings[0]} (and {len(findings) - 1} more)")
        for client in self.clients:
            self.figures.acknowledgements += client.acknowledgements
            self.figures.runs += len(client.runs)
            self.figures.ends.update(run.ended[0] for run in client.runs if run.ended)

    def _live(self, play: Any, *, may_die_at_start: bool = False) -> None:
        """One process. Ends when `play` does, when the machine dies, or when the host stops itself."""
        random, files = self.random, self.files
        runs_code = play == self._finish or random.random() > 0.08
        if may_die_at_start:
            while random.random() < 0.15:  # in the recovery of the last crash
                files.crash_in(random.randint(1, random.choice((10, 60))))
                if not self._in_loop(self._open_only, True):
                    self.figures.nested_crashes += 1
                files.kill()
                files.restart(power_loss=random.random() < 0.5)
        self._in_loop(play, runs_code)
        if play != self._finish:
            files.kill()

    def _in_loop(self, play: Any, runs_code: bool) -> bool:
        """Whether the machine lived on. Whatever else is raised anywhere on the loop is a violation."""
        self._failure = None
        loop = VirtualLoop(self.clock)
        asyncio.set_event_loop(loop)
        loop.set_exception_handler(self._on_exception)
        try:
            loop.run_until_complete(self._play(loop, play, runs_code))
        except Crashed:
            return False
        finally:
            self._abandon(loop)
        if self._failure is not None and not isinstance(self._failure, Crashed):
            raise self._failure
        return self._failure is None

    def _abandon(self, loop: VirtualLoop) -> None:
        """The process is gone: nothing on its loop goes on. Cancelled tasks run on a dead machine."""
        was_dead, self.files.is_dead = self.files.is_dead, True
        loop.set_exception_handler(lambda *_: None)
        if self.host is not None:
            self.host.scheduler.paused = True
            self.host._activities.close()
            self.host.entities.close()
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        if tasks:
            loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        if self.host is not None:
            for lane in self.host.scheduler.residents():
                self.host.scheduler.drop(lane)
        self.host = None
        loop.close()
        asyncio.set_event_loop(None)
        self.files.is_dead = was_dead

    async def _play(self, loop: VirtualLoop, play: Any, runs_code: bool) -> None:
        self.over = over = asyncio.Event()
        host = Host(
            REGISTRY,
            hub=HUB,
            env=self.env,
            settings=self.settings,
            hub_settings=self.hub_settings,
            runs_code=runs_code,
        )
        host.on_death = lambda _: over.set()
        await host.start()
        self.host = host
        playing = loop.create_task(play(host))
        ended = loop.create_task(over.wait())
        await asyncio.wait((playing, ended), return_when=asyncio.FIRST_COMPLETED)
        if self._failure is not None:
            return
        if host.stopped is not None:
            await self._after_death(host, playing)
        elif playing.done():
            playing.result()

    def _on_exception(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        del loop
        error = context.get("exception")
        if self._failure is None and not self.files.is_dead:
            self._failure = error or Violation(context["message"])
        elif self._failure is None:
            self._failure = Crashed()
        self.over.set()

    async def _after_death(self, host: Host, playing: asyncio.Task[None]) -> None:
        """A failed sync ended the host: everybody who waits must be told, at once."""
        if not self.files.faults.sync_failures:
            raise Violation("the host stopped itself on a sound disk") from host.stopped
        self.figures.sync_failures += 1
        await asyncio.sleep(0.001)
        waiting = [client.instance_id for client in self.clients if client.is_waiting]
        waiting += ["the client of ledgers"] if self.ledger_client.is_waiting else []
        if waiting:
            raise Violation(f"the host stopped itself and left clients waiting: {waiting}")
        await asyncio.wait((playing,))
        playing.result()

    async def _open_only(self, host: Host) -> None:
        await asyncio.sleep(self.random.choice((0, 0, 5)))

    # -- what happens while it lives

    async def _work(self, host: Host) -> None:
        random, files = self.random, self.files
        self.check_all(host)
        if not host._runs_code:
            self.figures.offline += 1
        if random.random() < 0.8:
            files.crash_in(random.randint(1, random.choice((20, 100, 400))))
        if self.has_sync_failures and random.random() < 0.3:
            files.faults.sync_failures = random.choice((0.01, 0.1))
        watchers = [asyncio.create_task(self._watch(host, client)) for client in self.clients]
        users = [*self.clients, self.ledger_client]
        uses = [self._use(host, client, random.randint(1, 12)) for client in users]
        await asyncio.gather(*uses, self._disturb(host, random.randint(0, 3)))
        if host.stopped is None and not files.is_dead and random.random() < 0.25:
            await host.stop()
            self.figures.clean_stops += 1
        if watchers and (host.stopping or host.stopped is not None):
            await asyncio.wait(watchers, timeout=0.001)
            if not all(watcher.done() for watcher in watchers):
                raise Violation("the host has stopped and left somebody waiting for an end")
        for watcher in watchers:
            if watcher.done() and not watcher.cancelled() and isinstance(watcher.exception(), Violation):
                watcher.result()

    async def _use(self, host: Host, client: Client | LedgerClient, steps: int) -> None:
        for _ in range(steps):
            await asyncio.sleep(self.random.choice((0, 0, 0.001, 0.3, 40)))
            if host.stopped is not None:
                return
            client.is_waiting = True
            try:
                await client.step(host)
            except (Unavailable, HostStopped):
                pass  # the client does not know
            finally:
                client.is_waiting = False

    async def _watch(self, host: Host, client: Client) -> None:
        """Somebody waits for an end; what it is told must be one."""
        try:
            summary = await host.wait(client.instance_id, 10_000)
        except (DfError, Crashed):
            return
        if summary.is_live:
            raise Violation(f"{client.instance_id}: a wait ended with status {summary.status}")

    async def _disturb(self, host: Host, times: int) -> None:
        random = self.random
        for _ in range(times):
            await asyncio.sleep(random.choice((0, 0.002, 1, 30)))
            kind = random.random()
            if host.stopped is not None:
                return
            if kind < 0.3 and host._runs_code:
                try:
                    parked = await host.reload(REGISTRY, "again")
                except HostStopped:
                    return
                if parked:
                    raise Violation(f"parked by a reload of the same code: {parked}")
                self.figures.reloads += 1
            elif kind < 0.5 and self.has_full_disks:
                self.figures.full_disks += 1
                self.files.faults.is_full = True
                await asyncio.sleep(random.choice((0.5, 5, 50)))
                self.files.faults.is_full = False
            elif kind < 0.6:
                self.clock.advance(random.choice((-3_600, -1, 3_600)))
            elif kind < 0.75:
                self.replay_all(host, 0.2)
            elif kind < 0.85:
                await self._purge_children(host)
            elif kind < 0.9:
                with contextlib.suppress(Unavailable, HostStopped, NoSpace):
                    await host.clean_entities()
            else:
                await self._meddle(host)

    async def _meddle(self, host: Host) -> None:
        """Hold a child for a while, which its parent knows nothing of."""
        live = host.query(LIVE, top=100).items
        strangers = [item.instance_id for item in live if self.client_of(item.instance_id) is None]
        if strangers and host._runs_code:
            instance_id = self.random.choice(strangers)
            with contextlib.suppress(WrongState, NotFound, Unavailable, HostStopped):
                await host.suspend(instance_id)
                await asyncio.sleep(self.random.choice((0, 1, 100)))
                await host.resume(instance_id)

    async def _purge_children(self, host: Host) -> None:
        """Purge by filter, while children of these ids begin and end."""
        with contextlib.suppress(Unavailable, HostStopped):
            await host.purge_by(InstanceFilter(prefix=plans.SHARED))

    async def _finish(self, host: Host) -> None:
        """I11: with all the events it waits for and all the time in the world, every instance ends."""
        self.check_all(host)
        await self._let_all_end(host)
        for client in self.clients:
            client.look(host)
        self._check_ledgers(host)
        self.replay_all(host, 1.0)
        if host.scheduler.lanes:
            raise Violation(f"lanes left: {list(host.scheduler.lanes)}")
        if host.scheduler.resident:
            raise Violation(f"{host.scheduler.resident} executions are resident though every instance has ended")
        await host.stop()

    async def _let_all_end(self, host: Host) -> None:
        for _ in range(40):
            live = host.query(LIVE, top=1_000).items
            if not live:
                return
            for item in live:
                try:
                    if item.suspended:
                        await host.resume(item.instance_id)
                    client = self.client_of(item.instance_id)
                    for name in ("tick", "Tock") if client is not None else ():
                        client.look(host)
                        if client.run is not None and not client.run.ended:
                            await client.raise_events(host, name, 1)
                except WrongState:
                    continue  # it has ended meanwhile
            await asyncio.sleep(100_000)
        stuck = [(item.instance_id, item.status, host.waits(item.instance_id)) for item in live]
        raise Violation(f"I11: stuck: {stuck}")

    def _check_ledgers(self, host: Host) -> None:
        must_be_noted = set(self.ledger_client.acknowledged)
        for client in self.clients:
            for run in client.runs:
                if run.ended is not None and run.ended[0] in ("Completed", "Failed"):
                    must_be_noted.update(number for step in run.plan for number in ledgers.noted_by(step))
        ledgers.check_end(host, must_be_noted)


def run_life(seed: int, crashes: int, figures: Figures) -> None:
    """One life. Raises with the line that repeats it."""
    started = perf_counter()
    before = figures.crashes
    try:
        Life(seed, figures).run(crashes)
    except BaseException as error:
        error.add_note(f"seed={seed} cmd=python -m tests.simulation.host --seed {seed} --cycles {crashes}")
        error.add_note(f"after {figures.crashes - before} crashes of this life")
        raise
    finally:
        figures.seconds += perf_counter() - started
