"""The commit queue while the loop's thread goes on appending to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from dfcli.errors import NoSpace
from dfcli.model.ids import ExecutionKey
from dfcli.storage.taskhub import TaskHub
from dfcli.storage.transaction import Append, Transaction
from tests.storage.support import SMALL, first_episode, memory_env


@pytest.fixture
def hub() -> Iterator[TaskHub]:
    hub = TaskHub.open("/hub", memory_env(), SMALL)
    yield hub
    hub.close()


def transaction(name: str) -> Transaction:
    return Transaction([Append(ExecutionKey(name, 1), first_episode())])


def test_a_transaction_that_is_queued_while_a_batch_is_gathered_goes_into_it_or_the_next(hub: TaskHub) -> None:
    """What the other thread does between two instructions, done on purpose in the middle of the gathering."""

    class Interrupting(list[bytes]):
        def __len__(self) -> int:
            if is_gathering and waiting:
                hub.submit(transaction(waiting.pop()))
            return super().__len__()

    committer: Any = hub._committer
    waiting = ["d", "c"]
    is_gathering: list[bool] = []
    for name in ("a", "b"):
        sealed = hub._sealer.seal(transaction(name))
        committer.submit(sealed._replace(lines=Interrupting(sealed.lines)))
    is_gathering.append(True)
    while hub.commit_step():
        pass
    assert {name for name in "abcd" if hub.summary(name) is not None} == set("abcd")


def test_a_batch_that_finds_no_space_is_tried_again_with_what_came_meanwhile(
    hub: TaskHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.submit(transaction("a"))

    def full(_: object) -> None:
        raise NoSpace("full")

    with monkeypatch.context() as patched:
        patched.setattr(hub._committer, "_write", full)
        with pytest.raises(NoSpace):
            hub.commit_step()
    hub.submit(transaction("b"))
    assert hub.queued_lines == 8
    assert len(hub.commit_step()) == 2
    assert hub.queued_lines == 0
    assert [hub.history(name)[0].seq for name in "ab"] == [1, 1]
