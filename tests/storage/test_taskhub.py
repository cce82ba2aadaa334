"""A task hub in use: what is committed is there, what is not is not, and files are made the way the format says."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from random import Random

import pytest
from msgspec import Raw

from dfcli.env.environment import Env
from dfcli.env.memory import MemoryFiles
from dfcli.errors import HostStopped, HubUnreadable, NoSpace, NotFound, PayloadTooLarge, Quarantined
from dfcli.model import history as h
from dfcli.model.ids import ExecutionKey
from dfcli.model.query import InstanceFilter
from dfcli.storage.durable import read_file
from dfcli.storage.index import Index
from dfcli.storage.settings import HubSettings
from dfcli.storage.taskhub import TaskHub
from dfcli.storage.transaction import Append, Dispatch, Purge, Transaction
from tests.simulation.faulty_files import FaultyFiles
from tests.storage.support import (
    SMALL,
    at,
    commit,
    disk_env,
    env_on,
    first_episode,
    generation,
    last_episode,
    memory_env,
    plain,
)

HUB = "/hub"
A = ExecutionKey("a", 1)
B = ExecutionKey("b", 1)


@pytest.fixture
def env() -> Env:
    return memory_env()


@pytest.fixture
def hub(env: Env) -> TaskHub:
    return TaskHub.open(HUB, env, SMALL)


def file_of(env: Env, hub: TaskHub, key: ExecutionKey) -> bytes:
    found = [
        read_file(env.files, f"{HUB}/instances/{shard}/{name}")
        for shard in env.files.list(f"{HUB}/instances")
        for name in env.files.list(f"{HUB}/instances/{shard}")
        if name == f"{key.instance_id}.{key.exec}.jsonl"
    ]
    return found[0] or b"" if found else b""


# -- committing and reading


def test_a_transaction_is_invisible_until_it_is_committed(hub: TaskHub) -> None:
    transaction = Transaction([Append(A, first_episode())], effects="mine")
    hub.submit(transaction)
    assert hub.queued_lines == 4
    assert hub.queued_bytes > 400
    assert hub.summary("a") is None
    with pytest.raises(NotFound):
        hub.history("a")
    assert hub.commit_step() == [transaction]
    assert hub.queued_lines == hub.queued_bytes == 0
    assert hub.commit_step() == []
    summary = hub.summary("a")
    assert summary is not None
    assert (summary.status, summary.open_tasks, summary.last_seq) == ("Running", {0: 3}, 4)
    assert plain(hub.history("a")) == plain(first_episode())


def test_history_joins_file_and_memory_at_every_moment(hub: TaskHub, env: Env) -> None:
    commit(hub, (A, first_episode()))
    hub.materialise_step()
    assert file_of(env, hub, A).count(b"\n") == 4
    commit(hub, (A, last_episode()))
    assert file_of(env, hub, A).count(b"\n") == 4
    expected = plain([*first_episode(), *last_episode()])
    assert plain(hub.history("a")) == expected
    assert [json.loads(line)["Seq"] for line in hub.lines("a")] == list(range(1, 9))
    hub.materialise_step()
    assert plain(hub.history("a")) == expected
    assert file_of(env, hub, A) == b"".join(line + b"\n" for line in hub.lines("a"))


def test_everything_is_there_after_a_clean_close_and_after_none(env: Env) -> None:
    for clean in (True, False):
        hub = TaskHub.open(HUB, env, SMALL)
        key = ExecutionKey(f"i-{clean}", 1)
        commit(hub, (key, first_episode()))
        hub.close(clean=clean)
        hub = TaskHub.open(HUB, env, SMALL)
        assert plain(hub.history(key.instance_id)) == plain(first_episode())
        assert hub.recovery.lines == (0 if clean else 4)
        assert not hub.recovery.degraded
        commit(hub, (key, last_episode()))
        hub.close(clean=clean)
        hub = TaskHub.open(HUB, env, SMALL)
        summary = hub.summary(key.instance_id)
        assert summary is not None
        assert summary.status == "Completed"
        hub.close()


def test_lines_go_on_after_a_restart_from_the_summary_in_the_index(env: Env) -> None:
    hub = TaskHub.open(HUB, env, SMALL)
    commit(hub, (A, first_episode()))
    hub.close()
    hub = TaskHub.open(HUB, env, SMALL)
    indexed = hub.summary("a")
    assert indexed is not None
    assert (indexed.complete, indexed.open_tasks, indexed.open_activities) == (False, {}, 1)
    commit(hub, (A, last_episode()[:1]))
    summary = hub.summary("a")
    assert summary is not None
    assert (summary.complete, summary.open_activities, summary.last_seq) == (True, 0, 5)


def test_an_ended_instance_leaves_memory_once_files_and_index_have_it(hub: TaskHub) -> None:
    commit(hub, (A, first_episode()))
    commit(hub, (A, last_episode()))
    held = hub.summary("a")
    assert hub.summary("a") is held
    hub.query(InstanceFilter(), top=1)
    assert hub.summary("a") is held
    hub.materialise_step()
    found = hub.summary("a")
    assert found is not held
    assert found is not None
    assert found.status == "Completed"
    assert len(hub.history("a")) == 8


def test_numbers_out_of_order_are_refused_and_change_nothing(hub: TaskHub) -> None:
    commit(hub, (A, first_episode()))
    skipping = last_episode()[1:]
    with pytest.raises(AssertionError, match=r"line 6 of .* where 5 is due"):
        hub.submit(Transaction([Append(B, first_episode()), Append(A, skipping)]))
    assert hub.queued_lines == 0
    commit(hub, (B, first_episode()), (A, last_episode()))
    assert len(hub.history("a")) == 8


def test_times_in_a_file_never_decrease(hub: TaskHub) -> None:
    commit(hub, (A, first_episode(second=10.0)))
    commit(hub, (A, last_episode(second=3.0)))
    assert {event.timestamp for event in hub.history("a")} == {at(10.0)}


def test_a_batch_takes_whole_transactions_up_to_its_limits(env: Env) -> None:
    hub = TaskHub.open(HUB, env, HubSettings(batch_lines_max=10))
    for number in range(5):
        hub.submit(Transaction([Append(ExecutionKey(f"i{number}", 1), first_episode())], effects=number))
    assert [t.effects for t in hub.commit_step()] == [0, 1]
    assert [t.effects for t in hub.commit_step()] == [2, 3]
    assert [t.effects for t in hub.commit_step()] == [4]


def test_dispatches_ride_along_and_are_waited_for_by_nobody(hub: TaskHub, env: Env) -> None:
    commit(hub, (A, first_episode()))
    hub.submit(Transaction(dispatches=[Dispatch(A, 0, 3, 1)]))
    assert hub.queued_lines == 0
    assert hub.commit_step() == []
    commit(hub, (B, first_episode()))
    journal = b"".join(read_file(env.files, f"{HUB}/journal/{n}") or b"" for n in env.files.list(f"{HUB}/journal"))
    assert b'{"Op":"Dispatch","InstanceId":"a","Exec":1,"TaskId":0,"Seq":3,"Attempt":1,"Crc"' in journal


def test_the_journal_rotates_and_compaction_drops_what_the_files_have(env: Env) -> None:
    hub = TaskHub.open(HUB, env, HubSettings(segment_bytes=2_000, compact_bytes=8_000))
    for number in range(12):
        commit(hub, (ExecutionKey(f"i{number}", 1), first_episode()))
    assert len(env.files.list(f"{HUB}/journal")) > 2
    assert hub.compaction_due()
    hub.compact()
    assert not hub.compaction_due()
    assert len(env.files.list(f"{HUB}/journal")) == 1
    hub.close(clean=False)
    hub = TaskHub.open(HUB, env, SMALL)
    assert hub.recovery.lines == 0
    assert [len(hub.history(f"i{number}")) for number in range(12)] == [4] * 12


def test_a_compaction_is_due_some_minutes_after_the_last_one_when_there_is_data(hub: TaskHub, env: Env) -> None:
    env.clock.advance(301)  # type: ignore[attr-defined]
    assert not hub.compaction_due()
    commit(hub, (A, first_episode()))
    assert hub.compaction_due()
    hub.compact()
    assert not hub.compaction_due()


# -- executions


def test_a_file_step_tells_when_another_one_is_due_at_once(env: Env) -> None:
    hub = TaskHub.open(HUB, env, HubSettings(files_per_step=2))
    commit(hub, *((ExecutionKey(name, 1), first_episode()) for name in "abc"))
    assert hub.materialise_step()
    assert not hub.materialise_step()
    assert not hub.materialise_step()
    assert all(file_of(env, hub, ExecutionKey(name, 1)) for name in "abc")


def test_only_the_newest_generations_of_continue_as_new_are_kept(hub: TaskHub) -> None:
    for number in range(1, 7):
        commit(hub, (ExecutionKey("a", number), generation(number)))
    hub.materialise_step()
    assert hub.executions("a") == [4, 5, 6]
    summary = hub.summary("a")
    assert summary is not None
    assert (summary.exec, summary.created) == (6, at(1))
    with pytest.raises(NotFound):
        hub.history("a", 3)


def test_executions_that_a_client_started_are_kept(hub: TaskHub) -> None:
    for number in range(1, 7):
        commit(hub, (ExecutionKey("a", number), first_episode()), (ExecutionKey("a", number), last_episode()))
    hub.materialise_step()
    assert hub.executions("a") == [1, 2, 3, 4, 5, 6]
    assert len(hub.history("a", 2)) == 8


def test_the_start_time_of_a_run_outlives_the_file_that_says_it(env: Env) -> None:
    hub = TaskHub.open(HUB, env, SMALL)
    for number in range(1, 7):
        commit(hub, (ExecutionKey("a", number), generation(number)))
    hub.close()
    Index.delete(HUB, env)
    hub = TaskHub.open(HUB, env, SMALL)
    assert hub.recovery.index_rebuilt
    summary = hub.summary("a")
    assert summary is not None
    assert summary.created == at(1)


def test_the_next_execution_counts_what_is_queued_committed_filed_and_purged(env: Env) -> None:
    hub = TaskHub.open(HUB, env, SMALL)
    assert hub.next_exec("a") == 1
    hub.submit(Transaction([Append(A, first_episode())]))
    assert hub.next_exec("a") == 2
    hub.commit_step()
    hub.close()
    hub = TaskHub.open(HUB, env, SMALL)
    assert hub.next_exec("a") == 2
    hub.submit(Transaction(purges=[Purge("a", 1)]))
    hub.commit_step()
    assert hub.next_exec("a") == 2
    hub.compact()
    assert hub.next_exec("a") == 1


# -- purge


def test_a_purged_instance_and_its_blobs_are_gone_for_good(env: Env) -> None:
    hub = TaskHub.open(HUB, env, HubSettings(inline_bytes_max=100))
    commit(hub, (A, first_episode(input=b'"%b"' % (b"x" * 70_000))), (B, first_episode()))
    hub.materialise_step()
    hub.submit(Transaction(purges=[Purge("a", 1)]))
    assert hub.summary("a") is not None
    hub.commit_step()
    assert hub.summary("a") is None
    assert [item.instance_id for item in hub.query(InstanceFilter(), top=9).items] == ["b"]
    with pytest.raises(NotFound):
        hub.executions("a")
    hub.close(clean=False)  # before the files were unlinked
    for _ in range(2):
        hub = TaskHub.open(HUB, env, SMALL)
        assert hub.summary("a") is None
        assert file_of(env, hub, A) == b""
        assert not any(env.files.list(f"{HUB}/blobs/{shard}") for shard in env.files.list(f"{HUB}/blobs"))
        hub.close(clean=False)


def test_an_id_can_be_used_again_in_the_transaction_after_its_purge(env: Env) -> None:
    hub = TaskHub.open(HUB, env, SMALL)
    commit(hub, (A, first_episode()), (A, last_episode()))
    hub.submit(Transaction(purges=[Purge("a", 1)]))
    hub.submit(Transaction([Append(ExecutionKey("a", 2), first_episode(second=5.0))]))
    hub.commit_step()
    assert hub.executions("a") == [2]
    hub.close(clean=False)
    hub = TaskHub.open(HUB, env, SMALL)
    assert hub.executions("a") == [2]
    assert file_of(env, hub, A) == b""


# -- blobs


def test_a_long_payload_becomes_a_blob_and_comes_back(env: Env) -> None:
    hub = TaskHub.open(HUB, env, SMALL)
    payload = b'{"text":"%b"}' % (b"x" * 70_000)
    commit(hub, (A, first_episode(input=payload)))
    first = json.loads(hub.lines("a")[0])
    assert "Input" not in first
    assert first["InputBlob"]["Bytes"] == len(payload)
    assert all(len(line) < 1_000 for line in hub.lines("a"))
    for _ in range(2):
        assert plain(hub.history("a")) == plain(first_episode(input=payload))
        summary = hub.summary("a")
        assert summary is not None
        assert bytes(Raw(summary.input.raw)) == payload  # type: ignore[arg-type]
        hub.close(clean=False)
        hub = TaskHub.open(HUB, env, SMALL)


def test_user_data_is_never_read_as_a_reference_to_a_blob(hub: TaskHub) -> None:
    posing = b'{"InputBlob":{"Sha256":"%b","Bytes":1}}' % (b"0" * 64)
    commit(hub, (A, first_episode(input=posing)))
    assert plain(hub.history("a")) == plain(first_episode(input=posing))


@pytest.mark.parametrize("damage", ["missing", "changed", "cut"])
def test_a_damaged_blob_quarantines_its_instance_only(env: Env, damage: str) -> None:
    hub = TaskHub.open(HUB, env, SMALL)
    commit(hub, (A, first_episode(input=b'"%b"' % (b"x" * 70_000))), (B, first_episode()))
    (shard,) = env.files.list(f"{HUB}/blobs")
    (directory,) = env.files.list(f"{HUB}/blobs/{shard}")
    (name,) = env.files.list(f"{HUB}/blobs/{shard}/{directory}")
    path = f"{HUB}/blobs/{shard}/{directory}/{name}"
    if damage == "missing":
        env.files.unlink(path)
    else:
        file = env.files.open(path, write=True)
        file.pwrite(b"y", 5) if damage == "changed" else file.truncate(100)
    with pytest.raises(Quarantined, match="damaged"):
        hub.history("a")
    assert len(hub.history("b")) == 4
    assert len(hub.lines("a")) == 4


def test_payloads_and_lines_beyond_the_limits_are_refused(hub: TaskHub) -> None:
    with pytest.raises(PayloadTooLarge):
        commit(hub, (A, first_episode(input=b'"%b"' % (b"x" * (16 * 1024 * 1024)))))
    long = h.ExecutionStarted(seq=1, event_id=-1, timestamp=at(0), name="n" * (1 << 20), execution_id="e")
    with pytest.raises(PayloadTooLarge):
        commit(hub, (A, [long]))
    assert hub.queued_lines == 0
    commit(hub, (A, first_episode()))


# -- damage


def test_a_damaged_history_file_quarantines_its_instance_and_names_the_line(env: Env) -> None:
    hub = TaskHub.open(HUB, env, SMALL)
    commit(hub, (A, first_episode()), (B, first_episode()))
    hub.close()
    hub = TaskHub.open(HUB, env, SMALL)
    (path,) = [
        f"{HUB}/instances/{shard}/a.1.jsonl"
        for shard in env.files.list(f"{HUB}/instances")
        if "a.1.jsonl" in env.files.list(f"{HUB}/instances/{shard}")
    ]
    file = env.files.open(path, write=True)
    data = file.pread(file.size(), 0)
    file.pwrite(b"?", data.index(b"SayHello"))
    with pytest.raises(Quarantined) as refused:
        hub.history("a")
    assert "a.1.jsonl, line 3: its checksum does not match its bytes" in refused.value.why
    assert len(hub.history("a")) == 2
    with pytest.raises(Quarantined):
        hub.submit(Transaction([Append(A, last_episode())]))
    summary = hub.summary("a")
    assert summary is not None
    assert "line 3" in summary.quarantined
    assert len(hub.history("b")) == 4
    assert not [s for s in hub.with_work() if s.instance_id == "a" and s.has_work]
    hub.close()
    hub = TaskHub.open(HUB, env, SMALL)
    summary = hub.summary("a")
    assert summary is not None
    assert "line 3" in summary.quarantined
    hub.submit(Transaction(purges=[Purge("a", 1)]))
    hub.commit_step()
    hub.materialise_step()
    commit(hub, (ExecutionKey("a", 2), first_episode()))
    hub.close()
    hub = TaskHub.open(HUB, env, SMALL)
    summary = hub.summary("a")
    assert summary is not None
    assert summary.quarantined == ""


def test_a_history_file_cut_at_a_line_is_noticed(env: Env) -> None:
    hub = TaskHub.open(HUB, env, SMALL)
    commit(hub, (A, first_episode()))
    hub.materialise_step()
    shard = env.files.list(f"{HUB}/instances")[0]
    file = env.files.open(f"{HUB}/instances/{shard}/a.1.jsonl", write=True)
    file.truncate(file.pread(file.size(), 0).index(b"\n") + 1)
    with pytest.raises(Quarantined) as refused:
        hub.history("a")
    assert "it ends after line 1 of 4" in refused.value.why


def test_an_event_of_a_newer_version_can_be_read_but_not_run(hub: TaskHub, env: Env) -> None:
    commit(hub, (A, first_episode()))
    hub.materialise_step()
    shard = env.files.list(f"{HUB}/instances")[0]
    file = env.files.open(f"{HUB}/instances/{shard}/a.1.jsonl", write=True)
    from dfcli.storage.codec import seal

    lines = file.pread(file.size(), 0).splitlines(keepends=True)
    lines[3] = seal(lines[3][:-19].replace(b"OrchestratorCompleted", b"OrchestratorHibernate"))
    file.pwrite(b"".join(lines), 0)
    with pytest.raises(HubUnreadable, match="cannot be understood") as refused:
        hub.history("a")
    assert "NeedsNewerVersion" in refused.value.why
    assert len(hub.lines("a")) == 4


# -- disks that fail


def faulty() -> tuple[FaultyFiles, Env]:
    files = FaultyFiles(Random(3))
    return files, env_on(files)


def test_a_full_disk_keeps_the_queue_in_order_and_loses_nothing() -> None:
    files, env = faulty()
    hub = TaskHub.open(HUB, env, HubSettings(inline_bytes_max=1_000))
    commit(hub, (A, first_episode()))
    files.faults.is_full = True
    hub.submit(Transaction([Append(A, last_episode(result=b'"%b"' % (b"x" * 70_000)))], effects=1))
    hub.submit(Transaction([Append(B, first_episode())], effects=2))
    segment = f"{HUB}/journal/{env.files.list(f'{HUB}/journal')[0]}"
    committed = read_file(env.files, segment)
    for _ in range(3):
        with pytest.raises(NoSpace):
            hub.commit_step()
        assert hub.is_short_of_space
        assert read_file(env.files, segment) == committed
    assert hub.queued_lines == 8
    assert len(hub.history("a")) == 4
    files.faults.is_full = False
    assert [t.effects for t in hub.commit_step()] == [1, 2]
    hub.close(clean=False)
    files.kill()
    files.restart(power_loss=True)
    hub = TaskHub.open(HUB, env, SMALL)
    assert not hub.recovery.degraded
    assert len(hub.history("a")) == 8
    assert len(hub.history("b")) == 4


def test_a_batch_that_did_not_fit_is_taken_back_from_the_journal() -> None:
    files, env = faulty()
    hub = TaskHub.open(HUB, env, SMALL)
    commit(hub, (A, first_episode()))
    segment = f"{HUB}/journal/{env.files.list(f'{HUB}/journal')[0]}"
    committed = read_file(env.files, segment)
    files.faults.is_full = True
    hub.submit(Transaction([Append(B, first_episode())]))
    for _ in range(6):
        with pytest.raises(NoSpace):
            hub.commit_step()
        assert read_file(env.files, segment) == committed


def test_a_full_disk_at_a_rotation_is_waited_out_too() -> None:
    files, env = faulty()
    hub = TaskHub.open(HUB, env, HubSettings(segment_bytes=100))
    commit(hub, (A, first_episode()))
    files.faults.is_full = True
    hub.submit(Transaction([Append(B, first_episode())]))
    for _ in range(3):
        with pytest.raises(NoSpace):
            hub.commit_step()
    with pytest.raises(NoSpace):
        hub.compact()
    files.faults.is_full = False
    hub.commit_step()
    hub.compact()
    hub.close(clean=False)
    hub = TaskHub.open(HUB, env, SMALL)
    assert not hub.recovery.degraded
    assert len(hub.history("a")) == len(hub.history("b")) == 4


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC])
def test_a_failed_sync_of_the_journal_stops_the_hub_for_good(number: int) -> None:
    files, env = faulty()
    hub = TaskHub.open(HUB, env, SMALL)
    commit(hub, (A, first_episode()))
    hub.submit(Transaction([Append(A, last_episode())]))
    files.faults.fail_at[files.calls + 2] = number  # the write, then the sync
    with pytest.raises(HostStopped):
        hub.commit_step()
    assert len(hub.history("a")) == 4
    for attempt in (
        hub.commit_step,
        hub.materialise_step,
        hub.compact,
        lambda: hub.submit(Transaction([Append(B, first_episode())])),
    ):
        with pytest.raises(HostStopped):
            attempt()
    hub.close()


def test_any_failed_sync_of_a_compaction_stops_the_hub() -> None:
    for offset in range(1, 30):
        files, env = faulty()
        hub = TaskHub.open(HUB, env, SMALL)
        commit(hub, (A, first_episode()))
        before = files.failed_syncs
        files.faults.fail_at[files.calls + offset] = errno.EIO
        raised: type[Exception] | None = None
        try:
            hub.compact()
        except (HostStopped, OSError) as error:
            raised = type(error)
        if files.failed_syncs > before:
            assert raised is HostStopped, offset
            with pytest.raises(HostStopped):
                commit(hub, (B, first_episode()))
        files.kill()
        files.restart(power_loss=True)
        hub = TaskHub.open(HUB, env, SMALL)
        assert len(hub.history("a")) == 4


def test_history_files_that_cannot_be_written_are_tried_again() -> None:
    files, env = faulty()
    hub = TaskHub.open(HUB, env, SMALL)
    commit(hub, (A, first_episode()))
    files.faults.write_failures, files.faults.write_errno = 1.0, errno.EIO
    with pytest.raises(OSError, match=r"Input/output|I/O"):
        hub.materialise_step()
    assert len(hub.history("a")) == 4
    files.faults.write_failures = 0.0
    hub.materialise_step()
    assert len(hub.history("a")) == 4
    assert file_of(env, hub, A).count(b"\n") == 4


def test_running_out_of_memory_while_committing_stops_the_hub(hub: TaskHub, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_memory(*_: object) -> None:
        raise MemoryError

    hub.submit(Transaction([Append(A, first_episode())]))
    monkeypatch.setattr("dfcli.storage.published.Published.publish", no_memory)
    with pytest.raises(HostStopped):
        hub.commit_step()


# -- identity


def test_a_hub_of_a_newer_version_is_refused_with_the_version_it_needs(tmp_path: Path) -> None:
    path = str(tmp_path / "hub")
    TaskHub.open(path, disk_env(), SMALL).close()
    identity = json.loads((tmp_path / "hub" / "hub.json").read_text())
    for change, says in (
        ({"Major": 2}, "needs a dfcli for format 2"),
        ({"Incompatible": ["packs"]}, "knows packs"),
        ({"ReadOnlyCompatible": ["extra"]}, "knows extra"),
        ({"Format": "other"}, "another program"),
    ):
        (tmp_path / "hub" / "hub.json").write_text(json.dumps({**identity, **change}))
        with pytest.raises(HubUnreadable) as refused:
            TaskHub.open(path, disk_env(), SMALL)
        assert says in refused.value.why
    (tmp_path / "hub" / "hub.json").write_text(json.dumps({**identity, "Minor": 7, "Unknown": [1]}))
    TaskHub.open(path, disk_env(), SMALL).close()


def test_a_folder_with_other_things_in_it_is_no_hub(tmp_path: Path) -> None:
    (tmp_path / "hub").mkdir(mode=0o700)
    (tmp_path / "hub" / "thesis.docx").write_text("precious")
    with pytest.raises(HubUnreadable) as refused:
        TaskHub.open(str(tmp_path / "hub"), disk_env(), SMALL)
    assert "thesis.docx" in refused.value.why
    assert [p.name for p in (tmp_path / "hub").iterdir() if p.name != "hub.lock"] == ["thesis.docx"]


def test_a_hub_that_lost_its_identity_is_not_made_anew(env: Env) -> None:
    hub = TaskHub.open(HUB, env, SMALL)
    commit(hub, (A, first_episode()))
    hub.close()
    env.files.unlink(f"{HUB}/hub.json")
    with pytest.raises(HubUnreadable):
        TaskHub.open(HUB, env, SMALL)


def test_files_in_memory_are_a_hub_of_their_own() -> None:
    assert isinstance(memory_env().files, MemoryFiles)
    hubs = [TaskHub.open(HUB, memory_env(), SMALL) for _ in range(2)]
    commit(hubs[0], (A, first_episode()))
    assert hubs[1].summary("a") is None
