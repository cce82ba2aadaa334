"""Names of modules that hold an older version of the app's code, loaded beside the newest.

A module `shop` of older code is `dfcli_code_<hash>.shop`, so that both can be in one process. Whoever reads a history
or a failure is to see the app's own names: the prefix is taken off wherever a module's name is written down.
"""

from __future__ import annotations

PREFIX = "dfcli_code_"


def scope_of(code: str) -> str:
    """The package that holds the modules of a version; `code` is the hash part of its code id."""
    return f"{PREFIX}{code}"


def own_name(module: str) -> str:
    """A module's name as the app knows it."""
    return module.partition(".")[2] if module.startswith(PREFIX) else module
