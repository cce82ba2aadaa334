"""The index: rows round-trip, pages agree with a plain filter, a broken one says so."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Iterator

import pytest
from msgspec import Raw

from dfcli.env.environment import Env
from dfcli.env.memory import MemoryFiles
from dfcli.errors import InvalidArgument
from dfcli.model import history as h
from dfcli.model.entity_status import EntityFacts
from dfcli.model.failure import FailureDetails
from dfcli.model.payload import Payload
from dfcli.model.query import InstanceFilter
from dfcli.model.status import InstanceSummary
from dfcli.model.time import timestamp_from_epoch
from dfcli.storage.index import UNFINISHED, Index, IndexUnusable
from dfcli.storage.paging import page_of

STATUSES = ["Running", "Completed", "ContinuedAsNew", "Failed", "Terminated", "Pending", "Suspended"]


def memory_env() -> Env:
    env = Env(files=MemoryFiles(), spawn=None)
    env.files.make_dir("/hub")
    write_hub_json(env, "/hub", "the-hub")
    return env


def write_hub_json(env: Env, hub: str, hub_id: str) -> None:
    file = env.files.open(f"{hub}/hub.json", write=True, create=True)
    file.pwrite(json.dumps({"Format": "dfcli-hub", "HubId": hub_id}).encode(), 0)
    file.close()


@pytest.fixture(params=["memory", "disk"])
def place(request: pytest.FixtureRequest, tmp_path: object) -> Iterator[tuple[str, Env]]:
    if request.param == "memory":
        yield "/hub", memory_env()
        return
    env = Env()
    write_hub_json(env, str(tmp_path), "the-hub")
    yield str(tmp_path), env


def summary(instance_id: str, second: int = 0, **members: object) -> InstanceSummary:
    return InstanceSummary(
        instance_id=instance_id, created=timestamp_from_epoch(1_767_225_600 + second), **{"exec": 1, **members}
    )


def crowd(seed: int, count: int = 400) -> list[InstanceSummary]:
    rng = random.Random(seed)
    people = []
    for number in range(count):
        parent = None
        if rng.random() < 0.2:
            parent = h.Parent(
                instance_id=f"p{rng.randrange(3)}", exec=1, execution_id="e", task_scheduled_id=0, seq=3, name="top"
            )
        name = rng.choice(["Hello", "hello", "fanOut", "monitor"])
        prefix = rng.choice(["order-", "é", "😀", "x"])
        status = rng.choice(STATUSES)
        people.append(summary(f"{prefix}{number}", rng.randrange(40), name=name, status=status, parent=parent))
    return people


def test_a_summary_comes_back_as_it_was_written(place: tuple[str, Env]) -> None:
    index = Index.create(*place)
    full = summary(
        "order-42",
        exec=3,
        name="Hello",
        version="1.2",
        execution_id="abc",
        status="Failed",
        updated="2026-01-02T03:04:05.678901Z",
        last_seq=12,
        last_timestamp="2026-01-02T03:04:05.678901Z",
        consumed=10,
        last_inbound=10,
        input=Payload(Raw(b'{"a":[1,"\xc3\xa9"]}')),
        output=Payload(text="NaN"),
        custom_status=Payload(Raw(b"0")),
        failure=FailureDetails(
            error_type="E", error_message="m", inner_failure=FailureDetails(error_type="I", error_message="n")
        ),
        parent=h.Parent(instance_id="p", exec=1, execution_id="x", task_scheduled_id=4, seq=9),
        tags={"k": "v"},
        bytes=1234,
        generation=2,
        request_id="r-1",
        rewinds=2,
        scheduled_start="2027-01-01T00:00:00.000000Z",
        open_activities=3,
        next_timer="2027-01-01T00:00:00.000000Z",
        suspended=True,
        quarantined="line 4 is damaged",
        entity=EntityFacts(state=Raw(b"[1]"), waiting=2, locked_by="i1", lock_request="r"),
    )
    in_memory_only = {"open_tasks", "open_timers", "open_children", "complete"}
    defaults = InstanceSummary(instance_id="", exec=0)
    unset = {name for name in full.__struct_fields__ if getattr(full, name) == getattr(defaults, name)}
    assert unset == in_memory_only, "a new member of the summary must be kept by the index too"
    live = summary("live", open_activities=2, next_timer="2027-01-01T00:00:00.000000Z", suspended=True, complete=False)
    index.write([full, live], [], 7)
    assert index.get("order-42") == full
    assert index.get("live") == live
    assert index.get("nobody") is None
    index.close()
    reopened = Index.open(*place)
    assert reopened.applied_batch == 7
    assert reopened.get("order-42") == full
    reopened.close()


@pytest.mark.parametrize("seed", range(4))
def test_pages_agree_with_a_filter_over_everything(place: tuple[str, Env], seed: int) -> None:
    index = Index.create(*place)
    people = crowd(seed)
    index.write(people, [], 1)
    rng = random.Random(seed)
    print(f"seed={seed}")
    for _ in range(60):
        which = InstanceFilter(
            statuses=frozenset(rng.sample([*STATUSES, "Canceled"], rng.choice([0, 0, 1, 2, 8]))),
            names=frozenset(rng.sample(["HELLO", "hello", "fanout", "nobody"], rng.choice([0, 0, 1, 3]))),
            prefix=rng.choice(["", "", "order-", "order-1", "é", "😀", "none"]),
            created_from=rng.choice([None, people[0].created]),
            created_to=rng.choice([None, people[1].created]),
            parent_id=rng.choice([None, None, "p1", "nobody"]),
            newest_first=rng.random() < 0.5,
        )
        top = rng.choice([1, 7, 1000])
        token, seen = "", []
        while True:
            page = index.query(which, top=top, continuation=token)
            assert page == page_of(people_without_sets(people), which, top, token)
            seen += [item.instance_id for item in page.items]
            token = page.continuation
            if not token:
                break
        assert sorted(seen) == sorted(p.instance_id for p in people if which.matches(p))
    index.close()


def people_without_sets(people: list[InstanceSummary]) -> list[InstanceSummary]:
    for person in people:
        person.complete = person.status in {"Completed", "Failed", "Terminated"}
    return people


def test_an_instance_written_again_is_one_row_and_a_removed_one_none(place: tuple[str, Env]) -> None:
    index = Index.create(*place)
    index.write([summary("a"), summary("b"), summary("c")], [], 1)
    index.write([summary("a", status="Completed"), summary("c", exec=2)], ["b", "c"], 2)
    assert [item.instance_id for item in index.query(InstanceFilter(), top=9).items] == ["a", "c"]
    assert index.live() == 1
    found = index.get("c")
    assert found is not None
    assert found.exec == 2
    index.close()


def test_only_instances_with_something_to_do_have_work(place: tuple[str, Env]) -> None:
    index = Index.create(*place)
    rows = [
        summary("due", status="Running", consumed=1, last_inbound=2),
        summary("open", status="Running", open_activities=1),
        summary("timer", status="Suspended", next_timer="2027-01-01T00:00:00.000000Z"),
        summary("waiting", status="Running", consumed=2, last_inbound=2),
        summary("done", status="Completed", last_inbound=3),
        summary("damaged", status="Running", open_activities=1, quarantined="bad line"),
        summary("damaged-timer", status="Running", next_timer="2027-01-01T00:00:00.000000Z", quarantined="bad line"),
    ]
    index.write(rows, [], 1)
    assert sorted(item.instance_id for item in index.with_work()) == ["due", "open", "timer"]
    index.close()


def test_all_work_is_found_when_it_fills_many_pages() -> None:
    index = Index.create("/hub", memory_env())
    index.write([summary(f"i{n}", n % 5, status="Running", open_activities=1) for n in range(2_500)], [], 1)
    assert len({item.instance_id for item in index.with_work()}) == 2_500


@pytest.mark.parametrize("token", ["x", "!!!", "AAAA", "é", "AAAAAFtd", "W10"])
def test_a_token_nobody_handed_out_is_refused(token: str) -> None:
    index = Index.create("/hub", memory_env())
    with pytest.raises(InvalidArgument, match="continuation token"):
        index.query(InstanceFilter(), top=1, continuation=token)


def test_a_token_of_the_other_order_is_refused() -> None:
    index = Index.create("/hub", memory_env())
    index.write([summary("a"), summary("b")], [], 1)
    token = index.query(InstanceFilter(), top=1).continuation
    with pytest.raises(InvalidArgument, match="other order"):
        index.query(InstanceFilter(newest_first=True), top=1, continuation=token)
    with pytest.raises(InvalidArgument, match="page of 0"):
        index.query(InstanceFilter(), top=0)


def test_a_missing_index_must_be_rebuilt(place: tuple[str, Env]) -> None:
    with pytest.raises(IndexUnusable):
        Index.open(*place)
    with pytest.raises(IndexUnusable):
        Index.open(*place, read_only=True)


def test_an_index_of_another_hub_must_be_rebuilt(place: tuple[str, Env]) -> None:
    Index.create(*place).write([], [], 4)
    write_hub_json(place[1], place[0], "another")
    with pytest.raises(IndexUnusable, match="another hub"):
        Index.open(*place)


def test_an_unfinished_rebuild_is_begun_again(place: tuple[str, Env]) -> None:
    index = Index.create(*place)
    index.write([summary("a")], [], UNFINISHED)
    index.close()
    with pytest.raises(IndexUnusable, match="not finished"):
        Index.open(*place)
    Index.create(*place).write([], [], 1)
    index = Index.open(*place)
    assert index.get("a") is None
    index.close()


def test_a_failed_write_changes_nothing(place: tuple[str, Env]) -> None:
    index = Index.create(*place)
    index.write([summary("a")], [], 1)

    def rows() -> Iterator[InstanceSummary]:
        yield summary("b")
        raise MemoryError

    with pytest.raises(MemoryError):
        index.write(rows(), ["a"], 2)
    assert index.applied_batch == 1
    assert index.get("a") is not None
    assert index.get("b") is None
    index.write([summary("b")], [], 2, durable=True)
    index.close()


def test_a_damaged_index_says_so(tmp_path: object) -> None:
    place = (str(tmp_path), Env())
    write_hub_json(place[1], place[0], "the-hub")
    index = Index.create(*place)
    index.write([summary(f"i{n}") for n in range(500)], [], 1)
    index.close()
    with open(f"{tmp_path}/index.sqlite", "r+b") as file:
        file.seek(100)
        file.write(b"\xff" * 30_000)
    with pytest.raises(IndexUnusable):
        Index.open(*place).query(InstanceFilter(), top=10)
    Index.delete(*place)
    with pytest.raises(IndexUnusable, match="none"):
        Index.open(*place)


def test_readers_see_whole_batches_while_one_thread_writes(place: tuple[str, Env]) -> None:
    index = Index.create(*place)
    index.write([summary("a"), summary("b")], [], 0)
    faults: list[str] = []

    def write() -> None:
        for batch in range(1, 120):
            status = STATUSES[batch % 2]
            index.write([summary("a", status=status), summary("b", status=status)], [], batch)

    writer = threading.Thread(target=write)
    writer.start()
    both = InstanceFilter(statuses=frozenset({"Running", "Completed"}))
    while writer.is_alive():
        statuses = {item.status for item in index.query(both, top=5).items}
        if len(statuses) > 1:
            faults.append(str(statuses))
    writer.join()
    assert not faults
    index.close()


def test_the_index_on_disk_is_private(tmp_path: object) -> None:
    import os

    place = (str(tmp_path), Env())
    write_hub_json(place[1], place[0], "the-hub")
    index = Index.create(*place)
    index.write([], [], 1)
    for name in os.listdir(str(tmp_path)):
        if name.startswith("index"):
            assert os.stat(f"{tmp_path}/{name}").st_mode & 0o077 == 0, name
    index.close()


@pytest.mark.parametrize("question", ["live", "work", "page", "failed", "named"])
def test_no_question_of_a_start_or_a_list_looks_at_every_row(question: str) -> None:
    """Counted in steps of SQLite's machine: a million finished instances must cost a start nothing."""
    index = Index.create("/hub", memory_env())
    everybody = [summary(f"i{n}", n, name="Hello", status="Failed" if n % 5 else "Completed") for n in range(20_000)]
    index.write(everybody, [], UNFINISHED)
    index.make_searchable()
    index.write([], [], 1)
    steps = 0

    def count() -> None:
        nonlocal steps
        steps += 100

    index._reader.set_progress_handler(count, 100)
    match question:
        case "live":
            assert index.live() == 0
        case "work":
            assert list(index.with_work()) == []
        case "page":
            assert len(index.query(InstanceFilter(), top=100).items) == 100
        case "failed":
            assert len(index.query(InstanceFilter(statuses=frozenset({"Failed"})), top=100).items) == 100
        case _:
            assert len(index.query(InstanceFilter(names=frozenset({"hello"})), top=100).items) == 100
    index._reader.set_progress_handler(None, 0)
    assert steps < 20_000
