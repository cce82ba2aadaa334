"""Reading a hub that somebody else holds, or that was left as a crash left it: complete, and without a trace."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from dfcli.env.environment import Env
from dfcli.env.memory import MemoryFiles
from dfcli.errors import InvalidArgument, NotFound
from dfcli.model import history as h
from dfcli.model.ids import ExecutionKey
from dfcli.model.query import InstanceFilter
from dfcli.storage.index import Index
from dfcli.storage.reader import HubReader
from dfcli.storage.settings import HubSettings
from dfcli.storage.taskhub import TaskHub
from dfcli.storage.transaction import Append, Purge, Transaction
from tests.storage.support import at, disk_env, first_episode, memory_env

ALL = InstanceFilter()
SETTINGS = HubSettings(free_bytes_min=0)


@pytest.fixture(params=["memory", "disk"])
def place(request: pytest.FixtureRequest, tmp_path: object) -> Iterator[tuple[str, Env]]:
    if request.param == "memory":
        yield "/hub", memory_env()
    else:
        yield f"{tmp_path}/hub", disk_env()


def commit(hub: TaskHub, *appends: Append, purges: tuple[Purge, ...] = ()) -> None:
    hub.submit(Transaction(appends, purges, effects=1))
    hub.commit_step()


def start(hub: TaskHub, *ids: str) -> None:
    commit(hub, *(Append(ExecutionKey(instance_id, 1), first_episode()) for instance_id in ids))


def answer(hub: TaskHub, instance_id: str) -> None:
    """Lines 5 to 8: the activity's result, and the end."""
    now = at(1)
    events: list[h.Event] = [
        h.TaskCompleted(seq=5, event_id=-1, timestamp=now, task_scheduled_id=0),
        h.OrchestratorStarted(seq=6, event_id=-1, timestamp=now, consumed=5),
        h.ExecutionCompleted(seq=7, event_id=1, timestamp=now, orchestration_status="Completed"),
        h.OrchestratorCompleted(seq=8, event_id=-1, timestamp=now),
    ]
    commit(hub, Append(ExecutionKey(instance_id, 1), events))


def agree(hub: TaskHub, reader: HubReader) -> None:
    """The reader says of every instance what the writer says."""
    expected = hub.query(ALL, top=1_000).items
    found = reader.query(ALL, top=1_000).items
    assert [(i.instance_id, i.exec, i.status, i.last_seq, i.bytes) for i in found] == [
        (i.instance_id, i.exec, i.status, i.last_seq, i.bytes) for i in expected
    ]
    for item in expected:
        assert reader.lines(item.instance_id) == hub.lines(item.instance_id)
        assert reader.history(item.instance_id) == hub.history(item.instance_id)
        assert reader.executions(item.instance_id) == hub.executions(item.instance_id)
        single = reader.summary(item.instance_id)
        assert single is not None
        assert (single.status, single.last_seq, single.open_activities) == (
            item.status,
            item.last_seq,
            item.open_activities,
        )


def test_no_hub_is_not_found(place: tuple[str, Env]) -> None:
    with pytest.raises(NotFound, match="no task hub"):
        HubReader(*place)


def test_what_is_committed_is_read_while_the_writer_goes_on(place: tuple[str, Env]) -> None:
    hub = TaskHub.open(*place, SETTINGS)
    reader = HubReader(*place)
    assert reader.query(ALL, top=10).items == []
    start(hub, "a", "b", "c")
    agree(hub, reader)
    hub.materialise_step(everything=True)
    agree(hub, reader)
    answer(hub, "a")
    agree(hub, reader)
    hub.compact()
    agree(hub, reader)
    start(hub, "d")
    commit(hub, purges=(Purge("b", 1),))
    answer(hub, "c")
    agree(hub, reader)
    assert reader.summary("b") is None
    for ask in (reader.lines, reader.history, reader.executions):
        with pytest.raises(NotFound):
            ask("b")
    hub.close()


def test_what_waits_for_its_commit_is_not_read(place: tuple[str, Env]) -> None:
    hub = TaskHub.open(*place, SETTINGS)
    reader = HubReader(*place)
    hub.submit(Transaction([Append(ExecutionKey("a", 1), first_episode())], effects=1))
    assert reader.summary("a") is None
    assert reader.query(ALL, top=10).items == []
    hub.close(clean=False)


def test_pages_hold_every_instance_once_with_and_without_an_index(place: tuple[str, Env]) -> None:
    hub = TaskHub.open(*place, SETTINGS)
    start(hub, *(f"i{number:03d}" for number in range(40)))
    hub.materialise_step(everything=True)
    for number in range(0, 40, 3):
        answer(hub, f"i{number:03d}")
    start(hub, *(f"j{number:03d}" for number in range(5)))
    progress: list[int] = []
    reader = HubReader(*place, progress=progress.append)
    for which in (ALL, InstanceFilter(newest_first=True), InstanceFilter(statuses=frozenset({"Completed"}))):
        expected = [item.instance_id for item in hub.query(which, top=1_000).items]
        for has_index in (True, False):
            if not has_index:
                Index.delete(*place)
            seen, token = [], ""
            while True:
                page = reader.query(which, top=7, continuation=token)
                seen += [item.instance_id for item in page.items]
                token = page.continuation
                if not token:
                    break
            assert seen == expected
        hub.close()
        hub = TaskHub.open(*place, SETTINGS)
    with pytest.raises(InvalidArgument):
        reader.query(ALL, top=7, continuation="nonsense")
    hub.close()


def test_a_scan_tells_how_far_it_is(place: tuple[str, Env]) -> None:
    hub = TaskHub.open(*place, SETTINGS)
    start(hub, *(f"i{number}" for number in range(450)))
    hub.close()
    Index.delete(*place)
    progress: list[int] = []
    HubReader(*place, progress=progress.append).query(ALL, top=1)
    assert progress == [200, 400]


def test_long_payloads_and_older_executions_are_read(place: tuple[str, Env]) -> None:
    hub = TaskHub.open(*place, SETTINGS)
    long = b'"%b"' % (b"x" * 100_000)
    commit(hub, Append(ExecutionKey("a", 1), first_episode(input=long)))
    answer(hub, "a")
    commit(hub, Append(ExecutionKey("a", 2), first_episode(second=2)))
    reader = HubReader(*place)
    assert reader.executions("a") == [1, 2]
    started = reader.history("a", 1)[0]
    assert isinstance(started, h.ExecutionStarted)
    assert bytes(started.input) == long  # type: ignore[arg-type]
    assert len(reader.lines("a", 1)) == 8
    assert len(reader.lines("a")) == 4
    with pytest.raises(NotFound, match="no execution 3"):
        reader.lines("a", 3)
    hub.close()


def test_a_damaged_line_ends_what_is_read(tmp_path: object) -> None:
    place = (f"{tmp_path}/hub", disk_env())
    hub = TaskHub.open(*place, SETTINGS)
    start(hub, "a")
    hub.close()
    (path,) = (f"{folder}/{name}" for folder, _, names in os.walk(f"{place[0]}/instances") for name in names)
    with open(path, "r+b") as file:
        data = file.read()
        file.seek(data.index(b"SayHello"))
        file.write(b"sayhello")
    reader = HubReader(*place)
    assert len(reader.lines("a")) == 2
    assert len(reader.history("a")) == 2


def test_reading_a_hub_at_rest_changes_no_file(tmp_path: object) -> None:
    place = (f"{tmp_path}/hub", disk_env())
    hub = TaskHub.open(*place, SETTINGS)
    start(hub, "a", "b")
    hub.close()
    before = snapshot(place[0])
    reader = HubReader(*place)
    reader.query(ALL, top=10)
    reader.summary("a")
    reader.history("a")
    assert snapshot(place[0]) == before


def snapshot(root: str) -> dict[str, tuple[int, int]]:
    found = {}
    for folder, folders, names in os.walk(root):
        for name in [*folders, *names]:
            status = os.stat(f"{folder}/{name}")
            found[f"{folder}/{name}"] = (status.st_mtime_ns, status.st_size)
    return found


WRITER = """
import sys
from dfcli.storage.settings import HubSettings
from dfcli.storage.taskhub import TaskHub
from tests.storage.support import disk_env
from tests.storage.test_reader import answer, start

hub = TaskHub.open(sys.argv[1], disk_env(), HubSettings(free_bytes_min=0, segment_bytes=20_000, files_per_step=3))
for number in range(100_000):
    start(hub, f"i{number}")
    answer(hub, f"i{number}")
    print(number, flush=True)
    if number % 7 == 0:
        hub.materialise_step()
    if number % 50 == 49:
        hub.compact()
"""


def test_another_process_may_write_and_be_killed_meanwhile(tmp_path: object) -> None:
    path = f"{tmp_path}/hub"
    writer = subprocess.Popen([sys.executable, "-c", WRITER, path], stdout=subprocess.PIPE, text=True, cwd=os.getcwd())
    assert writer.stdout is not None
    acknowledged = int(writer.stdout.readline())
    reader = HubReader(path, disk_env())
    try:
        while acknowledged < 400:
            acknowledged = int(writer.stdout.readline())
            instance_id = f"i{acknowledged}"
            assert len(reader.lines(instance_id)) == 8
            summary = reader.summary(instance_id)
            assert summary is not None
            assert summary.status == "Completed"
            if acknowledged % 20 == 0:
                ids = {item.instance_id for item in reader.query(ALL, top=100_000).items}
                assert ids >= {f"i{number}" for number in range(acknowledged + 1)}
    finally:
        writer.send_signal(signal.SIGKILL)
        rest = writer.stdout.read().split()
        writer.stdout.close()
        writer.wait()
    acknowledged = max([acknowledged, *map(int, rest[:-1])])
    before = {item.instance_id: item.last_seq for item in reader.query(ALL, top=100_000).items}
    assert before.keys() >= {f"i{number}" for number in range(acknowledged + 1)}
    hub = TaskHub.open(path, disk_env(), SETTINGS)
    after = {item.instance_id: item.last_seq for item in hub.query(ALL, top=100_000).items}
    assert after == before
    hub.close()


def test_an_in_memory_hub_is_read_through_the_same_files() -> None:
    env = memory_env()
    assert isinstance(env.files, MemoryFiles)
    hub = TaskHub.open("/hub", env, SETTINGS)
    start(hub, "a")
    hub.close(clean=False)
    assert len(HubReader("/hub", env).lines("a")) == 4
