"""The flags of Azure's `func durable`, taken by our commands: each becomes what we call it before the line is parsed.

`dfcli status --id abc` is `dfcli status abc`. Spellings that are options of ours already, as `--created-after` is, need
no entry.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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


def translated(arguments: Sequence[str]) -> list[str]:
    """A command line in our own words; one without such flags as it is. Raises InvalidArgument for a flag without its
    value, or for one that is given twice."""
    if not arguments or arguments[0] not in _FLAGS or not any(word.startswith("--") for word in arguments):
        return list(arguments)
    flags = {**_EVERYWHERE, **_FLAGS[arguments[0]]}
    placed: dict[int, str] = {}
    rest: list[str] = []
    words = list(arguments[1:])
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
                raise InvalidArgument(f"{flag} has no value", hint=f"dfcli {arguments[0]} --help")
            value = words.pop(0)
        if meaning == NOTED:
            terminal.say(f"note: {flag} has no effect here")
        elif meaning == SPREAD:
            rest += _statuses(value, words)
        elif isinstance(meaning, int):
            if meaning in placed:
                raise InvalidArgument(f"{flag} is given twice", hint=f"dfcli {arguments[0]} --help")
            placed[meaning] = value
        else:
            rest += [meaning, value]
    return [arguments[0], *(placed[place] for place in sorted(placed)), *rest]


def _statuses(value: str, words: list[str]) -> list[str]:
    """`Running Failed`, in one word or in several, as repeated options; takes the further ones off the line."""
    names = value.split()
    while words and words[0].isalpha() and words[0][:1].isupper():
        names.append(words.pop(0))
    return [part for name in names for part in ("--status", name)]
