"""`dfcli entity …`, with the real host up and down."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.real import App

SOURCE = """
import dfcli as df

app = df.DFApp()


@app.entity_trigger()
def counter(context):
    if context.operation_name == "add":
        context.set_state(context.get_state(lambda: 0) + (context.get_input() or 1))


@app.orchestration_trigger()
def hold(context):
    with (yield context.lock_entities([df.EntityId("counter", "b")])):
        yield context.wait_for_external_event("go")
"""


@pytest.fixture
def app(tmp_path: Path) -> App:
    return App(str(tmp_path / "app"), SOURCE)


def test_entities_are_signalled_listed_and_shown_with_the_host_up_and_down(app: App) -> None:
    said = app("entity", "signal", "@counter@a", "add", "--input", "5")
    assert (said.code, said.out) == (0, "signalled add to @counter@a\n")
    assert "it runs when `dfcli run` starts one" in said.err
    assert app("entity", "show", "@counter@a", "-o", "json").json() | {"lastOperationTime": ""} == {
        "entityId": {"name": "counter", "key": "a"},
        "lastOperationTime": "",
        "state": None,
        "exists": False,
        "queueSize": 1,
        "lockedBy": None,
    }
    with app.running() as host:
        host.wait_for("completed", kind="entity", instanceId="@counter@a")
        assert app("entity", "signal", "@Counter@a", "add", "-o", "id").out == "@counter@a\n"
        host.wait_for("completed", kind="entity", instanceId="@counter@a")
        assert app("entity", "show", "counter", "a", "-o", "json").json()["state"] == 6
        app("start", "hold", "--id", "holder")
        host.wait_for("granted lock", kind="entity")
        listed = app("entity", "list", "-o", "jsonl").out
        assert '"state":6' in listed
        assert '"lockedBy":"holder"' in listed
        assert app("entity", "list", "--locked", "-o", "id").out == "@counter@b\n"
        host.stop()
    assert app("entity", "list", "counter", "-o", "id").out == "@counter@a\n@counter@b\n"
    assert app("entity", "list", "other").err == "no entity matches\n"
    assert app("list", "-o", "id").out == "holder\n"
    shown = app("entity", "show", "@counter@a")
    assert "state       6" in shown.out
    inspected = app("inspect", "@counter@a")
    assert inspected.code == 0
    assert "the state is 5" in inspected.out


def test_what_is_wrong_is_said_in_words_and_codes(app: App) -> None:
    assert app("entity", "list").code == 3
    said = app("entity", "signal", "@nobody@a", "x")
    assert said.code == 2
    assert "known entity functions: 'counter'" in said.err
    assert app("entity", "signal", "counter", "x").code == 2
    assert app("entity", "signal", "@counter@a", "add", "--input", "word").code == 2
    assert app("entity", "signal", "@counter@a", "add").code == 0
    missing = app("entity", "show", "@counter@zzz")
    assert missing.code == 3
    assert "there is no entity '@counter@zzz'" in missing.err
    assert app("terminate", "@counter@a").code == 2


def test_a_replay_of_an_entity_says_that_there_is_nothing_to_replay(app: App) -> None:
    app("entity", "signal", "@counter@a", "add")
    said = app("replay", "@counter@a")
    assert said.code == 2
    assert "entities are not replayed" in said.err
    assert "Traceback" not in said.err


def test_an_entity_is_purged_by_its_id(app: App) -> None:
    app("entity", "signal", "@counter@a", "add")
    assert app("purge", "@counter@a", "--yes").code == 0
    assert app("entity", "show", "@counter@a").code == 3
