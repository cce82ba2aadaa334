"""`import dfcli as df`: every public name is there, documented, and cheap until it is used."""

from __future__ import annotations

import ast
import subprocess
import sys

import pytest

import dfcli


def imported_for_type_checkers() -> dict[str, str]:
    with open(dfcli.__file__, encoding="utf-8") as file:
        tree = ast.parse(file.read())
    (guarded,) = (node for node in tree.body if isinstance(node, ast.If))
    return {
        name.name: node.module or "" for node in guarded.body if isinstance(node, ast.ImportFrom) for name in node.names
    }


def test_type_checkers_and_programs_see_the_same_names() -> None:
    assert imported_for_type_checkers() == dfcli._HOMES
    assert sorted(dfcli._HOMES) == sorted(dfcli.__all__)
    assert set(dfcli.__all__) <= set(dir(dfcli))


@pytest.mark.parametrize("name", dfcli.__all__)
def test_every_public_name_exists_and_says_what_it_is(name: str) -> None:
    assert getattr(dfcli, name).__doc__


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'dfcli' has no attribute 'Entity'"):
        dfcli.Entity  # type: ignore[attr-defined] # noqa: B018


def test_importing_dfcli_imports_nothing_else_of_it() -> None:
    program = "import sys; before = set(sys.modules); import dfcli; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-S", "-c", program], capture_output=True, text=True, check=False)
    if done.returncode:  # without site-packages an editable install cannot be found
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = {name for name in done.stdout.split() if name.partition(".")[0] in ("dfcli", "msgspec", "asyncio")}
    assert loaded == {"dfcli"}
