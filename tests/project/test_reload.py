"""The watch: which changes it reports, and that it never reports the hub's own writing."""

from __future__ import annotations

import os
import queue
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from dfcli.project.reload import matters, watch

PATIENCE_SECONDS = 20.0


class Reports:
    """What a watch has reported, to be waited for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._queue: queue.Queue[list[str]] = queue.Queue()
        self._watch = watch(str(folder), self._queue.put, quiet_seconds=0.05)

    def until(self, *names: str) -> set[str]:
        """Everything reported up to the report in which the last of `names` stands."""
        seen: set[str] = set()
        while not set(names) <= seen:
            paths = self._queue.get(timeout=PATIENCE_SECONDS)
            seen |= {os.path.relpath(path, self.folder) for path in paths}
        return seen

    def until_writing_shows(self, name: str) -> None:
        """Write a file until it is reported by name: a folder just made anew is followed only after its own report."""
        for number in range(int(PATIENCE_SECONDS)):
            (self.folder / name).write_text(f"x = {number}")
            with suppress(queue.Empty):
                while str(self.folder / name) not in self._queue.get(timeout=1.0):
                    pass
                return
        raise AssertionError(f"{name} was never reported")

    def close(self) -> None:
        self._watch.stop()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "function_app.py").write_text("")
    (tmp_path / ".dfcli").mkdir()
    return tmp_path.resolve()


@pytest.fixture
def reports(folder: Path) -> Iterator[Reports]:
    reports = Reports(folder)
    yield reports
    reports.close()


def test_a_saved_file_is_reported(reports: Reports, folder: Path) -> None:
    (folder / "function_app.py").write_text("x = 1")
    assert reports.until("function_app.py") == {"function_app.py"}


def test_a_file_that_an_editor_replaces_is_reported_and_its_temporary_file_is_not(
    reports: Reports, folder: Path
) -> None:
    (folder / "function_app.py.tmp").write_text("x = 1")
    os.replace(folder / "function_app.py.tmp", folder / "function_app.py")
    assert reports.until("function_app.py") == {"function_app.py"}


def test_settings_files_are_reported(reports: Reports, folder: Path) -> None:
    (folder / "dfcli.toml").write_text("")
    reports.until("dfcli.toml")


def test_a_removed_file_is_reported(reports: Reports, folder: Path) -> None:
    (folder / "function_app.py").unlink()
    reports.until("function_app.py")


def test_files_in_packages_made_later_and_made_anew_are_reported(reports: Reports, folder: Path) -> None:
    (folder / "words" / "deep").mkdir(parents=True)
    reports.until("words")
    reports.until_writing_shows("words/deep/a.py")
    shutil.rmtree(folder / "words")
    (folder / "words").mkdir()
    reports.until("words")
    reports.until_writing_shows("words/b.py")
    (folder / "words").rename(folder / "terms")
    reports.until("terms")
    reports.until_writing_shows("terms/b.py")


def test_the_hub_and_other_files_are_never_reported(reports: Reports, folder: Path) -> None:
    (folder / ".dfcli" / "function_app.py").write_text("")
    (folder / ".venv").mkdir()
    (folder / ".venv" / "x.py").write_text("")
    (folder / "data.csv").write_text("")
    (folder / "__pycache__").mkdir()
    (folder / "function_app.py").read_text()
    (folder / "last.py").write_text("")
    assert reports.until("last.py") == {"last.py"}


def test_a_hub_that_is_not_hidden_is_not_reported_either(folder: Path) -> None:
    (folder / "state" / "default").mkdir(parents=True)
    (folder / "state" / "default" / "hub.lock").write_text("")
    reports = Reports(folder)
    (folder / "state" / "default" / "function_app.py").write_text("")
    (folder / "last.py").write_text("")
    assert reports.until("last.py") == {"last.py"}
    reports.close()


def test_nothing_is_reported_after_the_watch_was_stopped(folder: Path) -> None:
    reports = Reports(folder)
    reports.close()
    (folder / "function_app.py").write_text("x = 1")
    with pytest.raises(queue.Empty):
        reports._queue.get(timeout=0.2)


def test_a_folder_that_does_not_exist_cannot_be_watched(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        watch(str(tmp_path / "none"), lambda _: None)


@pytest.mark.parametrize(
    ("path", "does"),
    [
        ("function_app.py", True),
        ("pkg/a.py", True),
        ("dfcli.toml", True),
        ("host.json", True),
        ("local.settings.json", True),
        ("pkg/host.json", False),
        ("README.md", False),
        (".dfcli/default/code/a.py", False),
        (".venv/a.py", False),
        ("__pycache__/a.py", False),
        (".#function_app.py", False),
        ("function_app.py~", False),
        (".function_app.py.swp", False),
        ("4913", False),
    ],
)
def test_which_files_matter(path: str, does: bool) -> None:
    assert matters("/app", f"/app/{path}") is does
