"""Making a new app from a template: a folder of `templates/`, its name put in, and a dfcli.toml written.

Nothing that exists is touched: the target is a new folder or an empty one, and every file is created exclusively.
"""

from __future__ import annotations

import enum
import errno
import json
import os
import re
import shlex
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import tomli_w

from dfcli.errors import DfError, InvalidArgument, NoSpace, NotFound, Unavailable, WrongState
from dfcli.project.sources import TOML

TEMPLATE_FILE = "template.toml"
"""In each template, not copied: `description`, `start` and `then` (commands to try), `settings` for dfcli.toml."""
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}\Z")
_PLACEHOLDER = "{{app_name}}"
_AZURE = "_azure"
"""The folder of `templates/` with the files that every app for Azure has beside its template's."""
_IMPORTS = {
    "import dfcli as df\n": "import azure.durable_functions as df\n",
    "from dfcli import HttpRequest, HttpResponse\n": "from azure.functions import HttpRequest, HttpResponse\n",
}
"""All that differs in the code of an app for Azure."""
_LEFT_BEHIND = frozenset({"__pycache__", ".pytest_cache", ".dfcli", TEMPLATE_FILE})


class Sdk(enum.StrEnum):
    """Whose library the app is written with."""

    dfcli = "dfcli"
    azure = "azure"


@dataclass(frozen=True, slots=True)
class Template:
    """One folder of `templates/`."""

    name: str
    description: str
    """One line."""


@dataclass(frozen=True, slots=True)
class Scaffolded:
    """A new app."""

    folder: str
    files: list[str]
    """What was written, relative to the folder, sorted."""
    next_steps: list[str]
    """Commands to run next, in order."""


def templates_root() -> str:
    """Where the templates are: inside the installed package, or beside it in a checkout."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    for root in (os.path.join(package, "_templates"), os.path.join(os.path.dirname(package), "templates")):
        if os.path.isdir(root):
            return root
    raise NotFound("dfcli's templates are missing", why=f"neither in {package} nor beside it", hint="install it again")


def list_templates() -> list[Template]:
    """All templates, by name."""
    root = templates_root()
    names = sorted(name for name in os.listdir(root) if os.path.isfile(os.path.join(root, name, TEMPLATE_FILE)))
    return [Template(name, str(_description(root, name).get("description", ""))) for name in names]


def scaffold(template: str, target: str, sdk: Sdk = Sdk.dfcli) -> Scaffolded:
    """Make the app `target`, whose last part is the app's name. What was begun is taken back when it fails.

    Raises NotFound for an unknown template, InvalidArgument for a name that cannot be used, WrongState when something
    stands there already, Unavailable when the folder cannot be written.
    """
    root = templates_root()
    known = [known.name for known in list_templates()]
    if template not in known:
        raise NotFound(
            f"there is no template {template!r}",
            why=f"the templates are {', '.join(known)}",
            hint="`dfcli new --list` describes them",
        )
    folder = os.path.abspath(os.path.expanduser(target))
    name = _check_name(os.path.basename(folder))
    source, about = os.path.join(root, template), _description(root, template)
    contents = {path: _filled(os.path.join(source, path), name) for path in _files(source)}
    contents[TOML] = _settings_file(about.get("settings", {}))
    if sdk is Sdk.azure:
        _for_azure(root, contents, about.get("settings", {}))
    _write(folder, contents)
    return Scaffolded(folder, sorted(contents), _next_steps(folder, about))


def _for_azure(root: str, contents: dict[str, bytes], settings: dict[str, Any]) -> None:
    """Make of a template's files those of an app that Azure's packages load."""
    code = contents["function_app.py"].decode()
    for ours, azures in _IMPORTS.items():
        code = code.replace(ours, azures)
    contents["function_app.py"] = code.encode()
    source = os.path.join(root, _AZURE)
    for path in _files(source):
        content = _filled(os.path.join(source, path), "")
        contents[path] = contents.get(path, b"") + content
    values = {"FUNCTIONS_WORKER_RUNTIME": "python", "AzureWebJobsStorage": "UseDevelopmentStorage=true"}
    local = {"IsEncrypted": False, "Values": {**values, **settings.get("app", {})}}
    contents["local.settings.json"] = json.dumps(local, indent=2).encode() + b"\n"
    # Values of the app have one home, and Azure's tools look for them there.
    contents[TOML] = _settings_file({name: value for name, value in settings.items() if name != "app"})


def _write(folder: str, contents: dict[str, bytes]) -> None:
    made: list[str] = []
    try:
        _make_empty_folder(folder, made)
        for path, content in sorted(contents.items()):
            place = os.path.join(folder, path)
            _make_folders(folder, os.path.dirname(path), made)
            with open(place, "xb") as file:
                made.append(place)
                file.write(content)
    except OSError as error:
        _take_back(made)
        raise _unwritable(folder, error) from error
    except BaseException:
        _take_back(made)
        raise


def _make_empty_folder(folder: str, made: list[str]) -> None:
    try:
        os.mkdir(folder)
        made.append(folder)
    except FileExistsError:
        if not os.path.isdir(folder):
            raise WrongState(f"{folder} is a file", hint="choose another name: nothing is overwritten") from None
        held = sorted(os.listdir(folder))
        if held:
            raise WrongState(
                f"{folder} is not empty",
                why=f"it holds {', '.join(held[:3])}{' and more' if len(held) > 3 else ''}",
                hint="choose another name: nothing is overwritten",
            ) from None


def _make_folders(folder: str, path: str, made: list[str]) -> None:
    for part in filter(None, path.split(os.sep)):
        folder = os.path.join(folder, part)
        if not os.path.isdir(folder):
            os.mkdir(folder)
            made.append(folder)


def _take_back(made: list[str]) -> None:
    for path in reversed(made):
        with suppress(OSError):  # somebody put a file of their own beside ours: theirs stays
            os.rmdir(path) if os.path.isdir(path) else os.unlink(path)


def _unwritable(folder: str, error: OSError) -> DfError:
    parent = os.path.dirname(folder)
    if isinstance(error, FileNotFoundError) and not os.path.isdir(parent):
        return NotFound(
            f"there is no folder {parent}", why="the new app goes into it", hint=f"mkdir -p {shlex.quote(parent)}"
        )
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return NoSpace(f"{folder} cannot be written", why="the disk is full; what was begun has been removed")
    return Unavailable(
        f"{folder} cannot be written",
        why=error.strerror or str(error),
        hint="choose a folder that you may write to",
    )


def _check_name(name: str) -> str:
    if not _NAME.match(name):
        raise InvalidArgument(
            f"{name[:80]!r} cannot be an app's name",
            why="a name has 1 to 64 letters, digits and '_', '-', '.', and begins with a letter, a digit or '_'",
            hint="choose a name like my_app",
        )
    return name


def _files(source: str) -> Iterator[str]:
    """What a template gives to an app, relative to it. Traces of running its tests in place are left behind."""
    for here, folders, files in os.walk(source):
        folders[:] = [name for name in folders if name not in _LEFT_BEHIND]
        for name in files:
            if name not in _LEFT_BEHIND and not name.endswith(".pyc"):
                yield os.path.relpath(os.path.join(here, name), source)


def _filled(path: str, name: str) -> bytes:
    with open(path, encoding="utf-8", newline="") as file:
        return file.read().replace(_PLACEHOLDER, name).encode()


def _description(root: str, template: str) -> dict[str, Any]:
    with open(os.path.join(root, template, TEMPLATE_FILE), "rb") as file:
        return tomllib.load(file)


def _settings_file(settings: dict[str, Any]) -> bytes:
    return (
        b"# How `dfcli run` runs this app; variables such as DFCLI_PORT and flags win over it.\n"
        + tomli_w.dumps(settings).encode()
    )


def _next_steps(folder: str, about: dict[str, Any]) -> list[str]:
    """Run the app, start something, test it. The folder is entered first unless it is the current one."""
    here = os.path.relpath(folder)
    enter = [] if here == os.curdir else [f"cd {shlex.quote(folder if here.startswith(os.pardir) else here)}"]
    tries = [str(about[key]) for key in ("start", "then") if key in about]
    return [*enter, "dfcli run", *tries, "pytest"]
