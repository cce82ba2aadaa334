"""The flags of Azure's `func durable`, on our commands."""

from __future__ import annotations

import pytest

from dfcli.cli.func_flags import translated
from dfcli.cli.main import load_command
from dfcli.errors import InvalidArgument
from tests.cli.real import App


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("start --function-name hello --id a --input 1", "start --id a --input 1 -- hello"),
        ("status --id a --show-input --show-output", "status -- a"),
        ("status --id=a", "status -- a"),
        ("status --id -a -ojson", "status -ojson -- -a"),
        ("inspect --id a --task-hub-name other", "inspect --hub other -- a"),
        ("raise-event --event-name Go --id a --event-data 1", "raise-event --data 1 -- a Go"),
        ("raise-event a --event-name Go -C x", "raise-event -C x -- a Go"),
        ("raise-event Go --id a", "raise-event -- a Go"),
        ("terminate --id a --reason why", "terminate --reason why -- a"),
        ("rewind --reason why --id a", "rewind --reason why -- a"),
        ("list --runtime-status Running Failed --top 5", "list --status Running --status Failed --top 5"),
        (
            "purge --created-after 2026-01-01 --runtime-status Failed",
            "purge --created-after 2026-01-01 --status Failed",
        ),
        ("list --connection-string-setting X --continuation-token Y", "list"),
        ("status a -o json", "status a -o json"),
        ("start hello -- --id", "start hello -- --id"),
        ("replay --id a", "replay --id a"),
    ],
)
def test_a_line_is_put_into_our_words(given: str, meant: str) -> None:
    assert translated(given.split(), load_command) == meant.split()


def test_several_statuses_may_stand_in_one_word() -> None:
    assert translated(["list", "--runtime-status", "Running Failed"], load_command) == [
        "list",
        "--status",
        "Running",
        "--status",
        "Failed",
    ]


@pytest.mark.parametrize(
    "line",
    [
        "status --id",
        "status --id a --id b",
        "status a --id a",
        "terminate a --id b --yes",
        "terminate --id b --reason r -y -- a",
        "raise-event a Go --event-name Go",
    ],
)
def test_a_flag_without_its_value_or_given_twice_is_refused(line: str) -> None:
    with pytest.raises(InvalidArgument, match=r"--id|--event-name"):
        translated(line.split(), load_command)


def test_the_commands_take_them(app: App) -> None:
    assert app("start", "--function-name", "hello", "--id", "a", "--input", '"Bo"').out == "a\n"
    assert app("raise-event", "--id", "a", "--event-name", "Go", "--event-data", "1").code == 0
    assert app("status", "--id", "a", "--show-input", "-o", "json").json()["input"] == "Bo"
    assert app("list", "--runtime-status", "Pending Running", "--top", "1", "-o", "id").out == "a\n"
    assert app("inspect", "--id", "a", "-o", "jsonl").code == 0
    noted = app("list", "--connection-string-setting", "Storage", "-o", "id")
    assert (noted.out, "has no effect here" in noted.err) == ("a\n", True)
    assert app("terminate", "--id", "a", "--reason", "over").code == 0
    assert app("status", "a", "--id", "a").code == 2, "the id twice"
    assert app("purge", "--runtime-status", "Terminated", "--yes").code == 0


@pytest.mark.parametrize(
    ("theirs", "ours"), [("start-new", "start"), ("get-instances", "list"), ("get-history", "inspect")]
)
def test_their_commands_are_answered_with_ours(app: App, theirs: str, ours: str) -> None:
    said = app(theirs)
    assert (said.code, f"hint: dfcli {ours}" in said.err) == (2, True)
