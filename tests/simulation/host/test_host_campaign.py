"""Hundreds of crashes of the whole host: what was acknowledged holds, and in the end every instance ends as it must.

Each life runs in a process of its own with a fixed hash seed, so that the line it prints repeats it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.simulation.host.mutants import MUTANTS

LIVES = 6
CRASHES_AT_LEAST = 90
FIRST_SEED = 5_001
SOON_FOUND_FROM = {"answer_a_repeated_request_by_what_is_submitted": 26}
"""Seeds from which the hunt for a rare mutant is short; from the first one it takes hundreds of crashes."""
SEEDS = tomllib.loads((Path(__file__).parent / "seeds.toml").read_text(encoding="utf-8"))["life"]


def simulate(*arguments: str) -> str:
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    command = [sys.executable, "-m", "tests.simulation.host", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=250, check=False)
    assert done.returncode == 0, done.stderr
    print(done.stdout)
    return done.stdout


def test_whatever_the_host_was_doing_a_crash_takes_nothing_that_was_acknowledged() -> None:
    report = simulate("--seed", str(FIRST_SEED), "--lives", str(LIVES))
    crashes = re.search(r"(\d+) crashes", report)
    assert crashes is not None
    assert int(crashes[1]) >= CRASHES_AT_LEAST


@pytest.mark.parametrize("life", SEEDS, ids=lambda life: f"seed {life['seed']}: {life['caught'][:60]}")
def test_a_life_that_once_found_a_bug_is_quiet_now(life: dict[str, object]) -> None:
    simulate("--seed", str(life["seed"]))


def test_a_seed_repeats_its_life_exactly() -> None:
    first, second = (re.sub(r"\d+ per second", "", simulate("--seed", "77", "--cycles", "5")) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("mutant", [mutant.__name__ for mutant in MUTANTS])
def test_the_campaign_notices_when_a_rule_of_the_host_is_left_out(mutant: str) -> None:
    first = str(SOON_FOUND_FROM.get(mutant, 1))
    assert "after" in simulate("--mutant", mutant, "--seed", first)
