"""SQLite databases beside other files: on the disk, or in memory when the files are."""

from __future__ import annotations

import sqlite3
from urllib.parse import quote

from dfcli.env.files import Files
from dfcli.env.memory import MemoryFiles

BUSY_SECONDS = 5.0


def open_database(files: Files, path: str, *, read_only: bool = False) -> sqlite3.Connection:
    """A connection in autocommit mode, usable from any thread under the caller's lock.

    In memory there is one connection per path, handed out again at each call: do not close it. On the disk the
    database is created when missing unless `read_only`. Raises sqlite3.Error.
    """
    if isinstance(files, MemoryFiles):
        return _in_memory(files, path, read_only)
    mode = "ro" if read_only else "rwc"
    return _connect(f"file:{quote(path)}?mode={mode}", uri=True)


def forget_database(files: MemoryFiles, path: str) -> None:
    """Drop a database that lives in memory."""
    connection = files.databases.pop(path, None)
    if isinstance(connection, sqlite3.Connection):
        connection.close()


def _in_memory(files: MemoryFiles, path: str, read_only: bool) -> sqlite3.Connection:
    connection = files.databases.get(path)
    if not isinstance(connection, sqlite3.Connection):
        if read_only:
            raise sqlite3.OperationalError("unable to open database file")
        connection = files.databases[path] = _connect(":memory:", uri=False)
    return connection


def _connect(name: str, *, uri: bool) -> sqlite3.Connection:
    return sqlite3.connect(name, uri=uri, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
