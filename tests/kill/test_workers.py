"""Worker processes that die: the task fails, may be repeated, and the place is filled again."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from tests.cli.real import App

APP = """
import os
import signal
import threading

import dfcli as df

app = df.DFApp()


@app.activity_trigger()
def deadly(attempts):
    if df.activity_info().attempt <= attempts:
        os.kill(os.getpid(), signal.SIGKILL)
    return os.getpid()


@app.activity_trigger()
def whoami(nothing):
    return os.getpid()


@app.activity_trigger()
def long(path):
    with open(path, "w") as file:
        file.write(str(os.getpid()))
    threading.Event().wait()


@app.orchestration_trigger()
def repeated(context):
    return (yield context.call_activity_with_retry(deadly, df.RetryOptions(50, 3), context.get_input()))


@app.orchestration_trigger()
def once(context):
    return (yield context.call_activity(deadly, 1))


@app.orchestration_trigger()
def many(context):
    return (yield context.task_all([context.call_activity(whoami) for _ in range(40)]))


@app.orchestration_trigger()
def stuck(context):
    return (yield context.call_activity(long, context.get_input()))
"""


@pytest.fixture
def app(tmp_path: Path) -> App:
    return App(str(tmp_path / "app"), APP)


def until(condition: object, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.01)


def is_alive(pid: int) -> bool:
    """Whether the process runs; a dead one that nobody has asked about yet does not."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_the_task_of_a_worker_that_died_fails_and_a_retry_policy_repeats_it(app: App) -> None:
    with app.running("--no-watch", "--workers", "2"):
        said = app("start", "repeated", "--id", "a", "--input", "2", "--wait", "-o", "json")
        assert (said.code, said.json()["runtimeStatus"]) == (0, "Completed")
        failures = [
            line for line in app("inspect", "a", "-o", "jsonl").out.splitlines() if '"EventType":"TaskFailed"' in line
        ]
        assert len(failures) == 2
        assert all("WorkerDied" in line for line in failures)
        said = app("start", "once", "--id", "b", "--wait", "-o", "json")
        assert said.code == 1
        assert "WorkerDied" in said.json()["output"]
        said = app("start", "repeated", "--id", "c", "--input", "9", "--wait", "-o", "json")
        assert (said.code, said.json()["runtimeStatus"]) == (1, "Failed")


def test_a_worker_that_is_killed_from_outside_is_replaced(app: App, tmp_path: Path) -> None:
    with app.running("--no-watch", "--workers", "2"):
        app("start", "stuck", "--id", "a", "--input", f'"{tmp_path}/pid"')
        until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
        pid = int((tmp_path / "pid").read_text())
        os.kill(pid, signal.SIGKILL)
        said = app("status", "a", "--wait", "-o", "json")
        assert "WorkerDied" in said.json()["output"]

        def two_others() -> bool:
            workers = set(app("start", "many", "--wait", "-o", "json").json()["output"])
            assert pid not in workers
            return len(workers) == 2

        until(two_others)


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="looks processes up in /proc")
def test_workers_do_not_outlive_a_killed_host_and_their_calls_run_again(app: App, tmp_path: Path) -> None:
    with app.running("--no-watch", "--workers", "2") as host:
        app("start", "stuck", "--id", "a", "--input", f'"{tmp_path}/pid"')
        until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
        first = int((tmp_path / "pid").read_text())
        host.signal(signal.SIGKILL)
        host.ended()
        until(lambda: not is_alive(first))
    (tmp_path / "pid").unlink()
    with app.running("--no-watch", "--workers", "2", "--drain", "0") as host:
        until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
        second = int((tmp_path / "pid").read_text())
        assert second != first
        assert host.stop().code == 0
        until(lambda: not is_alive(second))
    assert app("status", "a", "-o", "json").json()["runtimeStatus"] == "Running"
