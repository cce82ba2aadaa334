"""The app's folder: which of its files are the app's own code."""

from __future__ import annotations

import os
from collections.abc import Iterator

ENTRY_FILE = "function_app.py"
_NOT_THE_APP = frozenset({"__pycache__", "node_modules", "site-packages"})


def belongs_to_app(folder: str, path: str) -> bool:
    """Whether `path` lies in the app's folder, outside hidden folders, installed packages and task hubs."""
    relative = os.path.relpath(path, folder)
    if relative == os.curdir:
        return True
    parts = relative.split(os.sep)
    if parts[0] == os.pardir or any(part in _NOT_THE_APP or part.startswith(".") for part in parts):
        return False
    return not any(_is_foreign(os.path.join(folder, *parts[:n])) for n in range(1, len(parts) + 1))


def source_files(folder: str) -> list[str]:
    """The app's code: its .py files and function.json files, relative to its folder, sorted."""
    return sorted(os.path.relpath(path, folder) for path in _walk(folder) if is_code(path))


def is_code(path: str) -> bool:
    """Whether a file of that name is a part of an app's code."""
    return path.endswith(".py") or os.path.basename(path) == "function.json"


def all_files(folder: str) -> list[str]:
    """The app's files of every kind, hidden ones left out, sorted."""
    return sorted(_walk(folder))


def _walk(folder: str) -> Iterator[str]:
    for here, folders, files in os.walk(folder):
        folders[:] = [
            name
            for name in folders
            if name not in _NOT_THE_APP and not name.startswith(".") and not _is_foreign(os.path.join(here, name))
        ]
        yield from (os.path.join(here, name) for name in files if not name.startswith("."))


def is_hub(path: str) -> bool:
    """Whether a folder is a task hub; with `hub_dir` it may lie in the app's folder without being hidden."""
    return os.path.exists(os.path.join(path, "hub.lock"))


def _is_foreign(path: str) -> bool:
    return os.path.exists(os.path.join(path, "pyvenv.cfg")) or is_hub(path)
