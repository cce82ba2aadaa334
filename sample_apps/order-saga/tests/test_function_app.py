"""Run with `pytest`: each test gives one order and then looks into the shop's files."""

import asyncio
from pathlib import Path
from typing import Any

import dfcli as df
import pytest

import function_app
import shop

ORDER = {"item": "lamp", "quantity": 2, "card": "4111 1111 1111 1111", "address": "1 High Street"}
FULL = {"book": 10, "lamp": 10, "chair": 10}


@pytest.fixture(autouse=True)
def shop_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_FOLDER", str(tmp_path / "shop"))
    monkeypatch.setattr(function_app, "RETRY", df.RetryOptions(1, 3, handle=function_app.RETRY.handle))
    monkeypatch.setattr(function_app, "UNDO_RETRY", df.RetryOptions(1, 5))


def place(tmp_path: Path, **changes: Any) -> df.DurableOrchestrationStatus:
    """Run one order to its end; no port is opened."""

    async def to_the_end() -> df.DurableOrchestrationStatus:
        async with df.Host(function_app.app, hub=str(tmp_path / "hub")) as host:
            await host.client.start_new("place_order", instance_id="order-1", client_input={**ORDER, **changes})
            return await host.client.wait("order-1", timeout=30)

    return asyncio.run(to_the_end())


def test_a_good_order_is_reserved_charged_and_shipped(tmp_path: Path) -> None:
    status = place(tmp_path)
    assert status.output["status"] == "shipped"
    assert shop.read("stock")["shelf"] == {**FULL, "lamp": 8}
    assert shop.read("charges") == {"order-1": 15_800}
    assert shop.read("parcels")["order-1"]["parcel"] == status.output["parcel"]
    assert shop.read("book") == {"order-1": "shipped"}
    assert status.custom_status == "shipped"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"quantity": 11}, "only 10 of 'lamp' are left, 11 were ordered"),
        ({"card": "4111 1111 1111 0000"}, "the card ending in 0000 was declined"),
        ({"address": ""}, "there is no address to ship to"),
    ],
)
def test_an_order_that_is_refused_at_any_step_leaves_nothing_behind(
    tmp_path: Path, changes: dict[str, Any], why: str
) -> None:
    status = place(tmp_path, **changes)
    assert status.runtime_status is df.OrchestrationRuntimeStatus.Completed
    assert status.output == {"order": "order-1", "status": "cancelled", "why": why}
    stock = shop.read("stock")
    assert stock.get("shelf", FULL) == FULL
    assert not stock.get("reserved")
    assert shop.read("charges") == {}
    assert shop.read("parcels") == {}
    assert shop.read("book") == {"order-1": "cancelled"}


def test_steps_are_undone_in_reverse_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    undone = []
    for name in ("release", "refund", "recall"):
        monkeypatch.setattr(shop, name, lambda _, name=name: undone.append(name))
    place(tmp_path, address="")
    assert undone == ["recall", "refund", "release"]


def test_a_step_that_broke_is_tried_again_and_its_effect_counts_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    charge, calls = shop.charge, []

    def answer_is_lost(*arguments: Any) -> int:
        calls.append(arguments)
        amount = charge(*arguments)
        if len(calls) < 3:
            raise ConnectionError("the answer was lost")
        return amount

    monkeypatch.setattr(shop, "charge", answer_is_lost)
    assert place(tmp_path).output["status"] == "shipped"
    assert len(calls) == 3
    assert shop.read("charges") == {"order-1": 15_800}


def test_an_undo_that_fails_is_tried_until_it_succeeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refund, calls = shop.refund, []

    def bank_is_closed(order: str) -> bool:
        calls.append(order)
        if len(calls) < 4:
            raise ConnectionError("the bank is closed")
        return refund(order)

    monkeypatch.setattr(shop, "refund", bank_is_closed)
    assert place(tmp_path, address="").output["status"] == "cancelled"
    assert shop.read("charges") == {}
