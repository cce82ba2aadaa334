"""Each rule of the storage protocol, left out of the shipped code, turns the campaign red."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from tests.simulation.mutants import MUTANTS, hunt

CRASHES_MAX = 6_000


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
def test_the_campaign_notices_when_a_rule_is_left_out(mutant: Callable[[], AbstractContextManager[None]]) -> None:
    caught = hunt(mutant, first_seed=1, crashes_max=CRASHES_MAX)
    assert caught is not None, f"{mutant.__name__} lived through {CRASHES_MAX} crashes from seed 1 on"
    print(f"{mutant.__name__}: after {caught.crashes} crashes, in life {caught.seed}: {caught.violation}")
