"""What must be true of the host's instances: whenever an activity runs, after each crash, and at the end."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from random import Random

import dfcli as df
from dfcli.engine.execution import Execution
from dfcli.errors import NotFound
from dfcli.host.host import Host
from dfcli.model import history as h
from dfcli.model.ids import ExecutionKey
from dfcli.model.query import InstanceFilter
from dfcli.model.voids import execution_id_at, execution_ids
from dfcli.storage.invariants import check_execution
from dfcli.storage.settings import HubSettings
from tests.simulation.faulty_files import FaultyFiles
from tests.simulation.host import ledgers, plans
from tests.simulation.host.clients import Client
from tests.simulation.twin import Violation


@dataclass
class Figures:
    """What a campaign has done, for its report."""

    crashes: int = 0
    power_losses: int = 0
    nested_crashes: int = 0
    sync_failures: int = 0
    full_disks: int = 0
    clean_stops: int = 0
    reloads: int = 0
    offline: int = 0
    acknowledgements: int = 0
    activities: int = 0
    operations: int = 0
    replays: int = 0
    runs: int = 0
    lives: int = 0
    seconds: float = 0.0
    ends: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        rate = self.crashes / self.seconds if self.seconds else 0.0
        return (
            f"{self.crashes} crashes ({self.power_losses} power losses, {self.nested_crashes} at the start) in "
            f"{self.lives} lives, {rate:.0f} per second; {self.runs} runs {dict(self.ends)}, {self.acknowledgements} "
            f"acknowledgements, {self.activities} activities, {self.operations} operations of entities, "
            f"{self.replays} replays checked, {self.clean_stops} "
            f"orderly stops, {self.offline} without code, {self.reloads} reloads, {self.sync_failures} failed syncs, "
            f"{self.full_disks} full disks"
        )


class Checks:
    """The part of a life that looks; `Life` gives it what it names here."""

    random: Random
    figures: Figures
    files: FaultyFiles
    hub_settings: HubSettings
    clients: list[Client]
    ledger_client: ledgers.LedgerClient
    host: Host | None
    performed: set[tuple[str, str]]
    """Instance id and idempotency key of each activity that has run."""
    gone: set[str]
    """Execution ids that were there and have been purged, or dropped by retention."""

    def saw_activity(self, info: df.ActivityInfo) -> None:
        """I7: its scheduling line is committed, or was and is gone with its instance."""
        assert self.host is not None
        self.figures.activities += 1
        self.performed.add((info.instance_id, info.idempotency_key))
        if not self._is_scheduled(self.host, info.instance_id, info.idempotency_key):
            raise Violation(f"I7: activity {info.name} of {info.instance_id} ran and no committed line schedules it")

    def fail(self, violation: Violation) -> None:
        raise violation

    def saw_operation(self, entity_id: str, number: int) -> None:
        assert self.host is not None
        self.figures.operations += 1
        if self.files.is_dead:
            return
        try:
            ledgers.check_operation(self.host, entity_id, number)
        except Violation as violation:  # raised here, it would only fail the operation
            self.host.loop.call_soon(self.fail, violation)

    def _is_scheduled(self, host: Host, instance_id: str, key: str) -> bool:
        execution_id, _, seq = key.partition(":")
        if execution_id in self.gone or self.files.is_dead:
            return True
        try:
            numbers = host.hub.executions(instance_id)
        except NotFound:
            numbers = []
        for number in reversed(numbers):
            try:
                events = host.history(instance_id, number)
            except NotFound:
                continue
            first = events[0]
            assert isinstance(first, h.ExecutionStarted)
            if execution_id_at(execution_ids(events), int(seq)) == execution_id:
                return len(events) >= int(seq) and isinstance(events[int(seq) - 1], h.TaskScheduled)
            if first.generation > self.hub_settings.keep_executions - 1:
                self.gone.add(execution_id)
                return True
        client = self.client_of(instance_id)
        if client.has_purged if client is not None else instance_id.startswith(plans.SHARED):
            self.gone.add(execution_id)
            return True
        return False

    # -- what is true after each crash, and at the end

    def check_all(self, host: Host) -> None:
        for client in self.clients:
            client.after_crash(host)
        for instance_id, key in self.performed:
            if not self._is_scheduled(host, instance_id, key):
                raise Violation(f"I7: {instance_id} ran an activity whose scheduling line {key} is lost")
        ledgers.check(host, self.ledger_client.sent)
        self.replay_all(host, 0.3)

    def replay_all(self, host: Host, share: float) -> None:
        """I14, and what each history alone must fulfil."""
        for item in host.query(InstanceFilter(), top=1_000).items:
            if self.random.random() < share:
                for number in host.hub.executions(item.instance_id):
                    self._replay(host, ExecutionKey(item.instance_id, number))

    def _replay(self, host: Host, key: ExecutionKey) -> None:
        try:
            events = host.history(*key)
        except NotFound:
            return  # retention has removed it
        wrong = check_execution(events)
        if wrong:
            raise Violation(f"{key}: {wrong[0]}")
        execution = Execution.replay(host.registry.lookup, events, key)
        if execution.differences:
            raise Violation(f"I14: {key}: {execution.differences[0]}")
        self.figures.replays += 1
        for created in execution.open_children.values():  # I12
            child = host.summary(created.child_instance_id)
            if child is None or created.child_exec is None or child.exec < created.child_exec:
                answered = any(getattr(e, "task_scheduled_id", None) == created.event_id for e in execution.unconsumed)
                if not answered:
                    raise Violation(f"I12: {key} waits for {created.child_instance_id}, which is not there")
        execution.close()

    def client_of(self, instance_id: str) -> Client | None:
        return next((client for client in self.clients if client.instance_id == instance_id), None)
