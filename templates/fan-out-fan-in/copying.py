"""Copying files so that it may be cut off and repeated at any moment.

A copy is written beside its target under another name, checked, made durable and then renamed: the target is never
half a file. Nothing here knows of orchestrations.
"""

import hashlib
import os
import shutil
import stat
from typing import Any

CHUNK_BYTES = 1024 * 1024


class BackupError(Exception):
    """A folder or file cannot be backed up; the text says which and why."""


def list_files(folders: Any) -> dict[str, Any]:
    """Source and target as absolute paths, the files to copy and what is skipped (links, sockets), sorted."""
    if not isinstance(folders, dict) or not all(isinstance(folders.get(key), str) for key in ("source", "target")):
        raise BackupError('the input is {"source": FOLDER, "target": FOLDER}')
    source, target = (os.path.abspath(os.path.expanduser(folders[key])) for key in ("source", "target"))
    if not os.path.isdir(source):
        raise BackupError(f"there is no folder {source} to back up")
    if _lies_in(target, source):
        raise BackupError(f"the target {target} lies inside the source {source}: it would be backed up into itself")
    files: list[str] = []
    skipped: list[str] = []
    for folder, folders_here, names in os.walk(source, onerror=_refuse):
        links = [name for name in folders_here if os.path.islink(os.path.join(folder, name))]
        for name in names + links:
            path = os.path.join(folder, name)
            regular = stat.S_ISREG(os.lstat(path).st_mode)
            (files if regular else skipped).append(os.path.relpath(path, source))
    return {"source": source, "target": target, "files": sorted(files), "skipped": sorted(skipped)}


def copy_file(source: str, target: str, path: str, *, run: str) -> dict[str, Any]:
    """Size and SHA-256 of the copy, and whether it was made now. `run` keeps two backups into one target apart."""
    original, copy = os.path.join(source, path), os.path.join(target, path)
    try:
        if _same_size(original, copy):
            checksum = sha256_of(original)
            if checksum == sha256_of(copy):
                return {"path": path, "bytes": os.path.getsize(copy), "sha256": checksum, "copied": False}
        os.makedirs(os.path.dirname(copy), exist_ok=True)
        part = os.path.join(os.path.dirname(copy), f".{hashlib.sha256(f'{run}/{path}'.encode()).hexdigest()[:24]}.part")
        checksum, size = _write(original, part)
        os.replace(part, copy)
        _sync_folder(os.path.dirname(copy))
    except OSError as error:
        place = "" if error.filename in (None, original) else f" ({error.filename})"
        raise BackupError(f"cannot copy {original}: {error.strerror or error}{place}") from error
    return {"path": path, "bytes": size, "sha256": checksum, "copied": True}


def sha256_of(path: str) -> str:
    """The checksum of a file's content, read in pieces."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _write(original: str, part: str) -> tuple[str, int]:
    """Copy the content to `part`, read it back and make it durable: its checksum and size."""
    digest = hashlib.sha256()
    with open(original, "rb") as reading, open(part, "wb") as writing:
        before = os.fstat(reading.fileno())
        while chunk := reading.read(CHUNK_BYTES):
            digest.update(chunk)
            writing.write(chunk)
        writing.flush()
        os.fsync(writing.fileno())
        after, size = os.fstat(reading.fileno()), writing.tell()
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns) or size != after.st_size:
        raise BackupError(f"{original} changed while it was copied")
    if sha256_of(part) != digest.hexdigest():
        raise BackupError(f"the copy of {original} differs from what was written: check the disk of {part}")
    shutil.copystat(original, part)
    return digest.hexdigest(), size


def _same_size(original: str, copy: str) -> bool:
    if not stat.S_ISREG(os.lstat(original).st_mode):
        raise BackupError(f"{original} is no longer a regular file")
    try:
        there = os.lstat(copy)
    except FileNotFoundError:
        return False
    return stat.S_ISREG(there.st_mode) and there.st_size == os.path.getsize(original)


def _lies_in(inner: str, outer: str) -> bool:
    inner, outer = os.path.realpath(inner), os.path.realpath(outer)
    return os.path.commonpath([inner, outer]) == outer


def _sync_folder(folder: str) -> None:
    """The rename itself is durable once the folder is; Windows has no such call and needs none."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _refuse(error: OSError) -> None:
    raise BackupError(f"cannot read the folder {error.filename}: {error.strerror}") from error
