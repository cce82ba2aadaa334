"""`docs/on-disk-format.md` names every kind of line and everything a hub's folder holds."""

from __future__ import annotations

from pathlib import Path

import pytest

import dfcli as df
from dfcli.model import history as h
from tests.host.running import in_real_time

PAGE = (Path(__file__).parent.parent.parent / "docs" / "on-disk-format.md").read_text()
OPERATIONS = ["Purge", "HostStarted", "CleanShutdown", "Dispatch"]


@pytest.mark.parametrize("kind", [kind.__name__ for kind in h.HistoryEvent.__subclasses__()])
def test_a_kind_of_line_is_described(kind: str) -> None:
    assert f"`{kind}" in PAGE or f" {kind} " in PAGE


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_operation_of_the_journal_is_described(operation: str) -> None:
    assert f"`{operation}`" in PAGE


def test_everything_in_the_folder_of_a_hub_is_described(tmp_path: Path) -> None:
    app = df.DFApp()

    @app.orchestration_trigger()
    def hello(context: df.DurableOrchestrationContext) -> str:
        return "x" * 100_000

    async def run(host: df.Host) -> set[str]:
        await host.client.wait(await host.client.start_new("hello"))
        host.hub.materialise_step(everything=True)
        return {path.name for path in (tmp_path / "hub").iterdir()}

    found = in_real_time(app, str(tmp_path / "hub"), run) | {path.name for path in (tmp_path / "hub").iterdir()}
    described = PAGE.partition("```\n")[2].partition("```")[0]
    missing = {name for name in found if name.removesuffix("-wal").removesuffix("-shm") not in described}
    assert missing == set()
