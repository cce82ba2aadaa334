"""Whether the user's app would run on Azure as it is: the looks of `compat`, with what this folder adds to them."""

from __future__ import annotations

import os
from collections.abc import Iterator

from dfcli.compat.deployable import items
from dfcli.compat.deployment_files import Item, warning
from dfcli.env.disk import DiskFiles
from dfcli.errors import AppLoadError
from dfcli.host.log_context import LogLine
from dfcli.host.log_reading import entry_of, folder_of, lines
from dfcli.model.time import timestamp_from_epoch
from dfcli.project.diagnosis import of_git
from dfcli.project.folder import source_files
from dfcli.project.load import LoadedApp
from dfcli.project.settings import Settings
from dfcli.project.sources import HOST_JSON, TOML

LOGGER = "dfcli.azure"
_FOR_THIS_MACHINE = " is left aside: "
"""In notes on host.json that mean nothing to Azure."""


def azure_items(settings: Settings, app: LoadedApp | AppLoadError) -> list[Item]:
    """All looks, in order. Nothing is started and nothing is changed."""
    folder = os.path.realpath(settings.folder)
    if isinstance(app, AppLoadError):
        return [*items(folder, source_files(folder), app, ()), *_of_the_folder(settings)]
    return [*items(app.folder, app.files, app.registry, _told(settings, app)), *_of_the_folder(settings)]


def _of_the_folder(settings: Settings) -> Iterator[Item]:
    for note in settings.notes:
        if note.startswith(HOST_JSON) and _FOR_THIS_MACHINE not in note:
            yield warning("host.json", note, "Azure ignores what it does not know without a word", "correct host.json")
    for finding in of_git(settings):
        yield warning(finding.code, finding.what, finding.why, finding.hint)
    own = [line.name for line in settings.effective() if line.source == TOML and line.name.startswith("app.")]
    named = [name.removeprefix("app.") for name in own]
    if named:
        yield warning(
            "settings",
            f"{TOML} sets {', '.join(named)} for the app",
            f"Azure does not read {TOML}",
            "set them as application settings there, and in local.settings.json here",
        )


def _told(settings: Settings, app: LoadedApp) -> Iterator[str]:
    """What hosts of this code have told. What was told before the code was last changed may be mended."""
    changed = max((os.stat(os.path.join(app.folder, name)).st_mtime for name in app.files), default=0.0)
    since = timestamp_from_epoch(changed)
    if not os.path.isdir(folder_of(settings.hub_path)):
        return
    for line in lines(DiskFiles(), settings.hub_path):
        if LOGGER.encode() in line:
            entry = entry_of(line)
            if isinstance(entry, LogLine) and entry.logger == LOGGER and entry.timestamp >= since:
                yield entry.message
