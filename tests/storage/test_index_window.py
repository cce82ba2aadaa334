"""What readers see while rows of the index are being written by another thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dfcli.errors import NotFound
from dfcli.model.ids import ExecutionKey
from dfcli.storage.taskhub import TaskHub
from dfcli.storage.transaction import Purge, Transaction
from tests.storage.support import SMALL, commit, first_episode, last_episode, memory_env

A = ExecutionKey("a", 1)


@pytest.fixture
def hub() -> TaskHub:
    hub = TaskHub.open("/hub", memory_env(), SMALL)
    commit(hub, (A, first_episode()))
    hub.materialise_step(everything=True)
    return hub


def while_rows_are_written(hub: TaskHub, monkeypatch: pytest.MonkeyPatch, look: Callable[[], None]) -> None:
    """Look before and after the rows are in the index, and before the hub has heard that they are."""
    index = hub._filing._index
    write = index.write

    def watched(*arguments: Any, **more: Any) -> None:
        look()
        write(*arguments, **more)
        look()

    monkeypatch.setattr(index, "write", watched)
    hub._filing.write_index()
    monkeypatch.undo()


def test_a_purged_instance_is_gone_though_the_index_has_its_row(hub: TaskHub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.submit(Transaction(purges=[Purge("a", 1)]))
    hub.commit_step()
    looks: list[object] = []

    def look() -> None:
        looks.append(hub.summary("a"))
        with pytest.raises(NotFound):
            hub.executions("a")

    while_rows_are_written(hub, monkeypatch, look)
    assert looks == [None, None]
    assert hub.summary("a") is None


def test_an_ended_instance_does_not_go_back_to_what_the_index_knew(
    hub: TaskHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(hub, (A, last_episode()))
    looks: list[str] = []

    def look() -> None:
        hub._filing._write_files(True)  # another thread's step: the lines are in their file now
        summary = hub.summary("a")
        assert summary is not None
        looks.append(summary.status)

    while_rows_are_written(hub, monkeypatch, look)
    assert looks == ["Completed", "Completed"]
