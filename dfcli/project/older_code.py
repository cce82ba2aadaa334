"""An older version of an app's code, loaded from a folder beside the version that runs.

Its modules live in a package of their own (`dfcli_code_<hash>.shop`), and its `import shop` finds that package's
module, also when it is executed much later inside a function: each module is given its own `__import__`. Relative
imports need nothing, since the package is a real one. `importlib.import_module("shop")`, by contrast, asks for the
newest. Installed packages are shared by all versions.
"""

from __future__ import annotations

import builtins
import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from importlib.machinery import EXTENSION_SUFFIXES, SOURCE_SUFFIXES, ExtensionFileLoader, FileFinder, ModuleSpec
from types import ModuleType
from typing import Any

from dfcli.compat.function_json import PACKAGE
from dfcli.model.scope import PREFIX, scope_of
from dfcli.project import imports
from dfcli.project.load import import_app
from dfcli.registry.registry import Registry

_scopes: dict[str, _Scope] = {}
"""By package name: the versions loaded in this process. They stay: their functions may be at work."""


def load_older(folder: str, code: str) -> Registry:
    """The functions of the app whose code with that hash lies in `folder`. Raises AppLoadError."""
    name = scope_of(code)
    if name not in _scopes:
        if not any(isinstance(finder, _ScopeFinder) for finder in sys.meta_path):
            sys.meta_path.insert(0, _ScopeFinder())
        _scopes[name] = _Scope(name, folder)
    try:
        return import_app(folder, name)
    except BaseException:
        for loaded in [loaded for loaded in sys.modules if loaded == name or loaded.startswith(f"{name}.")]:
            del sys.modules[loaded]
        del _scopes[name]
        raise


class _Scope:
    """The package that holds one version's modules."""

    def __init__(self, name: str, folder: str) -> None:
        self._name = name
        self._folder = folder
        self.builtins: dict[str, Any] = {**vars(builtins), "__import__": self._import}
        package = ModuleType(name)
        package.__path__ = [folder]
        sys.modules[name] = package

    def _import(
        self,
        name: str,
        globals: Mapping[str, object] | None = None,
        locals: Mapping[str, object] | None = None,
        fromlist: Sequence[str] = (),
        level: int = 0,
    ) -> ModuleType:
        """What `import` statements of this version's modules call."""
        if name == PACKAGE or name.startswith(f"{PACKAGE}."):
            return self._import_of_the_app(name, globals, locals, fromlist)
        if level or not self._has(name.partition(".")[0]):
            return builtins.__import__(name, globals, locals, fromlist, level)
        scoped = f"{self._name}.{name}"
        if fromlist:
            return builtins.__import__(scoped, globals, locals, fromlist, 0)
        importlib.import_module(scoped)
        return sys.modules[f"{self._name}.{name.partition('.')[0]}"]

    def _import_of_the_app(
        self,
        name: str,
        globals: Mapping[str, object] | None,
        locals: Mapping[str, object] | None,
        fromlist: Sequence[str],
    ) -> ModuleType:
        """`__app__` is what function.json apps call themselves."""
        scoped = self._name + name.removeprefix(PACKAGE)
        if fromlist:
            return builtins.__import__(scoped, globals, locals, fromlist, 0)
        importlib.import_module(scoped)
        return sys.modules[self._name]

    def _has(self, top: str) -> bool:
        path = os.path.join(self._folder, top)
        return os.path.isdir(path) or any(os.path.isfile(path + suffix) for suffix in SOURCE_SUFFIXES)


class _ScopeFinder:
    """Finds the modules of scope packages, and only those."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        del target
        scope = _scopes.get(name.partition(".")[0]) if name.startswith(PREFIX) else None
        if scope is None or path is None:
            return None
        for folder in path:
            finder = FileFinder(folder, (ExtensionFileLoader, EXTENSION_SUFFIXES), (_ScopedSource, SOURCE_SUFFIXES))
            spec = finder.find_spec(name)
            if spec is not None:
                return spec
        return None


class _ScopedSource(imports.FreshSource):
    """Runs a module with the `__import__` of its version."""

    def exec_module(self, module: ModuleType) -> None:
        module.__dict__["__builtins__"] = _scopes[module.__name__.partition(".")[0]].builtins
        super().exec_module(module)
