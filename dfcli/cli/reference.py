"""`python -m dfcli.cli.reference` writes docs/cli.md from the commands themselves."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import typer

from dfcli.cli.catalogue import COMMANDS, EXIT_CODES
from dfcli.cli.main import load_command

_INTRODUCTION = """\
# The command line

<!-- Made by `python -m dfcli.cli.reference > docs/cli.md`; edit the commands, not this page. -->

The app is the current folder, or `-C DIR`. Its task hub, the folder with the state, is `.dfcli/default` inside it, or
what `--hub NAME`, `--hub-dir DIR` or the app's settings say. A command talks to the host that runs on the hub, and
works on the hub's files when none does.

Results go to stdout, everything else to stderr. `-o json` and `-o jsonl` use the field names of the HTTP API and are
stable; the text of tables is not an interface. `-o id` prints ids only, one per line, for `... | dfcli purge -`.

Reading commands take an id, a unique beginning of one, `@last` (the newest) or `@failed` (the newest that failed).
Changing commands take exact ids, `@last`, or `-` to read ids from stdin.

Payloads are JSON: `--input '{"n": 1}'`, `--input @file.json`, or `--input -` for stdin. Text needs its quotes:
`--input '"Tokyo"'`. Times are UTC.
"""


def page() -> str:
    """The text of docs/cli.md."""
    parts = [_INTRODUCTION, "## Exit codes\n", "| Code | Meaning |\n|---|---|"]
    parts += [f"| {code} | {meaning} |" for code, meaning in EXIT_CODES.items()]
    parts.append("")
    group = ""
    for name, entry in COMMANDS.items():
        if entry.group != group:
            group = entry.group
            parts.append(f"## {group}\n")
        parts.append("\n".join(_command(name)))
    return "\n".join(parts).rstrip() + "\n"


def _command(name: str) -> Iterator[str]:
    command = load_command(name)
    context = typer.Context(command, info_name=f"dfcli {name}")
    yield f"### dfcli {name}\n"
    yield "```"
    yield " ".join([f"dfcli {name}", *command.collect_usage_pieces(context)])
    yield "```\n"
    yield f"{(command.help or '').strip()}\n"
    rows = [row for row in (_row(parameter, context) for parameter in command.get_params(context)) if row]
    yield "| Argument or option | |\n|---|---|"
    for names, text in rows:
        yield f"| `{names.replace('|', '&#124;')}` | {text.replace('|', '&#124;')} |"
    yield ""


def _row(parameter: Any, context: Any) -> tuple[str, str] | None:
    record = parameter.get_help_record(context)
    if record is None:
        return None
    names, text = record
    return " ".join(names.split()), " ".join(text.split())


if __name__ == "__main__":
    sys.stdout.write(page())
