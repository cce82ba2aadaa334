"""Recovery: what a crash left is put right; what is damaged is named, kept and not run; nothing is lost in silence."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dfcli.env.environment import Env
from dfcli.env.files import Files
from dfcli.errors import Quarantined
from dfcli.model.ids import ExecutionKey
from dfcli.storage.codec import seal
from dfcli.storage.durable import read_file
from dfcli.storage.index import Index
from dfcli.storage.invariants import verify
from dfcli.storage.settings import HubSettings
from dfcli.storage.taskhub import TaskHub
from dfcli.storage.transaction import Append, Dispatch, Purge, Transaction
from tests.storage.support import SMALL, commit, first_episode, last_episode, memory_env

HUB = "/hub"
KEYS = [ExecutionKey(name, 1) for name in ("a", "b", "c", "d")]
A, B, C, D = KEYS


def died(env: Env, *, settings: HubSettings = SMALL, materialise: bool = False) -> None:
    """A hub with four instances, one batch each, then one more batch for a, whose process died."""
    hub = TaskHub.open(HUB, env, settings)
    for key in KEYS:
        commit(hub, (key, first_episode()))
    commit(hub, (A, last_episode()))
    if materialise:
        hub.materialise_step()
    hub.close(clean=False)


def journal_path(env: Env) -> str:
    return f"{HUB}/journal/{max(env.files.list(f'{HUB}/journal'))}"


def change(files: Files, path: str, how: Callable[[bytes], bytes]) -> None:
    data = read_file(files, path)
    assert data is not None
    new = how(data)
    file = files.open(path, write=True)
    file.truncate(0)
    file.pwrite(new, 0)


def quarantine_names(env: Env) -> list[str]:
    return sorted(env.files.list(f"{HUB}/quarantine"))


@pytest.fixture
def env() -> Env:
    return memory_env()


def test_a_torn_tail_is_dropped_and_its_bytes_are_kept(env: Env) -> None:
    died(env)
    torn = b'{"Seq":9,"EventType":"EventRaised","EventId":-1,"Time'
    change(env.files, journal_path(env), lambda data: data + torn)
    hub = TaskHub.open(HUB, env, SMALL)
    assert hub.recovery.torn_bytes == len(torn)
    assert not hub.recovery.degraded
    assert hub.recovery.quarantined == []
    (kept,) = quarantine_names(env)
    assert kept.startswith("tail-")
    assert read_file(env.files, f"{HUB}/quarantine/{kept}") == torn
    assert [len(hub.history(key.instance_id)) for key in KEYS] == [8, 4, 4, 4]


def test_a_tail_that_the_watermark_says_was_durable_is_damage(env: Env) -> None:
    died(env)
    change(env.files, journal_path(env), lambda data: data[:-30])
    hub = TaskHub.open(HUB, env, SMALL)
    assert hub.recovery.degraded
    assert "were durable" in hub.recovery.damages[0].why
    assert hub.recovery.quarantined == ["a"]
    assert any(name.startswith("segment-") for name in quarantine_names(env))


def test_a_tail_whose_lines_are_already_in_a_file_is_damage(env: Env) -> None:
    died(env, materialise=True)
    env.files.unlink(f"{HUB}/watermark")
    Index.delete(HUB, env)
    change(env.files, journal_path(env), lambda data: data[:-30])
    hub = TaskHub.open(HUB, env, SMALL)
    assert hub.recovery.degraded
    assert hub.recovery.quarantined == ["a"]
    assert len(hub.history("a")) == 8
    assert [len(hub.history(key.instance_id)) for key in KEYS[1:]] == [4, 4, 4]


def test_a_tail_that_the_index_has_is_damage(env: Env) -> None:
    died(env, materialise=True)
    env.files.unlink(f"{HUB}/watermark")
    change(env.files, journal_path(env), lambda data: data[: data.rindex(b'{"Seq":5')])
    for shard in env.files.list(f"{HUB}/instances"):
        if "a.1.jsonl" in env.files.list(f"{HUB}/instances/{shard}"):
            env.files.unlink(f"{HUB}/instances/{shard}/a.1.jsonl")
    hub = TaskHub.open(HUB, env, SMALL)
    assert hub.recovery.degraded
    assert "the index holds batch 5" in [damage.why for damage in hub.recovery.damages]


def test_no_changed_byte_of_the_journal_passes_in_silence() -> None:
    """After a process crash the watermark is right, so nothing of the journal can be taken for a torn tail."""
    env = memory_env()
    died(env)
    whole = read_file(env.files, journal_path(env))
    assert whole is not None
    for position in range(0, len(whole), 3):
        env = memory_env()
        died(env)
        change(env.files, journal_path(env), lambda data, at=position: flipped(data, at))
        hub = TaskHub.open(HUB, env, SMALL)
        assert hub.recovery.degraded, position
        for key in KEYS:
            summary = hub.summary(key.instance_id)
            if summary is not None and not summary.quarantined:
                assert len(hub.history(key.instance_id)) in (4, 8)
        again = hub.recovery.quarantined
        hub.close(clean=False)
        hub = TaskHub.open(HUB, env, SMALL)
        assert hub.recovery.degraded, "until it is acknowledged"
        assert hub.recovery.quarantined == []
        marked = [key.instance_id for key in KEYS if (s := hub.summary(key.instance_id)) is not None and s.quarantined]
        assert sorted(marked) == [name for name in again if hub.summary(name) is not None]


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def test_a_damaged_batch_costs_the_instances_it_names_and_no_other(env: Env) -> None:
    died(env)
    change(
        env.files,
        journal_path(env),
        lambda data: data.replace(b'"InstanceId":"b","Exec":1,"Name":"S', b'"InstanceId":"b","Exec":1,"Name":"T', 1),
    )
    hub = TaskHub.open(HUB, env, SMALL)
    assert hub.recovery.quarantined == ["b"]
    assert hub.recovery.damaged_bytes > 0
    assert [len(hub.history(key.instance_id)) for key in (A, C, D)] == [8, 4, 4]
    commit(hub, (C, last_episode()))
    assert hub.summary("b") is None, "its batch cannot be trusted as a whole"


def test_lines_after_a_lost_batch_show_by_their_gap(env: Env) -> None:
    hub = TaskHub.open(HUB, env, SMALL)
    commit(hub, (A, first_episode()), (B, first_episode()))
    commit(hub, (A, last_episode()[:1]))
    commit(hub, (A, last_episode()[1:]))
    commit(hub, (B, last_episode()))
    hub.close(clean=False)
    change(env.files, journal_path(env), lambda data: data.replace(data[data.index(b'{"Seq":5') :][:60], b"\0" * 60, 1))
    hub = TaskHub.open(HUB, env, SMALL)
    assert hub.recovery.quarantined == ["a"]
    assert len(hub.history("a")) == 4
    assert len(hub.history("b")) == 8


def test_a_missing_segment_is_reported(env: Env) -> None:
    died(env, settings=HubSettings(segment_bytes=300))
    names = sorted(env.files.list(f"{HUB}/journal"))
    env.files.unlink(f"{HUB}/journal/{names[1]}")
    hub = TaskHub.open(HUB, env, SMALL)
    assert any("is missing" in damage.why for damage in hub.recovery.damages)


def test_a_segment_of_another_hub_is_not_read(env: Env) -> None:
    died(env)
    other = memory_env()
    hub = TaskHub.open("/other", other, SMALL)
    for name in ("x", "y", "z"):
        commit(hub, (ExecutionKey(name, 1), first_episode()))
    hub.close(clean=False)
    change(env.files, f"{HUB}/hub.json", lambda data: data.replace(b'"HubId":"', b'"HubId":"9')[: len(data) + 1])
    hub = TaskHub.open(HUB, env, SMALL)
    assert "it belongs to another hub" in [damage.why for damage in hub.recovery.damages]
    assert hub.summary("a") is None


@pytest.mark.parametrize("name", ["watermark", "running.json", "index.sqlite"])
def test_deleting_what_is_derived_is_safe(env: Env, name: str) -> None:
    died(env, materialise=True)
    if name == "index.sqlite":
        Index.delete(HUB, env)
    elif env.files.exists(f"{HUB}/{name}"):
        env.files.unlink(f"{HUB}/{name}")
    hub = TaskHub.open(HUB, env, SMALL)
    assert not hub.recovery.degraded
    assert hub.recovery.index_rebuilt == (name == "index.sqlite")
    assert [len(hub.history(key.instance_id)) for key in KEYS] == [8, 4, 4, 4]


def test_files_written_only_in_part_are_written_again(env: Env) -> None:
    died(env, materialise=True)
    for shard in env.files.list(f"{HUB}/instances"):
        for name in env.files.list(f"{HUB}/instances/{shard}"):
            change(env.files, f"{HUB}/instances/{shard}/{name}", lambda data: data[: len(data) // 2] + b"\0" * 40)
    hub = TaskHub.open(HUB, env, SMALL)
    assert hub.recovery.quarantined == []
    assert [len(hub.history(key.instance_id)) for key in KEYS] == [8, 4, 4, 4]


def test_a_file_that_lost_what_was_compacted_is_quarantined_and_the_journal_lines_are_kept(env: Env) -> None:
    hub = TaskHub.open(HUB, env, SMALL)
    commit(hub, (A, first_episode()), (B, first_episode()))
    hub.compact()
    commit(hub, (A, last_episode()))
    hub.close(clean=False)
    for shard in env.files.list(f"{HUB}/instances"):
        if "a.1.jsonl" in env.files.list(f"{HUB}/instances/{shard}"):
            change(env.files, f"{HUB}/instances/{shard}/a.1.jsonl", lambda data: data[:300])
    hub = TaskHub.open(HUB, env, SMALL)
    assert hub.recovery.quarantined == ["a"]
    (kept,) = [name for name in quarantine_names(env) if name.startswith("lines-a.1-")]
    assert (read_file(env.files, f"{HUB}/quarantine/{kept}") or b"").count(b"\n") == 4
    with pytest.raises(Quarantined):
        hub.submit(Transaction([Append(A, last_episode())]))
    assert len(hub.history("b")) == 4


def test_recovering_twice_is_the_same_as_once(env: Env) -> None:
    died(env)
    change(env.files, journal_path(env), lambda data: flipped(data, 700))
    first = TaskHub.open(HUB, env, SMALL)
    seen = {key: first.lines(key.instance_id) for key in KEYS if first.summary(key.instance_id)}
    names = quarantine_names(env)
    first.close(clean=False)
    second = TaskHub.open(HUB, env, SMALL)
    assert {key: second.lines(key.instance_id) for key in KEYS if second.summary(key.instance_id)} == seen
    assert quarantine_names(env) == names


# -- crash loops


def crash(env: Env, *, dispatches: bool, clean: bool = False, compact: bool = False) -> TaskHub:
    hub = TaskHub.open(HUB, env, SMALL)
    hub.host_started("incarnation", "0.1")
    if hub.summary("a") is None:
        commit(hub, (A, first_episode()))
    if dispatches:
        hub.submit(Transaction(dispatches=[Dispatch(A, 0, 3, 1)]))
        commit(hub, (ExecutionKey(f"x{hub.next_exec('x')}", hub.next_exec("x")), first_episode()))
        hub.submit(Transaction(purges=[Purge("x1", 9)]))
        hub.commit_step()
    if compact:
        hub.compact()
    hub.close(clean=clean)
    return hub


@pytest.mark.parametrize("compact", [False, True])
def test_a_task_in_flight_at_three_unclean_stops_becomes_a_suspect(env: Env, compact: bool) -> None:
    for expected in (False, True, True):
        hub = crash(env, dispatches=True, compact=compact)
        assert hub.recovery.unclean_stop == expected
        assert hub.recovery.suspects == []
    hub = TaskHub.open(HUB, env, SMALL)
    assert hub.recovery.unclean_stop
    assert [(task.key, task.task_id, task.crashes) for task in hub.recovery.suspects] == [(A, 0, 3)]
    hub.close()
    hub = TaskHub.open(HUB, env, SMALL)
    assert [task.crashes for task in hub.recovery.suspects] == [3], "a command that opens the hub counts nothing"
    commit(hub, (A, last_episode()))
    hub.close()
    assert TaskHub.open(HUB, env, SMALL).recovery.suspects == []


def test_a_clean_stop_ends_the_count(env: Env) -> None:
    for _ in range(2):
        crash(env, dispatches=True)
    crash(env, dispatches=True, clean=True)
    for _ in range(2):
        hub = crash(env, dispatches=True)
        assert hub.recovery.suspects == []


def test_tasks_that_were_not_dispatched_are_not_suspected(env: Env) -> None:
    for _ in range(4):
        hub = crash(env, dispatches=False)
    assert hub.recovery.suspects == []
    assert hub.recovery.unclean_stop


# -- left-overs, and the check of a whole hub


def test_blobs_whose_batch_was_never_committed_are_collected(env: Env) -> None:
    settings = HubSettings(inline_bytes_max=100)
    hub = TaskHub.open(HUB, env, settings)
    long = b'"%b"' % (b"x" * 70_000)
    commit(hub, (A, first_episode(input=long)))
    shard = env.files.list(f"{HUB}/blobs")[0]
    used = env.files.list(f"{HUB}/blobs/{shard}/a.1")
    env.files.open(f"{HUB}/blobs/{shard}/a.1/{'0' * 32}.json", write=True, create=True).close()
    env.files.make_dir(f"{HUB}/blobs/00") if not env.files.exists(f"{HUB}/blobs/00") else None
    env.files.make_dir(f"{HUB}/blobs/00/never-was.1")
    env.files.open(f"{HUB}/blobs/00/never-was.1/{'1' * 32}.json", write=True, create=True).close()
    env.files.open(f"{HUB}/.hub.json.0123.tmp", write=True, create=True).close()
    hub.close(clean=False)
    assert {finding.invariant for finding in verify(HUB, env)} == {"I25"}
    hub = TaskHub.open(HUB, env, settings)
    assert env.files.list(f"{HUB}/blobs/{shard}/a.1") == used
    assert "never-was.1" not in env.files.list(f"{HUB}/blobs/00")
    assert not [name for name in env.files.list(HUB) if name.endswith(".tmp")]
    assert len(hub.history("a")) == 4
    assert verify(HUB, env) == []


def test_a_sound_hub_has_no_findings_at_rest_dead_or_recovered(env: Env) -> None:
    died(env)
    assert verify(HUB, env) == []
    hub = TaskHub.open(HUB, env, SMALL)
    assert verify(HUB, env) == []
    hub.submit(Transaction(purges=[Purge("b", 1)]))
    hub.commit_step()
    assert verify(HUB, env) == []
    hub.close()
    assert verify(HUB, env) == []


@pytest.mark.parametrize(
    ("invariant", "old", "new"),
    [
        ("I5", b'"Name":"Hello"', b'"Name":"Hullo"'),
        ("I13", b'"Consumed":1', b'"Consumed":2'),
        ("I28", b"T00:00:01.000000Z", b"S00:00:00.000000Z"),
        ("I4", b'"EventType":"ExecutionStarted"', b'"EventType":"EventRaised"'),
        ("I10", b'"EventType":"TaskScheduled"', b'"EventType":"ExecutionCompleted","OrchestrationStatus":"Failed"'),
        ("I25", b'"Name":"Hello"', b'"InputBlob":{"Sha256":"' + b"0" * 64 + b'","Bytes":1},"Name":"Hello"'),
    ],
)
def test_verify_names_the_invariant_that_does_not_hold(env: Env, invariant: str, old: bytes, new: bytes) -> None:
    hub = TaskHub.open(HUB, env, SMALL)
    commit(hub, (A, first_episode()), (A, last_episode()))
    hub.close()
    shard = env.files.list(f"{HUB}/instances")[0]

    def edit(data: bytes) -> bytes:
        lines = [line.replace(old, new) for line in data.split(b"\n")[:-1]]
        assert b"".join(lines) != data.replace(b"\n", b"")
        return b"".join(line + b"\n" if invariant == "I5" else seal(line[:-18]) for line in lines)

    change(env.files, f"{HUB}/instances/{shard}/a.1.jsonl", edit)
    assert invariant in {finding.invariant for finding in verify(HUB, env)}


def test_verify_finds_an_index_that_is_not_what_the_files_say(env: Env) -> None:
    hub = TaskHub.open(HUB, env, SMALL)
    commit(hub, (A, first_episode()))
    hub.close()
    index = Index.open(HUB, env)
    summary = index.get("a")
    assert summary is not None
    summary.status = "Completed"
    index.write([summary], [], index.applied_batch)
    assert [finding.invariant for finding in verify(HUB, env)] == ["I21"]
