"""A fault of our own in the middle of a turn: the host ends and says so; it never stands still."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import dfcli as df
from dfcli.errors import OutcomeUnknown, Unavailable
from dfcli.host.host import Host

app = df.DFApp()


@app.orchestration_trigger()
def waiting(context: df.DurableOrchestrationContext) -> Any:
    return (yield context.wait_for_external_event("go"))


def test_a_host_that_cannot_record_an_episode_ends_instead_of_hanging(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene() -> None:
        host = Host(app, hub=":memory:")
        ended = asyncio.Event()
        host.on_death = lambda _: ended.set()
        await host.start()
        await host.start_instance("waiting", instance_id="a")
        monkeypatch.setattr(host.scheduler.recorder, "record", _broken)
        with pytest.raises((OutcomeUnknown, Unavailable)):
            await host.start_instance("waiting", instance_id="b")
        await ended.wait()
        assert isinstance(host.stopped, ZeroDivisionError)
        with pytest.raises(Unavailable):
            await host.start_instance("waiting", instance_id="c")
        await host.stop()

    asyncio.run(asyncio.wait_for(scene(), 20))


def _broken(*_: object) -> None:
    raise ZeroDivisionError("a fault of ours")
