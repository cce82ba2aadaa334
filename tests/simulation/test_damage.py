"""Silent damage: bytes that change by themselves are found, and nothing but the instances concerned suffers.

Each damage is *harmless* (the hub answers exactly as before), *detected* (an instance is quarantined or the hub says
that it is degraded; every other instance answers as before), or *silent*, which none may be.
"""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from dfcli.env.memory import Directory, Inode
from dfcli.errors import DfError
from dfcli.storage.taskhub import TaskHub
from tests.simulation.campaign import HUB
from tests.simulation.faulty_files import FaultyFiles
from tests.simulation.test_crash_points import Scenario
from tests.simulation.twin import Violation, check_instance

LIVES = 60


def files_below(files: FaultyFiles, folder: str) -> list[tuple[str, Inode]]:
    found: list[tuple[str, Inode]] = []

    def walk(directory: Directory, path: str) -> None:
        for name, node in sorted(directory.entries.items()):
            if isinstance(node, Directory):
                walk(node, f"{path}/{name}")
            else:
                found.append((f"{path}/{name}", node))

    walk(files.directory(f"{HUB}/{folder}"), folder)
    return [(path, inode) for path, inode in found if inode.data]


def damage(data: bytearray, random: Random) -> str:
    """Change some bytes as a failing disk does."""
    at = random.randrange(len(data))
    kind = random.choice(("flipped bit", "zeroed sector", "cut", "doubled block", "swapped sectors"))
    before = bytes(data)
    if kind == "flipped bit":
        data[at] ^= 1 << random.randrange(8)
    elif kind == "zeroed sector":
        start = at // 64 * 64
        data[start : start + 64] = bytes(len(data[start : start + 64]))
    elif kind == "cut":
        del data[at:]
    elif kind == "doubled block":
        data[at:at] = data[at : at + 64]
    else:
        first, second = data[:64], data[64:128]
        data[:128] = second + first
    return f"{kind} at {at}" if bytes(data) != before else ""


def lived(seed: int) -> Scenario:
    """A hub whose process died between two calls, everything acknowledged."""
    life = Scenario(seed)
    life._open()
    assert life.hub is not None
    life.workload.attach(life.hub)
    for _ in range(60):
        life._operate()
    life._drain()
    if Random(seed).random() < 0.5:
        life.hub.materialise_step(everything=True)
    life._die()
    life.files.restart(power_loss=False)
    life.twin.settle(life.twin.acknowledged)
    return life


def verdict(life: Scenario, hub: TaskHub) -> str:
    """Compares every instance with its twin."""
    suspects = set(hub.recovery.quarantined)
    wrong: dict[str, str] = {}
    for instance_id in life.twin.instances:
        try:
            check_instance(life.twin, hub, instance_id)
            continue
        except (Violation, DfError, UnicodeDecodeError) as error:
            wrong[instance_id] = str(error)
        summary = hub.summary(instance_id)
        if summary is not None and summary.quarantined:
            suspects.add(instance_id)
    unnamed = set(wrong) - suspects
    if unnamed and not hub.recovery.degraded:
        return f"silent: {wrong}"
    return "detected" if wrong or suspects or hub.recovery.degraded else "harmless"


@pytest.mark.parametrize("folder", ["instances", "journal", "blobs"])
def test_no_damage_is_silent(folder: str) -> None:
    verdicts: Counter[str] = Counter()
    for seed in range(LIVES):
        for number in range(4):
            random = Random(seed * 10 + number)
            life = lived(seed)
            targets = files_below(life.files, folder)
            if not targets:
                continue
            path, inode = random.choice(targets)
            what = damage(inode.data, random)
            if not what:
                continue
            inode.durable = bytearray(inode.data)
            inode.unsynced.clear()
            life._open()
            assert life.hub is not None
            found = verdict(life, life.hub)
            verdicts[found.partition(":")[0]] += 1
            assert not found.startswith("silent"), f"seed={seed} number={number}: {what} of {path}: {found}"
    print(f"{folder}: {dict(verdicts)}")
    assert verdicts["detected"] > 10
