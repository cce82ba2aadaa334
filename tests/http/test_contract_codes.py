"""Every route × every code of the OpenAPI document: asked of the real host, the answer held against the document."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext

import pytest

from dfcli.http.app import SERVED
from tests.http.contract_cases import DURABLE, OWN, Case
from tests.http.contract_world import Contract, World, changed, going, world_in

CASES = [*DURABLE, *OWN]
CONTRACT = Contract(SERVED)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world_in(tmp_path_factory.mktemp("hub")) as found:
        yield found
        going.set()


def test_every_route_and_code_of_the_document_has_a_case() -> None:
    asked = {(case.operation, case.code) for case in CASES}
    assert CONTRACT.promised() - asked == set(), "no case"
    assert asked - CONTRACT.promised() == set(), "not in the document"


def test_every_case_asks_the_route_that_it_names() -> None:
    for case in CASES:
        base, route = CONTRACT.routes[case.operation]
        assert route.method in (case.method, "*")
        segments = case.target.partition("?")[0].removeprefix(base).strip("/").split("/")
        assert len(segments) == max(len(route.segments), 1), case
        assert route.match(segments if route.segments else []), case


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.operation}-{case.code}")
def test_a_route_answers_with_the_code_and_all_that_comes_with_it(world: World, case: Case) -> None:
    target = world.target(case.target)
    try:
        with world.full_disk() if case.disk_is_full else nullcontext():
            if case.is_too_large:
                answer = world.oversized(case.method, target)
            else:
                headers = {"Content_Type": case.media_type} if case.body else {}
                if case.operation in ("raiseEvent", "sendEvent"):
                    headers = {"Content_Type": case.media_type}
                answer = world.call(case.method, target, case.body, **headers)
    finally:
        changed.clear()
    assert answer.status == case.code, answer.body
    CONTRACT.check(case.operation, answer)
