"""The index made again: as good as the one that is gone, and not silent when it takes long."""

from __future__ import annotations

import logging

import pytest

from dfcli.model.ids import ExecutionKey
from dfcli.model.query import InstanceFilter
from dfcli.storage import index_rebuild
from dfcli.storage.index import Index
from dfcli.storage.taskhub import TaskHub
from tests.storage.support import SMALL, commit, first_episode, last_episode, memory_env


def test_a_long_rebuild_says_how_far_it_is_and_finds_everybody(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    env = memory_env()
    hub = TaskHub.open("/hub", env, SMALL)
    for name in ("a", "b", "c"):
        commit(hub, (ExecutionKey(name, 1), [*first_episode(), *last_episode()]))
    commit(hub, (ExecutionKey("live", 1), first_episode()))
    hub.close()
    Index.delete("/hub", env)
    monkeypatch.setattr(index_rebuild, "ROWS_PER_WRITE", 1)
    monkeypatch.setattr(index_rebuild, "TELL_SECONDS", 0.0)
    with caplog.at_level(logging.WARNING, logger="dfcli.storage"):
        hub = TaskHub.open("/hub", env, SMALL)
    assert "the index is made again from the history files: 3 instances so far" in caplog.messages
    assert (hub.recovery.index_rebuilt, hub.recovery.live, hub.recovery.with_work) == (True, 1, 1)
    found = hub.query(InstanceFilter(statuses=frozenset({"Completed"})), top=9).items
    assert [summary.instance_id for summary in found] == ["a", "b", "c"]
    hub.close()
