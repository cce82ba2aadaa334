"""Ids and names: which are allowed, and how derived ones are made.

An instance id is 1 to 256 code points of well-formed Unicode without control characters, `/`, `\\`, `#`, `?`, and
does not begin with `@` (entities). Ids are compared exactly: no case folding, no normalisation.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from dfcli.errors import InvalidArgument
from dfcli.model.durable_http import BUILT_IN_PREFIXES

INSTANCE_ID_LENGTH_MAX = 256
CALLED_NAME_LENGTH_MAX = 256
TEXT_LENGTH_MAX = 16_384
REQUEST_ID_LENGTH_MAX = 256
"""A line of the history holds as many as a run remembers."""
FORBIDDEN_IN_IDS = frozenset("/\\#?")
_STAND_IN = re.compile(r"[0-9a-f]{32}:[0-9]+")
_HUB_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]{2,44}\Z")
_FUNCTION_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]{0,127}\Z")


class ExecutionKey(NamedTuple):
    """One generation of an instance: `exec` counts from 1."""

    instance_id: str
    exec: int


def check_instance_id(instance_id: str) -> str:
    """The id itself. Raises InvalidArgument naming the first thing wrong with it."""
    fault = ""
    if not instance_id:
        fault = "it is empty"
    elif len(instance_id) > INSTANCE_ID_LENGTH_MAX:
        fault = f"it has {len(instance_id)} characters; {INSTANCE_ID_LENGTH_MAX} are allowed"
    elif instance_id.startswith("@"):
        fault = "ids that begin with '@' belong to entities"
    else:
        for character in instance_id:
            if character in FORBIDDEN_IN_IDS or ord(character) < 32 or 127 <= ord(character) < 160:
                fault = f"it holds {character!r}; '/', '\\', '#', '?' and control characters are not allowed"
                break
            if 0xD800 <= ord(character) <= 0xDFFF:
                fault = "it holds half of a surrogate pair, which is not a character"
                break
    if fault:
        raise InvalidArgument(f"instance id {instance_id[:80]!r} cannot be used", why=fault, hint="choose another id")
    return instance_id


def check_event_name(name: str) -> str:
    """The event name itself: 1 to 256 characters without controls. Raises InvalidArgument."""
    if not 1 <= len(name) <= 256 or any(ord(c) < 32 or 0xD800 <= ord(c) <= 0xDFFF for c in name):
        raise InvalidArgument(
            f"event name {name[:80]!r} cannot be used",
            why="a name has 1 to 256 characters and no control characters",
            hint="choose another name",
        )
    return name


def check_text(what: str, text: object, length_max: int = TEXT_LENGTH_MAX) -> None:
    """Whether text from outside, a version or a reason, can stand in a history line. Raises InvalidArgument."""
    if text is None:
        return
    if not isinstance(text, str):
        fault = f"it is {type(text).__name__}, not text"
    elif len(text) > length_max:
        fault = f"it has {len(text)} characters; {length_max} are allowed"
    elif not text.isascii() and any(0xD800 <= ord(c) <= 0xDFFF for c in text):
        fault = "it holds half of a surrogate pair, which is not a character"
    else:
        return
    raise InvalidArgument(f"{what} {str(text)[:80]!r} cannot be used", why=fault)


def check_called_name(name: str) -> str:
    """The name of a function that is called, itself; whether there is such a function shows later. HOT."""
    if len(name) > CALLED_NAME_LENGTH_MAX or not name.isascii():
        check_text("function name", name, CALLED_NAME_LENGTH_MAX)
    if name[:1] in "bB" and name.lower().startswith(BUILT_IN_PREFIXES):
        raise InvalidArgument(
            f"{name[:80]!r} cannot be called by its name",
            why="it is built in: only dfcli itself calls it",
            hint="use context.call_http(...)",
        )
    return name


def check_function_name(name: str) -> str:
    """The function name itself. Raises InvalidArgument."""
    if not _FUNCTION_NAME.match(name):
        raise InvalidArgument(
            f"function name {name[:80]!r} cannot be used",
            why="a name begins with a letter and holds letters, digits and '_', '.', ':', '-', at most 128",
            hint="rename the function, or give it a name with @app.function_name(...)",
        )
    return name


def check_hub_name(name: str) -> str:
    """The task hub's name itself: letters and digits, first a letter, 3 to 45. Raises InvalidArgument."""
    if not _HUB_NAME.match(name):
        raise InvalidArgument(
            f"task hub name {name[:80]!r} cannot be used",
            why="a name has 3 to 45 letters and digits and begins with a letter",
            hint="choose a name like 'default'",
        )
    return name


def child_instance_id(parent: ExecutionKey, execution_id: str, event_id: int) -> str:
    """The id of a sub-orchestration that was given none: unique per scheduling line, the same on every replay."""
    readable = f"{parent.instance_id}:{parent.exec}:{event_id}"
    return readable if len(readable) <= 200 else stand_in_child_id(execution_id, event_id)


def stand_in_child_id(execution_id: str, event_id: int) -> str:
    """For when the usual id is too long, or taken: by a child of an earlier run whose number came again."""
    return f"{execution_id}:{event_id}"


def is_stand_in(child_id: str, event_id: int) -> bool:
    """Whether a child's id was made from its parent's execution id, which is 32 hex digits."""
    return _STAND_IN.fullmatch(child_id) is not None and child_id.endswith(f":{event_id}")
