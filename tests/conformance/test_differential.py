"""The vendor's executor, fed with the histories our host wrote, decides as our engine did: episode by episode."""

from __future__ import annotations

import asyncio
from unittest import mock

import pytest
from hypothesis import given, settings

from dfcli.host.host import Host
from dfcli.storage.settings import HubSettings
from tests.conformance.constructs import CALLED, TABLE, Construct, activities, entities
from tests.conformance.differential import app_of, compare
from tests.conformance.programs import INSTANCE
from tests.conformance.random_programs import programs, run, scripts
from tests.conformance.test_vendor import performed
from tests.engine.programs import Program
from tests.host.running import VirtualMachine

SECONDS_MAX = 30 * 24 * 3600
WRONG_IS_REPLAYING = {
    "all_of_none": "after an empty compound the vendor's says False, also while the code is replayed",
    "any_of_none": "the same",
    "an_event_before_its_wait": "after an event that was kept for its wait the vendor's says True in new code",
}
"""Where `is_replaying` is not compared, and why: ours is right there, as `test_left_out.py` shows."""


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the vendor drops code that yields
@pytest.mark.parametrize("construct", TABLE, ids=lambda construct: construct.name)
def test_the_vendors_executor_decides_as_our_history_records(construct: Construct) -> None:
    app = app_of({construct.name: construct.orchestrator, **CALLED}, activities(), entities())

    async def play(host: Host) -> int:
        await host.client.start_new(construct.name, INSTANCE, construct.input)
        passed = 0.0
        for step in construct.script:
            await asyncio.sleep(step.at - passed)
            passed = step.at
            await host.client.raise_event(INSTANCE, step.text, step.value)
        await host.client.wait(INSTANCE, timeout=SECONDS_MAX)
        return compare(app, host, is_replaying=construct.name not in WRONG_IS_REPLAYING)

    with mock.patch("dfcli.host.http_calls.perform", performed):
        assert VirtualMachine().run(app.registry, play, hub_settings=HubSettings(keep_executions=10)) > 0


def test_the_table_holds_at_least_sixty_structures() -> None:
    names = [construct.name for construct in TABLE]
    assert len(set(names)) == len(names) >= 60


@given(program=programs, script=scripts)
@settings(max_examples=40, deadline=None, print_blob=True)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_the_vendors_executor_decides_random_orchestrators_as_our_history_records(
    program: Program, script: list[tuple[int, str, int]]
) -> None:
    assert run(program, script) > 0
