"""Turning the pages of a hundred thousand instances over the durable API, with the real index behind it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dfcli.model.query import InstanceFilter, Page
from dfcli.model.status import InstanceSummary
from dfcli.storage.index import Index
from tests.http.asgi_client import BASE, AsgiClient
from tests.http.fake_host import FakeHost
from tests.storage.test_index import memory_env, summary

COUNT = 100_000
TOP = 1000
STATUSES = ("Completed", "Failed", "Completed", "Running", "Terminated")
STEPS_PER_ROW = 300
"""Of SQLite's machine, for each row of a page: a walk in order takes some 30, one sort of all rows 2,600."""
PLACE = "x-ms-continuation-token"


class Indexed(FakeHost):
    """Its lists come from an index on 100,000 rows, and it counts what they cost."""

    def __init__(self) -> None:
        super().__init__()
        self.index = Index.create("/hub", memory_env())
        # Fifty begin in the same second, and the order of ids is not that of creation.
        self.all = [
            summary(f"i{number * 7919 % 100_003:06}", number // 50, name="f", status=STATUSES[number % len(STATUSES)])
            for number in range(COUNT)
        ]
        self.index.write(self.all, [], 0)
        self.index.make_searchable()
        self.index.write([], [], 1)
        self.all.sort(key=lambda each: (each.created, each.instance_id))
        self.steps = 0

    def _count(self) -> None:
        self.steps += 100

    def query(self, which: InstanceFilter, *, top: int = 100, continuation: str = "") -> Page:
        self.steps = 0
        self.index._reader.set_progress_handler(self._count, 100)
        try:
            return self.index.query(which, top=top, continuation=continuation)
        finally:
            self.index._reader.set_progress_handler(None, 0)


@pytest.fixture(scope="module")
def host() -> Indexed:
    return Indexed()


def created(number: int) -> str:
    return summary("any", number).created


Chosen = Callable[[InstanceSummary], bool]


@pytest.mark.parametrize(
    ("query", "chosen"),
    [
        ("", lambda _: True),
        ("runtimeStatus=Failed", lambda one: one.status == "Failed"),
        (
            f"runtimeStatus=running,Terminated&createdTimeFrom={created(1500)}",
            lambda one: one.status in ("Running", "Terminated") and one.created >= created(1500),
        ),
        ("instanceIdPrefix=i01", lambda one: one.instance_id.startswith("i01")),
        ("instanceIdPrefix=i01234", lambda one: one.instance_id.startswith("i01234")),
        (f"createdTimeFrom={created(1900)}", lambda one: one.created >= created(1900)),
        (
            f"createdTimeFrom={created(500)}&createdTimeTo={created(600)}",
            lambda one: created(500) <= one.created <= created(600),
        ),
        (
            f"runtimeStatus=Failed&instanceIdPrefix=i0&createdTimeTo={created(1000)}",
            lambda one: one.status == "Failed" and one.instance_id.startswith("i0") and one.created <= created(1000),
        ),
        ("runtimeStatus=Pending", lambda _: False),
    ],
)
def test_pages_give_every_instance_once_in_order_at_a_cost_that_only_their_size_decides(
    host: Indexed, query: str, chosen: Chosen
) -> None:
    client = AsgiClient(host)
    wanted = [each.instance_id for each in host.all if chosen(each)]
    seen: list[str] = []
    token = ""
    while True:
        answer = client.get(f"{BASE}/instances?top={TOP}&showInput=false&{query}", headers={PLACE: token})
        assert answer.status == 200
        page = [item["instanceId"] for item in answer.json]
        assert host.steps <= STEPS_PER_ROW * TOP
        token = answer.headers[PLACE]
        assert len(page) == TOP or not token, "a page that is not full though another one follows"
        assert page or not seen, "a token that led to an empty page"
        seen += page
        if not token:
            break
    assert seen == wanted


def test_a_page_of_the_default_size_costs_little(host: Indexed) -> None:
    answer = AsgiClient(host).get(f"{BASE}/instances")
    assert len(answer.json) == 100
    assert host.steps <= STEPS_PER_ROW * 100


def test_what_is_started_while_pages_are_turned_neither_hides_nor_repeats_anything(host: Indexed) -> None:
    client = AsgiClient(host)
    first = client.get(f"{BASE}/instances?top=1000&createdTimeFrom={created(1970)}")
    host.index.write([summary(f"new{number}", 5000 + number, name="f") for number in range(10)], [], 2)
    second = client.get(
        f"{BASE}/instances?top=1000&createdTimeFrom={created(1970)}", headers={PLACE: first.headers[PLACE]}
    )
    ids = [item["instanceId"] for item in first.json + second.json]
    wanted = [each.instance_id for each in host.all if each.created >= created(1970)]
    assert ids == [*wanted, *(f"new{number}" for number in range(10))][: len(ids)]
    assert len(ids) == len(wanted) + 10 == 1510
