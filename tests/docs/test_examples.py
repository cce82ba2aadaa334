"""Each script in `docs/examples` prints exactly the lines that its `# Output:` block promises."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent.parent.parent / "docs" / "examples"
EXAMPLES = sorted(FOLDER.glob("*.py"))
PROCESSOR_SECONDS_MAX = 2.0
"""Of an example's own processor time: what it may cost on a machine that is busy with other tests."""
LINES_MAX = 60


def promised(text: str) -> str:
    """What stands below `# Output:`, without the comment signs."""
    _, _, block = text.rpartition("\n# Output:\n")
    lines = block.splitlines()
    assert lines, "no `# Output:` block at the end"
    assert all(line == "#" or line.startswith("#   ") for line in lines), "a line that is not `#   <line>`"
    return "".join(f"{line[4:]}\n" for line in lines)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.stem)
def test_an_example_prints_what_it_says(example: Path, tmp_path: Path) -> None:
    before = _children_seconds()
    ran = subprocess.run(
        [sys.executable, "-W", "error", str(example)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    used = _children_seconds() - before
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == promised(example.read_text())
    assert ran.stderr == ""
    assert list(tmp_path.iterdir()) == [], "an example leaves no files behind"
    assert used < PROCESSOR_SECONDS_MAX


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.stem)
def test_an_example_is_short_and_says_what_it_shows(example: Path) -> None:
    text = example.read_text()
    assert ast.get_docstring(ast.parse(text)), "no sentence at the top"
    assert len(text.splitlines()) <= LINES_MAX


def test_a_wrong_promise_is_noticed() -> None:
    assert promised("print(1)\n\n# Output:\n#   1\n#\n#   2\n") == "1\n\n2\n"
    with pytest.raises(AssertionError):
        promised("print(1)\n\n# Output:\n1\n")
    with pytest.raises(AssertionError):
        promised("print(1)\n")


def _children_seconds() -> float:
    """Processor time of this process's finished children; `time.process_time` leaves them out."""
    times = os.times()
    return float(times.children_user + times.children_system)
