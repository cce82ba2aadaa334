"""The simulated file system forgets exactly what a real one may forget."""

from __future__ import annotations

import errno
from random import Random

import pytest

from tests.simulation.faulty_files import Crashed, FaultyFiles


def make(seed: int = 0) -> FaultyFiles:
    files = FaultyFiles(Random(seed))
    files.make_dir("/d")
    files.fsync_dir("/")
    return files


def put(files: FaultyFiles, path: str, data: bytes, *, sync: bool = True, sync_dir: bool = True) -> None:
    file = files.open(path, write=True, create=True)
    file.pwrite(data, 0)
    if sync:
        file.fdatasync()
    if sync_dir:
        files.fsync_dir(path.rpartition("/")[0])


def get(files: FaultyFiles, path: str) -> bytes | None:
    if not files.exists(path):
        return None
    file = files.open(path)
    return file.pread(file.size(), 0)


def test_what_was_synced_survives_every_power_loss() -> None:
    for seed in range(200):
        files = make(seed)
        put(files, "/d/a", b"x" * 1000)
        files.kill()
        files.restart(power_loss=True)
        assert get(files, "/d/a") == b"x" * 1000


def test_everything_survives_the_end_of_the_process_alone() -> None:
    files = make()
    put(files, "/d/a", b"x", sync=False, sync_dir=False)
    files.kill()
    with pytest.raises(Crashed):
        files.open("/d/a")
    files.restart(power_loss=False)
    assert get(files, "/d/a") == b"x"
    files.kill()
    survived = set()
    for seed in range(60):
        files = make(seed)
        put(files, "/d/a", b"x", sync=False, sync_dir=False)
        files.kill()
        files.restart(power_loss=False)
        files.kill()
        files.restart(power_loss=True)
        survived.add(get(files, "/d/a"))
    assert survived >= {None, b"", b"x"}, "still unsynced after the next process began"


def test_unsynced_writes_survive_in_any_combination_of_sectors() -> None:
    outcomes: set[bytes | None] = set()
    for seed in range(400):
        files = make(seed)
        put(files, "/d/a", b"o" * 128)
        file = files.open("/d/a", write=True)
        file.pwrite(b"n" * 64, 0)
        file.pwrite(b"n" * 64, 64)
        file.pwrite(b"n" * 64, 128)
        files.kill()
        files.restart(power_loss=True)
        outcomes.add(get(files, "/d/a"))
    old, new, none = b"o" * 64, b"n" * 64, b"\0" * 64
    assert outcomes >= {
        old + old,
        new + old,
        old + new,
        new + new,
        old + old + new,
        new + new + new,
        old + old + none,
        new + old + none,
    }


def test_a_truncate_may_be_lost() -> None:
    outcomes = set()
    for seed in range(60):
        files = make(seed)
        put(files, "/d/a", b"long")
        files.open("/d/a", write=True).truncate(1)
        files.kill()
        files.restart(power_loss=True)
        outcomes.add(get(files, "/d/a"))
    assert outcomes >= {b"long", b"l"}


def test_a_new_name_is_durable_only_after_its_directory_is_synced() -> None:
    outcomes = set()
    for seed in range(60):
        files = make(seed)
        put(files, "/d/a", b"a", sync_dir=False)
        put(files, "/d/b", b"b", sync_dir=False)
        files.kill()
        files.restart(power_loss=True)
        outcomes.add((get(files, "/d/a"), get(files, "/d/b")))
    assert outcomes == {(None, None), (b"a", None), (None, b"b"), (b"a", b"b")}


def test_a_rename_is_there_wholly_or_not_at_all() -> None:
    outcomes = set()
    for seed in range(60):
        files = make(seed)
        put(files, "/d/a", b"old")
        put(files, "/d/t", b"new")
        files.rename("/d/t", "/d/a")
        files.kill()
        files.restart(power_loss=True)
        outcomes.add((get(files, "/d/a"), get(files, "/d/t")))
    assert outcomes == {(b"old", b"new"), (b"new", None)}


def test_a_failed_sync_marks_the_pages_clean() -> None:
    lost = 0
    for seed in range(60):
        files = make(seed)
        put(files, "/d/a", b"old")
        file = files.open("/d/a", write=True)
        file.pwrite(b"new", 0)
        files.faults.fail_at[files.calls + 1] = errno.EIO
        with pytest.raises(OSError, match="Input/output"):
            file.fdatasync()
        assert file.pread(3, 0) == b"new"
        file.fdatasync()
        files.kill()
        files.restart(power_loss=True)
        lost += get(files, "/d/a") == b"old"
    assert lost > 5, "the second sync succeeds without the data"


def test_a_full_disk_takes_a_prefix_and_still_overwrites() -> None:
    sizes = set()
    for seed in range(40):
        files = make(seed)
        put(files, "/d/a", b"0123456789")
        file = files.open("/d/a", write=True)
        files.faults.is_full = True
        with pytest.raises(OSError, match="No space") as caught:
            file.pwrite(b"abcdefghij", 10)
        assert caught.value.errno == errno.ENOSPC
        sizes.add(file.size())
        file.pwrite(b"xx", 0)
        with pytest.raises(OSError, match="No space"):
            files.open("/d/b", write=True, create=True)
    assert len(sizes) > 3


def test_the_process_dies_at_the_chosen_call() -> None:
    outcomes = set()
    for seed in range(60):
        files = make(seed)
        file = files.open("/d/a", write=True, create=True)
        files.crash_in(2)
        file.pwrite(b"one", 0)
        with pytest.raises(Crashed):
            file.pwrite(b"two", 3)
        with pytest.raises(Crashed):
            file.fdatasync()
        with pytest.raises(Crashed):
            files.list("/d")
        files.restart(power_loss=False)
        outcomes.add(get(files, "/d/a"))
    assert outcomes >= {b"one", b"onetwo", b"onet"}
