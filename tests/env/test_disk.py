"""The machine's files hold to the interface."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from dfcli.env import disk
from dfcli.env.disk import DiskFiles


def test_short_writes_and_reads_are_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pwrite, pread = os.pwrite, os.pread
    monkeypatch.setattr(os, "pwrite", lambda fd, data, offset: pwrite(fd, bytes(data)[:7], offset))
    monkeypatch.setattr(os, "pread", lambda fd, size, offset: pread(fd, min(size, 5), offset))
    file = DiskFiles().open(str(tmp_path / "f"), write=True, create=True)
    data = bytes(range(200))
    file.pwrite(data, 3)
    assert file.size() == 203
    assert file.pread(500, 0) == b"\0\0\0" + data
    file.truncate(10)
    file.fdatasync()
    assert file.pread(500, 4) == data[1:7]
    file.close()
    file.close()


def test_the_files_answer_as_a_kernel_does(tmp_path: Path) -> None:
    files = DiskFiles()
    folder = str(tmp_path / "d")
    files.make_dir(folder)
    with pytest.raises(FileExistsError):
        files.make_dir(folder)
    with pytest.raises(FileNotFoundError):
        files.open(f"{folder}/f")
    files.open(f"{folder}/f", write=True, create=True).close()
    with pytest.raises(FileExistsError):
        files.open(f"{folder}/f", write=True, create=True, exclusive=True)
    files.rename(f"{folder}/f", f"{folder}/g")
    assert files.list(folder) == ["g"]
    assert files.exists(f"{folder}/g")
    assert not files.exists(f"{folder}/f")
    files.fsync_dir(folder)
    assert files.sync_all(folder) in (True, False)
    assert files.free_bytes(folder) > 0
    files.unlink(f"{folder}/g")
    files.remove_dir(folder)
    with pytest.raises(FileNotFoundError):
        files.list(folder)


def test_links_and_special_files_are_not_opened(tmp_path: Path) -> None:
    files = DiskFiles()
    (tmp_path / "real").write_text("x")
    os.symlink(tmp_path / "real", tmp_path / "link")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError) as refused:  # noqa: PT011  the errno is checked below
        files.open(str(tmp_path / "link"))
    assert refused.value.errno == errno.ELOOP
    for name in ("pipe", "."):
        with pytest.raises(OSError):  # noqa: PT011  the kernel's errno differs between the two
            files.open(f"{tmp_path}/{name}", write=name == "pipe")


def test_open_files_are_known_for_forked_children(tmp_path: Path) -> None:
    before = set(disk._descriptors)
    file = DiskFiles().open(str(tmp_path / "f"), write=True, create=True)
    (descriptor,) = disk._descriptors - before
    assert not os.get_inheritable(descriptor)
    file.close()
    assert set(disk._descriptors) == before


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "ext4"),
        ("/srv/app/x", "nfs4"),
        ("/srv/application", "ext4"),
        ("/mnt/my disk/x", "fuse.sshfs"),
        ("/srv/app/local/y", "xfs"),
    ],
)
def test_the_file_system_is_that_of_the_nearest_mount(path: str, kind: str) -> None:
    mountinfo = "\n".join(
        [
            "22 1 8:1 / / rw,relatime - ext4 /dev/vda rw",
            "30 22 0:41 / /srv/app rw,relatime shared:1 - nfs4 server:/x rw",
            "31 30 8:2 / /srv/app/local rw - xfs /dev/vdb rw",
            "32 22 0:50 / /mnt/my\\040disk rw - fuse.sshfs host: rw",
            "",
        ]
    )
    assert disk._filesystem_type(mountinfo, path) == kind
