"""One seed, one hub, many crashes: work, die, recover, compare with the twin, go on."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from random import Random
from time import perf_counter
from unittest.mock import patch

from dfcli.env.clock import VirtualClock
from dfcli.env.environment import Env
from dfcli.env.ids import SeededIds
from dfcli.errors import HostStopped, NoSpace
from dfcli.storage.index import Index, IndexUnusable
from dfcli.storage.reader import HubReader
from dfcli.storage.settings import HubSettings
from dfcli.storage.taskhub import TaskHub
from tests.simulation.faulty_files import Crashed, Faults, FaultyFiles
from tests.simulation.twin import Twin, Violation, check, check_after_crash, check_files, check_instance, verify_files
from tests.simulation.workload import Workload

HUB = "/hub"
CRASHES_PER_LIFE = 30
RECOVERIES_MAX = 12
VERIFIED_SHARE = 0.2
INLINE_BYTES_MAX = 512


@dataclass
class Figures:
    """What a campaign has done, for its report."""

    crashes: int = 0
    power_losses: int = 0
    nested_crashes: int = 0
    sync_failures: int = 0
    full_disks: int = 0
    transactions: int = 0
    lines_checked: int = 0
    compactions: int = 0
    clean_stops: int = 0
    lives: int = 0
    seconds: float = 0.0
    calls: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        rate = self.crashes / self.seconds if self.seconds else 0.0
        return (
            f"{self.crashes} crashes ({self.power_losses} power losses, {self.nested_crashes} during recovery) in "
            f"{self.lives} lives, {rate:.0f} per second; {self.transactions} transactions, {self.lines_checked} lines "
            f"checked, {self.compactions} compactions, {self.sync_failures} failed syncs, {self.full_disks} full disks"
        )


REWINDS_FROM = 50_000
"""Lives of this seed and above also rewind what failed. The others draw what they always drew."""


class Life:
    """One hub from its creation through a number of crashes."""

    def __init__(self, seed: int, figures: Figures) -> None:
        self.random = Random(seed)
        self.figures = figures
        self.files = FaultyFiles(Random(seed + 1))
        self.clock = VirtualClock()
        self.env = Env(clock=self.clock, ids=SeededIds(seed), files=self.files, spawn=None)
        self.settings = HubSettings(
            inline_bytes_max=INLINE_BYTES_MAX,
            batch_lines_max=self.random.choice((8_192, 8_192, 8_192, 12)),
            segment_bytes=self.random.choice((1_500, 6_000, 1 << 20)),
            compact_bytes=self.random.choice((4_000, 20_000, 1 << 20)),
            files_per_step=self.random.choice((2, 512)),
            crash_limit=0,
        )
        self.has_sync_failures = self.random.random() < 0.35
        self.has_full_disks = self.random.random() < 0.3
        self.twin = Twin(keep_executions=self.settings.keep_executions, inline_bytes_max=INLINE_BYTES_MAX)
        self.workload = Workload(
            self.random,
            self.clock,
            self.twin,
            inline_bytes_max=INLINE_BYTES_MAX,
            with_rewinds=seed >= REWINDS_FROM,
        )
        self.hub: TaskHub | None = None

    def run(self, crashes: int) -> None:
        self.figures.lives += 1
        self._recover(power_loss=False)
        for _ in range(crashes):
            self._work_until_dead()
            self._recover(power_loss=self.random.random() < 0.6)
        self._end_tidily()
        self.figures.lines_checked += self.twin.lines_checked

    def _end_tidily(self) -> None:
        """One more batch and one more recovery, undisturbed: after that nothing is left over."""
        before = len(self.twin.pending)
        while len(self.twin.pending) == before:
            self.workload.step()
        self._drain()
        self._die()
        self.files.restart(power_loss=False)
        self._open()
        assert self.hub is not None
        check_after_crash(self.twin, self.hub, self.files, HUB)
        verify_files(HUB, self.env, self.settings, tidy=True)

    # -- the process that lives

    def _work_until_dead(self) -> None:
        """Some operations; ends in a crash at any call, in the end after a failed sync, or between two calls."""
        random, files = self.random, self.files
        if random.random() < 0.8:
            files.crash_in(random.randint(1, random.choice((10, 60, 300))))
        if self.has_sync_failures and random.random() < 0.3:
            files.faults.sync_failures = random.choice((0.02, 0.1, 0.3))
        try:
            for _ in range(random.randint(1, random.choice((10, 60, 150)))):
                self._operate()
        except Crashed:
            pass
        except HostStopped:
            if not files.faults.sync_failures:
                raise
            self.figures.sync_failures += 1
        self._die()

    def _die(self) -> None:
        self.files.kill()
        self.hub = None
        self.figures.crashes += 1

    def _operate(self) -> None:
        assert self.hub is not None
        kind = self.random.random()
        if kind < 0.6:
            self.workload.step()
            self.figures.transactions += 1
        elif kind < 0.84:
            self._commit()
        elif kind < 0.92:
            self._materialise()
        elif kind < 0.95 or self.hub.compaction_due():
            self._compact()
        elif kind < 0.96:
            self._stop_and_start()
        elif kind < 0.975:
            self._check_now()
        elif kind < 0.99 and self.has_full_disks:
            self._fill_disk()
        else:
            self.clock.advance(self.random.choice((0.5, 60.0, -30.0)))

    def _commit(self) -> None:
        assert self.hub is not None
        twin = self.twin
        twin.batch_in_flight = twin.acknowledged + self._next_batch()
        try:
            done = self.hub.commit_step()
        except NoSpace:
            twin.batch_in_flight = 0
            raise
        except HostStopped as stopped:
            if isinstance(stopped.__cause__, AssertionError):  # no fault of the files: the hub contradicts itself
                raise Violation(f"I4: {stopped.__cause__}") from stopped
            raise
        twin.batch_in_flight = 0
        due = twin.pending[twin.acknowledged : twin.acknowledged + len(done)]
        if [transaction.effects for transaction in done] != [transaction.effects for transaction in due]:
            raise Violation("I3: transactions were acknowledged out of order, twice, or without being submitted")
        twin.acknowledged += len(done)

    def _next_batch(self) -> int:
        """How many of the waiting transactions the next batch takes."""
        count = lines = 0
        for transaction in self.twin.pending[self.twin.acknowledged :]:
            lines += len(transaction.purges) + len(transaction.dispatches)
            lines += sum(len(events) for _, events in transaction.appends)
            if count and lines > self.settings.batch_lines_max:
                break
            count += 1
        return count

    def _materialise(self) -> None:
        assert self.hub is not None
        try:
            self.hub.materialise_step(everything=self.random.random() < 0.3)
        except OSError:
            if self.files.faults == Faults():
                raise

    def _compact(self) -> None:
        assert self.hub is not None
        self.hub.compact()
        self.figures.compactions += 1

    def _drain(self) -> None:
        while self.twin.acknowledged < len(self.twin.pending):
            self._commit()

    def _stop_and_start(self) -> None:
        assert self.hub is not None
        self._drain()
        self.hub.close(clean=True)
        self.hub = None
        self.figures.clean_stops += 1
        self._open()
        self.twin.settle(self.twin.acknowledged)
        check(self.twin, self.hub)
        check_files(self.twin, self.files, HUB, exact=True)
        self.workload.attach(self.hub)

    def _check_now(self) -> None:
        """Readers see what is acknowledged, nothing else, whatever is queued or materialised."""
        assert self.hub is not None
        self.twin.settle(self.twin.acknowledged)
        kind = self.random.random()
        if kind < 0.2:
            check(self.twin, self.hub)
            check_files(self.twin, self.files, HUB, exact=False)
        elif kind < 0.35:
            check(self.twin, HubReader(HUB, self.env))
        elif kind < 0.4:
            with patch.object(Index, "open", side_effect=IndexUnusable):
                check(self.twin, HubReader(HUB, self.env))
        elif self.twin.instances:
            check_instance(self.twin, self.hub, self.random.choice(list(self.twin.instances)))

    def _fill_disk(self) -> None:
        """No space for a while: nothing is lost or overtaken, and work goes on by itself afterwards."""
        assert self.hub is not None
        self.files.faults.is_full = True
        self.figures.full_disks += 1
        for _ in range(self.random.randint(1, 5)):
            try:
                self.workload.step()
                self._commit()
                self._materialise()
            except NoSpace:
                continue
        self.files.faults.is_full = False
        self._drain()

    # -- the next process

    def _recover(self, *, power_loss: bool) -> None:
        """Restart until a recovery survives: it may itself be interrupted, any number of times."""
        random = self.random
        for attempt in range(RECOVERIES_MAX):
            self.files.restart(power_loss=power_loss)
            self.figures.power_losses += power_loss
            if attempt < RECOVERIES_MAX - 1 and random.random() < 0.3:
                self.files.crash_in(random.randint(1, random.choice((6, 15, 40))))
            if attempt < RECOVERIES_MAX - 1 and self.has_sync_failures and random.random() < 0.1:
                self.files.faults.sync_failures = 0.1
            try:
                self._open()
            except Crashed:
                self.figures.nested_crashes += 1
            except HostStopped:
                if not self.files.faults.sync_failures:
                    raise
                self.figures.sync_failures += 1
            else:
                break
            self._die()
            power_loss = random.random() < 0.5
        self.files.crash_at = 0
        self.files.faults.sync_failures = 0.0
        assert self.hub is not None
        check_after_crash(self.twin, self.hub, self.files, HUB)
        if random.random() < VERIFIED_SHARE:
            verify_files(HUB, self.env, self.settings, tidy=False)
        self.workload.attach(self.hub)

    def _open(self) -> None:
        self.hub = TaskHub.open(HUB, self.env, self.settings)


def run_life(seed: int, crashes: int, figures: Figures) -> None:
    """One life. Raises with the line that repeats it."""
    started = perf_counter()
    life = Life(seed, figures)
    before = figures.crashes
    try:
        life.run(crashes)
    except Exception as error:
        error.add_note(repeat_line(seed, crashes))
        error.add_note(f"after {figures.crashes - before} crashes of this life")
        raise
    finally:
        figures.seconds += perf_counter() - started


def repeat_line(seed: int, crashes: int) -> str:
    return f"seed={seed} cmd=python -m tests.simulation --seed {seed} --cycles {crashes}"
