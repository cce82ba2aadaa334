"""The older model of Azure's apps: a folder for each function, with a `function.json` that says what triggers it.

The modules are loaded below a package that stands for the app, `__app__`, as Azure's worker does: `from ..shared import
x` and `from __app__.shared import x` find the same module.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import Any

from dfcli.authoring.triggers import FunctionDefinition
from dfcli.compat.bindings import definition
from dfcli.compat.builders import unwrapped
from dfcli.errors import AppLoadError

FILE_NAME = "function.json"
PACKAGE = "__app__"
_SCRIPT, _ENTRY_POINT = "__init__.py", "main"

ImportModule = Callable[[str], ModuleType]
"""Imports a module of the app by its full name. Raises AppLoadError with the line that is at fault."""


def function_folders(folder: str) -> list[str]:
    """The names of the folders that hold a function, sorted."""
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return []
    return [name for name in names if not name.startswith(".") and os.path.isfile(_path(folder, name))]


def definitions(folder: str, import_module: ImportModule, package: str = PACKAGE) -> list[FunctionDefinition]:
    """The functions of the app in `folder`, imported below `package`. Raises AppLoadError."""
    if package == PACKAGE:
        module = ModuleType(PACKAGE)
        module.__path__ = [folder]
        sys.modules[PACKAGE] = module
    return [found for name in function_folders(folder) for found in _function(folder, name, import_module, package)]


def _function(folder: str, name: str, import_module: ImportModule, package: str) -> Iterator[FunctionDefinition]:
    described = _read(folder, name)
    if described.get("disabled") is True:
        return
    module = import_module(f"{package}.{_module_name(folder, name, described)}")
    entry_point = str(described.get("entryPoint") or _ENTRY_POINT)
    function = getattr(module, entry_point, None)
    if not callable(function):
        raise AppLoadError(
            f"function {name!r} has no entry point",
            why=f"{_path(folder, name)} names {entry_point!r}, and {module.__file__} defines no such function",
            hint=f"define `{entry_point}`, or name another one as entryPoint",
        )
    author, bindings = unwrapped(function), described["bindings"]
    if not hasattr(author, "__code__"):
        raise AppLoadError(
            f"function {name!r} cannot be used",
            why=f"{entry_point!r} of {module.__file__} is {type(author).__name__}, not a function",
            hint="write `main = df.Orchestrator.create(...)` for an orchestrator, and `def main(...)` for the others",
        )
    yield definition(name, author, bindings, client_as_text=True)


def _read(folder: str, name: str) -> Mapping[str, Any]:
    path = _path(folder, name)
    try:
        with open(path, encoding="utf-8-sig") as file:
            described = json.load(file)
    except json.JSONDecodeError as error:
        raise _unreadable(name, f"{path}:{error.lineno}: {error.msg}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(name, f"{path}: {error}") from error
    bindings = described.get("bindings") if isinstance(described, dict) else None
    if not isinstance(bindings, list) or not all(isinstance(binding, dict) for binding in bindings):
        raise _unreadable(name, f"{path}: its member `bindings` is no list of objects")
    for binding in bindings:
        if not isinstance(binding.get("type"), str) or not isinstance(binding.get("name", ""), str):
            raise _unreadable(name, f"{path}: a binding has no `type`, or a `name` that is no text")
    found: Mapping[str, Any] = described
    return found


def _module_name(folder: str, name: str, described: Mapping[str, Any]) -> str:
    """The module of the script, below the app's package. AppLoadError when there is none."""
    script = str(described.get("scriptFile") or _SCRIPT)
    path = os.path.normpath(os.path.join(folder, name, script))
    relative = os.path.relpath(path, folder)
    if relative.startswith(os.pardir) or not path.endswith(".py") or not os.path.isfile(path):
        raise AppLoadError(
            f"function {name!r} has no script",
            why=f"{_path(folder, name)} names {script!r}; there is no such Python file in the app",
            hint="correct scriptFile, which is relative to the function's folder; without it, __init__.py is taken",
        )
    return relative.removesuffix(".py").removesuffix(f"{os.sep}__init__").replace(os.sep, ".")


def _unreadable(name: str, why: str) -> AppLoadError:
    return AppLoadError(f"the description of function {name!r} cannot be used", why=why, hint="correct the file")


def _path(folder: str, name: str) -> str:
    return os.path.join(folder, name, FILE_NAME)
