"""The app's own `.venv`: its packages are found before those beside dfcli, except for what dfcli itself needs."""

from __future__ import annotations

import os
import re
import site
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

from dfcli.errors import AppLoadError

FOLDERS = (".venv", "venv")
OURS = frozenset(
    (
        *("dfcli", "typer", "click", "rich", "shellingham", "watchdog", "tomli_w", "msgspec", "starlette", "anyio"),
        *("uvicorn", "h11", "httptools", "uvloop", "croniter", "pytz", "textual"),
    )
)
"""Modules that dfcli and its requirements import: those of its own environment, whatever the app's holds."""


def use(folder: str) -> None:
    """Find the packages of the app's virtual environment first, from now on in this process. Does nothing when there is
    none. Raises AppLoadError for one of another Python."""
    root = next(
        (path for name in FOLDERS if os.path.isfile(os.path.join(path := os.path.join(folder, name), "pyvenv.cfg"))), ""
    )
    if not root or os.path.realpath(root) == os.path.realpath(sys.prefix):
        return
    version = _version(root)
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    if not version:  # no environment that a tool has made
        return
    if version != own:
        raise AppLoadError(
            f"the app's {os.path.basename(root)} is of Python {version}, and dfcli runs on {own}",
            why=f"packages in {root} do not fit this interpreter",
            hint=f"{_python(root)} -m pip install 'dfcli[azure]', and run the dfcli of that environment",
        )
    packages = _site_packages(root)
    if not os.path.isdir(packages) or packages in sys.path:
        return
    before = list(sys.path)
    site.addsitedir(packages)  # its .pth files count, too
    added = [path for path in sys.path if path not in before]
    sys.path[:] = [*added, *before]
    sys.meta_path.insert(0, _OwnFirst(before))


class _OwnFirst:
    """Finds the modules in `OURS` where they were before the app's environment came."""

    def __init__(self, paths: Sequence[str]) -> None:
        self._paths = list(paths)

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if path is None and name in OURS:
            return PathFinder.find_spec(name, self._paths, target)
        return None


def _version(root: str) -> str:
    """`3.11`, as its pyvenv.cfg says; empty when it does not."""
    try:
        with open(os.path.join(root, "pyvenv.cfg"), encoding="utf-8") as file:
            found = re.search(r"^version(?:_info)?\s*=\s*(\d+\.\d+)", file.read(), re.MULTILINE)
    except (OSError, UnicodeDecodeError):
        return ""
    return found[1] if found else ""


def _site_packages(root: str) -> str:
    if os.name == "nt":
        return os.path.join(root, "Lib", "site-packages")
    return os.path.join(root, "lib", f"python{sys.version_info.major}.{sys.version_info.minor}", "site-packages")


def _python(root: str) -> str:
    return os.path.join(root, "Scripts" if os.name == "nt" else "bin", "python")
