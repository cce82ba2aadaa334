"""What supervisors are told of a host, with its words for trouble."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from dfcli.authoring.app import DFApp
from dfcli.errors import HostStopped
from dfcli.host.host import Host
from dfcli.storage.settings import HubSettings
from tests.http.asgi_client import AsgiClient
from tests.http.fake_host import FakeHost


@pytest.mark.parametrize(
    ("word", "code"), [("ok", 200), ("degraded", 200), ("no space", 503), ("stopped", 503), ("stopping", 503)]
)
def test_a_host_that_takes_no_work_is_503(word: str, code: int) -> None:
    host = FakeHost()
    host.health = word
    client = AsgiClient(host)
    answer = client.get("/healthz")
    assert (answer.status, answer.body.decode()) == (code, f"{word}\n")
    assert client.ask("HEAD", "/healthz").status == code
    assert client.get("/dfcli/v1/health").json == {"status": word}


def test_the_host_knows_its_quarantine_its_space_and_its_end(tmp_path: Path) -> None:
    async def scenario() -> None:
        host = Host(DFApp(), hub=str(tmp_path / "hub"))
        async with host:
            assert host.health == "ok"
            host.hub.quarantine("a", "its file is damaged")
            assert host.health == "degraded"
            host.committer.no_space = True
            assert host.health == "no space"
            host.committer.no_space = False
        assert host.health == "stopped"
        async with Host(DFApp(), hub=str(tmp_path / "full"), hub_settings=HubSettings(free_bytes_min=2**62)) as full:
            assert full.health == "no space"
        failed = Host(DFApp(), hub=str(tmp_path / "failed"))
        await failed.start()
        failed.stopped = HostStopped("a sync failed")
        assert failed.health == "stopped"
        await failed.stop()

    asyncio.run(scenario())
