"""`dfcli run --pin`: each instance finishes on the code it began with, over reloads, kills and restarts."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest

from tests.cli.real import App, Running

FUNCTIONS = """
import dfcli as df
import shop
from pieces import deep

app = df.DFApp()


@app.orchestration_trigger(context_name="context")
def order(context):
    first = yield context.call_activity("price", 1)
    yield context.wait_for_external_event("go")
    second = yield context.call_activity("price", 2)
    child = yield context.call_sub_orchestrator("kid")
    return [first, second, child, shop.VERSION, deep.lazy()]


@app.orchestration_trigger(context_name="context")
def kid(context):
    import shop as imported_now

    return imported_now.VERSION


@app.orchestration_trigger(context_name="context")
def eternal(context):
    import shop

    done = context.get_input() or []
    yield context.wait_for_external_event("go")
    done.append(shop.VERSION)
    if len(done) == 2:
        return done
    context.continue_as_new(done)


@app.orchestration_trigger(context_name="context")
def broken(context):
    yield context.wait_for_external_event("go")
    raise shop.OutOfStock(shop.VERSION)


@app.activity_trigger(input_name="number")
def price(number):
    from shop import Price

    return Price(number)
"""
SHOP = """
from __future__ import annotations

from dataclasses import dataclass
from typing import get_type_hints

VERSION = "one"


class OutOfStock(Exception):
    pass


@dataclass
class Price:
    amount: int
    currency: Currency | None = None

    def to_json(self):
        assert get_type_hints(Price)["currency"] == Currency | None
        return [VERSION, self.amount]


class Currency:
    pass
"""
PIECES = {
    "__init__.py": "",
    "deep.py": "def lazy():\n    from . import leaf\n    import pieces.leaf\n    return leaf.NAME + pieces.leaf.NAME\n",
    "leaf.py": 'NAME = "leaf one, "\n',
}
FIRST = [
    {"__class__": "Price", "__module__": "shop", "__data__": ["one", 1]},
    {"__class__": "Price", "__module__": "shop", "__data__": ["one", 2]},
    "one",
    "one",
    "leaf one, leaf one, ",
]


@pytest.fixture
def shop(tmp_path: Path) -> App:
    app = App(str(tmp_path / "app"), FUNCTIONS)
    write(app, "shop.py", SHOP)
    os.mkdir(os.path.join(app.folder, "pieces"))
    for name, text in PIECES.items():
        write(app, f"pieces/{name}", text)
    return app


def write(app: App, name: str, text: str) -> None:
    path = os.path.join(app.folder, name)
    with open(f"{path}.tmp", "w") as file:
        file.write(text)
    os.replace(f"{path}.tmp", path)


def release_second_version(app: App) -> None:
    """Code, a package, and the very event the orchestrator waits for change at once."""
    write(app, "pieces/leaf.py", PIECES["leaf.py"].replace("one", "two"))
    write(app, "shop.py", SHOP.replace('"one"', '"two"'))
    app.write(FUNCTIONS.replace('external_event("go")', 'external_event("gone")', 1))


def second(value: object) -> object:
    if isinstance(value, list):
        return [second(part) for part in value]
    if isinstance(value, dict):
        return {name: second(part) for name, part in value.items()}
    return value.replace("one", "two") if isinstance(value, str) else value


def reloaded(host: Running) -> None:
    host.wait_for("reloaded")


def kept(app: App) -> list[str]:
    return sorted(os.listdir(os.path.join(app.hub, "code")))


def output(app: App, instance_id: str) -> object:
    return app("status", instance_id, "--wait", "--timeout", "30", "-o", "json").json()["output"]


@pytest.mark.parametrize("arguments", [(), ("--workers", "1")], ids=["threads", "workers"])
def test_old_and_new_code_run_beside_each_other_also_after_a_kill(shop: App, arguments: tuple[str, ...]) -> None:
    with shop.running("--pin", *arguments) as host:
        shop("start", "order", "--id", "old")
        host.wait_for("completed", instanceId="old", kind="activity")
        release_second_version(shop)
        reloaded(host)
        shop("start", "order", "--id", "new")
        host.wait_for("completed", instanceId="new", kind="activity")
        shop("start", "order", "--id", "old-2")
        assert len(kept(shop)) == 2
        host.signal(signal.SIGKILL)
        host.ended()
    with shop.running("--pin", *arguments) as host:
        shop("raise-event", "old", "go")
        shop("raise-event", "new", "gone")
        assert output(shop, "old") == FIRST
        assert output(shop, "new") == second(FIRST)


def test_code_that_nobody_needs_is_removed_and_private_while_it_is_there(shop: App) -> None:
    with shop.running("--pin") as host:
        shop("start", "order", "--id", "old")
        release_second_version(shop)
        reloaded(host)
        folder = os.path.join(shop.hub, "code")
        assert os.stat(folder).st_mode & 0o777 == 0o700
        assert all(os.stat(os.path.join(folder, code)).st_mode & 0o777 == 0o700 for code in kept(shop))
        shop("raise-event", "old", "go")
        assert output(shop, "old") == FIRST
        host.stop()
    with shop.running("--pin") as host:
        host.wait_for_talk("removed the code")
        assert len(kept(shop)) == 1


def test_an_eternal_orchestration_gets_the_new_code_with_its_next_generation(shop: App) -> None:
    with shop.running("--pin") as host:
        shop("start", "eternal", "--id", "e")
        host.wait_for("started", instanceId="e")
        write(shop, "shop.py", SHOP.replace('"one"', '"two"'))
        reloaded(host)
        shop("raise-event", "e", "go")
        host.wait_for("continued as new", instanceId="e")
        shop("raise-event", "e", "go")
        assert output(shop, "e") == ["one", "two"]


def test_a_failure_of_old_code_has_the_apps_own_names(shop: App) -> None:
    with shop.running("--pin") as host:
        shop("start", "broken", "--id", "b")
        host.wait_for("started", instanceId="b")
        write(shop, "shop.py", SHOP.replace('"one"', '"two"'))
        reloaded(host)
        shop("raise-event", "b", "go")
        status = shop("status", "b", "--wait", "--timeout", "30", "-o", "json").json()
        failure = status["failureDetails"]
        assert (failure["errorType"], failure["errorMessage"]) == ("shop.OutOfStock", "one")
        assert re.search(r"code/[0-9a-f]{32}/function_app.py", failure["stackTrace"])


def test_without_the_option_everything_moves_to_the_new_code(shop: App) -> None:
    with shop.running() as host:
        shop("start", "order", "--id", "old")
        host.wait_for("completed", instanceId="old", kind="activity")
        write(shop, "shop.py", SHOP.replace('"one"', '"two"'))
        reloaded(host)
        shop("raise-event", "old", "go")
        found = output(shop, "old")
        assert isinstance(found, list)
        assert found[0] == FIRST[0]
        assert found[1:4] == second(FIRST[1:4])
        assert not os.path.exists(os.path.join(shop.hub, "code"))
