"""Hot reload: told by the operating system when the app's files change.

One save of an editor is several events (a temporary file, a rename, a change of mode), and a checkout touches many
files; a change is reported once, when the folder has been quiet for a moment.

The folder itself is watched flat and each of its own subfolders deeply: the task hub in `.dfcli` is written to
thousands of times a second and a `.venv` holds thousands of folders; neither may cost anything.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import suppress

from watchdog.events import (
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver, ObservedWatch

from dfcli.project.folder import belongs_to_app, is_code, is_hub
from dfcli.project.sources import FILES

QUIET_SECONDS = 0.15
LONGEST_SECONDS = 2.0
"""A folder that never gets quiet, such as one a build writes into, is reported all the same."""
_EVENTS: list[type[FileSystemEvent]] = [
    FileCreatedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileDeletedEvent,
    DirCreatedEvent,
    DirMovedEvent,
    DirDeletedEvent,
]
"""Not "opened" and "closed": the loading itself reads the files."""


class Watch:
    """A running watch. `on_change` gets the changed paths, sorted, on a thread of the watch; it must not raise."""

    def __init__(self, folder: str, on_change: Callable[[list[str]], None], *, quiet_seconds: float) -> None:
        self._folder = os.path.realpath(folder)
        self._on_change = on_change
        self._quiet_seconds = quiet_seconds
        self._changed: set[str] = set()
        self._more = threading.Condition()
        self._stopped = False
        self._handler = _Changes(self._folder, self._note)
        self._subfolders: dict[str, ObservedWatch] = {}
        self._observer: BaseObserver = Observer()
        self._observer.schedule(self._handler, self._folder, event_filter=_EVENTS)
        self._watch_subfolders([])
        self._observer.daemon = True
        self._observer.start()
        self._reporter = threading.Thread(target=self._report, name="dfcli-reload", daemon=True)
        self._reporter.start()

    def stop(self) -> None:
        """No call of `on_change` begins after this returns, except one that is under way."""
        with self._more:
            self._stopped = True
            self._more.notify_all()
        self._observer.stop()
        if threading.current_thread() is not self._reporter:
            self._observer.join()
            self._reporter.join()

    def _note(self, path: str) -> None:
        with self._more:
            self._changed.add(path)
            self._more.notify_all()

    def _report(self) -> None:
        while True:
            changed = self._next_change()
            if changed is None:
                return
            self._watch_subfolders(
                changed
            )  # before the report: what is written later is an event, what is there gets loaded
            self._on_change(changed)

    def _watch_subfolders(self, changed: list[str]) -> None:
        """Follow subfolders that came and went; one that is itself among the changes may have been replaced."""
        there: set[str] = set()
        with suppress(OSError), os.scandir(self._folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False) and belongs_to_app(self._folder, entry.path):
                    there.add(entry.path)
        for gone in self._subfolders.keys() - (there - set(changed)):
            self._observer.unschedule(self._subfolders.pop(gone))
        for new in there - self._subfolders.keys():
            with suppress(FileNotFoundError):  # it went away again: the next event says so
                deeply = not any(is_hub(os.path.join(new, name)) for name in os.listdir(new))
                self._subfolders[new] = self._observer.schedule(
                    self._handler, new, recursive=deeply, event_filter=_EVENTS
                )

    def _next_change(self) -> list[str] | None:
        """The paths of one burst of changes; None when the watch was stopped."""
        with self._more:
            self._more.wait_for(lambda: self._changed or self._stopped)
            rounds = max(1, int(LONGEST_SECONDS / self._quiet_seconds)) if self._quiet_seconds else 0
            for _ in range(rounds):
                count = len(self._changed)
                if self._more.wait_for(lambda: self._stopped, timeout=self._quiet_seconds):
                    break
                if len(self._changed) == count:
                    break
            if self._stopped:
                return None
            changed, self._changed = sorted(self._changed), set()
            return changed


def watch(folder: str, on_change: Callable[[list[str]], None], *, quiet_seconds: float = QUIET_SECONDS) -> Watch:
    """Call `on_change` with the changed paths after each change of the app's code or settings, until `stop()`.

    Raises OSError when the system cannot watch (too many watches, the folder is gone).
    """
    return Watch(folder, on_change, quiet_seconds=quiet_seconds)


def matters(folder: str, path: str) -> bool:
    """Whether a change of `path` can change the app: its Python files and its settings files, no editor's own files."""
    name = os.path.basename(path)
    if name.startswith((".", "#")) or name.endswith(("~", ".tmp", ".swp")):
        return False
    if os.path.dirname(path) == folder and name in FILES:
        return True
    return is_code(name) and belongs_to_app(folder, path)


class _Changes(FileSystemEventHandler):
    def __init__(self, folder: str, note: Callable[[str], None]) -> None:
        self._folder = folder
        self._note = note

    def on_any_event(self, event: FileSystemEvent) -> None:
        for path in (event.src_path, event.dest_path):
            text = os.fsdecode(path) if path else ""
            if text and (self._is_moved_folder(event, text) or matters(self._folder, text)):
                self._note(text)

    def _is_moved_folder(self, event: FileSystemEvent, path: str) -> bool:
        """A package that is renamed, added or removed as a whole has no event for each file in it."""
        return event.is_directory and belongs_to_app(self._folder, path)
