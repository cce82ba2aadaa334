"""Syncs that cannot be mistaken for other errors, and small files that are replaced whole: what is read is the old
content or the new, after any crash."""

from __future__ import annotations

import contextlib
import errno

from dfcli.env.environment import Env
from dfcli.env.files import Files, OpenFile


class SyncFailed(OSError):
    """A sync failed, whatever the errno. The kernel then marks the pages clean and a second sync "succeeds" without
    the data, so the process that saw this may acknowledge nothing more."""


def sync_file(file: OpenFile) -> None:
    try:
        file.fdatasync()
    except OSError as error:
        raise SyncFailed(error.errno, f"sync failed: {error.strerror}") from error


def sync_dir(files: Files, path: str) -> None:
    try:
        files.fsync_dir(path)
    except (FileNotFoundError, PermissionError):
        raise  # it could not be opened: nothing was tried
    except OSError as error:
        raise SyncFailed(error.errno, f"sync failed: {error.strerror}", path) from error


def sync_everything(files: Files, path: str) -> bool:
    """One call for the whole file system; False where that is not possible."""
    try:
        return files.sync_all(path)
    except OSError as error:
        raise SyncFailed(error.errno, f"sync failed: {error.strerror}", path) from error


def replace_file(env: Env, directory: str, name: str, data: bytes) -> None:
    """Put `data` under `name`: temporary file, sync, rename, sync of the directory. Durable when this returns."""
    files = env.files
    temporary = f"{directory}/.{name[:60]}.{env.ids.new_id()[:16]}.tmp"
    file = files.open(temporary, write=True, create=True, exclusive=True)
    try:
        try:
            file.pwrite(data, 0)
            sync_file(file)
        finally:
            file.close()
        files.rename(temporary, f"{directory}/{name}")
    except OSError:
        with contextlib.suppress(OSError):
            files.unlink(temporary)
        raise
    sync_dir(files, directory)


def is_temporary(name: str) -> bool:
    """Whether a name is a left-over of `replace_file`."""
    return name.startswith(".") and name.endswith(".tmp")


def read_file(files: Files, path: str) -> bytes | None:
    """The whole content; None when there is no such file."""
    try:
        file = files.open(path)
    except FileNotFoundError:
        return None
    try:
        return file.pread(file.size(), 0)
    finally:
        file.close()


def list_names(files: Files, path: str) -> list[str]:
    """The names in a directory in order; none when it does not exist."""
    try:
        return sorted(files.list(path))
    except (FileNotFoundError, NotADirectoryError):
        return []


def ensure_dir(files: Files, path: str) -> bool:
    """Make one directory unless it is there; whether it was made. Durable after a sync of its parent."""
    try:
        files.make_dir(path)
    except FileExistsError:
        return False
    return True


def remove_file(files: Files, path: str) -> bool:
    """Unlink; whether there was something to unlink."""
    try:
        files.unlink(path)
    except FileNotFoundError:
        return False
    return True


def is_full(error: OSError) -> bool:
    """Whether an error says that no space is left, which is waited out, as against a disk that fails."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT) and not isinstance(error, SyncFailed)
