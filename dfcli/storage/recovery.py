"""Recovery, at every open for writing: from what a crash left to a hub that holds every acknowledged line (R0 to R8).

First everything is read and judged, then written: the journal's tail again before anything relies on it (R4), the
lines of the journal again into the history files (R5), syncs of every file and directory concerned (R6), the index
(R7), then a new segment and the cut (R8). Interrupted anywhere and repeated, it comes to the same result.

Damage never stops the hub and never passes silently: the instances it names are quarantined, the bytes are kept, and
the later good batches are applied to all others.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from dfcli.env.environment import Env
from dfcli.model.ids import ExecutionKey
from dfcli.model.status import InstanceSummary
from dfcli.storage.blobs import Blobs
from dfcli.storage.codec import valid_prefix
from dfcli.storage.compaction import Cut, TaskInFlight, read_cut, remove_segments_before, write_cut
from dfcli.storage.durable import sync_dir, sync_file
from dfcli.storage.index import Index, IndexUnusable
from dfcli.storage.index_rebuild import Rebuilt, rebuild_index, summary_from_file
from dfcli.storage.instances import InstanceFiles
from dfcli.storage.journal import Chain
from dfcli.storage.journal_fold import FilePlan, Folded, fold, plan_file
from dfcli.storage.journal_reading import JournalReading, read_journal
from dfcli.storage.journal_writer import JournalWriter
from dfcli.storage.leftovers import remove_leftovers
from dfcli.storage.quarantine import JournalDamage, Quarantine
from dfcli.storage.removal import Remover
from dfcli.storage.settings import HubSettings


@dataclass
class RecoveryReport:
    """What an open found and did, for the banner and `doctor`."""

    created: bool = False
    live: int = 0
    with_work: int = 0
    batches: int = 0
    lines: int = 0
    torn_bytes: int = 0
    """Of a batch that was being written when the last process died: never acknowledged."""
    damaged_bytes: int = 0
    damages: list[JournalDamage] = field(default_factory=list)
    """Stretches of the journal that could not be read, from this and earlier opens; not empty: the hub is degraded."""
    quarantined: list[str] = field(default_factory=list)
    """Instances this open has quarantined."""
    index_rebuilt: bool = False
    unclean_stop: bool = False
    suspects: list[TaskInFlight] = field(default_factory=list)
    """Tasks in flight at `crash_limit` unclean stops in a row."""

    @property
    def degraded(self) -> bool:
        return bool(self.damages)


class Recovered(NamedTuple):
    """What the hub goes on from."""

    report: RecoveryReport
    journal: JournalWriter
    made_index: Index
    summaries: list[InstanceSummary]
    """Live instances that the journal touched, complete."""
    quarantined: dict[str, str]
    in_flight: list[TaskInFlight]


class HubParts(NamedTuple):
    """The files of one hub, as recovery and rebuilding work on them."""

    env: Env
    path: str
    hub_id: str
    settings: HubSettings
    instances: InstanceFiles
    blobs: Blobs
    quarantine: Quarantine


class Recovery:
    """One run of R1 to R8. Raises OSError for a disk that cannot be read or written, SyncFailed for one that lies."""

    def __init__(self, parts: HubParts) -> None:
        self._parts = parts
        self._report = RecoveryReport()
        self._marked = parts.quarantine.markers()
        self._newly_marked: dict[str, str] = {}

    def run(self) -> Recovered:
        parts, report = self._parts, self._report
        cut = read_cut(parts.path, parts.env)
        index = self._open_index()
        index_batch = index.applied_batch if index is not None else -1
        reading = read_journal(parts.path, parts.env, parts.hub_id, cut, index_batch)
        folded = fold(reading, cut, parts.settings.keep_executions)
        plans = self._judge(reading, folded)
        self._keep_evidence(reading, plans)
        self._rewrite_newest(reading)
        touched = self._write_files(folded, plans)
        in_order = cut is not None and cut.closed and not reading.batches and reading.tail is None
        if not in_order and not reading.damages:
            names = {*self._marked, *self._newly_marked}
            remove_leftovers(parts.path, parts.env, parts.instances, names, set(folded.lines))
        highest = max(reading.highest_batch, cut.batch if cut is not None else 0)
        chain = Chain(highest, reading.chain.crc if highest == reading.chain.batch else 0)
        index = self._bring_up_index(index, cut, folded, touched, chain.batch)
        in_flight = self._count_crashes(cut, folded, touched)
        journal = self._start_segment(reading, chain, cut, in_flight)
        self._fill_report(reading, index)
        live = [summary for summary in touched.values() if summary.is_live and not summary.quarantined]
        return Recovered(report, journal, index, live, {**self._marked, **self._newly_marked}, in_flight)

    # -- judging (R3, R5) ----------------------------------------------------------------------------------------

    def _judge(self, reading: JournalReading, folded: Folded) -> list[FilePlan]:
        """What is to be written to which file. Files with more than the journal show that the journal has lost it."""
        instances = self._parts.instances
        plans: list[FilePlan] = []
        ahead: dict[str, str] = {}
        for key, lines in folded.lines.items():
            plan = plan_file(key, lines, instances.read(key) or b"", instances.path(key))
            plans.append(plan)
            if plan.ahead:
                ahead[key.instance_id] = plan.fault
        if reading.tail is not None:
            for key, seq in folded.tail_lines(reading.tail.lines):
                if key not in folded.lines and self._file_holds(key, seq):
                    ahead[key.instance_id] = f"{instances.path(key)} holds line {seq}, which the journal has lost"
        if ahead:
            reading.is_damage("a history file holds lines beyond it")
        for instance_id, why in {**folded.affected_by(reading.damages), **ahead}.items():
            self._quarantine(instance_id, why)
        for plan in plans:
            if plan.fault and plan.key.instance_id not in self._marked:
                self._quarantine(plan.key.instance_id, plan.fault)
        return plans

    def _file_holds(self, key: ExecutionKey, seq: int) -> bool:
        data = self._parts.instances.read(key)
        return data is not None and len(valid_prefix(data, key).lines) >= seq

    def _quarantine(self, instance_id: str, reason: str) -> None:
        if instance_id not in self._marked and instance_id not in self._newly_marked:
            self._newly_marked[instance_id] = reason

    def _keep_evidence(self, reading: JournalReading, plans: list[FilePlan]) -> None:
        """Before anything is cut: the torn tail's bytes, every damaged segment, lines that no file can take, and who
        is affected."""
        quarantine, report = self._parts.quarantine, self._report
        newest = reading.newest
        if reading.tail is not None and newest is not None:
            report.torn_bytes = len(reading.tail.data)
            quarantine.keep_bytes("tail", newest.number, reading.tail.start, reading.tail.data)
        damaged = {damage.segment for damage in reading.damages}
        for segment in reading.segments:
            if segment.number in damaged:
                quarantine.keep_bytes("segment", segment.number, 0, segment.data)
        for plan in plans:
            if plan.fault:
                quarantine.keep_lines(plan.key, plan.data)
        for damage in reading.damages:
            report.damaged_bytes += damage.length
            quarantine.note_damage(JournalDamage(damage.segment, damage.start, damage.length, damage.why))
        for instance_id, reason in self._newly_marked.items():
            quarantine.mark(instance_id, reason)

    # -- writing (R4 to R6) --------------------------------------------------------------------------------------

    def _rewrite_newest(self, reading: JournalReading) -> None:
        """R4: after a process crash the tail may be only in the page cache. Files made from it must not become
        durable before it does, so its bytes are written and synced again; a torn tail is cut off."""
        newest = reading.newest
        if newest is None:
            return
        files = self._parts.env.files
        directory = f"{self._parts.path}/journal"
        file = files.open(f"{directory}/{newest.number:08d}.jsonl", write=True)
        try:
            end = reading.tail.start if reading.tail is not None else len(newest.data)
            file.pwrite(newest.data[:end], 0)
            if file.size() > end:
                file.truncate(end)
            sync_file(file)
        finally:
            file.close()
        sync_dir(files, directory)

    def _write_files(self, folded: Folded, plans: list[FilePlan]) -> dict[str, InstanceSummary]:
        """R5 and R6; the summaries of the instances that the journal names."""
        instances, blobs = self._parts.instances, self._parts.blobs
        for plan in plans:
            if plan.fault:
                continue  # the file is left as it is, and the journal's lines were kept beside the marker
            instances.write(plan.key, plan.data, plan.offset)
            instances.truncate(plan.key, plan.offset + len(plan.data))
        remover = Remover(instances, blobs)
        remover.remove(folded.removals())
        for instance_id in folded.purges:
            if instance_id not in folded.instance_ids:
                self._marked.pop(instance_id, None)
                self._parts.quarantine.unmark(instance_id)
        for instance_id in folded.named:
            instances.touch_dir(instances.shard_dir(instance_id))
            instances.touch_dir(blobs.shard_dir(instance_id))
        instances.sync()
        touched: dict[str, InstanceSummary] = {}
        for instance_id in {*folded.instance_ids, *self._newly_marked}:
            summary = self._summary(instance_id)
            if summary is not None:
                touched[instance_id] = summary
        return touched

    def _summary(self, instance_id: str) -> InstanceSummary | None:
        execs = self._parts.instances.executions(instance_id)
        if not execs:
            return None
        read = summary_from_file(ExecutionKey(instance_id, execs[-1]), self._parts.instances, self._parts.blobs)
        reason = self._marked.get(instance_id) or self._newly_marked.get(instance_id) or read.fault
        if read.fault and instance_id not in self._marked and instance_id not in self._newly_marked:
            self._newly_marked[instance_id] = read.fault
            self._parts.quarantine.mark(instance_id, read.fault)
        read.summary.quarantined = reason or read.not_runnable
        return read.summary

    # -- index, journal (R7, R8) ---------------------------------------------------------------------------------

    def _open_index(self) -> Index | None:
        try:
            return Index.open(self._parts.path, self._parts.env)
        except IndexUnusable:
            return None

    def _bring_up_index(
        self, index: Index | None, cut: Cut | None, folded: Folded, touched: dict[str, InstanceSummary], batch: int
    ) -> Index:
        parts = self._parts
        if index is not None and (cut.batch if cut is not None else 0) <= index.applied_batch <= batch:
            removed = [instance_id for instance_id in folded.purges if instance_id not in touched]
            try:
                index.write(touched.values(), removed, batch)
                return index
            except IndexUnusable:
                pass
        if index is not None:
            index.close()
        known = {**self._marked, **self._newly_marked}
        rebuilt: Rebuilt = rebuild_index(parts.path, parts.env, parts.instances, parts.blobs, batch, known)
        for instance_id, reason in rebuilt.damaged.items():
            self._newly_marked[instance_id] = reason
            parts.quarantine.mark(instance_id, reason)
        self._report.index_rebuilt = True
        return rebuilt.made

    def _count_crashes(
        self, cut: Cut | None, folded: Folded, touched: dict[str, InstanceSummary]
    ) -> list[TaskInFlight]:
        """The tasks that were in flight at the last unclean stop, each with its number of such stops in a row."""
        report, limit = self._report, self._parts.settings.crash_limit
        report.unclean_stop = folded.running
        counts = {} if folded.said_goodbye else {task[:4]: task for task in (cut.in_flight if cut else [])}
        for dispatch in folded.dispatches:
            place = (*dispatch.key, dispatch.task_id, dispatch.seq)
            counts[place] = counts.get(place, TaskInFlight(*place))._replace(dispatched=True)
        still: list[TaskInFlight] = []
        for task in counts.values():
            summary = touched.get(task.instance_id) or self._summary(task.instance_id)
            if summary and summary.exec == task.exec and summary.open_tasks.get(task.task_id) == task.seq:
                counts_against_it = report.unclean_stop and task.dispatched
                still.append(task._replace(crashes=task.crashes + counts_against_it, dispatched=False))
        report.suspects = [task for task in still if 0 < limit <= task.crashes]
        return [task for task in still if task.crashes]

    def _start_segment(
        self, reading: JournalReading, chain: Chain, cut: Cut | None, in_flight: list[TaskInFlight]
    ) -> JournalWriter:
        parts = self._parts
        journal = JournalWriter(
            parts.env, parts.path, parts.hub_id, chain=chain, segment_bytes=parts.settings.segment_bytes
        )
        newest = reading.newest
        prev_end = 0
        number = cut.first_segment if cut is not None else 1
        if newest is not None:
            prev_end = reading.tail.start if reading.tail is not None else len(newest.data)
            number = newest.number + 1
        if reading.damages:
            number = max(reading.highest_segment + 1, number)
        journal.start_segment(number, prev_end=prev_end)
        new_cut = Cut(batch=chain.batch, first_segment=number, in_flight=in_flight)
        write_cut(parts.path, parts.env, new_cut)
        remove_segments_before(parts.path, parts.env, number)
        return journal

    def _fill_report(self, reading: JournalReading, index: Index) -> None:
        report = self._report
        report.batches = len(reading.batches)
        report.lines = sum(len(batch.lines) for batch in reading.batches)
        report.damages = self._parts.quarantine.damages()
        report.quarantined = sorted(self._newly_marked)
        report.live = index.live()
        report.with_work = sum(1 for summary in index.with_work() if summary.has_work)
