"""Which code an execution was started on: a hash of the app's sources and, when they are committed, the commit."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Sequence

GIT_TIMEOUT_SECONDS = 2.0


def code_id_of(folder: str, files: Sequence[str]) -> str:
    """32 hex digits of the SHA-256 over names and contents; in a clean git tree also `@` and 12 of the commit."""
    digest = hashlib.sha256()
    for name in files:
        try:
            with open(os.path.join(folder, name), "rb") as file:
                content = file.read()
        except OSError:  # it went away, or may not be read: importing it will say so, if the app needs it
            continue
        digest.update(f"{name.replace(os.sep, '/')}\0{len(content)}\0".encode("utf-8", "surrogateescape"))
        digest.update(content)
    commit = _clean_commit(folder)
    return digest.hexdigest()[:32] + (f"@{commit[:12]}" if commit else "")


def code_hash(code_id: str) -> str:
    """The part of a code id that stands for the sources alone."""
    return code_id.partition("@")[0]


def _clean_commit(folder: str) -> str:
    """The commit that holds the folder's files as they are now; empty without git or with changes."""
    if not _in_git(folder) or _git(folder, "status", "--porcelain", "--", ".") != "":
        return ""
    return (_git(folder, "rev-parse", "HEAD") or "").strip()


def _in_git(folder: str) -> bool:
    """Looked up by hand: most apps are in no repository, and starting git costs more than loading a small app."""
    while not os.path.exists(os.path.join(folder, ".git")):
        parent = os.path.dirname(folder)
        if parent == folder:
            return False
        folder = parent
    return True


def _git(folder: str, *arguments: str) -> str | None:
    """What git prints, or None when it fails, hangs or is not there. It takes no locks in the user's repository."""
    try:
        done = subprocess.run(
            ["git", "--no-optional-locks", "-C", folder, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=GIT_TIMEOUT_SECONDS,
            check=False,
            text=True,
        )
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return done.stdout if done.returncode == 0 else None
