"""The flags of Azure's `func durable`, taken by our commands: each becomes what we call it before the line is parsed.

`dfcli status --id abc` is `dfcli status abc`. Spellings that are options of ours already, as `--created-after` is, need
no entry.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dfcli.cli import terminal
from dfcli.errors import InvalidArgument

FIRST, SECOND = 0, 1
"""The value of such a flag stands first, or second, among the arguments."""
NOTED = "noted"
"""The flag, with its value, has no effect here."""
SHOWN = "shown"
"""A flag without a value that asks for what is shown anyway."""
SPREAD = "spread"
"""Words that stand for a repeated `--status`."""

_EVERYWHERE: Mapping[str, str | int] = {"--task-hub-name": "--hub", "--connection-string-setting": NOTED}
_FLAGS: dict[str, Mapping[str, str | int]] = {
    "start": {"--function-name": FIRST},
    "status": {"--id": FIRST, "--show-input": SHOWN, "--show-output": SHOWN},
    "inspect": {"--id": FIRST},
    "raise-event": {"--id": FIRST, "--event-name": SECOND, "--event-data": "--data"},
    "terminate": {"--id": FIRST},
    "suspend": {"--id": FIRST},
    "resume": {"--id": FIRST},
    "rewind": {"--id": FIRST},
    "restart": {"--id": FIRST},
    "list": {"--runtime-status": SPREAD, "--continuation-token": NOTED},
    "purge": {"--runtime-status": SPREAD},
}
COMMANDS = {
    "start-new": "start",
    "get-instances": "list",
    "get-runtime-status": "status",
    "get-history": "inspect",
    "purge-history": "purge",
    "delete-task-hub": "purge --all",
}
"""What their sub-commands are called here, for hints."""


def translated(arguments: Sequence[str], command_of: Callable[[str], Any]) -> list[str]:
    """A command line in our own words; one without such flags as it is. Raises InvalidArgument for a flag without its
    value, or for what is given twice. `command_of` gives the parser's command of a name."""
    if not arguments or arguments[0] not in _FLAGS or not any(word.startswith("--") for word in arguments):
        return list(arguments)
    name, words = arguments[0], list(arguments[1:])
    flags = {**_EVERYWHERE, **_FLAGS[name]}
    placed: dict[int, tuple[str, str]] = {}
    rest: list[str] = []
    while words:
        word = words.pop(0)
        if word == "--":
            rest += [word, *words]
            break
        flag, equals, value = word.partition("=")
        meaning = flags.get(flag)
        if meaning is None:
            rest.append(word)
            continue
        if meaning == SHOWN:
            continue
        if not equals:
            if not words:
                raise InvalidArgument(f"{flag} has no value", hint=f"dfcli {name} --help")
            value = words.pop(0)
        if meaning == NOTED:
            terminal.say(f"note: {flag} has no effect here")
        elif meaning == SPREAD:
            rest += _statuses(value, words)
        elif isinstance(meaning, int):
            if meaning in placed:
                raise InvalidArgument(f"{flag} is given twice", hint=f"dfcli {name} --help")
            placed[meaning] = flag, value
        else:
            rest += [meaning, value]
    if not placed:
        return [name, *rest]
    options, others = _apart(rest, command_of(name).params)
    places = [place for place in (FIRST, SECOND) if place in flags.values()]
    if len(placed) + len(others) > len(places):
        raise InvalidArgument(f"{placed[min(placed)][0]} and {others[0]!r} name the same", hint=f"dfcli {name} --help")
    ordered = [placed[place][1] if place in placed else others.pop(0) for place in places if place in placed or others]
    return [name, *options, "--", *ordered]


def _apart(words: Sequence[str], parameters: Sequence[Any]) -> tuple[list[str], list[str]]:
    """The options with their values, and the arguments, as the parser with these parameters will take them."""
    takes_value = {
        spelling
        for parameter in parameters
        for spelling in getattr(parameter, "opts", ())
        if parameter.param_type_name == "option" and not parameter.is_flag
    }
    options: list[str] = []
    arguments: list[str] = []
    left = list(words)
    while left:
        word = left.pop(0)
        if word == "--":
            arguments += left
            break
        if word == "-" or not word.startswith("-"):
            arguments.append(word)
            continue
        options.append(word)
        if word in takes_value and left:
            options.append(left.pop(0))
    return options, arguments


def _statuses(value: str, words: list[str]) -> list[str]:
    """`Running Failed`, in one word or in several, as repeated options; takes the further ones off the line."""
    names = value.split()
    while words and words[0].isalpha() and words[0][:1].isupper():
        names.append(words.pop(0))
    return [part for name in names for part in ("--status", name)]
