"""Whether a hub's folder is safe to use: ours, closed to others, no link, on a disk of this machine.

Only the machine's own files are judged; a hub in memory has no owner.
"""

from __future__ import annotations

import os

from dfcli.env.disk import DiskFiles, Ownership
from dfcli.env.environment import Env
from dfcli.errors import HubUnreadable
from dfcli.storage.settings import HubSettings

NETWORK_FILE_SYSTEMS = frozenset(
    [
        "nfs",
        "nfs3",
        "nfs4",
        "cifs",
        "smb2",
        "smb3",
        "smbfs",
        "9p",
        "afs",
        "ceph",
        "glusterfs",
        "lustre",
        "ncpfs",
        "afpfs",
    ]
)
_WRITABLE_BY_GROUP = 0o020
_WRITABLE_BY_OTHERS = 0o002


def check_hub_folder(hub_path: str, env: Env, settings: HubSettings) -> None:
    """Raises HubUnreadable. Folders that do not exist yet are fine: they will be made private."""
    files = env.files
    if not isinstance(files, DiskFiles):
        return
    if not settings.unsafe_permissions:
        for path in (hub_path, os.path.dirname(hub_path)):
            found = files.ownership(path)
            if found is not None and (path == hub_path or os.path.basename(path) == ".dfcli"):
                _check_own(path, found, files.current_user())
        _check_parents(hub_path, files)
    if not settings.allow_network_fs:
        _check_local(hub_path, files)


def _check_own(path: str, found: Ownership, user: int | None) -> None:
    fault = ""
    if found.is_link:
        fault = "it is a symbolic link"
    elif not found.is_directory:
        fault = "it is not a folder"
    elif user is not None and found.user != user:
        fault = f"it belongs to user {found.user}, and this process runs as user {user}"
    elif user is not None and found.mode & (_WRITABLE_BY_GROUP | _WRITABLE_BY_OTHERS):
        fault = f"others may write to it (mode {found.mode & 0o7777:04o})"
    if fault:
        raise HubUnreadable(
            f"the task hub folder {path} is not safe to use", why=fault, hint=f"chmod 700 {path}, or use --hub-dir"
        )


def _check_parents(hub_path: str, files: DiskFiles) -> None:
    """Who may write to a folder above may put another folder in the hub's place."""
    if files.current_user() is None:
        return
    path = os.path.dirname(os.path.realpath(hub_path))
    while True:
        found = files.ownership(path)
        if found is not None and found.mode & _WRITABLE_BY_OTHERS and not found.is_sticky:
            raise HubUnreadable(
                f"the task hub folder {hub_path} is not safe to use",
                why=f"everybody may write to {path}, which is above it",
                hint=f"chmod o-w {path}, or use --hub-dir",
            )
        above = os.path.dirname(path)
        if above == path:
            return
        path = above


def _check_local(hub_path: str, files: DiskFiles) -> None:
    kind = files.filesystem_type(hub_path)
    if kind in NETWORK_FILE_SYSTEMS or kind == "fuse" or kind.startswith("fuse"):
        raise HubUnreadable(
            f"the task hub folder {hub_path} is on a network file system",
            why=f"{kind} does not promise what a journal needs: locks and syncs that hold",
            hint="use --hub-dir with a folder on a local disk, or allow it with --allow-network-fs",
        )
