"""One writer per hub, who may write to its folder, and what a forked child must not keep."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dfcli.env.clock import VirtualClock
from dfcli.env.disk import DiskFiles
from dfcli.errors import HubLocked, HubUnreadable
from dfcli.storage import lock
from dfcli.storage.lock import HubLock
from dfcli.storage.settings import HubSettings
from dfcli.storage.taskhub import TaskHub
from tests.storage.support import SMALL, disk_env

HOLD = """
import sys
from dfcli.env.environment import Env
from dfcli.storage.taskhub import TaskHub
hub = TaskHub.open(sys.argv[1], Env(), holder={"Command": "dfcli run", "Url": "http://127.0.0.1:7071"})
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / ".dfcli" / "default")


def test_the_second_to_open_a_hub_is_told_who_holds_it(path: str) -> None:
    hub = TaskHub.open(path, disk_env(), SMALL, holder={"Command": "dfcli run"})
    with pytest.raises(HubLocked) as refused:
        TaskHub.open(path, disk_env(), SMALL)
    assert f"process {os.getpid()} (dfcli run)" in refused.value.why
    assert refused.value.exit_code == 4
    hub.close()
    TaskHub.open(path, disk_env(), SMALL).close()


def test_a_killed_holder_leaves_no_lock_behind(path: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(HubLocked) as refused:
            TaskHub.open(path, disk_env(), SMALL)
        assert f"process {holder.pid} (dfcli run) at http://127.0.0.1:7071 holds it since" in refused.value.why
        holder.kill()
        holder.wait()
    TaskHub.open(path, disk_env(), SMALL).close()


def test_a_holder_that_has_not_said_its_name_yet_is_not_taken_for_its_dead_predecessor(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as dead:
        dead.wait()
    hub = TaskHub.open(path, disk_env(), SMALL, holder={"Command": "dfcli run"})
    with open(f"{path}/hub.lock", "rb") as file:
        named = file.read()
    with open(f"{path}/hub.lock", "r+b") as file:
        file.write(named.replace(b'"Pid":%d' % os.getpid(), b'"Pid":%d' % dead.pid))
        file.truncate()
    read = lock._read_holder
    looks = []

    def late(descriptor: int) -> bytes:
        looks.append(read(descriptor))
        return named if len(looks) > 2 else looks[-1]

    monkeypatch.setattr(lock, "_read_holder", late)
    with pytest.raises(HubLocked) as refused:
        TaskHub.open(path, disk_env(), SMALL)
    assert f"process {os.getpid()} (dfcli run)" in refused.value.why
    assert len(looks) == 3
    hub.close()


def test_a_lock_file_that_was_replaced_locks_nobody_out_and_nobody_in(path: str) -> None:
    os.makedirs(path, 0o700)
    first = HubLock.acquire(path, VirtualClock(), {})
    os.rename(f"{path}/hub.lock", f"{path}/old")
    second = HubLock.acquire(path, VirtualClock(), {})
    with pytest.raises(HubLocked):
        HubLock.acquire(path, VirtualClock(), {})
    first.release()
    with pytest.raises(HubLocked):
        HubLock.acquire(path, VirtualClock(), {})
    second.release()


def test_a_lock_file_replaced_between_open_and_lock_is_not_taken(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    os.makedirs(path, 0o700)
    take = lock._take

    def replaced_first(descriptor: int) -> None:
        monkeypatch.setattr(lock, "_take", take)
        os.unlink(f"{path}/hub.lock")
        take(descriptor)

    monkeypatch.setattr(lock, "_take", replaced_first)
    held = HubLock.acquire(path, VirtualClock(), {})
    with pytest.raises(HubLocked):
        HubLock.acquire(path, VirtualClock(), {})
    held.release()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_keeps_neither_the_lock_nor_the_journal(path: str) -> None:
    hub = TaskHub.open(path, disk_env(), SMALL)
    ready, tell = os.pipe()
    stop, end = os.pipe()
    child = os.fork()
    if child == 0:  # pragma: no cover  an activity that forks and outlives its host
        os.close(end)
        held = [os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd") if _is_open(fd)]
        os.write(tell, "\n".join(name for name in held if "/default/" in name and "sqlite" not in name).encode() + b"!")
        os.read(stop, 1)
        os._exit(0)
    os.close(stop)
    told = b""
    while not told.endswith(b"!"):
        told += os.read(ready, 65536)
    assert told == b"!"
    hub.close(clean=False)
    TaskHub.open(path, disk_env(), SMALL).close()  # while the child lives
    os.close(end)
    os.waitpid(child, 0)
    for fd in (ready, tell):
        os.close(fd)


def _is_open(fd: str) -> bool:
    return os.path.lexists(f"/proc/self/fd/{fd}")


# -- permissions


def test_everything_in_a_hub_is_private_whatever_the_umask(path: str) -> None:
    for umask in (0o000, 0o777):
        old = os.umask(umask)
        try:
            hub = TaskHub.open(f"{path}{umask}", disk_env(), SMALL)
            hub.close()
        finally:
            os.umask(old)
        for folder, _, names in os.walk(f"{path}{umask}"):
            assert os.stat(folder).st_mode & 0o777 == 0o700, folder
            for name in names:
                assert os.stat(f"{folder}/{name}").st_mode & 0o777 == 0o600, name


@pytest.mark.parametrize("mode", [0o720, 0o702, 0o777])
def test_a_folder_that_others_may_write_to_is_refused(path: str, mode: int) -> None:
    TaskHub.open(path, disk_env(), SMALL).close()
    os.chmod(path, mode)
    with pytest.raises(HubUnreadable) as refused:
        TaskHub.open(path, disk_env(), SMALL)
    assert f"{mode:04o}" in refused.value.why
    TaskHub.open(path, disk_env(), HubSettings(unsafe_permissions=True)).close()


def test_a_hub_below_a_folder_that_everybody_may_write_to_is_refused(path: str, tmp_path: Path) -> None:
    os.chmod(tmp_path, 0o777)
    with pytest.raises(HubUnreadable) as refused:
        TaskHub.open(path, disk_env(), SMALL)
    assert str(tmp_path) in refused.value.why
    os.chmod(tmp_path, 0o1777)
    TaskHub.open(path, disk_env(), SMALL).close()


def test_a_link_in_place_of_a_hub_is_refused(path: str, tmp_path: Path) -> None:
    TaskHub.open(str(tmp_path / "real"), disk_env(), SMALL).close()
    os.makedirs(os.path.dirname(path), 0o700)
    os.symlink(tmp_path / "real", path)
    with pytest.raises(HubUnreadable) as refused:
        TaskHub.open(path, disk_env(), SMALL)
    assert "symbolic link" in refused.value.why


@pytest.mark.parametrize("name", ["hub.lock", "watermark", "hub.json", "checkpoint.json", "journal/00000003.jsonl"])
def test_links_planted_at_names_we_write_are_not_followed(path: str, tmp_path: Path, name: str) -> None:
    hub = TaskHub.open(path, disk_env(), SMALL)
    hub.close()
    victim = tmp_path / "victim"
    victim.write_text("precious")
    if os.path.exists(f"{path}/{name}"):
        os.unlink(f"{path}/{name}")
    os.symlink(victim, f"{path}/{name}")
    for _ in range(2):
        try:
            hub = TaskHub.open(path, disk_env(), SMALL)
            hub.host_started("x", "1")
            hub.close()
        except (HubUnreadable, OSError):
            continue
    assert victim.read_text() == "precious"


def test_a_pipe_in_place_of_a_file_does_not_block(path: str) -> None:
    TaskHub.open(path, disk_env(), SMALL).close()
    os.unlink(f"{path}/hub.json")
    os.mkfifo(f"{path}/hub.json")
    with pytest.raises(HubUnreadable):
        TaskHub.open(path, disk_env(), SMALL)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root to give a folder away")
def test_a_folder_of_another_user_is_refused(path: str) -> None:
    TaskHub.open(path, disk_env(), SMALL).close()
    os.chown(path, 12345, 12345)
    with pytest.raises(HubUnreadable) as refused:
        TaskHub.open(path, disk_env(), SMALL)
    assert "belongs to user 12345" in refused.value.why


def test_a_network_file_system_is_refused_unless_allowed(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DiskFiles, "filesystem_type", lambda *_: "nfs4")
    with pytest.raises(HubUnreadable) as refused:
        TaskHub.open(path, disk_env(), SMALL)
    assert "nfs4" in refused.value.why
    assert "--allow-network-fs" in refused.value.hint
    TaskHub.open(path, disk_env(), HubSettings(allow_network_fs=True)).close()


def test_a_path_through_a_file_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HubUnreadable):
        TaskHub.open(str(tmp_path / "file" / "hub"), disk_env(), SMALL)
