"""`python -m dfcli.cli.reference` writes docs/cli.md from the commands themselves."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from dfcli.cli.catalogue import COMMANDS, EXIT_CODES
from dfcli.cli.main import load_command

_SHOWN_DEFAULTS = ("FORMAT", "VIEW")
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

The flags of Azure's `func durable` are taken as well: `--id`, `--function-name`, `--event-name`, `--event-data`,
`--runtime-status`, `--created-after`, `--created-before`, `--task-hub-name`.
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
    yield f"### dfcli {name}\n"
    yield "```"
    yield " ".join([f"dfcli {name} [OPTIONS]", *map(_usage, filter(_is_argument, command.params))])
    yield "```\n"
    yield f"{(command.help or '').strip()}\n"
    yield "| Argument or option | |\n|---|---|"
    for parameter in command.params:
        yield f"| `{_names(parameter)}` | {parameter.help}{_default(parameter)} |"
    yield ""


def _is_argument(parameter: Any) -> bool:
    return bool(parameter.param_type_name == "argument")


def _usage(parameter: Any) -> str:
    word = parameter.metavar + ("..." if parameter.nargs == -1 else "")
    return word if parameter.required else f"[{word}]"


def _names(parameter: Any) -> str:
    """As they are written, in the words of the commands and not of the parser, whose versions differ."""
    if _is_argument(parameter):
        return str(parameter.metavar).replace("|", "\\|")
    names = ", ".join(sorted(parameter.opts, key=len))
    if parameter.is_flag:
        return names
    return f"{names} {parameter.metavar}".replace("|", "\\|")


def _default(parameter: Any) -> str:
    return f" Default: {parameter.default}." if parameter.metavar in _SHOWN_DEFAULTS else ""


if __name__ == "__main__":
    sys.stdout.write(page())
