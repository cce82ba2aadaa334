"""`--wait` and `--watch`: until the instance has ended, the time is over, or somebody presses Ctrl-C."""

from __future__ import annotations

import sys
from typing import NoReturn

import typer

from dfcli.cli import moments, render, terminal
from dfcli.cli.options import Format
from dfcli.env.clock import Clock, SystemClock
from dfcli.errors import TimedOut, Unavailable
from dfcli.host.control import Control, InstanceStatus

LOOK_SECONDS = 0.5
"""How often a watched instance is looked at."""


def time_limit(text: str) -> float | None:
    """The seconds of `--timeout`; None: for ever."""
    return moments.seconds_of(text, "--timeout") if text else None


def until_ended(control: Control, instance_id: str, seconds: float | None, output: Format) -> None:
    """Wait, show how the instance ended, and leave with 1 if it did not complete."""
    if not control.online:
        _nobody_runs_it(instance_id)
    try:
        status = control.wait(instance_id, seconds)
    except TimedOut as error:
        raise TimedOut(error.what, why=error.why, hint=f"dfcli status {terminal.visible(instance_id)} --wait") from None
    render.one(status, output)
    leave(status)


def leave(status: InstanceStatus) -> None:
    """Exit code 1 for an instance that ended without completing."""
    if status.summary.status != "Completed":
        raise typer.Exit(1)


def watch(
    control: Control, instance_id: str, seconds: float | None, output: Format, clock: Clock | None = None
) -> None:
    """Show the instance again whenever something about it changes, until it has ended.

    On a terminal the text is drawn over the last one; elsewhere each state is printed below the other.
    """
    clock = clock or SystemClock()
    deadline = None if seconds is None else clock.time() + seconds
    drawn = ""
    height = 0
    while True:
        status = control.status(instance_id)
        if not status.host_running and status.summary.is_live:
            _nobody_runs_it(instance_id)
        if output is Format.table:
            text = "\n".join(render.lines(status))
            if text != drawn:
                height = _draw_over(text, height)
                drawn = text
        elif (mark := f"{status.summary.last_seq}/{status.summary.status}") != drawn:
            render.one(status, Format.jsonl if output is Format.json else output)
            sys.stdout.flush()
            drawn = mark
        if not status.summary.is_live:
            leave(status)
            return
        if deadline is not None and clock.time() >= deadline:
            raise TimedOut(f"{instance_id} has not ended in {moments.elapsed(seconds or 0)}", why="--timeout is over")
        _look_again_later(control, instance_id)


def _look_again_later(control: Control, instance_id: str) -> None:
    try:
        control.wait(instance_id, LOOK_SECONDS)
    except TimedOut:
        return


def _draw_over(text: str, height: int) -> int:
    """Print `text` over the `height` lines printed before; how many lines it takes now."""
    if not terminal.is_terminal(sys.stdout):
        terminal.answer(text + "\n")
        sys.stdout.flush()
        return 0
    if height:
        print(f"\x1b[{height}A\x1b[J", end="")
    terminal.answer(text)
    sys.stdout.flush()
    columns = max(terminal.width(), 1)
    plain = [terminal.without_colour(line) for line in text.split("\n")]
    return sum(max(1, -(-terminal.cells(line) // columns)) for line in plain)


def _nobody_runs_it(instance_id: str) -> NoReturn:
    raise Unavailable(
        "no host is running, so waiting would never end",
        why=f"instance {instance_id} is recorded and goes on when a host runs",
        hint="dfcli run",
    )
