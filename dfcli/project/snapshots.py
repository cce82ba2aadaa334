"""Copies of an app's code in its task hub, so that instances can finish on the code they began with.

`HUB/code/<hash>/` holds the files of the app's folder as they were: its code and the data beside it, without hidden
files, virtual environments, hubs and settings. A copy is complete and durable before an instance begins on its code,
and is removed when no live instance needs it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Collection, Iterator

from dfcli.errors import AppLoadError
from dfcli.project.code_id import code_hash, code_id_of
from dfcli.project.folder import all_files, source_files
from dfcli.project.load import LoadedApp
from dfcli.project.older_code import load_older
from dfcli.project.sources import FILES
from dfcli.registry.registry import Registry

FOLDER = "code"
FILES_MAX = 10_000
BYTES_MAX = 64 * 1024 * 1024


class Snapshots:
    """The copies in one hub. Used by one thread at a time."""

    def __init__(self, hub_path: str) -> None:
        self._root = os.path.join(hub_path, FOLDER)

    def keep(self, app: LoadedApp) -> None:
        """Have a durable copy of the app's code. Raises AppLoadError when it is too large, or changing just now."""
        path = self._path(code_hash(app.code_id))
        if os.path.isdir(path):
            return
        os.makedirs(self._root, mode=0o700, exist_ok=True)
        half_made = f"{path}.half-made"
        shutil.rmtree(half_made, ignore_errors=True)
        try:
            _copy(app.folder, half_made)
            if code_hash(code_id_of(half_made, source_files(half_made))) != code_hash(app.code_id):
                raise AppLoadError(
                    "the app's code changed while it was copied",
                    why="an instance must be able to finish on exactly the code it begins with",
                    hint="a running host copies it again when the files are quiet; otherwise run again",
                )
            os.rename(half_made, path)
            _sync_folder(self._root)
            _sync_folder(os.path.dirname(self._root))
        except OSError as error:
            raise AppLoadError("the app's code cannot be kept in the task hub", why=str(error)) from error
        finally:
            shutil.rmtree(half_made, ignore_errors=True)

    def load(self, code_id: str) -> Registry | None:
        """The functions of kept code; None when there is no copy. Raises AppLoadError when it cannot be loaded."""
        code = code_hash(code_id)
        path = self._path(code)
        return load_older(path, code) if code.isalnum() and os.path.isdir(path) else None

    def kept(self) -> list[str]:
        """The hashes of the code of which there are copies."""
        with contextlib.suppress(FileNotFoundError):
            return sorted(name for name in os.listdir(self._root) if name.isalnum())
        return []

    def prune(self, needed: Collection[str]) -> list[str]:
        """Remove the copies whose hash is not among those needed; the removed ones."""
        gone = [code for code in self.kept() if code not in needed]
        for code in gone:
            shutil.rmtree(self._path(code), ignore_errors=True)
        return gone

    def _path(self, code: str) -> str:
        return os.path.join(self._root, code)


def _copy(folder: str, to: str) -> None:
    os.makedirs(to, mode=0o700)
    folders = {to}
    size = 0
    for count, path in enumerate(_kept_files(folder), 1):
        size += os.path.getsize(path)
        if count > FILES_MAX or size > BYTES_MAX:
            raise AppLoadError(
                "the app's folder is too large for --pin",
                why=f"at most {FILES_MAX} files and {BYTES_MAX // 1024 // 1024} MiB are copied for each version",
                hint="move data out of the folder, or into one whose name begins with a dot",
            )
        target = os.path.join(to, os.path.relpath(path, folder))
        os.makedirs(os.path.dirname(target), mode=0o700, exist_ok=True)
        folders.add(os.path.dirname(target))
        _copy_file(path, target)
    for made in sorted(folders, key=len, reverse=True):
        _sync_folder(made)


def _kept_files(folder: str) -> Iterator[str]:
    for path in all_files(folder):
        is_settings = os.path.dirname(path) == folder and os.path.basename(path) in FILES
        if os.path.isfile(path) and not is_settings:  # settings may hold secrets, and are read at each start
            yield path


def _copy_file(path: str, target: str) -> None:
    with open(path, "rb") as source:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as copy:
            shutil.copyfileobj(source, copy)
            copy.flush()
            os.fsync(copy.fileno())


def _sync_folder(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
