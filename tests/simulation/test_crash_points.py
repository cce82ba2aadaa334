"""Not at random but everywhere: a short life is stopped at each of its calls, in each of four ways, and recovered;
then recovery itself is stopped at each of its calls."""

from __future__ import annotations

from random import Random

import pytest

from dfcli.errors import HostStopped
from tests.simulation.campaign import HUB, Figures, Life
from tests.simulation.faulty_files import Crashed, Faults, Loss
from tests.simulation.twin import check_after_crash

SCENARIOS = (3, 4, 5, 8, 12)
OPERATIONS = 45
ENDINGS = ((False, Loss.NONE), (True, Loss.ALL), (True, Loss.NONE), (True, Loss.SOME))


class Scenario(Life):
    """A life of few operations, the same at each run but for the call it dies at."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed, Figures())
        self.has_full_disks = False

    def live(self) -> None:
        """Until the end, or until the crash that was set."""
        try:
            self._open()
            assert self.hub is not None
            self.workload.attach(self.hub)
            for _ in range(OPERATIONS):
                self._operate()
        except Crashed:
            pass
        self._die()

    def recover(self) -> None:
        self._open()
        assert self.hub is not None
        check_after_crash(self.twin, self.hub, self.files, HUB)

    def fail_sync(self, call: int) -> bool:
        """One failed sync: the host stops itself; whether the call was one."""
        self.files.faults = Faults(sync_failures_at={call})
        try:
            self.live()
        except HostStopped:
            self._die()
            return True
        return False


def calls_of(seed: int) -> int:
    life = Scenario(seed)
    life.live()
    return life.files.calls


@pytest.mark.parametrize("seed", SCENARIOS)
def test_a_crash_at_any_call_loses_nothing(seed: int) -> None:
    calls = calls_of(seed)
    print(f"seed={seed}: {calls} calls")
    for call in range(1, calls + 1):
        for power_loss, loss in ENDINGS:
            life = Scenario(seed)
            life.files.crash_at = call
            life.live()
            life.files.restart(power_loss=power_loss, loss=loss)
            try:
                life.recover()
            except Exception as error:
                error.add_note(f"seed={seed} call={call} power_loss={power_loss} loss={loss}")
                raise


@pytest.mark.parametrize("seed", SCENARIOS)
def test_a_second_crash_at_any_call_of_recovery_loses_nothing(seed: int) -> None:
    random = Random(seed)
    calls = calls_of(seed)
    for call in random.sample(range(1, calls + 1), 12):
        for power_loss, loss in ENDINGS:
            for second in range(1, 200):
                life = Scenario(seed)
                life.files.crash_at = call
                life.live()
                life.files.restart(power_loss=power_loss, loss=loss)
                life.files.crash_in(second)
                try:
                    life._open()
                except Crashed:
                    life._die()
                else:
                    break  # recovery needs fewer calls than that
                life.files.restart(power_loss=power_loss, loss=loss)
                try:
                    life.recover()
                except Exception as error:
                    error.add_note(f"seed={seed} call={call} second={second} power_loss={power_loss} loss={loss}")
                    raise


@pytest.mark.parametrize("seed", SCENARIOS)
def test_a_failed_sync_at_any_call_loses_nothing(seed: int) -> None:
    failed = 0
    for call in range(1, calls_of(seed) + 1):
        for power_loss, loss in ENDINGS:
            life = Scenario(seed)
            if not life.fail_sync(call):
                break  # the call was no sync
            failed += 1
            life.files.restart(power_loss=power_loss, loss=loss)
            try:
                life.recover()
            except Exception as error:
                error.add_note(f"seed={seed} call={call} power_loss={power_loss} loss={loss}")
                raise
    assert failed > 50
