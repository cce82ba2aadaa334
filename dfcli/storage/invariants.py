"""The invariants of docs/ARCHITECTURE.md, checked on the files of a hub: by tests after each crash, and by users.

Read only. The hub must be at rest: nobody writing, though it may be one that crashed and was not recovered yet.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from dfcli.env.environment import Env
from dfcli.errors import HubUnreadable
from dfcli.model import history as h
from dfcli.model.ids import ExecutionKey
from dfcli.model.status import InstanceSummary
from dfcli.model.voids import Voids
from dfcli.storage.blobs import BlobDamaged, Blobs, references_of
from dfcli.storage.codec import LINE_BYTES_MAX, read_envelope, valid_prefix
from dfcli.storage.compaction import read_cut
from dfcli.storage.durable import list_names, read_file
from dfcli.storage.entity_invariants import check_entity, is_entity
from dfcli.storage.fold import UnknownEvent, events_of, summarise
from dfcli.storage.identity import read_identity
from dfcli.storage.index import Index, IndexUnusable
from dfcli.storage.instances import InstanceFiles
from dfcli.storage.journal_fold import Folded, JournalLines, fold
from dfcli.storage.journal_reading import JournalReading, read_journal
from dfcli.storage.names import encode_name, history_file_name, parse_history_file_name, shard_of
from dfcli.storage.quarantine import Quarantine
from dfcli.storage.settings import HubSettings


class Finding(NamedTuple):
    """One thing that is not as it must be: which invariant, where, and what was found."""

    invariant: str
    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.invariant}: {self.where}: {self.what}"


def verify(hub_path: str, env: Env, settings: HubSettings = HubSettings()) -> list[Finding]:  # noqa: B008  frozen
    """Everything that is wrong with a hub; none for a sound one. Raises HubUnreadable for what is no hub."""
    return list(_Verification(hub_path, env, settings).findings())


class _Verification:
    def __init__(self, hub_path: str, env: Env, settings: HubSettings) -> None:
        identity = read_identity(hub_path, env, for_writing=False)
        if identity is None:
            raise HubUnreadable(f"the task hub {hub_path} cannot be checked", why="it has no hub.json")
        self._path = hub_path
        self._env = env
        self._settings = settings
        self._hub_id = identity.hub_id
        self._digits = identity.shard_digits
        self._instances = InstanceFiles(env.files, hub_path, identity.shard_digits)
        self._blobs = Blobs(env, hub_path, identity.shard_digits)
        self._quarantined = Quarantine(env, hub_path).markers()
        self._used_blobs: dict[str, set[str]] = {}
        self._newest: dict[str, InstanceSummary] = {}

    def findings(self) -> Iterator[Finding]:
        cut = read_cut(self._path, self._env)
        reading = read_journal(self._path, self._env, self._hub_id, cut, -1)
        folded = fold(reading, cut, self._settings.keep_executions)
        for damage in reading.damages:
            yield Finding("I17", f"journal segment {damage.segment}, byte {damage.start}", damage.why)
        for instance_id, why in folded.gaps.items():
            yield Finding("I4", f"instance {instance_id!r}", why)
        seen: set[ExecutionKey] = set()
        for key, path in self._files(folded):
            if isinstance(key, str):
                yield Finding("I22", path, key)
                continue
            seen.add(key)
            if self._is_gone(key, folded):
                continue  # recovery, or the next file step, removes it
            yield from self._check_file(key, path, folded.lines.get(key))
        for key, held in folded.lines.items():
            if key not in seen:
                yield from self._check_file(key, self._instances.path(key), held)
        yield from self._check_blob_folders(folded)
        yield from self._check_index(reading)

    def _files(self, folded: Folded) -> Iterator[tuple[ExecutionKey | str, str]]:
        """Each history file's execution, or what is wrong with its name."""
        in_journal = {history_file_name(key): key.instance_id for key in folded.lines}
        root = f"{self._path}/instances"
        for shard in list_names(self._env.files, root):
            for name in list_names(self._env.files, f"{root}/{shard}"):
                path = f"{root}/{shard}/{name}"
                named = parse_history_file_name(name)
                if named is None:
                    yield "no instance has a file of this name", path
                    continue
                instance_id = named.instance_id or in_journal.get(name)
                if instance_id is None:
                    envelope = read_envelope((read_file(self._env.files, path) or b"").partition(b"\n")[0])
                    instance_id = envelope.instance_id if envelope is not None else ""
                key = ExecutionKey(instance_id, named.exec)
                if not instance_id or history_file_name(key) != name or shard_of(instance_id, self._digits) != shard:
                    yield "its name is not that of the instance whose lines it holds", path
                else:
                    yield key, path

    def _is_gone(self, key: ExecutionKey, folded: Folded) -> bool:
        return key in folded.superseded or key.exec <= folded.purges.get(key.instance_id, 0)

    def _check_file(self, key: ExecutionKey, path: str, held: JournalLines | None) -> Iterator[Finding]:
        """The file's lines and those in the journal together are the execution, each exactly once."""
        data = read_file(self._env.files, path) or b""
        prefix = valid_prefix(data, key)
        if key.instance_id in self._quarantined:
            return
        if held is None:
            if prefix.fault:
                yield Finding("I5", path, prefix.fault)
            lines = prefix.lines
        else:
            before = held.first - 1
            if len(prefix.lines) < before:
                yield Finding("I16", path, f"it has {len(prefix.lines)} of the {before} lines before the journal's")
                return
            common = prefix.lines[before : before + len(held.lines)]
            if common != held.lines[: len(common)]:
                yield Finding("I5", path, f"its lines from {held.first} on are not the journal's")
            if len(prefix.lines) > before + len(held.lines):
                yield Finding("I5", path, "it holds lines that no batch has")
            lines = prefix.lines[:before] + held.lines
        yield from self._check_lines(key, path, lines)

    def _check_lines(self, key: ExecutionKey, path: str, lines: Sequence[bytes]) -> Iterator[Finding]:
        for number, line in enumerate(lines, start=1):
            if len(line) >= LINE_BYTES_MAX:
                yield Finding("I30", f"{path}, line {number}", f"it has {len(line)} bytes")
            for reference in references_of(line).values():
                folder = self._blobs.directory(key)
                self._used_blobs.setdefault(folder, set()).add(f"{reference.sha256[:32]}.json")
        try:
            events = events_of(lines, key, self._blobs)
        except BlobDamaged as error:
            yield Finding("I25", path, str(error))
            return
        except UnknownEvent as error:
            yield Finding("I29", path, error.why)
            return
        for invariant, seq, what in check_execution(events):
            yield Finding(invariant, f"{path}, line {seq}", what)
        known = self._newest.get(key.instance_id)
        if events and (known is None or known.exec < key.exec):
            self._newest[key.instance_id] = summarise(key, lines, events)

    def _check_blob_folders(self, folded: Folded) -> Iterator[Finding]:
        root = f"{self._path}/blobs"
        purged = {encode_name(instance_id): upto for instance_id, upto in folded.purges.items()}
        superseded = {f"{encode_name(key.instance_id)}.{key.exec}" for key in folded.superseded}
        quarantined = {encode_name(instance_id) for instance_id in self._quarantined}
        for shard in list_names(self._env.files, root):
            for name in list_names(self._env.files, f"{root}/{shard}"):
                folder = f"{root}/{shard}/{name}"
                owner, _, number = name.rpartition(".")
                going = name in superseded or (number.isdecimal() and int(number) <= purged.get(owner, 0))
                if going or owner in quarantined:
                    continue
                used = self._used_blobs.get(folder, set())
                for blob in list_names(self._env.files, folder):
                    if blob not in used:
                        yield Finding("I25", f"{folder}/{blob}", "no line refers to it")

    def _check_index(self, reading: JournalReading) -> Iterator[Finding]:
        """An index that is as of the last batch says what the files say."""
        try:
            index = Index.open(self._path, self._env, read_only=True)
        except IndexUnusable:
            return  # derived: recovery makes it again
        try:
            if index.applied_batch > reading.chain.batch:
                yield Finding("I21", "index", f"it holds batch {index.applied_batch} of {reading.chain.batch}")
            if index.applied_batch != reading.chain.batch:
                return
            for instance_id, expected in self._newest.items():
                found = index.get(instance_id)
                if found is None:
                    yield Finding("I21", "index", f"it does not know instance {instance_id!r}")
                elif _facts(found) != _facts(expected):
                    yield Finding("I21", "index", f"its row of instance {instance_id!r} is not what the lines say")
        finally:
            index.close()


def _facts(summary: InstanceSummary) -> dict[str, object]:
    names = (
        "exec",
        "name",
        "status",
        "updated",
        "last_seq",
        "consumed",
        "last_inbound",
        "open_activities",
        "next_timer",
    )
    return {name: getattr(summary, name) for name in names}


def check_execution(events: Sequence[h.Event]) -> list[tuple[str, int, str]]:
    """What is wrong with one execution's events: invariant, seq of the line, and words."""
    if any(isinstance(event, h.ENTITY_TYPES) for event in events) or is_entity(events):
        return check_entity(events)
    wrong: list[tuple[str, int, str]] = []
    timestamp, consumed, open_since, ended = "", 0, 0, 0
    answered: set[tuple[str, int]] = set()
    voids = Voids.of(events)
    for place, event in enumerate(events, start=1):
        seq = event.seq
        if seq != place:
            wrong.append(("I4", seq, f"it stands at place {place}"))
        if event.timestamp < timestamp:
            wrong.append(("I28", seq, f"its time {event.timestamp} is before {timestamp}"))
        timestamp = max(timestamp, event.timestamp)
        inbound = h.is_inbound(event)
        if open_since and inbound:
            wrong.append(("I13", seq, f"it stands inside the episode that began at line {open_since}"))
        if not (open_since or inbound or isinstance(event, h.OrchestratorStarted)):
            wrong.append(("I13", seq, f"{type(event).__name__} stands outside any episode"))
        match event:
            case h.OrchestratorStarted():
                if open_since or not consumed <= event.consumed < seq:
                    wrong.append(("I13", seq, f"an episode begins wrongly: Consumed {event.consumed} after {consumed}"))
                open_since, consumed = seq, event.consumed
                if ended:
                    wrong.append(("I10", seq, f"an episode begins after the end at line {ended}"))
            case h.OrchestratorCompleted():
                open_since = 0
            case h.ExecutionCompleted() | h.ContinueAsNew():
                if ended:
                    wrong.append(("I10", seq, f"it ended at line {ended} before"))
                ended = seq
            case h.ExecutionRewound():
                if voids is None or ended not in voids:
                    wrong.append(("I10", seq, "a rewind of what has not ended, or does not void the end"))
                ended = 0
            case _ if voids is not None and seq in voids:
                pass
            case _:
                answer = _answer(event)
                if answer is not None and answer in answered:
                    wrong.append(("I9", seq, f"{answer[0]} {answer[1]} was answered before"))
                elif answer is not None:
                    answered.add(answer)
    if open_since:
        wrong.append(("I13", open_since, "the episode that begins here does not end"))
    if events and not isinstance(events[0], h.ExecutionStarted):
        wrong.append(("I4", events[0].seq, "the first line is no ExecutionStarted"))
    return wrong


def _answer(event: h.Event) -> tuple[str, int] | None:
    """Which task, timer or child an event answers."""
    match event:
        case h.TaskCompleted() | h.TaskFailed():
            return "task", event.task_scheduled_id
        case h.SubOrchestrationInstanceCompleted() | h.SubOrchestrationInstanceFailed():
            return "child", event.task_scheduled_id
        case h.TimerFired():
            return "timer", event.timer_id
        case _:
            return None
