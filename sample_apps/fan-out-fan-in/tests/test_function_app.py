"""Run with `pytest`: activities are plain functions, and whole orchestrations run on a task hub of the test's own."""

import asyncio
import hashlib
from pathlib import Path
from typing import Any

import dfcli as df
import pytest

import copying
import function_app


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder with three files, one of them empty, one in a subfolder."""
    folder = tmp_path / "source"
    (folder / "letters").mkdir(parents=True)
    (folder / "a.txt").write_bytes(b"first")
    (folder / "empty").write_bytes(b"")
    (folder / "letters" / "b.bin").write_bytes(bytes(range(256)) * 10)
    return folder


def back_up(tmp_path: Path, source: Path) -> df.DurableOrchestrationStatus:
    """Run one backup into `tmp_path/target` to its end; no port is opened."""
    folders = {"source": str(source), "target": str(tmp_path / "target")}

    async def to_the_end() -> df.DurableOrchestrationStatus:
        async with df.Host(function_app.app, hub=str(tmp_path / "hub")) as host:
            instance_id = await host.client.start_new("back_up", client_input=folders)
            return await host.client.wait(instance_id, timeout=30)

    return asyncio.run(to_the_end())


def content(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def copy(source: Path, target: Path, path: str) -> dict[str, Any]:
    return function_app.copy_file({"source": str(source), "target": str(target), "path": path, "run": "test"})


def test_a_backup_holds_every_file_and_the_output_the_total(tmp_path: Path, source: Path) -> None:
    status = back_up(tmp_path, source)
    assert status.runtime_status is df.OrchestrationRuntimeStatus.Completed, status.output
    assert status.output == {"files": 3, "bytes": 2565, "copied": 3, "skipped": []}
    assert content(tmp_path / "target") == content(source)


def test_a_second_backup_copies_only_what_has_changed(tmp_path: Path, source: Path) -> None:
    back_up(tmp_path, source)
    (source / "a.txt").write_bytes(b"other")
    assert back_up(tmp_path, source).output == {"files": 3, "bytes": 2565, "copied": 1, "skipped": []}
    assert content(tmp_path / "target") == content(source)


def test_a_finished_copy_is_not_copied_again(tmp_path: Path, source: Path) -> None:
    first = copy(source, tmp_path / "target", "a.txt")
    inode = (tmp_path / "target" / "a.txt").stat().st_ino
    second = copy(source, tmp_path / "target", "a.txt")
    assert (first["copied"], second["copied"]) == (True, False)
    assert first["sha256"] == second["sha256"] == hashlib.sha256(b"first").hexdigest()
    assert (tmp_path / "target" / "a.txt").stat().st_ino == inode


def test_a_copy_that_was_cut_off_is_made_again(tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def cut_off(*_: object) -> None:
        raise OSError(5, "the power went")

    with monkeypatch.context() as patched:
        patched.setattr(copying.os, "replace", cut_off)
        with pytest.raises(copying.BackupError, match="the power went"):
            copy(source, tmp_path / "target", "a.txt")
    assert "a.txt" not in content(tmp_path / "target")
    copy(source, tmp_path / "target", "a.txt")
    assert content(tmp_path / "target") == {"a.txt": b"first"}, "nothing half-written is left"


def test_an_unreadable_file_fails_the_backup_after_three_attempts_and_is_named(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts = []

    def refuse(original: str, part: str) -> tuple[str, int]:
        if original.endswith("b.bin"):
            attempts.append(original)
            raise PermissionError(13, "Permission denied", original)
        return write(original, part)

    write = copying._write
    monkeypatch.setattr(copying, "_write", refuse)
    monkeypatch.setattr(function_app, "RETRY", df.RetryOptions(1, 3))
    status = back_up(tmp_path, source)
    assert status.runtime_status is df.OrchestrationRuntimeStatus.Failed
    assert f"cannot copy {source / 'letters' / 'b.bin'}: Permission denied" in str(status.output)
    assert len(attempts) == 3
    assert sorted(content(tmp_path / "target")) == ["a.txt", "empty"], "the other files are copied all the same"


def test_links_are_skipped_and_named(tmp_path: Path, source: Path) -> None:
    (source / "link").symlink_to("a.txt")
    (source / "folder").symlink_to("letters")
    assert back_up(tmp_path, source).output["skipped"] == ["folder", "link"]


@pytest.mark.parametrize(
    ("folders", "why"),
    [
        (None, "the input is"),
        ({"source": "/", "target": 1}, "the input is"),
        ({"source": "/no/such/folder", "target": "/tmp"}, "there is no folder /no/such/folder"),
        ({"source": "/usr", "target": "/usr/backup"}, "lies inside the source"),
    ],
)
def test_folders_that_cannot_be_backed_up_are_refused(folders: Any, why: str) -> None:
    with pytest.raises(copying.BackupError, match=why):
        function_app.list_files(folders)
