"""Making an app from a template: complete, in its own name, and never over anything that exists."""

from __future__ import annotations

import errno
import os
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest

from dfcli.errors import DfError, InvalidArgument, NoSpace, NotFound, Unavailable, WrongState
from dfcli.project import scaffold as scaffolding
from dfcli.project.load import load_app
from dfcli.project.scaffold import list_templates, scaffold, templates_root
from dfcli.project.settings import load_settings

NAMES = ["aggregator", "fan-out-fan-in", "monitor", "phone-verification", "sequence"]


def test_the_templates_are_listed_with_one_line_each() -> None:
    assert [template.name for template in list_templates()] == NAMES
    for template in list_templates():
        assert 20 < len(template.description) < 120
        assert "\n" not in template.description


@pytest.mark.parametrize("template", NAMES)
def test_a_new_app_is_complete_and_bears_its_name(template: str, tmp_path: Path) -> None:
    made = scaffold(template, str(tmp_path / "my_app"))
    assert made.folder == str(tmp_path / "my_app")
    expected = {"function_app.py", "README.md", ".gitignore", "dfcli.toml", "tests/test_function_app.py", "pytest.ini"}
    assert expected <= set(made.files)
    on_disk = {str(p.relative_to(made.folder)) for p in Path(made.folder).rglob("*") if p.is_file()}
    assert on_disk == set(made.files)
    for name in made.files:
        text = (tmp_path / "my_app" / name).read_text()
        assert "{{" not in text, f"a placeholder was left in {name}"
    assert (tmp_path / "my_app" / "README.md").read_text().startswith("# my_app\n")


@pytest.mark.parametrize("template", NAMES)
def test_the_settings_of_a_new_app_are_read_back(template: str, tmp_path: Path) -> None:
    made = scaffold(template, str(tmp_path / "my_app"))
    table = tomllib.loads((tmp_path / "my_app" / "dfcli.toml").read_text())
    settings = load_settings(made.folder)
    assert settings.port == table["port"] == 7071
    assert settings.app == table.get("app", {})


@pytest.mark.parametrize("template", NAMES)
def test_the_next_steps_name_functions_that_exist(template: str, tmp_path: Path) -> None:
    made = scaffold(template, str(tmp_path / "my app".replace(" ", "_")))
    assert made.next_steps[0].startswith("cd ")
    assert made.next_steps[1] == "dfcli run"
    assert made.next_steps[-1] == "pytest"
    (start,) = (shlex.split(step) for step in made.next_steps if step.startswith("dfcli start"))
    orchestrators = _orchestrators(made.folder)
    assert start[2] in orchestrators


def _orchestrators(folder: str) -> list[str]:
    import sys

    path, modules = list(sys.path), set(sys.modules)
    try:
        return load_app(folder).registry.known("orchestrator")
    finally:
        sys.path[:] = path
        for name in set(sys.modules) - modules:
            if str(getattr(sys.modules[name], "__file__", "")).startswith(folder):
                del sys.modules[name]


def test_an_empty_folder_may_be_filled(tmp_path: Path) -> None:
    (tmp_path / "my_app").mkdir()
    assert "function_app.py" in scaffold("sequence", str(tmp_path / "my_app")).files


def test_the_current_folder_needs_no_cd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_app").mkdir()
    monkeypatch.chdir(tmp_path / "my_app")
    assert scaffold("sequence", ".").next_steps[0] == "dfcli run"


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / ".hidden").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name, what in (("file", "is a file"), ("full", "is not empty"), ("link", "is a file")):
        with pytest.raises(WrongState, match=what):
            scaffold("sequence", str(tmp_path / name))
    assert (tmp_path / "file").read_text() == "mine"
    assert os.listdir(tmp_path / "full") == [".hidden"]


@pytest.mark.parametrize("name", ["a b", "ä", "x" * 65, "-x", ".x", "a\nb", "{{app_name}}", 'a"b'])
def test_a_name_that_cannot_be_used_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="cannot be an app's name"):
        scaffold("sequence", str(tmp_path / name))
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("template", ["nothing", "", "..", "../templates/sequence", "sequence/tests"])
def test_an_unknown_template_is_refused_and_the_known_ones_are_listed(template: str, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="there is no template") as refused:
        scaffold(template, str(tmp_path / "my_app"))
    assert ", ".join(NAMES) in refused.value.why


def test_a_missing_parent_folder_is_refused_with_the_command_that_makes_it(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="there is no folder") as refused:
        scaffold("sequence", str(tmp_path / "no" / "my_app"))
    assert refused.value.hint == f"mkdir -p {tmp_path / 'no'}"


@pytest.mark.parametrize(
    ("number", "kind"), [(errno.ENOSPC, NoSpace), (errno.EDQUOT, NoSpace), (errno.EACCES, Unavailable)]
)
def test_a_folder_that_cannot_be_written_leaves_nothing_half_made(
    number: int, kind: type[DfError], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Any] = []

    def fail_at_the_fourth(path: str, mode: str = "r", **more: Any) -> Any:
        if mode == "xb":
            opened.append(path)
            if len(opened) == 4:
                raise OSError(number, os.strerror(number), path)
        return open(path, mode, **more)

    monkeypatch.setattr(scaffolding, "open", fail_at_the_fourth, raising=False)
    with pytest.raises(kind, match="cannot be written"):
        scaffold("sequence", str(tmp_path / "my_app"))
    assert os.listdir(tmp_path) == []


def test_traces_of_running_a_template_in_place_are_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "templates"
    (root / "small" / "__pycache__").mkdir(parents=True)
    (root / "small" / "__pycache__" / "x.pyc").write_bytes(b"\xff")
    (root / "small" / "template.toml").write_text('description = "x"')
    (root / "small" / "function_app.py").write_text("# {{app_name}}\r\n", newline="")
    monkeypatch.setattr(scaffolding, "templates_root", lambda: str(root))
    made = scaffold("small", str(tmp_path / "my_app"))
    assert made.files == ["dfcli.toml", "function_app.py"]
    assert (tmp_path / "my_app" / "function_app.py").read_bytes() == b"# my_app\r\n"


def test_the_installed_package_is_looked_into_before_the_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "site-packages" / "dfcli"
    (package / "project").mkdir(parents=True)
    monkeypatch.setattr(scaffolding, "__file__", str(package / "project" / "scaffold.py"))
    with pytest.raises(NotFound, match="templates are missing"):
        templates_root()
    (tmp_path / "site-packages" / "templates").mkdir()
    assert templates_root() == str(tmp_path / "site-packages" / "templates")
    (package / "_templates").mkdir()
    assert templates_root() == str(package / "_templates")
