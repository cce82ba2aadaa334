"""Thirty kills of the real host under mixed load, and the proof that the judge would notice."""

from __future__ import annotations

import os
from pathlib import Path
from random import SystemRandom

import pytest

from tests.kill.campaign import Campaign
from tests.kill.mutants import MUTANTS

KILLS = 30
MUTANT_KILLS = 25
STOPS = 9


def seed_of_today() -> int:
    return int(os.environ.get("KILL_SEED", "0")) or SystemRandom().randrange(1_000_000)


@pytest.mark.timeout(180)
def test_thirty_kills_under_mixed_load_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    seed = seed_of_today()
    print(f"repeat: python -m tests.kill --seed {seed} --kills {KILLS}")
    report = Campaign(str(tmp_path), seed).run(KILLS)
    print("\n".join(report.lines()))
    assert report.verdict.faults == []
    assert len(report.kills) == KILLS
    assert report.share_in_flight >= 0.8


@pytest.mark.timeout(180)
@pytest.mark.parametrize("mutant", ["forget-request-ids", "run-finished-activities-again"])
def test_a_host_that_breaks_a_promise_is_found_out(tmp_path: Path, mutant: str) -> None:
    assert mutant in MUTANTS
    seed = seed_of_today()
    print(f"repeat: python -m tests.kill --seed {seed} --kills {MUTANT_KILLS} --mutant {mutant}")
    report = Campaign(str(tmp_path), seed, mutant=mutant).run(MUTANT_KILLS)
    print("\n".join(report.lines()))
    assert report.kills
    assert report.judged


@pytest.mark.timeout(180)
def test_stops_under_load_end_as_they_should_and_lose_nothing(tmp_path: Path) -> None:
    """Ctrl-C and SIGTERM: 0, all activities done and recorded. A second Ctrl-C: 130, at once."""
    seed = seed_of_today()
    ends = ("interrupt", "terminate", "interrupt twice")
    print(f"repeat: python -m tests.kill --seed {seed} --kills {STOPS} --ends interrupt terminate 'interrupt twice'")
    report = Campaign(str(tmp_path), seed, ends=ends).run(STOPS)
    print("\n".join(report.lines()))
    assert report.verdict.faults == []
    assert all(stop.activities == 0 for stop in report.kills if stop.end != "interrupt twice")
