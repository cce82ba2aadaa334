"""Copies of an app's code, and loading one beside the app that runs."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from dfcli.errors import AppLoadError
from dfcli.model.scope import own_name, scope_of
from dfcli.project import snapshots
from dfcli.project.load import LoadedApp, load_app
from dfcli.project.snapshots import Snapshots

APP = """
import dfcli as df
import part

app = df.DFApp()


@app.activity_trigger(input_name="name")
def tell(name):
    return part.NAME
"""


@pytest.fixture
def app(tmp_path: Path) -> LoadedApp:
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "function_app.py").write_text(APP)
    (folder / "part.py").write_text('NAME = "first"\n')
    (folder / "data.txt").write_text("beside")
    (folder / "local.settings.json").write_text("{}")
    (folder / ".hidden").write_text("no")
    (folder / "venv").mkdir()
    (folder / "venv" / "pyvenv.cfg").write_text("")
    return load_app(str(folder))


def test_a_copy_holds_the_code_and_its_data_and_neither_settings_nor_hidden_files(
    app: LoadedApp, tmp_path: Path
) -> None:
    hub = tmp_path / "hub"
    Snapshots(str(hub)).keep(app)
    Snapshots(str(hub)).keep(app)
    (code,) = Snapshots(str(hub)).kept()
    assert sorted(os.listdir(hub / "code" / code)) == ["data.txt", "function_app.py", "part.py"]


def test_a_copy_is_loaded_beside_the_newest_code(app: LoadedApp, tmp_path: Path) -> None:
    kept = Snapshots(str(tmp_path / "hub"))
    kept.keep(app)
    (Path(app.folder) / "part.py").write_text('NAME = "second"\n')
    newest = load_app(app.folder)
    older = kept.load(app.code_id)
    assert older is not None
    tell_old, tell_new = older.activity("tell"), newest.registry.activity("tell")
    assert tell_old is not None
    assert tell_new is not None
    assert (tell_old.function("x"), tell_new.function("x")) == ("first", "second")
    assert own_name(tell_old.function.__module__) == tell_new.function.__module__ == "function_app"
    assert not list((tmp_path / "hub").rglob("*.pyc"))


def test_code_that_was_never_kept_cannot_be_loaded(tmp_path: Path) -> None:
    kept = Snapshots(str(tmp_path))
    assert kept.load("0" * 32) is None
    assert kept.load("../app") is None


def test_a_copy_that_cannot_be_loaded_says_why_and_leaves_no_modules(app: LoadedApp, tmp_path: Path) -> None:
    (Path(app.folder) / "part.py").write_text('NAME = "loaded by no other test"\n')
    app = load_app(app.folder)
    kept = Snapshots(str(tmp_path / "hub"))
    kept.keep(app)
    (code,) = kept.kept()
    (tmp_path / "hub" / "code" / code / "part.py").write_text("import nothing_of_that_name\n")
    with pytest.raises(AppLoadError, match="an import failed"):
        kept.load(app.code_id)
    assert not [name for name in sys.modules if name.startswith(scope_of(code))]


def test_code_that_changes_while_it_is_copied_is_not_kept(app: LoadedApp, tmp_path: Path) -> None:
    (Path(app.folder) / "part.py").write_text('NAME = "changed"\n')
    kept = Snapshots(str(tmp_path / "hub"))
    with pytest.raises(AppLoadError, match="changed while it was copied"):
        kept.keep(app)
    assert kept.kept() == []
    assert os.listdir(tmp_path / "hub" / "code") == []


def test_a_folder_that_is_too_large_is_refused(app: LoadedApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "FILES_MAX", 2)
    kept = Snapshots(str(tmp_path / "hub"))
    with pytest.raises(AppLoadError, match="too large for --pin"):
        kept.keep(app)
    assert kept.kept() == []


def test_only_what_is_needed_stays(app: LoadedApp, tmp_path: Path) -> None:
    kept = Snapshots(str(tmp_path / "hub"))
    kept.keep(app)
    (code,) = kept.kept()
    assert kept.prune({code}) == []
    assert kept.prune(set()) == [code]
    assert kept.kept() == []
