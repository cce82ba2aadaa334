"""What is different when a person looks: colour, drawn tables, relative times, questions."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from typing import Any

import pytest

from dfcli.cli import moments, terminal
from dfcli.cli.log_text import text_of
from dfcli.env.clock import VirtualClock
from dfcli.errors import InvalidArgument
from dfcli.host.transitions import Transition
from tests.cli.real import App, environment


def on_a_terminal(app: App, *arguments: str, answer: str = "", **variables: str) -> tuple[int, str]:
    """The exit code and everything a terminal of 100 columns was sent."""
    outside, inside = pty.openpty()
    variables = {"TERM": "xterm", "COLUMNS": "100", **variables}
    process = subprocess.Popen(
        [sys.executable, "-m", "dfcli", *arguments],
        cwd=app.folder,
        stdin=inside,
        stdout=inside,
        stderr=inside,
        env={**environment(), **variables},
    )
    os.close(inside)
    os.write(outside, answer.encode())
    sent = b""
    while True:
        try:
            part = os.read(outside, 65536)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        sent += part
    os.close(outside)
    return process.wait(), sent.decode().replace("\r\n", "\n")


def test_colour_and_relative_times_are_for_terminals_and_no_color_is_honoured(app: App) -> None:
    app("start", "hello", "--id", "a")
    code, shown = on_a_terminal(app, "status", "a")
    assert code == 0
    assert "\x1b[34mPending\x1b[0m" in shown
    assert " ago)" in shown
    plain = on_a_terminal(app, "status", "a", NO_COLOR="1")[1]
    assert "\x1b[" not in plain
    assert "Pending" in plain
    assert "\x1b[" not in app("status", "a").out
    assert " ago" not in app("status", "a").out


def test_tables_are_drawn_on_a_terminal(app: App) -> None:
    app("start", "hello", "--id", "order-1", "--input", '"\\u202e"')
    _, shown = on_a_terminal(app, "list", NO_COLOR="1")
    assert "──" in shown
    assert "order-1" in shown
    _, shown = on_a_terminal(app, "inspect", "order-1")
    assert "\\u202e" in shown
    assert "\u202e" not in shown
    _, shown = on_a_terminal(app, "status", "order-1", "-o", "json")
    assert '"\\u202e"' in shown


def test_purging_asks_and_takes_no_for_an_answer(app: App) -> None:
    for name in "ab":
        app("start", "approval", "--id", name)
        app("terminate", name)
    code, shown = on_a_terminal(app, "purge", "--all", answer="n\n")
    assert code == 0
    assert "purge 2 instances? [y/N]" in shown
    assert "nothing was done" in shown
    assert app("list", "-o", "id").out == "a\nb\n"
    assert on_a_terminal(app, "purge", "--all", answer="y\n")[0] == 0
    assert app("list", "-o", "id").out == ""


def test_watching_draws_the_status_until_the_end(app: App) -> None:
    with app.running():
        app("start", "hello", "--id", "a", "--wait")
        code, shown = on_a_terminal(app, "status", "a", "--watch", NO_COLOR="1")
        assert code == 0
        assert "Completed" in shown
        app("start", "approval", "--id", "b")
        watching = app("status", "b", "--watch", "--timeout", "0")
        assert watching.code == 7
        assert "event `approve`" in watching.out


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\tb\nc", "a\\tb\\nc"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\x9b1m", "\\x9b1m"),
        ("\u202egnp", "\\u202egnp"),
        ("\u2066x\u2069", "\\u2066x\\u2069"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
        ("Grüße 東京 👋", "Grüße 東京 👋"),
    ],
)
def test_what_a_terminal_would_obey_is_made_visible(text: str, shown: str) -> None:
    assert terminal.visible(text) == shown


def test_json_on_a_terminal_stays_the_same_json() -> None:
    import json

    text = '{"a": "\u202e\x9b\U000e0041é"}'
    shown = terminal.visible_json(text)
    assert json.loads(shown) == json.loads(text)
    assert shown == '{"a": "\\u202e\\u009b\\udb40\\udc41é"}'


@pytest.mark.parametrize("closed", [0, 1, 2])
def test_a_stream_that_was_closed_before_the_start_is_no_error_and_no_file_takes_its_number(
    app: App, closed: int
) -> None:
    command = [sys.executable, "-m", "dfcli", "start", "hello", "--id", "a"]
    done = subprocess.run(
        [sys.executable, "-c", f"import os, sys; os.close({closed}); os.execv(sys.argv[1], sys.argv[1:])", *command],
        cwd=app.folder,
        capture_output=True,
        text=True,
        env=environment(),
    )
    assert done.returncode == 0
    assert done.stdout == ("" if closed == 1 else "a\n")
    assert "Traceback" not in done.stderr
    assert app("list", "-o", "id").out == "a\n"


def test_columns_count_what_a_terminal_shows() -> None:
    assert terminal.cells("abc") == 3
    assert terminal.cells("東京") == 4
    assert terminal.cells("e\u0301") == 1


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("10m", "2025-12-31T23:50:00.000000Z"),
        ("2h", "2025-12-31T22:00:00.000000Z"),
        ("1.5d", "2025-12-30T12:00:00.000000Z"),
        ("2026-01-05", "2026-01-05T00:00:00.000000Z"),
        ("2026-01-05T10:00", "2026-01-05T10:00:00.000000Z"),
        ("2026-01-05T10:00+02:00", "2026-01-05T08:00:00.000000Z"),
    ],
)
def test_times_are_durations_ago_or_utc(text: str, moment: str) -> None:
    assert moments.moment(text, "--since", VirtualClock()) == moment


@pytest.mark.parametrize("text", ["", "soon", "10", "10x", "2026-13-01", "-5m"])
def test_other_words_are_no_times(text: str) -> None:
    with pytest.raises(InvalidArgument):
        moments.moment(text, "--since", VirtualClock())


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.0034, "3 ms"), (4.2, "4.2 s"), (42, "42 s"), (420, "7 min"), (10_800, "3 h"), (1_000_000, "12 days")],
)
def test_time_spans_are_told_in_one_unit(seconds: float, shown: str) -> None:
    assert moments.elapsed(seconds) == shown


def transition(**members: Any) -> Transition:
    return Transition(timestamp="2026-01-02T03:04:05.678901Z", instance_id="a", **members)


def test_a_transition_is_one_line_of_text() -> None:
    assert text_of(transition(verb="started", function_name="hello")) == "03:04:05.678  a  started hello"
    scheduled = transition(verb="scheduled", kind="activity", function_name="say", detail="#0")
    assert text_of(scheduled) == "03:04:05.678  a  activity say scheduled #0"
    failed = transition(verb="failed", detail="ValueError: \x1b[2J")
    assert text_of(failed) == "03:04:05.678  a  failed ValueError: \\x1b[2J"
