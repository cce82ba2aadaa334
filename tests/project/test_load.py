"""Loading an app: the code as it stands now, or the old code untouched and a refusal that names the line."""

from __future__ import annotations

import os
import py_compile
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dfcli.errors import AppLoadError
from dfcli.project import imports
from dfcli.project.load import LoadedApp, load_app

APP = """
import dfcli as df
from shared import WORD

app = df.DFApp()

@app.activity_trigger()
def say(name):
    return f"{WORD} {name}"
"""


@pytest.fixture(autouse=True)
def imports_as_before() -> Iterator[None]:
    """Loading is meant to change these for the life of a host; the next test is another process's life."""
    path, modules = list(sys.path), dict(sys.modules)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - set(modules):
        if imports.is_app_module(name, sys.modules[name], "/nowhere"):
            del sys.modules[name]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "function_app.py").write_text(APP)
    (tmp_path / "shared.py").write_text('WORD = "hello"\n')
    return tmp_path


def say(loaded: LoadedApp) -> str:
    definition = loaded.registry.activity("say")
    assert definition is not None
    return str(definition.function("you"))


def test_an_app_is_loaded_with_the_modules_beside_it(folder: Path) -> None:
    loaded = load_app(str(folder))
    assert say(loaded) == "hello you"
    assert loaded.files == ["function_app.py", "shared.py"]
    assert loaded.folder == str(folder.resolve())


def test_an_edit_that_keeps_size_and_second_is_seen(folder: Path) -> None:
    first = load_app(str(folder))
    stat = (folder / "shared.py").stat()
    (folder / "shared.py").write_text('WORD = "HELLO"\n')
    os.utime(folder / "shared.py", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    second = load_app(str(folder))
    assert (say(first), say(second)) == ("hello you", "HELLO you"), "the old code goes on as it was"
    assert first.code_id != second.code_id


def test_no_bytecode_is_written_and_what_another_python_left_is_not_trusted(folder: Path) -> None:
    load_app(str(folder))
    assert not (folder / "__pycache__").exists()
    py_compile.compile(str(folder / "shared.py"))
    stat = (folder / "shared.py").stat()
    (folder / "shared.py").write_text('WORD = "HELLO"\n')
    os.utime(folder / "shared.py", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert say(load_app(str(folder))) == "HELLO you"


def test_packages_and_their_changed_submodules_are_loaded_afresh(folder: Path) -> None:
    (folder / "words").mkdir()
    (folder / "words" / "polite.py").write_text('WORD = "good day"')
    (folder / "shared.py").write_text("from words.polite import WORD")
    assert say(load_app(str(folder))) == "good day you"
    (folder / "words" / "polite.py").write_text('WORD = "good eve"')
    assert say(load_app(str(folder))) == "good eve you"


BROKEN = {
    "a syntax error": ("WORD = (", "not valid Python", ":1: '(' was never closed: WORD = ("),
    "a missing module": ("import no_such_module", "an import failed", ":1: ModuleNotFoundError: No module named"),
    "a missing name": ("from json import nothing", "an import failed", ":1: ImportError: cannot import name"),
    "an exception": ("\nWORD = 1 / 0", "its code raised an error", ":2: ZeroDivisionError: division by zero"),
    "an exit": ("raise SystemExit", "its code raised an error", ":1: SystemExit"),
    "a null byte": ("WORD = '\0'", "not valid Python", "null byte"),
}


@pytest.mark.parametrize(("text", "what", "why"), BROKEN.values(), ids=BROKEN.keys())
def test_code_that_does_not_load_is_refused_with_its_line_and_the_old_code_stays(
    folder: Path, text: str, what: str, why: str
) -> None:
    loaded = load_app(str(folder))
    old, path = sys.modules["shared"], list(sys.path)
    (folder / "shared.py").write_text(text)
    (folder / "function_app.py").write_text("import newcomer\n" + APP)
    (folder / "newcomer.py").write_text("")
    with pytest.raises(AppLoadError) as refused:
        load_app(str(folder))
    assert what in refused.value.what
    assert why in refused.value.why
    assert str(folder / "shared.py") in refused.value.why or "null byte" in why
    assert refused.value.hint
    assert sys.modules["shared"] is old
    assert "newcomer" not in sys.modules
    assert sys.path == path
    assert say(loaded) == "hello you"


def test_a_first_load_that_fails_leaves_nothing_behind(folder: Path) -> None:
    path, modules = list(sys.path), set(sys.modules)
    (folder / "function_app.py").write_text("import shared\nimport dfcli as df\n")
    with pytest.raises(AppLoadError, match="the app has no DFApp"):
        load_app(str(folder))
    assert sys.path == path
    assert not {name for name in set(sys.modules) - modules if name in ("shared", "function_app")}


def test_an_interrupt_while_loading_passes_through_and_the_old_code_stays(folder: Path) -> None:
    load_app(str(folder))
    old = sys.modules["shared"]
    (folder / "shared.py").write_text("raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        load_app(str(folder))
    assert sys.modules["shared"] is old


def test_an_interrupt_that_a_reloaded_module_raises_by_itself_is_an_error_of_the_app(folder: Path) -> None:
    (folder / "shared.py").write_text("raise KeyboardInterrupt")
    with ThreadPoolExecutor(1) as reloading, pytest.raises(AppLoadError, match="its code raised an error"):
        reloading.submit(load_app, str(folder)).result()


def test_a_fault_found_by_a_decorator_is_told_with_its_line(folder: Path) -> None:
    text = APP.replace("@app.activity_trigger()", "@app.activity_trigger")
    (folder / "function_app.py").write_text(text)
    with pytest.raises(AppLoadError, match="stands without parentheses") as refused:
        load_app(str(folder))
    assert f"{folder / 'function_app.py'}:7" in refused.value.why


def test_a_fault_found_by_the_registry_is_told_with_its_line(folder: Path) -> None:
    (folder / "function_app.py").write_text(APP.replace("activity_trigger()", 'activity_trigger("nobody")'))
    with pytest.raises(AppLoadError, match="no parameter 'nobody'") as refused:
        load_app(str(folder))
    assert f"{folder / 'function_app.py'}:7" in refused.value.why


def test_two_apps_in_one_module_are_refused_by_name(folder: Path) -> None:
    (folder / "function_app.py").write_text("import dfcli as df\nb = df.DFApp()\na = df.DFApp()\nalias = a\n")
    with pytest.raises(AppLoadError, match="the app has 2 apps") as refused:
        load_app(str(folder))
    assert "alias, b" in refused.value.why or "a, b" in refused.value.why


def test_a_missing_file_or_folder_is_refused_with_the_command_that_makes_an_app(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder, why in (
        (tmp_path, "no function_app.py"),
        (tmp_path / "no", "not exist"),
        (tmp_path / "file", "a file"),
    ):
        with pytest.raises(AppLoadError, match="there is no app") as refused:
            load_app(str(folder))
        assert why in refused.value.why
        assert "dfcli new" in refused.value.hint


def test_an_app_written_for_azure_is_told_what_to_install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "azure.durable_functions", None)
    (folder / "shared.py").write_text("import azure.durable_functions\n")
    with pytest.raises(AppLoadError, match="an import failed") as refused:
        load_app(str(folder))
    assert "dfcli[azure]" in refused.value.hint


def test_two_apps_with_modules_of_one_name_do_not_meet(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("other")
    (other / "function_app.py").write_text(APP)
    (other / "shared.py").write_text('WORD = "other"\n')
    first, second = load_app(str(folder)), load_app(str(other))
    assert (say(first), say(second)) == ("hello you", "other you")
    assert say(load_app(str(folder))) == "hello you"


def test_a_module_imported_while_an_activity_runs_comes_from_the_app(folder: Path) -> None:
    (folder / "late.py").write_text('WORD = "late"')
    (folder / "function_app.py").write_text(APP.replace("    return", "    from late import WORD\n    return"))
    assert say(load_app(str(folder))) == "late you"
    (folder / "late.py").write_text('WORD = "LATE"')
    assert say(load_app(str(folder))) == "LATE you"


def test_files_of_venvs_and_hidden_folders_are_not_the_apps(folder: Path) -> None:
    for place in (".venv/lib", ".dfcli/default/code", "env/lib", "pkg/__pycache__", "node_modules/x"):
        (folder / place).mkdir(parents=True)
        (folder / place / "not_ours.py").write_text("")
    (folder / "env" / "pyvenv.cfg").write_text("")
    (folder / "pkg" / "ours.py").write_text("")
    assert load_app(str(folder)).files == ["function_app.py", "pkg/ours.py", "shared.py"]


def test_dfcli_itself_is_never_taken_for_the_apps_code(tmp_path: Path) -> None:
    assert not imports.is_app_module(
        "dfcli.errors", sys.modules["dfcli.errors"], str(Path(imports.__file__).parents[2])
    )


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", *identity, "-C", str(folder), *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_the_code_id_is_a_hash_and_in_a_clean_git_tree_also_the_commit(folder: Path) -> None:
    plain = load_app(str(folder)).code_id
    assert len(plain) == 32
    git(folder, "init", "-q")
    assert load_app(str(folder)).code_id == plain, "files that are not committed"
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    assert load_app(str(folder)).code_id == f"{plain}@{git(folder, 'rev-parse', 'HEAD')[:12]}"
    (folder / "shared.py").write_text('WORD = "changed"\n')
    changed = load_app(str(folder)).code_id
    assert "@" not in changed
    assert changed != plain


def test_a_renamed_file_is_another_code(folder: Path) -> None:
    (folder / "a.py").write_text("x = 1")
    before = load_app(str(folder)).code_id
    (folder / "a.py").rename(folder / "b.py")
    assert load_app(str(folder)).code_id != before
