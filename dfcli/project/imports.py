"""How the app's modules are found: from its folder, before anything else, and always from the source text.

Python trusts a cached `.pyc` whose second and size match; an edit that keeps both would not be seen by a hot reload.
So the app's own modules are compiled from source at each load, and no `__pycache__` is written into its folder.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from importlib.machinery import EXTENSION_SUFFIXES, SOURCE_SUFFIXES, ExtensionFileLoader, FileFinder, SourceFileLoader
from types import ModuleType

from dfcli.compat.function_json import PACKAGE, function_folders
from dfcli.errors import AppLoadError
from dfcli.project.folder import ENTRY_FILE, belongs_to_app

ENTRY_MODULE = ENTRY_FILE.removesuffix(".py")

_folders: set[str] = set()
"""The folders apps were loaded from in this process."""


class FreshSource(SourceFileLoader):
    """Reads no bytecode cache and writes none."""

    def path_stats(self, path: str) -> Mapping[str, float]:
        raise OSError(f"no bytecode is kept for {path}")


def real_folder(folder: str) -> str:
    """The folder as modules will name it, so that it can be compared. Raises AppLoadError."""
    path = os.path.realpath(folder)
    if not os.path.isdir(path):
        raise AppLoadError(
            f"there is no app in {folder}",
            why="the folder does not exist" if not os.path.exists(path) else "it is a file, not a folder",
            hint="go into the app's folder, name it with -C DIR, or make an app: `dfcli new sequence my_app`",
        )
    return path


def entry_file() -> str:
    """The file that holds the app; the app value `PYTHON_SCRIPT_FILE_NAME` may name another one, as on Azure."""
    return os.environ.get("PYTHON_SCRIPT_FILE_NAME") or ENTRY_FILE


def entry_module() -> str:
    return entry_file().removesuffix(".py").replace("/", ".")


def check_entry(folder: str) -> str:
    """The path of the app's entry file; empty for an app of folders with a function.json each. Raises AppLoadError
    when there is neither."""
    entry = os.path.join(folder, entry_file())
    if os.path.isfile(entry):
        return entry
    if function_folders(folder):
        return ""
    raise AppLoadError(
        f"there is no app in {folder}",
        why=f"it holds no {entry_file()}",
        hint="go into the app's folder, name it with -C DIR, or make an app: `dfcli new sequence my_app`",
    )


def prefer(folder: str) -> None:
    """Modules of `folder` win over all others of the same name from now on."""
    if not _folders:
        sys.path_hooks.insert(0, _finder)
    _folders.add(folder)
    for cached in [path for path in sys.path_importer_cache if belongs_to_app(folder, path)]:
        del sys.path_importer_cache[cached]
    sys.path[:] = [folder, *(path for path in sys.path if path != folder)]


def is_app_module(name: str, module: ModuleType, folder: str) -> bool:
    """Whether a loaded module is code of the app in `folder`, or of another app that was loaded before.

    The program itself and dfcli are not, wherever the folder lies; a module in the place of the entry file is.
    """
    if name in ("__main__", "dfcli") or name.startswith("dfcli."):
        return False
    if name in (ENTRY_MODULE, entry_module(), PACKAGE):
        return True
    places = [getattr(module, "__file__", None), *_namespace(module)]
    return any(
        isinstance(place, str) and belongs_to_app(known, place) for place in places for known in (folder, *_folders)
    )


def _namespace(module: ModuleType) -> list[str]:
    """The folders of a package without `__init__.py`, which has no file."""
    if getattr(module, "__file__", None) is not None:
        return []
    try:
        return list(getattr(module, "__path__", ()))
    except Exception:  # other people's lazy modules may do anything here
        return []


def _finder(path: str) -> FileFinder:
    if not os.path.isdir(path) or not any(belongs_to_app(folder, path) for folder in _folders):
        raise ImportError(f"{path} belongs to no app", path=path)
    return FileFinder(path, (ExtensionFileLoader, EXTENSION_SUFFIXES), (FreshSource, SOURCE_SUFFIXES))
