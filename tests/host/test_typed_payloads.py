"""Payloads of the app's own types: dataclasses, pydantic models, classes with `from_json`, by the receiver's hints."""

from __future__ import annotations

import enum
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pydantic
import pytest

import dfcli as df
from dfcli.authoring import typed
from dfcli.host.host import Host
from dfcli.model.payload import decode, encode
from tests.host.running import in_real_time, in_virtual_time


class Color(enum.Enum):
    RED = "red"


@dataclass
class Item:
    name: str
    price: float


@dataclass
class Order:
    items: list[Item]
    color: Color
    due: datetime
    total: Decimal
    id: UUID
    note: str | None = None


class Customer(pydantic.BaseModel):
    name: str
    orders: list[int] = []


@dataclass
class Money:
    cents: int

    def to_json(self) -> int:
        return self.cents

    @classmethod
    def from_json(cls, data: int) -> Money:
        return cls(data)


ORDER = Order([Item("lamp", 2.5)], Color.RED, datetime(2026, 1, 5, tzinfo=UTC), Decimal("1.10"), UUID(int=7), note=None)
app = df.DFApp()


@app.activity_trigger()
def price(order: Order) -> Item:
    assert isinstance(order, Order)
    assert (order.color, order.total, order.id) == (Color.RED, Decimal("1.10"), UUID(int=7))
    return order.items[0]


@app.activity_trigger()
async def greet(customer: Customer) -> list[Customer]:
    return [customer, Customer(name=customer.name.upper())]


@app.activity_trigger()
def pay(money: Money) -> Money:
    return Money(money.cents + 1)


@app.activity_trigger()
def loose(city: str) -> int:
    """The annotation is wrong, and plain: Durable Functions does not mind."""
    return city  # type: ignore[return-value]


@app.orchestration_trigger(input_type=Order)
def buy(context: df.DurableOrchestrationContext):  # type: ignore[no-untyped-def]
    order = context.get_input()
    assert isinstance(order, Order)
    item = yield context.call_activity(price, order)
    assert isinstance(item, Item)
    by_name = yield context.call_activity("price", order)
    typed_by_name = yield context.call_activity("price", order, expected_type=Item)
    customers = yield context.call_activity(greet, Customer(name="Bo"))
    assert isinstance(customers[0], Customer)
    money = yield context.call_activity("pay", Money(1))
    assert money == Money(2)
    return [by_name, typed_by_name, customers, money, (yield context.call_activity(loose, 3))]


@app.orchestration_trigger()
def misfit(context: df.DurableOrchestrationContext):  # type: ignore[no-untyped-def]
    return (yield context.call_activity("price", context.get_input()))


@app.orchestration_trigger()
def unwritable(context: df.DurableOrchestrationContext):  # type: ignore[no-untyped-def]
    yield context.call_activity("loose", {"a": [1, {"b": object()}]})


@app.entity_trigger()
def cart(context: df.DurableEntityContext, item: Item) -> None:
    items = context.get_state(expected_type=list[Item]) or []
    assert all(isinstance(each, Item) for each in [*items, item])
    context.set_state([*items, item])


def output_of(name: str, value: Any = None) -> Any:
    async def scenario(host: Host) -> Any:
        instance_id = await host.client.start_new(name, client_input=value)
        return (await host.client.wait(instance_id, 30)).output

    return scenario


EXPECTED = [
    {"name": "lamp", "price": 2.5},
    {"name": "lamp", "price": 2.5},
    [{"name": "Bo", "orders": []}, {"name": "BO", "orders": []}],
    {"__class__": "Money", "__module__": __name__, "__data__": 2},
    3,
]


def test_values_of_the_apps_types_go_in_and_out_in_virtual_time_and_on_a_disk_with_threads(tmp_path: Path) -> None:
    assert in_virtual_time(app, output_of("buy", ORDER)) == EXPECTED
    assert in_real_time(app, str(tmp_path / "hub"), output_of("buy", ORDER)) == EXPECTED


def test_an_entity_has_typed_state_and_operations() -> None:
    async def scenario(host: Host) -> Any:
        import asyncio

        cart_id = df.EntityId("cart", "a")
        for name in ("lamp", "rug"):
            await host.client.signal_entity(cart_id, "add", Item(name, 1.0))
        await asyncio.sleep(1)
        return (await host.client.read_entity_state(cart_id)).entity_state

    assert in_virtual_time(app, scenario) == [{"name": "lamp", "price": 1.0}, {"name": "rug", "price": 1.0}]


def test_a_value_of_another_shape_fails_with_the_place_inside_it() -> None:
    bad = decode(*encode(ORDER)) | {"items": [{"name": "a", "price": 1.0}, {"name": "b", "price": "dear"}]}
    output = in_virtual_time(app, output_of("misfit", bad))
    assert "TypeError: the value is no Order: Expected `float`, got `str` - at `$.items[1].price`" in output


def test_a_value_that_cannot_be_written_fails_with_the_place_inside_it() -> None:
    output = in_virtual_time(app, output_of("unwritable"))
    assert "Object of type object is not JSON serializable (at $.a[1].b)" in output


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (ORDER, Order),
        (Customer(name="x", orders=[1]), Customer),
        ([Money(1), Money(2)], list[Money]),
        ({"a": Money(1)}, dict[str, Money]),
        (None, Money | None),
        (Money(3), Money | None),
        (Color.RED, Color),
        ([UUID(int=1)], list[UUID]),
    ],
)
def test_what_is_written_is_read_back_as_what_it_was(value: Any, kind: Any) -> None:
    payload = encode(value)
    assert typed.value_of(*payload, kind) == value


@pytest.mark.parametrize("kind", [str, int, list[str], dict[str, Any], Any, None, str | None, tuple[int, str]])
def test_annotations_of_plain_json_types_change_nothing(kind: Any) -> None:
    assert typed.as_type({"any": "thing"}, kind) == {"any": "thing"}


class Foreign:
    """Not defined in a folder of the app in the test below."""

    @classmethod
    def from_json(cls, data: Any) -> Foreign:
        raise AssertionError(f"a payload chose this class for {data}")


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("os", "system"),
        ("subprocess", "Popen"),
        ("builtins", "eval"),
        ("antigravity", "x"),
        ("nothing.of.that.name", "X"),
        (__name__, "Color"),
        (__name__, "nothing"),
        (__name__, "Money.from_json"),
        (7, "Money"),
        (__name__, None),
    ],
)
def test_nothing_in_a_payload_selects_a_class_that_is_not_the_apps(module: Any, name: Any) -> None:
    before = set(sys.modules)
    value = {"__class__": name, "__module__": module, "__data__": 1}
    assert typed.value_of(*encode([value])) == [value]
    assert set(sys.modules) == before


def test_a_class_outside_the_apps_folders_is_not_rebuilt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(typed, "app_folders", {"/somewhere/else/"})
    value = {"__class__": "Foreign", "__module__": __name__, "__data__": 1}
    assert typed.value_of(*encode(value)) == value


def test_payloads_of_sixteen_mebibytes_travel_as_blobs_and_one_byte_more_is_refused(tmp_path: Path) -> None:
    large = df.DFApp()

    @large.activity_trigger()
    def twice(text: str) -> str:
        return text

    @large.orchestration_trigger()
    def carry(context: df.DurableOrchestrationContext):  # type: ignore[no-untyped-def]
        back = yield context.call_activity("twice", context.get_input())
        event = yield context.wait_for_external_event("more")
        return event if event == back else None

    text = "x" * (16 * 1024 * 1024 - 2)
    hub = tmp_path / "hub"

    async def begin(host: Host) -> None:
        with pytest.raises(df.DfError, match="16777217 bytes"):
            await host.client.start_new("carry", "big", text + "x")
        assert host.summary("big") is None
        await host.client.start_new("carry", "big", text)

    async def rest(host: Host) -> Any:
        await host.client.raise_event("big", "more", text)
        output = (await host.client.wait("big", 60)).output
        assert (await host.client.purge_instance_history("big")).instances_deleted == 1
        return output

    in_real_time(large, str(hub), begin)
    assert in_real_time(large, str(hub), rest) == text
    assert not list((hub / "blobs").rglob("*.json"))
