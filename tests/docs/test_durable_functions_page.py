"""`docs/durable-functions.md` has a row for each topic, and every example, test and golden history it names exists."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from tests.docs.test_examples import EXAMPLES

REPOSITORY = Path(__file__).parent.parent.parent
PAGE = REPOSITORY / "docs" / "durable-functions.md"
GOLDEN = REPOSITORY / "tests" / "golden"
TOPICS = [
    "Bindings",
    "Checkpointing & replay",
    "Instance management",
    "HTTP APIs",
    "Error handling & compensation",
    "Diagnostics",
    "Durable timers",
    "External events",
    "Eternal orchestrations",
    "Singletons",
    "Sub-orchestrations",
    "Task hubs",
    "Versioning",
    "Performance & scale",
    "Durable entities",
    "Durable HTTP",
    "Human interaction, monitor, aggregator",
]
NO_EVENTS = "records nothing of its own"
"""Stands for a golden history where a topic adds nothing to any history."""
LINK = re.compile(r"\[([^]]+)\]\(([^)]+)\)")


@dataclass(frozen=True)
class Row:
    topic: str
    works: str
    examples: list[str]
    tests: list[str]
    golden: list[str]
    text: str


def rows() -> list[Row]:
    found = []
    for line in PAGE.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if line.startswith("| ") and cells[0] != "Topic":
            topic, works, *links = cells
            examples, tests, golden = ([target for _, target in LINK.findall(cell)] for cell in links)
            found.append(Row(topic, works, examples, tests, golden, line))
    return found


ROWS = rows()


def resolved(target: str) -> tuple[Path, str]:
    """The file a link of the page leads to, and what stands behind its `#`."""
    name, _, fragment = target.partition("#")
    return (PAGE.parent / name).resolve(), fragment


@cache
def names_of_tests(file: Path) -> frozenset[str]:
    tree = ast.parse(file.read_text())
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return frozenset(function.name for function in functions if function.name.startswith("test_"))


def test_there_is_a_row_for_each_topic_in_order() -> None:
    assert [row.topic for row in ROWS] == TOPICS


def test_no_row_waits_for_something() -> None:
    assert [row.topic for row in ROWS if "to come" in row.text] == []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.topic)
def test_a_row_has_an_example_a_test_and_a_golden_history(row: Row) -> None:
    assert row.examples
    assert row.tests
    assert row.golden or row.text.rstrip(" |").endswith(NO_EVENTS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.topic)
def test_every_link_of_a_row_leads_somewhere(row: Row) -> None:
    for target in row.examples:
        assert resolved(target)[0] in EXAMPLES, f"{target} is no example that is run"
    for target in row.tests:
        file, name = resolved(target)
        assert file.is_file(), f"{target}: no such file"
        assert name in names_of_tests(file), f"{target}: no such test in this file"
    for target in row.golden:
        assert resolved(target)[0].is_relative_to(GOLDEN), f"{target} is no golden history"
        assert resolved(target)[0].is_file(), f"{target}: no such file"


def test_every_link_outside_the_table_leads_somewhere() -> None:
    for _, target in LINK.findall(PAGE.read_text()):
        if "://" not in target:
            assert resolved(target)[0].exists(), target


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.stem)
def test_an_example_is_linked_from_the_page(example: Path) -> None:
    linked = {resolved(target)[0] for row in ROWS for target in row.examples}
    assert example in linked, f"add `[{example.stem}](examples/{example.name})` to its topic's row of {PAGE.name}"


@pytest.mark.parametrize(
    "history", sorted(GOLDEN.rglob("*.jsonl")), ids=lambda history: f"{history.parent.stem}/{history.stem}"
)
def test_a_golden_history_is_linked_from_the_page(history: Path) -> None:
    linked = {resolved(target)[0] for row in ROWS for target in row.golden}
    place = history.relative_to(REPOSITORY)
    assert history in linked, f"add `[{history.stem}](../{place})` to its topic's row of {PAGE.name}"
