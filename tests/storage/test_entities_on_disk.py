"""Entities in a task hub: their lines and summaries, the lists they are in, and the memory they do not need."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from msgspec import Raw

from dfcli.env.environment import Env
from dfcli.model import history as h
from dfcli.model.ids import ExecutionKey
from dfcli.model.payload import Payload
from dfcli.model.query import InstanceFilter
from dfcli.storage import invariants
from dfcli.storage.sealing import Sealer
from dfcli.storage.settings import HubSettings
from dfcli.storage.taskhub import TaskHub
from dfcli.storage.transaction import Append, Transaction
from tests.storage.support import SMALL, at, commit, first_episode, memory_env, plain

HUB = "/hub"
COUNTER = ExecutionKey("@counter@a", 1)
A = ExecutionKey("a", 1)


@pytest.fixture
def env() -> Env:
    return memory_env()


def entity_lines(*, state: bytes | None = None, generation: int = 0) -> list[h.Event]:
    """A start, one operation."""
    first: dict[str, Any] = {} if state is None else {"input": Raw(state)}
    started = h.ExecutionStarted(
        seq=1,
        event_id=-1,
        timestamp=at(0),
        name="@counter",
        execution_id="e1",
        rules=h.ENTITY_RULES,
        generation=generation,
        **first,
    )
    return [started, operation(2)]


def operation(seq: int, **members: Any) -> h.EntityOperationReceived:
    return h.EntityOperationReceived(
        seq=seq, event_id=-1, timestamp=at(seq), request_id=f"r{seq}", operation="add", **members
    )


def batch(seq: int, *done: int, **members: Any) -> h.EntityBatchCompleted:
    results = [h.OperationResult(seq=number) for number in done]
    return h.EntityBatchCompleted(seq=seq, event_id=-1, timestamp=at(seq), results=results, **members)


def file_everything(hub: TaskHub) -> None:
    while hub.materialise_step(everything=True):
        pass


def state_of(hub: TaskHub, key: ExecutionKey = COUNTER) -> Payload | None:
    summary = hub.summary(key.instance_id)
    return summary.entity.payload if summary is not None and summary.entity is not None else None


def test_the_state_is_that_of_the_last_batch_and_a_batch_may_leave_it_as_it_is(env: Env) -> None:
    hub = TaskHub.open(HUB, env, SMALL)
    commit(hub, (COUNTER, [*entity_lines(), batch(3, 2, state=Raw(b"5"))]))
    commit(hub, (COUNTER, [operation(4), batch(5, 4)]))
    assert state_of(hub) == Payload(Raw(b"5"))
    commit(hub, (COUNTER, [operation(6), batch(7, 6, deleted=True)]))
    assert state_of(hub) == Payload()


def test_entities_are_in_no_list_unless_the_prefix_asks_for_them(env: Env) -> None:
    hub = TaskHub.open(HUB, env, SMALL)
    commit(hub, (COUNTER, entity_lines()), (A, first_episode()))

    def ids(**which: Any) -> list[str]:
        return [item.instance_id for item in hub.query(InstanceFilter(**which), top=10).items]

    assert ids() == ["a"]
    assert ids(statuses=frozenset({"Running"})) == ["a"]
    assert ids(names=frozenset({"hello"})) == ["a"]
    assert ids(newest_first=True) == ["a"]
    assert ids(prefix="@") == ["@counter@a"]
    assert ids(prefix="@counter@", statuses=frozenset({"Running"})) == ["@counter@a"]
    assert [item.instance_id for item in hub.entities("@counter@", "", 10)] == ["@counter@a"]
    assert hub.entities("@other@", "", 10) == hub.entities("@", "@counter@a", 10) == []


def test_entities_that_somebody_waits_for_are_loaded_at_a_start(env: Env) -> None:
    hub = TaskHub.open(HUB, env, SMALL)
    idle, locked = ExecutionKey("@counter@idle", 1), ExecutionKey("@counter@locked", 1)
    owner = h.Caller(instance_id="a", exec=1, execution_id="e")
    commit(hub, (COUNTER, entity_lines()), (idle, [*entity_lines(), batch(3, 2, state=Raw(b"5"))]))
    request = operation(2, lock_set=["@counter@locked"], caller=owner)
    granted = h.EntityLockGranted(seq=3, event_id=-1, timestamp=at(3), request_id="r2", owner=owner)
    commit(hub, (locked, [entity_lines()[0], request, granted]))
    hub.close()
    again = TaskHub.open(HUB, env, SMALL)
    assert {summary.instance_id for summary in again.with_work()} == {COUNTER.instance_id, locked.instance_id}


def test_an_entity_at_rest_leaves_memory_and_its_lines_go_on_where_they_ended(env: Env) -> None:
    hub = TaskHub.open(HUB, env, SMALL)
    lines: list[h.Event] = [*entity_lines(), batch(3, 2, state=Raw(b"5"))]
    commit(hub, (COUNTER, lines))
    hub.rest(COUNTER)
    assert COUNTER.instance_id in hub._published.summaries  # neither file nor index has it yet
    file_everything(hub)
    assert COUNTER.instance_id not in hub._published.summaries
    assert hub._sealer._writers == {}
    assert state_of(hub) == Payload(Raw(b"5"))
    more: list[h.Event] = [operation(4), batch(5, 4, state=Raw(b"6"))]
    commit(hub, (COUNTER, more))
    file_everything(hub)
    hub.rest(COUNTER)  # after everything is filed: at once
    assert COUNTER.instance_id not in hub._published.summaries
    assert plain(hub.history(COUNTER.instance_id)) == plain(lines + more)
    hub.close()
    assert invariants.verify(HUB, env, SMALL) == []


def test_looking_at_an_entity_at_rest_does_not_keep_it_in_memory(env: Env) -> None:
    hub = TaskHub.open(HUB, env, SMALL)
    commit(hub, (COUNTER, [*entity_lines(), batch(3, 2, state=Raw(b"5"))]))
    hub.rest(COUNTER)
    file_everything(hub)
    hub.history(COUNTER.instance_id)
    assert COUNTER.instance_id not in hub._published.summaries


@pytest.mark.parametrize("key", [COUNTER, A])
def test_an_instance_loaded_for_writing_while_others_commit_goes_on_where_it_ended(env: Env, key: ExecutionKey) -> None:
    """A batch of another instance may be published between the look at the file and the use of what it said."""
    hub = TaskHub.open(HUB, env, SMALL)
    lines: Sequence[h.Event] = first_episode() if key is A else [*entity_lines(), batch(3, 2, state=Raw(b"5"))]
    commit(hub, (key, lines))
    hub.close()
    hub = TaskHub.open(HUB, env, SMALL)
    loader = hub._loader
    read = loader._read
    others: list[ExecutionKey] = []

    def read_slowly(instance_id: str, exec: int | None) -> Any:
        found = read(instance_id, exec)
        if not others:  # the committing thread, in a real host
            others.append(ExecutionKey("other", 1))
            sealed = Sealer(1024, lambda _: None).seal(Transaction([Append(others[0], first_episode())]))
            hub._committer.submit(sealed)
            hub.commit_step()
        return found

    loader._read = read_slowly  # type: ignore[method-assign]
    more: h.Event
    more = h.EventRaised(seq=5, event_id=-1, timestamp=at(5), name="go") if key is A else operation(4)
    commit(hub, (key, [more]))
    loader._read = read  # type: ignore[method-assign]
    file_everything(hub)
    assert plain(hub.history(key.instance_id)) == plain([*lines, more])
    hub.close()
    assert invariants.verify(HUB, env, SMALL) == []


def test_a_long_state_is_a_blob_and_comes_back(env: Env) -> None:
    hub = TaskHub.open(HUB, env, SMALL)
    state = b'"' + b"x" * 100_000 + b'"'
    commit(hub, (COUNTER, [*entity_lines(), batch(3, 2, state=Raw(state))]))
    assert b'"StateBlob":{"Sha256":"' in hub.lines(COUNTER.instance_id)[2]
    hub.close()
    again = TaskHub.open(HUB, env, SMALL)
    (line,) = again.history(COUNTER.instance_id)[2:]
    assert isinstance(line, h.EntityBatchCompleted)
    assert bytes(line.state) == state  # type: ignore[arg-type]
    again.close()
    assert invariants.verify(HUB, env, SMALL) == []


def test_an_index_made_again_knows_entities(env: Env) -> None:
    hub = TaskHub.open(HUB, env, SMALL)
    commit(hub, (COUNTER, [*entity_lines(state=b"1", generation=3), batch(3, 2, state=Raw(b"5"))]))
    file_everything(hub)
    hub._filing.rebuild_index()
    (found,) = hub.entities("@", "", 10)
    assert found.entity is not None
    assert found.entity.payload == Payload(Raw(b"5"))
    assert found.status == "Running"


def test_a_roll_over_removes_old_executions_as_continue_as_new_does(env: Env) -> None:
    settings = HubSettings(free_bytes_min=0, keep_executions=2)
    hub = TaskHub.open(HUB, env, settings)
    for number in range(1, 5):
        key = ExecutionKey(COUNTER.instance_id, number)
        end = h.ContinueAsNew(seq=3, event_id=-1, timestamp=at(9))
        commit(hub, (key, [*entity_lines(state=b"1", generation=number - 1), *([end] if number < 4 else [])]))
    file_everything(hub)
    assert hub.executions(COUNTER.instance_id) == [3, 4]
    assert list(hub._sealer._writers) == [ExecutionKey(COUNTER.instance_id, 4)]
