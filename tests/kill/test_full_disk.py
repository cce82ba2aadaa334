"""A disk that fills up under a running host: clear refusals, reading goes on, and with space the work does too.

A real full disk (a small tmpfs) where one may be mounted, as root; skipped elsewhere. Full files in memory are tried
by the storage tests everywhere.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.real import App, Running
from tests.kill.connection import Answer, Connection

DISK_BYTES = 16 * 1024 * 1024
FLOOR_BYTES = 2 * 1024 * 1024
BASE = "/runtime/webhooks/durabletask"

APP = """
import os
from datetime import timedelta

import dfcli as df

app = df.DFApp()


@app.activity_trigger()
def say(name):
    return f"Hello {name}"


@app.orchestration_trigger()
def hello(context):
    return (yield context.call_activity(say, context.get_input()))


@app.orchestration_trigger()
def approval(context):
    return (yield context.wait_for_external_event("approve"))


@app.activity_trigger()
def wait_for_file(path):
    import time

    while not os.path.exists(path):
        time.sleep(0.01)
    return "seen " * 4000  # more than the last page of any file has room for


@app.orchestration_trigger()
def patient(context):
    seen = yield context.call_activity(wait_for_file, context.get_input())
    yield context.create_timer(timedelta(milliseconds=50))
    return [seen.split()[0], (yield context.call_activity(say, "again"))]
"""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[str]:
    path = str(tmp_path / "disk")
    os.makedirs(path, mode=0o700)
    options = ["-t", "tmpfs", "-o", f"size={DISK_BYTES},mode=700", "tmpfs", path]
    if shutil.which("mount") is None or subprocess.run(["mount", *options], capture_output=True).returncode:
        pytest.skip("no file system may be mounted here")
    yield path
    subprocess.run(["umount", "-l", path], check=True)


@pytest.fixture
def app(tmp_path: Path, disk: str) -> App:
    app = App(str(tmp_path / "app"), APP)
    with open(f"{app.folder}/dfcli.toml", "w") as file:
        file.write(f'hub_dir = "{disk}"\nfree_bytes_min = {FLOOR_BYTES}\n')
    return app


class Caller:
    def __init__(self, host: Running) -> None:
        self._port = int(host.facts[0]["url"].rpartition(":")[2])

    def __call__(self, method: str, path: str, body: Any = None) -> Answer:
        connection = Connection()
        try:
            return connection.ask(self._port, method, f"{BASE}/{path}", body)
        finally:
            connection.close()

    def until(self, instance: str, status: str) -> Any:
        deadline = time.monotonic() + 20
        while (found := self("GET", f"instances/{instance}").json())["runtimeStatus"] != status:
            assert time.monotonic() < deadline, found
            time.sleep(0.02)
        return found["output"]


def fill(disk: str, leave: int) -> str:
    """Write a file until only `leave` bytes are free."""
    path = f"{disk}/filler"
    with open(path, "ab", buffering=0) as file:
        while (free := os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize) > leave:
            try:
                file.write(b"x" * min(free - leave, 65536))
            except OSError:
                break
    return path


def test_below_the_floor_new_work_is_refused_reading_goes_on_and_running_work_ends(app: App, disk: str) -> None:
    with app.running("--no-watch") as host:
        call = Caller(host)
        assert call("POST", "orchestrators/hello/a", "Bo").status == 202
        assert call("POST", "orchestrators/patient/b", f"{app.folder}/go").status == 202
        assert call("POST", "orchestrators/approval/c").status == 202
        call.until("a", "Completed")
        filler = fill(disk, FLOOR_BYTES // 2)
        refused = call("POST", "orchestrators/hello/d", "Bo")
        assert refused.status == 507
        assert b"no space left on the disk" in refused.body
        assert call("POST", "instances/c/raiseEvent/approve", "yes").status == 507
        said = app("start", "hello", "--id", "e")
        assert said.code == 4
        assert "no space left on the disk" in said.err
        assert call("GET", "instances/a").json()["output"] == "Hello Bo"
        assert call("GET", "instances?top=10").status == 200
        assert app("list", "-o", "id").code == 0
        with open(f"{app.folder}/go", "w"):
            pass
        assert call.until("b", "Completed") == ["seen", "Hello again"]  # what is under way uses the rest
        os.unlink(filler)
        assert call("POST", "instances/c/raiseEvent/approve", "yes").status == 202
        assert call.until("c", "Completed") == "yes"
        assert call("GET", "instances/d").status == 404
        assert host.stop().code == 0


@pytest.mark.parametrize("killed", [False, True])
def test_on_a_disk_with_no_byte_left_work_waits_and_goes_on_by_itself(app: App, disk: str, killed: bool) -> None:
    with app.running("--no-watch") as host:
        call = Caller(host)
        assert call("POST", "orchestrators/hello/a", "Bo").status == 202
        assert call("POST", "orchestrators/patient/b", f"{app.folder}/go").status == 202
        call.until("a", "Completed")
        call.until("b", "Running")
        filler = fill(disk, 0)
        with open(f"{app.folder}/go", "w"):
            pass
        assert "the disk is full: nothing is lost" in host.wait_for_talk("disk is full")
        assert call("POST", "orchestrators/hello/d", "Bo").status == 507
        assert call("GET", "instances/a").json()["output"] == "Hello Bo"
        assert call("GET", "instances/b").json()["runtimeStatus"] == "Running"
        if killed:
            host.signal(signal.SIGKILL)
            host.ended()
        else:
            os.unlink(filler)
            assert call.until("b", "Completed") == ["seen", "Hello again"]
            assert call("POST", "orchestrators/hello/d", "Bo").status == 202
            call.until("d", "Completed")
            assert host.stop().code == 0
    if killed:
        again = Running(app, ("--no-watch", "--exit-when-idle"))
        _, err = again.process.communicate()
        if again.process.returncode == 4:  # it may find no byte for what a start must write
            assert "space" in err
        assert "Traceback" not in err
        assert app("status", "a", "-o", "json").json()["output"] == "Hello Bo"
        os.unlink(filler)
    with app.running("--no-watch") as host:
        call = Caller(host)
        assert call.until("b", "Completed") == ["seen", "Hello again"]
        assert call.until("a", "Completed") == "Hello Bo"


def test_an_orderly_stop_on_a_full_disk_ends_and_loses_nothing(app: App, disk: str) -> None:
    with app.running("--no-watch", "--drain", "1") as host:
        call = Caller(host)
        assert call("POST", "orchestrators/patient/b", f"{app.folder}/go").status == 202
        call.until("b", "Running")
        filler = fill(disk, 0)
        with open(f"{app.folder}/go", "w"):
            pass
        host.wait_for_talk("disk is full")
        assert host.stop().code in (0, 4)
    os.unlink(filler)
    with app.running("--no-watch") as host:
        assert Caller(host).until("b", "Completed") == ["seen", "Hello again"]
