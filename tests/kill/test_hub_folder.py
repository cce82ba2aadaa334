"""What becomes of the hub's folder under a running host, and who may use it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.real import App, Said, environment

AS_NOBODY = """
import os, sys
from dfcli.cli.main import main
main(["run", "--port", "0", "--no-watch", "--exit-when-idle", "-C", sys.argv[1]])  # everything is imported now
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
sys.stdout.flush()
sys.stdout, sys.stderr = open(sys.argv[2], "w"), open(sys.argv[3], "w")
code = main(sys.argv[4:])
sys.stdout.flush()
sys.stderr.flush()
os._exit(code)
"""


@pytest.fixture
def app(tmp_path: Path) -> App:
    return App(str(tmp_path / "app"))


@pytest.mark.parametrize("replaced", [False, True])
def test_a_host_whose_folder_is_removed_acknowledges_nothing_more_and_stops(app: App, replaced: bool) -> None:
    with app.running("--no-watch") as host:
        app("start", "approval", "--id", "a")
        if replaced:
            os.rename(app.hub, f"{app.hub}-taken-away")
        else:
            shutil.rmtree(app.hub)
        assert host.ended() == 74
        said = host.stderr()
        assert f"error: the task hub {os.path.realpath(app.hub)} was removed or replaced" in said
        # While it is being removed, file by file, the log may also tell of files that cannot be written.
        assert not replaced or "Traceback" not in said
    if replaced:  # brought back, it has what was acknowledged
        shutil.rmtree(app.hub, ignore_errors=True)
        os.rename(f"{app.hub}-taken-away", app.hub)
        assert app("status", "a", "-o", "json").json()["runtimeStatus"] == "Running"


def test_a_host_refuses_a_hub_that_it_may_not_write(app: App, tmp_path: Path) -> None:
    """Run by root, the host gives its privileges up first (setuid 65534); by anyone else the folder's mode does."""
    assert app("start", "approval", "--id", "a").code == 0
    for where, _, names in os.walk(app.hub):
        os.chmod(where, 0o500)
        for name in names:
            os.chmod(f"{where}/{name}", 0o400)
        if os.geteuid() == 0:
            os.chown(where, 65534, 65534)
            for name in names:
                os.chown(f"{where}/{name}", 65534, 65534)
    if os.geteuid() == 0:
        os.chown(os.path.dirname(app.hub), 65534, 65534)
        print("the host runs as uid 65534")
    said = _as_nobody(app, tmp_path, "run", "--port", "0", "--no-watch", "-C", app.folder)
    for where, _, _ in os.walk(app.hub):
        os.chmod(where, 0o700)
    assert said.code == 4, said
    assert said.out == ""
    assert said.err.startswith("error: "), said
    assert "Permission denied" in said.err
    assert "Traceback" not in said.err


def _as_nobody(app: App, tmp_path: Path, *arguments: str) -> Said:
    good = App(str(tmp_path / "good"))
    out, err = str(tmp_path / "out"), str(tmp_path / "err")
    for path in (out, err):
        with open(path, "w"):
            os.chmod(path, 0o666)
    folder = app.folder
    os.chmod(folder, 0o755)
    while (folder := os.path.dirname(folder)) != "/":  # the stranger must get as far as the app
        if os.stat(folder).st_uid == os.geteuid():
            os.chmod(folder, os.stat(folder).st_mode | 0o055)
    done = subprocess.run(
        [sys.executable, "-c", AS_NOBODY, good.folder, out, err, *arguments],
        capture_output=True,
        text=True,
        env=environment(),
    )
    with open(out) as said, open(err) as talked:
        return Said(done.returncode, said.read(), talked.read() or done.stderr)
