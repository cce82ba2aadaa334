"""Each rule of the storage protocol, left out of the shipped code, turns the campaign red."""

from __future__ import annotations

import pytest

from tests.simulation.mutants import MUTANTS
from tests.simulation.test_campaign import simulate


@pytest.mark.parametrize("mutant", [mutant.__name__ for mutant in MUTANTS])
def test_the_campaign_notices_when_a_rule_is_left_out(mutant: str) -> None:
    report = simulate("--mutant", mutant)
    assert "after" in report
