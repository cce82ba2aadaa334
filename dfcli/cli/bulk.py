"""One verb on one instance or many: who is meant, is that all right, then one after the other."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import msgspec
import typer

from dfcli.cli import connection, options, render, selection, terminal
from dfcli.cli.errors import say_error
from dfcli.cli.options import Format, Place
from dfcli.errors import DfError, InvalidArgument
from dfcli.host.control import Control
from dfcli.model.query import InstanceFilter
from dfcli.model.status import InstanceSummary

SHOWN_BEFORE_ASKING = 20
PROGRESS_FROM = 50


class Verb(NamedTuple):
    """What is done, in the words of the result, and to which instances a filter may apply it."""

    infinitive: str
    done: str
    statuses: frozenset[str]
    destructive: bool
    act: Callable[[Control, str, str], object]
    """Called with the control, an id and the reason."""
    told: Callable[[Any], list[str]] | None = None
    """Lines about what `act` returned, a struct; without it nothing more is said."""
    with_app: bool = False
    """Whether the app's code is needed when no host runs."""
    waits_for_host: bool = False
    """Whether what is recorded without a host takes effect only once one runs."""
    older_than: str = ""
    """With a filter: only what was last changed before that timestamp."""


class Wish(NamedTuple):
    """What the command line asks for."""

    ids: list[str]
    which: InstanceFilter
    everything: bool = False
    reason: str = ""
    yes: bool = False
    dry_run: bool = False
    output: Format = Format.table


def perform(verb: Verb, where: Place, wish: Wish) -> None:
    """Do it. With several instances a refusal is told and the rest goes on; the exit code is then 1."""
    filtered = wish.everything or not options.is_everything(wish.which)
    _check_wish(verb, wish, filtered)
    with connection.reading(where) if wish.dry_run else connection.changing(where, with_app=verb.with_app) as control:
        targets = _targets(verb, control, wish, filtered)
        if wish.dry_run:
            render.instances(targets, wish.output)
            terminal.say(f"{_number(len(targets))} would be {verb.done}; nothing was done")
            return
        if not targets:
            terminal.say(f"no instance matches: nothing to {verb.infinitive}")
        alone = len(targets) == 1 and not filtered and "-" not in wish.ids
        if verb.destructive and targets and not alone and not wish.yes:
            _ask(verb, targets)
        _act_on_all(verb, control, targets, wish, alone)


def _check_wish(verb: Verb, wish: Wish, filtered: bool) -> None:
    if wish.ids and filtered:
        raise InvalidArgument("ids and filters do not go together", why="either name the instances or describe them")
    if not wish.ids and not filtered:
        raise InvalidArgument(
            f"say which instances to {verb.infinitive}",
            why="neither an id nor a filter was given",
            hint=f"dfcli {verb.infinitive} ID, or with a filter such as --name or --since, or --all",
        )


def _targets(verb: Verb, control: Control, wish: Wish, filtered: bool) -> list[InstanceSummary]:
    if filtered:
        found = selection.matching(control, selection.narrowed(wish.which, verb.statuses))
        return [summary for summary in found if not verb.older_than or summary.updated < verb.older_than]
    ids: dict[str, None] = {}
    for word in wish.ids:
        for text in selection.ids_on_stdin() if word == "-" else (word,):
            ids[selection.for_changing(control, text)] = None
    if len(ids) == 1:
        return [selection.summary_of(control, instance_id) for instance_id in ids]
    return [_named(control, instance_id) for instance_id in ids]


def _named(control: Control, instance_id: str) -> InstanceSummary:
    """One of several ids: an unknown one is refused in its turn, not before the others."""
    try:
        return control.status(instance_id).summary
    except DfError:
        return InstanceSummary(instance_id=instance_id, exec=0, status="?")


def _ask(verb: Verb, targets: list[InstanceSummary]) -> None:
    question = f"{verb.infinitive} {_number(len(targets))}"
    if not (terminal.is_terminal(sys.stdin) and terminal.is_terminal(sys.stderr)):
        raise InvalidArgument(
            f"this would {question}",
            why="without a terminal nobody can be asked",
            hint="see them with --dry-run, then say --yes",
        )
    for summary in targets[:SHOWN_BEFORE_ASKING]:
        terminal.say(f"  {terminal.visible(summary.instance_id)}  {terminal.visible(summary.name)}  {summary.status}")
    if len(targets) > SHOWN_BEFORE_ASKING:
        terminal.say(f"  … and {len(targets) - SHOWN_BEFORE_ASKING} more")
    if not typer.confirm(f"{question}?", err=True):
        terminal.say("nothing was done")
        raise typer.Exit(0)


def _act_on_all(verb: Verb, control: Control, targets: list[InstanceSummary], wish: Wish, alone: bool) -> None:
    refused = 0
    results: list[dict[str, Any]] = []
    for count, summary in enumerate(_with_progress(verb, targets), 1):
        try:
            outcome = verb.act(control, summary.instance_id, wish.reason)
        except DfError as error:
            if alone or error.exit_code in (4, 74):  # the host or the disk is gone: the rest would fail alike
                if count > 1:
                    terminal.say(f"{count - 1 - refused} of {len(targets)} were {verb.done} before this")
                raise
            say_error(error)
            refused += 1
        else:
            _answer(verb, summary.instance_id, wish.output, results, outcome)
    if wish.output is Format.json:
        render.json_value(results)
    if len(targets) > 1:
        terminal.say(f"{_number(len(targets) - refused)} {verb.done}" + (f", {refused} refused" if refused else ""))
    if verb.waits_for_host and refused < len(targets) and not control.online:
        terminal.say("recorded; no host is running: it goes on when `dfcli run` starts one")
    if refused:
        raise typer.Exit(1)


def _answer(
    verb: Verb, instance_id: str, output: Format, results: list[dict[str, Any]], outcome: object = None
) -> None:
    if output is Format.id:
        terminal.answer(instance_id)
    elif output is Format.table:
        terminal.answer(f"{verb.done} {terminal.visible(instance_id)}")
        for line in verb.told(outcome) if verb.told is not None else ():
            terminal.answer(f"  {terminal.visible(line)}")
    else:
        result: dict[str, Any] = {"instanceId": instance_id, "done": verb.done}
        if verb.told is not None:
            result |= msgspec.to_builtins(outcome)
        if output is Format.jsonl:
            render.json_line(result)
        else:
            results.append(result)


def _with_progress(verb: Verb, targets: list[InstanceSummary]) -> Iterable[InstanceSummary]:
    show = len(targets) >= PROGRESS_FROM and terminal.is_terminal(sys.stderr)
    for count, summary in enumerate(targets):
        if show and count % 10 == 0:
            print(f"\r{verb.done} {count} of {len(targets)}", end="", file=sys.stderr, flush=True)
        yield summary
    if show:
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _number(count: int) -> str:
    return "1 instance" if count == 1 else f"{count:,} instances"


def command(verb: Verb, help: str) -> Callable[..., None]:
    """The command of a verb that leaves a reason in the history."""

    def run(
        ids: options.Ids = None,
        reason: options.Reason = "",
        everything: options.All = False,
        status: options.Statuses = None,
        failed: options.Failed = False,
        running: options.Running = False,
        name: options.Names = None,
        prefix: options.Prefix = "",
        since: options.Since = "",
        until: options.Until = "",
        yes: options.Yes = False,
        dry_run: options.DryRun = False,
        folder: options.Folder = ".",
        hub: options.Hub = "",
        hub_dir: options.HubDir = "",
        output: options.Output = Format.table,
    ) -> None:
        which = options.chosen(status, failed, running, name, prefix, since, until)
        wish = Wish(ids or [], which, everything, reason, yes, dry_run, output)
        perform(verb, options.place(folder, hub, hub_dir), wish)

    run.__doc__ = help
    return run
