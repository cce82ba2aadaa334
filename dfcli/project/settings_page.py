"""`python -m dfcli.project.settings_page` writes docs/settings.md from the settings themselves."""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterator
from types import ModuleType

from dfcli.host import settings as host_settings
from dfcli.project import settings as app_settings
from dfcli.project.host_json import MEANINGS
from dfcli.project.keys import KEYS
from dfcli.storage import settings as hub_settings

_INTRODUCTION = """\
# Settings

<!-- Made by `python -m dfcli.project.settings_page > docs/settings.md`; edit the settings, not this page. -->

Each later source wins: `dfcli.toml`, `host.json`, `local.settings.json` (`Values` whose names begin with `DFCLI_`),
environment variables (`DFCLI_PORT=7072`), flags of the command. `dfcli doctor` shows the effective values and where
each came from. They are read once, when a command begins.

`host.json` is Azure's file. The keys below are honoured; other providers, unknown keys and keys in the wrong place are
noted and never fatal. `%NAME%` in `hubName` stands for an app setting, and variables such as
`AzureFunctionsJobHost__extensions__durableTask__hubName` override single values. `[app]` in `dfcli.toml` and `Values`
in `local.settings.json` go into the app's environment, where variables that are set already win. A function is switched
off with the app value `AzureWebJobs.NAME.Disabled` = `true`.
"""


def page() -> str:
    """The text of docs/settings.md."""
    keys: dict[str, list[str]] = {}
    for path, meaning in MEANINGS.items():
        keys.setdefault(meaning.setting, []).append(f"`{path.removeprefix('extensions.')}`")
    described = {**_described(hub_settings), **_described(host_settings), **_described(app_settings)}
    defaults = app_settings.Settings()
    rows = [_INTRODUCTION, "| Setting | Default | Allowed | In host.json | |", "|---|---|---|---|---|"]
    for name, key in KEYS.items():
        value = getattr(defaults, name)
        default = str(value).lower() if isinstance(value, bool) else str(value)
        default = "by the processors" if name == "activity_threads" else f"`{default}`" if default else "nothing"
        cells = (f"`{name}`", default, key.allowed, ", ".join(keys.get(name, [])), described.get(name, ""))
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def _described(module: ModuleType) -> dict[str, str]:
    """What the source says below each member, on one line."""
    found: dict[str, str] = {}
    for owner in ast.parse(inspect.getsource(module)).body:
        if isinstance(owner, ast.ClassDef):
            found.update(_members(owner))
    return found


def _members(owner: ast.ClassDef) -> Iterator[tuple[str, str]]:
    name = ""
    for node in owner.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            name = node.target.id
        elif name and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield name, " ".join(str(node.value.value).split())
            name = ""
        else:
            name = ""


if __name__ == "__main__":
    sys.stdout.write(page())
