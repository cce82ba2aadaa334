"""The oracle: what a task hub must hold, kept beside the real one in plain lists, and the comparison of both.

`acknowledged` transactions are there after any crash. Those submitted but not acknowledged are there as a whole batch
or not at all, and only if the process died while it was committing. Nothing else is there.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec
from msgspec import UNSET, Raw

from dfcli.env.environment import Env
from dfcli.env.memory import Directory, Inode
from dfcli.errors import DfError, NotFound
from dfcli.model.history import ContinueAsNew, Event, ExecutionStarted, decode_line
from dfcli.model.ids import ExecutionKey
from dfcli.model.query import InstanceFilter
from dfcli.model.status import InstanceSummary, next_execution
from dfcli.storage.blobs import detach
from dfcli.storage.codec import is_sealed
from dfcli.storage.invariants import verify
from dfcli.storage.names import encode_name, history_file_name, shard_of
from dfcli.storage.reader import HubReader
from dfcli.storage.settings import HubSettings
from dfcli.storage.taskhub import TaskHub
from dfcli.storage.transaction import Transaction
from tests.simulation.faulty_files import FaultyFiles

EVERYTHING = InstanceFilter()


class Violation(AssertionError):
    """An invariant does not hold; the text begins with its name."""


@dataclass
class Execution:
    """Lines that are in the hub, as events, and as bytes once they were seen there."""

    events: list[Event] = field(default_factory=list)
    lines: list[bytes] = field(default_factory=list)


@dataclass
class Twin:
    """The committed state, and the transactions that were submitted since it was last compared."""

    instances: dict[str, dict[int, Execution]] = field(default_factory=dict)
    pending: list[Transaction] = field(default_factory=list)
    acknowledged: int = 0
    """How many of `pending` were."""
    batch_in_flight: int = 0
    """How many of `pending` the batch would make acknowledged that was being committed when the process died."""
    keep_executions: int = 3
    inline_bytes_max: int = 64 * 1024
    purged_blobs: set[str] = field(default_factory=set)
    """Paths below `blobs/` that must never be there again."""
    lines_checked: int = 0

    def settle(self, count: int) -> None:
        """The first `count` pending transactions are in the hub, for good."""
        for transaction in self.pending[:count]:
            self._apply(transaction)
        del self.pending[:count]
        self.acknowledged = max(self.acknowledged - count, 0)
        self.batch_in_flight = max(self.batch_in_flight - count, 0)

    def _apply(self, transaction: Transaction) -> None:
        # Within a batch the order of a purge and a new start of the same id is that of their transactions.
        for instance_id, upto in transaction.purges:
            executions = self.instances.get(instance_id, {})
            for number in [number for number in executions if number <= upto]:
                self._remember_blobs(ExecutionKey(instance_id, number), executions.pop(number))
            if not executions:
                self.instances.pop(instance_id, None)
        for key, events in transaction.appends:
            execution = self.instances.setdefault(key.instance_id, {}).setdefault(key.exec, Execution())
            execution.events.extend(events)

    def _remember_blobs(self, key: ExecutionKey, execution: Execution) -> None:
        for event in execution.events:
            for blob in detach(event, key, self.inline_bytes_max).blobs:
                folder = f"{shard_of(key.instance_id, 2)}/{encode_name(key.instance_id)}.{key.exec}"
                self.purged_blobs.add(f"{folder}/{blob.sha256[:32]}.json")

    def summary(self, instance_id: str) -> InstanceSummary:
        """The fold of the newest execution."""
        executions = self.instances[instance_id]
        number = max(executions)
        execution = executions[number]
        summary = next_execution(None, instance_id, number)
        for event, line in zip(execution.events, execution.lines, strict=True):
            summary.apply(event, len(line) + 1)
        first = execution.events[0]
        assert isinstance(first, ExecutionStarted)
        if first.created is not None:
            summary.created = first.created
        return summary


def check_after_crash(twin: Twin, hub: TaskHub, files: FaultyFiles, root: str) -> None:
    """I1, I2, I3: the acknowledged prefix, or that and the batch in flight. Then everything `check` does."""
    in_flight = twin.batch_in_flight - twin.acknowledged
    twin.settle(twin.acknowledged)
    if in_flight > 0 and _shows_any(twin.pending[:in_flight], hub, twin):
        twin.settle(in_flight)
    twin.pending.clear()
    twin.batch_in_flight = 0
    check(twin, hub)
    check_files(twin, files, root, exact=True)


def verify_files(root: str, env: Env, settings: HubSettings, *, tidy: bool) -> None:
    """What users check their hubs with, on this one.

    Blobs of batches that were never committed may lie about until the next recovery with something to recover;
    `tidy` says that this was one.
    """
    findings = verify(root, env, settings)
    if not tidy:
        findings = [finding for finding in findings if finding.what != "no line refers to it"]
    if findings:
        raise Violation(f"{findings[0]} (and {len(findings) - 1} more)")


def _shows_any(transactions: list[Transaction], hub: TaskHub, twin: Twin) -> bool:
    """Whether the hub has the effect of at least one of these; `check` then demands all of them."""
    for transaction in transactions:
        for key, events in transaction.appends:
            if events and _has_line(hub, key, events[-1]):
                return True
        for purge in transaction.purges:
            known = twin.instances.get(purge.instance_id, {})
            if any(number <= purge.upto_exec for number in known) and not any(
                number <= purge.upto_exec for number in executions_of(hub, purge.instance_id)
            ):
                return True
    return False


def executions_of(hub: TaskHub | HubReader, instance_id: str) -> list[int]:
    try:
        return hub.executions(instance_id)
    except NotFound:
        return []


def _has_line(hub: TaskHub, key: ExecutionKey, event: Event) -> bool:
    if key.exec not in executions_of(hub, key.instance_id):
        return False
    lines = hub.lines(key.instance_id, key.exec)
    return len(lines) >= event.seq and decode_line(lines[event.seq - 1]).timestamp == event.timestamp


def check(twin: Twin, hub: TaskHub | HubReader) -> None:
    """The hub answers every question as the twin does: I1, I2, I4, I5, I6, I10, I13, I21, I24, I25, I28."""
    if twin.acknowledged:
        raise AssertionError("settle what is acknowledged before checking")
    summaries = {}
    token = ""
    while True:
        page = hub.query(EVERYTHING, top=7, continuation=token)
        summaries.update({item.instance_id: item for item in page.items})
        token = page.continuation
        if not token:
            break
    if summaries.keys() != twin.instances.keys():
        gone, extra = twin.instances.keys() - summaries.keys(), summaries.keys() - twin.instances.keys()
        raise Violation(f"I1/I24: instances missing {sorted(gone)}, instances that must not be there {sorted(extra)}")
    for instance_id in list(twin.instances):
        check_instance(twin, hub, instance_id)
        _check_summary(twin, hub, summaries[instance_id])


def check_instance(twin: Twin, hub: TaskHub | HubReader, instance_id: str) -> None:
    """Every execution of one instance, line by line."""
    expected = twin.instances.get(instance_id, {})
    present = executions_of(hub, instance_id)
    _forget_retired(twin, instance_id, present)
    if sorted(expected) != sorted(present):
        raise Violation(f"I1/I24: {instance_id!r} has executions {present}, must have {sorted(expected)}")
    for number, execution in expected.items():
        key = ExecutionKey(instance_id, number)
        try:
            lines = hub.lines(instance_id, number)
        except DfError as error:
            raise Violation(f"I18: {key} cannot be read: {error.what} ({error.why})") from error
        compare(key, execution, lines, hub)
        twin.lines_checked += len(lines)


def _forget_retired(twin: Twin, instance_id: str, present: list[int]) -> None:
    """Retention may have removed generations of continue-as-new beyond those that are kept."""
    executions = twin.instances.get(instance_id, {})
    for number in sorted(executions):
        newer = sum(other > number for other in executions)
        ended_as_new = any(isinstance(event, ContinueAsNew) for event in executions[number].events[-3:])
        if number not in present and newer >= twin.keep_executions and ended_as_new:
            del executions[number]


def compare(key: ExecutionKey, execution: Execution, lines: list[bytes], hub: TaskHub | HubReader) -> None:
    """The lines of one execution are those that were committed, in order, byte for byte as when first seen."""
    seen = execution.lines
    if len(lines) != len(execution.events):
        raise Violation(f"I1/I2/I3: {key} has {len(lines)} lines, must have {len(execution.events)}")
    if lines[: len(seen)] != seen:
        raise Violation(f"I6: a committed line of {key} has changed")
    with_blobs = False
    for line, event in zip(lines[len(seen) :], execution.events[len(seen) :], strict=True):
        if not is_sealed(line):
            raise Violation(f"I5: line {event.seq} of {key} is not sealed")
        if b'Blob":{"Sha256"' in line:
            with_blobs = True
        elif _comparable(decode_line(line)) != _comparable(event):
            raise Violation(f"I3/I5: line {event.seq} of {key} is {line[:200]!r}, must be {event}")
    execution.lines = lines
    if with_blobs or any(b'Blob":{"Sha256"' in line for line in lines):
        try:
            events = hub.history(*key)
        except DfError as error:
            raise Violation(f"I25: {key}: {error.what} ({error.why})") from error
        if [_comparable(event) for event in events] != [_comparable(event) for event in execution.events]:
            raise Violation(f"I25: the history of {key} with its blobs is not what was committed")


def _comparable(event: Event) -> Event:
    """Without what storage adds to a line."""
    if isinstance(event, ExecutionStarted) and event.created is not None:
        return msgspec.structs.replace(event, created=None)
    return event


def _check_summary(twin: Twin, hub: TaskHub | HubReader, listed: InstanceSummary) -> None:
    expected = _facts(twin.summary(listed.instance_id))
    single = hub.summary(listed.instance_id)
    if single is None:
        raise Violation(f"I21: {listed.instance_id!r} is listed and cannot be found")
    for door, found in (("listed", listed), ("found", single)):
        if found.quarantined:
            raise Violation(f"I18: {found.instance_id!r} is quarantined without damage: {found.quarantined}")
        facts = _facts(found)
        if facts != expected:
            differing = {name: (facts[name], value) for name, value in expected.items() if facts[name] != value}
            raise Violation(f"I21: {found.instance_id!r} as {door}, and as its lines say: {differing}")


def _facts(summary: InstanceSummary) -> dict[str, object]:
    facts = {name: getattr(summary, name) for name in _FACTS}
    for name in ("input", "output", "custom_status"):
        payload = getattr(summary, name)
        facts[name] = "" if payload.raw is UNSET else bytes(Raw(payload.raw))
    return facts


_FACTS = [
    *("exec", "name", "status", "updated", "created", "last_seq", "last_timestamp", "consumed", "last_inbound"),
    *("execution_id", "open_activities", "next_timer", "suspended", "generation", "parent", "bytes"),
]


def check_files(twin: Twin, files: FaultyFiles, root: str, *, exact: bool) -> None:
    """I5, I22, I24: the directories hold the files of the twin's executions and no others, with exactly those bytes,
    or, before all is materialised (`exact` False), a prefix of them in whole lines."""
    expected = {
        f"{shard_of(instance_id, 2)}/{history_file_name(ExecutionKey(instance_id, number))}": execution
        for instance_id, executions in twin.instances.items()
        for number, execution in executions.items()
    }
    shards = _entries(files, f"{root}/instances")
    for shard, directory in shards.items():
        assert isinstance(directory, Directory)
        for name, node in directory.entries.items():
            execution = expected.pop(f"{shard}/{name}", None)
            if execution is None:
                if not exact:
                    continue  # purged, and not unlinked yet
                raise Violation(f"I24: {shard}/{name} belongs to no execution")
            assert isinstance(node, Inode)
            whole = b"".join(line + b"\n" for line in execution.lines)
            if bytes(node.data) != whole and (exact or not whole.startswith(node.data)):
                raise Violation(f"I5: {shard}/{name} has {len(node.data)} bytes, not the {len(whole)} committed ones")
    if exact and expected:
        raise Violation(f"I16: files are missing: {sorted(expected)}")
    for shard, directory in _entries(files, f"{root}/blobs").items() if exact else ():
        assert isinstance(directory, Directory)
        for name, folder in directory.entries.items():
            assert isinstance(folder, Directory)
            for blob in folder.entries:
                if f"{shard}/{name}/{blob}" in twin.purged_blobs:
                    raise Violation(f"I24: blob {shard}/{name}/{blob} was purged and is there again")


def _entries(files: FaultyFiles, path: str) -> dict[str, Inode | Directory]:
    try:
        return files.directory(path).entries
    except FileNotFoundError:
        return {}
