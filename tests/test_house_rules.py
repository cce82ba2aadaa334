"""Promises about the code that prose cannot keep."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from dfcli.model import history as h

PACKAGE = Path(__file__).parent.parent / "dfcli"
THROUGH_ENV = ("authoring", "engine", "host", "model", "registry", "replay", "storage")
"""Rooms that reach the outside through `env` alone, so that a simulation holds all of it in its hand."""
OUTSIDE = {
    "open",
    "os.open",
    "os.write",
    "os.fsync",
    "os.fdatasync",
    "os.rename",
    "os.replace",
    "os.unlink",
    "os.remove",
    "os.mkdir",
    "os.makedirs",
    "time.time",
    "time.sleep",
    "random.random",
    "random.Random",
    "uuid.uuid4",
    "threading.Thread",
    "datetime.now",
    "datetime.utcnow",
}
EXEMPT = {
    ("storage/lock.py", "os.open"),  # flock lives with a descriptor of the machine; in memory there is nothing to lock
}
LINES_MAX = 450
EMPTY_NAMES = ("utils", "util", "helpers", "helper", "manager", "common", "base", "core", "misc")


def modules(*rooms: str) -> Iterator[Path]:
    for room in rooms or ("",):
        yield from sorted((PACKAGE / room).rglob("*.py"))


def called(tree: ast.AST) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node.lineno


def test_time_chance_files_and_threads_come_through_env_alone() -> None:
    found = []
    for path in modules(*THROUGH_ENV):
        place = str(path.relative_to(PACKAGE))
        for name, line in called(ast.parse(path.read_text(encoding="utf-8"))):
            if name in OUTSIDE and (place, name) not in EXEMPT:
                found.append(f"{place}:{line} calls {name}")
    assert not found


def test_no_module_has_grown_out_of_a_readers_sight() -> None:
    sizes = {str(path): len(path.read_text(encoding="utf-8").splitlines()) for path in modules()}
    assert {path: lines for path, lines in sizes.items() if lines > LINES_MAX} == {}


def test_no_module_is_named_for_what_nobody_named() -> None:
    assert [path for path in modules() if path.stem in EMPTY_NAMES] == []


def test_every_room_and_module_says_what_it_is_for() -> None:
    silent = [
        str(path.relative_to(PACKAGE))
        for path in modules()
        if ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) is None
    ]
    assert silent == []


@pytest.mark.parametrize("kind", get_args(h.Event), ids=lambda kind: kind.__name__)
def test_every_event_type_is_described(kind: type) -> None:
    assert kind.__doc__
    assert kind.__doc__.strip()


def test_every_event_type_that_the_engine_meets_has_a_golden_history() -> None:
    recorded: set[str] = set()
    golden = Path(__file__).parent / "golden"
    for path in [path for path in golden.rglob("*.jsonl") if path.parent.name != "vendor"]:
        for line in path.read_text(encoding="utf-8").split("\n"):
            if line:
                recorded.add(type(h.decode_line(line.encode())).__name__)
    missing = {kind.__name__ for kind in get_args(h.Event)} - recorded
    assert missing == set()


def test_no_test_waits_for_time_to_pass() -> None:
    found = []
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        if "kill" in path.parts:
            continue  # in its app and its mutants a sleep stands for work that takes time
        for name, line in called(ast.parse(path.read_text(encoding="utf-8"))):
            if name == "time.sleep":
                found.append(f"{path.name}:{line}")
    assert not found


def test_the_repository_speaks_of_the_product_alone() -> None:
    words = ("/work" + "/", "pypi" + ".org", "/opt/" + "pypi")
    root = PACKAGE.parent
    for path in [*modules(), *root.glob("docs/*.md"), *root.glob("*.md"), root / "Makefile", root / "pyproject.toml"]:
        text = path.read_text(encoding="utf-8")
        assert not [word for word in words if word in text], path
