"""What functions log is shown by the host that runs them, and by `dfcli logs` at any time later."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.cli.real import App

APP = """
import logging

import dfcli as df

app = df.DFApp()
log = logging.getLogger("shop")


@app.orchestration_trigger()
def order(context):
    log.info("order %s begins", context.get_input())
    total = yield context.call_activity(price, context.get_input())
    log.warning("it costs\\x1b[2J %d", total)
    yield context.wait_for_external_event("paid")
    log.info("order %s ends", context.get_input())


@app.activity_trigger()
def price(number):
    log.debug("looking")
    log.error("price of %d", number)
    return 10 * number
"""


@pytest.fixture
def app(tmp_path: Path) -> App:
    return App(str(tmp_path / "app"), APP)


def logged(facts: list[dict[str, Any]]) -> list[tuple[str, str, str, bool]]:
    return [
        (fact["instanceId"], fact["functionName"], fact["message"], fact.get("isReplay", False))
        for fact in facts
        if fact["kind"] == "log"
    ]


BEGIN = [
    ("o", "order", "order 7 begins", False),
    ("o", "price", "price of 7", False),
    ("o", "order", "it costs\x1b[2J 70", False),
]


@pytest.mark.parametrize("workers", [(), ("--workers", "1")], ids=["threads", "workers"])
def test_lines_of_functions_stand_among_the_transitions_with_their_instance(app: App, workers: tuple[str, ...]) -> None:
    with app.running(*workers) as host:
        app("start", "order", "--id", "o", "--input", "7")
        host.wait_for("logged", level="warning")
        assert logged(host.facts) == BEGIN
        said = host.stop()
    assert "price of" not in said.err, "what is told on stdout is not told again on stderr"


def test_a_replay_says_nothing_unless_it_is_asked_to(app: App) -> None:
    with app.running() as host:
        app("start", "order", "--id", "o", "--input", "7")
        host.wait_for("logged", level="warning")
        host.stop()
    with app.running("--log-replay") as host:
        app("raise-event", "o", "paid")
        host.wait_for("completed", kind="orchestrator")
        assert logged(host.facts) == [
            (*BEGIN[0][:3], True),
            (*BEGIN[2][:3], True),
            ("o", "order", "order 7 ends", False),
        ]
        host.stop()
    shown = app("logs", "o", "--level", "info")
    assert shown.code == 0
    texts = [line for line in shown.out.splitlines() if " order info: " in line]
    assert [text.rpartition(": ")[2] for text in texts] == ["order 7 begins", "order 7 ends"]
    assert "\x1b" not in shown.out
    assert "order (replay) info: order 7 begins" in shown.out


def test_the_log_can_be_read_with_the_host_down_by_instance_level_and_time(app: App) -> None:
    assert app("logs").code == 3
    with app.running("--log-level", "debug") as host:
        app("start", "order", "--id", "o", "--input", "7")
        app("start", "order", "--id", "other", "--input", "8")
        host.wait_for("logged", level="warning")
        host.stop()
    warnings = [json.loads(line) for line in app("logs", "o", "--level", "warning", "-o", "jsonl").out.splitlines()]
    assert [fact["message"] for fact in warnings] == ["price of 7", "it costs\x1b[2J 70"]
    assert app("logs", "--since", "2100-01-01").out == ""
    assert "looking" in app("logs", "@last").out
    assert "host ready" in app("logs").out
    assert app("logs", "--level", "loud").code == 2
    assert app("logs", "-o", "id").code == 2


def test_fewer_lines_are_told_at_a_higher_level(app: App) -> None:
    with app.running("--log-level", "error") as host:
        app("start", "order", "--id", "o", "--input", "7")
        host.wait_for("logged")
        host.stop()
    assert [(fact["kind"], fact["verb"]) for fact in host.facts] == [("host", "ready"), ("log", "logged")]


def test_no_log_file_is_kept_where_none_is_wanted(app: App) -> None:
    with open(os.path.join(app.folder, "dfcli.toml"), "w") as file:
        file.write("log_files = 0\n")
    with app.running() as host:
        app("start", "order", "--id", "o", "--input", "7")
        host.wait_for("logged", level="warning")
        host.stop()
    assert not os.path.exists(os.path.join(app.hub, "logs"))
