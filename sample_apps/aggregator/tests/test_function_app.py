"""Run with `pytest`: the arithmetic is plain, and entities run on a task hub of the test's own."""

import asyncio
from pathlib import Path
from typing import Any

import dfcli as df
import pytest

import function_app
import totals


async def send(host: df.Host, readings: dict[str, list[float]]) -> None:
    for sensor, values in readings.items():
        for value in values:
            await host.client.signal_entity(df.EntityId("sensor", sensor), "add", {"value": value})


async def report(host: df.Host, sensors: list[str], *, reset: bool = False) -> Any:
    instance_id = await host.client.start_new("report", client_input={"sensors": sensors, "reset": reset})
    status = await host.client.wait(instance_id, timeout=30)
    assert status.runtime_status is df.OrchestrationRuntimeStatus.Completed, status.output
    return status.output


def test_a_report_holds_every_reading_that_was_acknowledged(tmp_path: Path) -> None:
    async def run() -> Any:
        async with df.Host(function_app.app, hub=str(tmp_path / "hub")) as host:
            await send(host, {"kitchen": [20, 22, 24], "attic": [31.5]})
            return await report(host, ["kitchen", "attic", "cellar"])

    assert asyncio.run(run()) == {
        "sensors": {
            "kitchen": {"count": 3, "mean": 22.0, "lowest": 20.0, "highest": 24.0, "last": 24.0},
            "attic": {"count": 1, "mean": 31.5, "lowest": 31.5, "highest": 31.5, "last": 31.5},
            "cellar": {"count": 0, "mean": None, "lowest": None, "highest": None, "last": None},
        },
        "warmest": "attic",
    }


def test_many_readings_at_once_are_counted_once_each(tmp_path: Path) -> None:
    async def run() -> Any:
        async with df.Host(function_app.app, hub=str(tmp_path / "hub")) as host:
            await asyncio.gather(*(send(host, {"kitchen": [number]}) for number in range(200)))
            return await report(host, ["kitchen"])

    assert asyncio.run(run())["sensors"]["kitchen"]["count"] == 200


def test_totals_outlive_the_host_and_a_reset_begins_anew(tmp_path: Path) -> None:
    async def run() -> list[Any]:
        counts = []
        async with df.Host(function_app.app, hub=str(tmp_path / "hub")) as host:
            await send(host, {"kitchen": [1, 2]})
        async with df.Host(function_app.app, hub=str(tmp_path / "hub")) as host:
            await send(host, {"kitchen": [3]})
            for _ in range(2):
                found = await report(host, ["kitchen"], reset=True)
                counts.append(found["sensors"]["kitchen"]["count"])
        return counts

    assert asyncio.run(run()) == [3, 0]


def test_a_wrong_reading_changes_nothing(tmp_path: Path) -> None:
    async def run() -> Any:
        async with df.Host(function_app.app, hub=str(tmp_path / "hub")) as host:
            await send(host, {"kitchen": [1]})
            await host.client.signal_entity(df.EntityId("sensor", "kitchen"), "add", {"value": "warm"})
            await send(host, {"kitchen": [3]})
            return await report(host, ["kitchen"])

    assert asyncio.run(run())["sensors"]["kitchen"] == {
        "count": 2,
        "mean": 2.0,
        "lowest": 1.0,
        "highest": 3.0,
        "last": 3.0,
    }


@pytest.mark.parametrize("wrong", ["warm", None, True, [1], float("nan")])
def test_what_is_no_number_is_no_reading(wrong: Any) -> None:
    with pytest.raises(ValueError, match="a reading is a number"):
        totals.checked(wrong)
