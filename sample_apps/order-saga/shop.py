"""A very small shop whose state stands in JSON files: stock, reservations, charges, parcels, book.

Every operation names the order it is for and may be repeated: done twice it has its effect once. A change is made
under a lock and appears whole, so several activities, threads and processes may work at a time.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

PRICES_CENTS = {"book": 2_500, "lamp": 7_900, "chair": 18_000}
FULL_SHELF = 10
"""How many of each item a new shop has."""


class Refused(Exception):
    """The shop says no, and will say so again: unknown item, no stock, card declined, no such address."""


def reserve(order: str, item: str, quantity: int) -> int:
    if item not in PRICES_CENTS:
        raise Refused(f"the shop does not sell {item!r}")
    if not isinstance(quantity, int) or quantity < 1:
        raise Refused(f"{quantity!r} is no quantity")
    with _changing("stock") as stock:
        shelf = stock.setdefault("shelf", dict.fromkeys(PRICES_CENTS, FULL_SHELF))
        reserved = stock.setdefault("reserved", {})
        if order not in reserved:
            if shelf[item] < quantity:
                raise Refused(f"only {shelf[item]} of {item!r} are left, {quantity} were ordered")
            shelf[item] -= quantity
            reserved[order] = {"item": item, "quantity": quantity}
        return int(shelf[item])


def release(order: str) -> bool:
    with _changing("stock") as stock:
        reserved = stock.get("reserved", {}).pop(order, None)
        if reserved is not None:
            stock["shelf"][reserved["item"]] += reserved["quantity"]
        return reserved is not None


def charge(order: str, card: str, item: str, quantity: int) -> int:
    """Cards that end in 0000 are declined."""
    if not isinstance(card, str) or card.endswith("0000"):
        raise Refused(f"the card ending in {str(card)[-4:]} was declined")
    with _changing("charges") as charges:
        return int(charges.setdefault(order, PRICES_CENTS[item] * quantity))


def refund(order: str) -> bool:
    with _changing("charges") as charges:
        return charges.pop(order, None) is not None


def ship(order: str, address: str) -> str:
    if not address:
        raise Refused("there is no address to ship to")
    with _changing("parcels") as parcels:
        number = hashlib.sha256(order.encode()).hexdigest()[:10]
        return str(parcels.setdefault(order, {"parcel": number, "address": address})["parcel"])


def recall(order: str) -> bool:
    with _changing("parcels") as parcels:
        return parcels.pop(order, None) is not None


def close(order: str, status: str) -> None:
    with _changing("book") as book:
        book[order] = status


def read(name: str) -> dict[str, Any]:
    """One of the files as it stands; empty before the first change."""
    try:
        with open(os.path.join(_folder(), f"{name}.json"), encoding="utf-8") as file:
            return dict(json.load(file))
    except FileNotFoundError:
        return {}


@contextmanager
def _changing(name: str) -> Iterator[dict[str, Any]]:
    """The content of a file, written back whole and durable when the block ends well."""
    folder = _folder()
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, f".{name}.lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        content = read(name)
        before = json.dumps(content)
        yield content
        if json.dumps(content) == before:
            return
        part = os.path.join(folder, f".{name}.part")
        with open(part, "w", encoding="utf-8") as file:
            json.dump(content, file, indent=2)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, os.path.join(folder, f"{name}.json"))


def _folder() -> str:
    """`SHOP_FOLDER` of the settings, from the app's folder on."""
    here = os.path.dirname(os.path.abspath(__file__))
    return os.path.join(here, os.environ.get("SHOP_FOLDER", "shop"))
