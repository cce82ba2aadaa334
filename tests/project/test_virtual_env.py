"""The app's own virtual environment: its packages first, dfcli's own untouched, another Python refused."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dfcli.errors import AppLoadError
from dfcli.project import virtual_env

OWN = f"{sys.version_info.major}.{sys.version_info.minor}"
APP = """
import colour_of_the_app
import msgspec
import dfcli as df

app = df.DFApp()
print(colour_of_the_app.COLOUR, msgspec.__file__)


@app.activity_trigger()
def colour():
    import linked_in

    return linked_in.WORD
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An app with an environment that holds a package of its own, one linked in, and a wrong msgspec."""
    (tmp_path / "function_app.py").write_text(APP)
    environment(tmp_path / ".venv", OWN)
    packages = tmp_path / ".venv" / "lib" / f"python{OWN}" / "site-packages"
    (packages / "colour_of_the_app.py").write_text('COLOUR = "green"\n')
    (packages / "msgspec.py").write_text("raise RuntimeError('not this one')\n")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "linked_in.py").write_text('WORD = "linked"\n')
    (packages / "linked.pth").write_text(f"{tmp_path / 'elsewhere'}\n")
    return tmp_path


def environment(root: Path, version: str) -> None:
    (root / "lib" / f"python{version}" / "site-packages").mkdir(parents=True)
    (root / "pyvenv.cfg").write_text(f"home = /usr/bin\nversion = {version}.7\n")


def in_a_process(folder: Path, code: str) -> subprocess.CompletedProcess[str]:
    text = f"from dfcli.project.load import load_app\nloaded = load_app({str(folder)!r})\n{code}"
    return subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, check=False, cwd="/", env=os.environ.copy()
    )


def test_packages_of_the_apps_environment_are_found_but_for_dfclis_own(folder: Path) -> None:
    done = in_a_process(folder, "print(loaded.registry.activity('colour').function())")
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert first.startswith("green ")
    assert str(folder) not in first
    assert second == "linked"


def test_an_environment_of_another_python_is_refused_with_the_pip_command(tmp_path: Path) -> None:
    environment(tmp_path / "venv", "3.9")
    with pytest.raises(AppLoadError, match=r"venv is of Python 3\.9") as refused:
        virtual_env.use(str(tmp_path))
    assert f"{tmp_path}/venv/bin/python -m pip install 'dfcli[azure]'" in refused.value.hint


def test_the_environment_that_runs_is_left_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    environment(tmp_path / ".venv", "3.9")
    monkeypatch.setattr(sys, "prefix", str(tmp_path / ".venv"))
    before = list(sys.path)
    virtual_env.use(str(tmp_path))
    assert sys.path == before
