"""Rewinds under crashes: whole or not at all, nothing acknowledged lost, and all that failed ends well once mended."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from tests.simulation.host.rewinds import MUTANTS

LIVES = 6
FIRST_SEED = 7_001


def simulate(*arguments: str) -> str:
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    command = [sys.executable, "-m", "tests.simulation.host.rewinds", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=250, check=False)
    assert done.returncode == 0, done.stderr
    print(done.stdout)
    return done.stdout


def test_whatever_is_being_rewound_a_crash_leaves_it_done_or_not_begun() -> None:
    report = simulate("--seed", str(FIRST_SEED), "--lives", str(LIVES))
    rewinds = re.search(r"(\d+) rewinds", report)
    assert rewinds is not None
    assert int(rewinds[1]) >= 40


@pytest.mark.parametrize("mutant", [mutant.__name__ for mutant in MUTANTS])
def test_the_campaign_notices_when_a_rule_of_rewinds_is_left_out(mutant: str) -> None:
    assert "was noticed" in simulate("--mutant", mutant)
