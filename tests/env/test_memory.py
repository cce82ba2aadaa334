"""The file system in memory behaves as a disk does; run on both where both exist."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dfcli.env.files import Files
from dfcli.env.memory import MemoryFiles


def _disk() -> Files:
    return pytest.importorskip("dfcli.env.disk").DiskFiles()


@pytest.fixture(params=[MemoryFiles, _disk], ids=["memory", "disk"])
def files(request: pytest.FixtureRequest) -> Files:
    make: Callable[[], Files] = request.param
    return make()


@pytest.fixture
def root(files: Files, tmp_path: object) -> str:
    path = str(tmp_path)
    if isinstance(files, MemoryFiles):
        whole = ""
        for part in path.strip("/").split("/"):
            whole += f"/{part}"
            files.make_dir(whole)
    return path


def put(files: Files, path: str, data: bytes) -> None:
    file = files.open(path, write=True, create=True)
    file.pwrite(data, 0)
    file.fdatasync()
    file.close()


def get(files: Files, path: str) -> bytes:
    file = files.open(path)
    try:
        return file.pread(file.size() + 10, 0)
    finally:
        file.close()


def test_bytes_written_are_read_back_and_gaps_are_zeros(files: Files, root: str) -> None:
    file = files.open(f"{root}/a", write=True, create=True)
    file.pwrite(b"abc", 5)
    assert file.size() == 8
    assert file.pread(100, 0) == b"\0" * 5 + b"abc"
    assert file.pread(2, 6) == b"bc"
    assert file.pread(2, 60) == b""
    file.truncate(6)
    assert file.pread(100, 0) == b"\0" * 5 + b"a"
    file.truncate(8)
    assert file.pread(100, 5) == b"a\0\0"
    file.fdatasync()
    file.close()


def test_opening_makes_a_file_only_when_asked(files: Files, root: str) -> None:
    with pytest.raises(FileNotFoundError):
        files.open(f"{root}/a", write=True)
    with pytest.raises(FileNotFoundError):
        files.open(f"{root}/none/a", write=True, create=True)
    put(files, f"{root}/a", b"1")
    put(files, f"{root}/a", b"2")
    assert get(files, f"{root}/a") == b"2"
    with pytest.raises(FileExistsError):
        files.open(f"{root}/a", write=True, create=True, exclusive=True)


def test_a_file_opened_for_reading_refuses_writes(files: Files, root: str) -> None:
    put(files, f"{root}/a", b"1")
    file = files.open(f"{root}/a")
    with pytest.raises(OSError, match="Bad file"):
        file.pwrite(b"2", 0)
    file.close()


def test_renaming_replaces_and_removing_removes(files: Files, root: str) -> None:
    put(files, f"{root}/a", b"1")
    put(files, f"{root}/b", b"2")
    files.rename(f"{root}/a", f"{root}/b")
    assert files.list(root) == ["b"]
    assert get(files, f"{root}/b") == b"1"
    files.unlink(f"{root}/b")
    assert files.list(root) == []
    assert not files.exists(f"{root}/b")
    with pytest.raises(FileNotFoundError):
        files.unlink(f"{root}/b")
    with pytest.raises(FileNotFoundError):
        files.rename(f"{root}/b", f"{root}/c")


def test_an_unlinked_file_lives_while_it_is_open(files: Files, root: str) -> None:
    put(files, f"{root}/a", b"1")
    file = files.open(f"{root}/a", write=True)
    files.unlink(f"{root}/a")
    file.pwrite(b"2", 1)
    assert file.pread(10, 0) == b"12"
    file.close()


def test_directories_are_made_listed_and_removed(files: Files, root: str) -> None:
    files.make_dir(f"{root}/d")
    with pytest.raises(FileExistsError):
        files.make_dir(f"{root}/d")
    put(files, f"{root}/d/a", b"1")
    with pytest.raises(OSError, match="not empty"):
        files.remove_dir(f"{root}/d")
    files.unlink(f"{root}/d/a")
    files.fsync_dir(f"{root}/d")
    files.remove_dir(f"{root}/d")
    assert not files.exists(f"{root}/d")
    with pytest.raises(FileNotFoundError):
        files.list(f"{root}/d")
    assert files.free_bytes(root) > 0
    assert files.sync_all(root) in {True, False}


def test_a_file_is_no_directory_and_a_directory_no_file(files: Files, root: str) -> None:
    put(files, f"{root}/a", b"1")
    with pytest.raises(NotADirectoryError):
        files.list(f"{root}/a")
    assert not files.exists(f"{root}/a/b")
    with pytest.raises(OSError, match="directory"):
        files.open(root, write=True)
