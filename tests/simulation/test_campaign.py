"""Thousands of crashes, each followed by a recovery that must give back exactly what was acknowledged.

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

from tests.simulation.campaign import REWINDS_FROM

LIVES = 24
CRASHES_AT_LEAST = 5_000
FIRST_SEEDS = [*range(1_001, 1_001 + 6 * LIVES, LIVES), REWINDS_FROM + 1]
SEEDS = tomllib.loads((Path(__file__).parent / "seeds.toml").read_text(encoding="utf-8"))["life"]


def simulate(*arguments: str) -> str:
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    command = [sys.executable, "-m", "tests.simulation", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=250, check=False)
    assert done.returncode == 0, done.stderr
    print(done.stdout)
    return done.stdout


@pytest.mark.parametrize("first_seed", FIRST_SEEDS)
def test_what_was_acknowledged_survives_every_crash(first_seed: int) -> None:
    report = simulate("--seed", str(first_seed), "--lives", str(LIVES))
    crashes = re.search(r"(\d+) crashes", report)
    assert crashes is not None
    assert int(crashes[1]) * len(FIRST_SEEDS) >= CRASHES_AT_LEAST


@pytest.mark.parametrize("life", SEEDS, ids=lambda life: f"seed {life['seed']}: {life['caught'][:60]}")
def test_a_life_that_once_found_a_bug_is_quiet_now(life: dict[str, object]) -> None:
    simulate("--seed", str(life["seed"]))


def test_a_seed_repeats_its_life_exactly() -> None:
    first, second = (re.sub(r"\d+ per second", "", simulate("--seed", "77")) for _ in range(2))
    assert first == second
